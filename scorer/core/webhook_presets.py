"""Bodies in the shapes that chats take; those of CRMs are in ``webhook_crm``.

Sources, for limits and escaping: Slack, "Sending messages using incoming webhooks" and "Text object" (plain_text is shown as
it stands; a section has at most 3,000 characters); WeCom, 群机器人配置说明 (91770: markdown of at most 4,096 bytes,
``<@userid>`` mentions); DingTalk, 自定义机器人 (markdown, ``at.isAtAll``); Feishu, 自定义机器人使用指南
(post, at most 20 kB).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from scorer.core.labels import Language
from scorer.core.one_line import one_line
from scorer.core.webhook_crm import hubspot, salesforce
from scorer.core.webhook_messages import Sentences, Told, calm, sentences, standard_body
from scorer.core.webhook_types import PING, Preset

WECOM_MAX_BYTES: Final = 4096
_SLACK_HEADER: Final = 150
_NEUTRAL: Final = str.maketrans(
    {
        **{"*": "＊", "_": "＿", "~": "～", "`": "｀", "#": "＃", ">": "＞", "<": "＜"},
        **{"[": "［", "]": "］", "!": "！", "|": "｜", "\\": "＼"},
    }
)
"""Markdown's characters by their wide likenesses: neither WeCom nor DingTalk says how to escape them."""


def body(preset: Preset, told: Told, language: Language) -> bytes | None:
    """Return the body of a message in the shape of *preset*, at most 20 kB.

    ``None`` where that shape has nothing to say: a CRM's record needs a lead.
    """
    if preset == "standard":
        return standard_body(told)
    if preset in ("hubspot", "salesforce"):
        if told.lead is None and told.kind != PING:
            return None
        return msgspec.json.encode(hubspot(told) if preset == "hubspot" else salesforce(told))
    said = sentences(told, language)
    if preset == "feishu":
        return msgspec.json.encode(_feishu(said, language))
    shapes = {"slack": _slack, "wecom": _wecom, "dingtalk": _dingtalk}
    return msgspec.json.encode(shapes[preset](said))


def neutral(text: str) -> str:
    """Return *text* so that it is no markup, mention or link in a chat's Markdown.

    >>> neutral("[win](http://evil.example) **now** <@all>")
    '［win］(http：//evil.example) ＊＊now＊＊ ＜＠all＞'
    """
    return calm(text).translate(_NEUTRAL)


def _slack(said: Sentences) -> dict[str, Any]:
    fallback = calm(said.headline).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "plain_text", "text": text[:3000], "emoji": False}}
        for text in (calm(line) for line in said.lines)
    ]
    head = {"type": "plain_text", "text": one_line(calm(said.headline), _SLACK_HEADER), "emoji": False}
    blocks.insert(0, {"type": "header", "text": head})
    if said.link:
        # The only markup is our own.
        link = {"type": "mrkdwn", "text": f"<{said.link}|{said.link_text}>", "verbatim": True}
        blocks.append({"type": "section", "text": link})
    return {"text": fallback, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _wecom(said: Sentences) -> dict[str, Any]:
    lines = [f"**{neutral(said.headline)}**", *(f"> {neutral(line)}" for line in said.lines)]
    link = [f"[{said.link_text}]({said.link})"] if said.link else []
    while len("\n".join(lines + link).encode()) > WECOM_MAX_BYTES:
        lines.pop()
    return {"msgtype": "markdown", "markdown": {"content": "\n".join(lines + link)}}


def _dingtalk(said: Sentences) -> dict[str, Any]:
    lines = [f"#### {neutral(said.headline)}", *(f"> {neutral(line)}" for line in said.lines)]
    if said.link:
        lines.append(f"[{said.link_text}]({said.link})")
    title = one_line(neutral(said.headline), 60)
    return {
        "msgtype": "markdown",
        "markdown": {"title": title, "text": "\n\n".join(lines)},
        "at": {"atMobiles": [], "atUserIds": [], "isAtAll": False},
    }


def _feishu(said: Sentences, language: Language) -> dict[str, Any]:
    # A "text" of a post is shown as it stands: tags are elements of their own here.
    content: list[list[dict[str, str]]] = [[{"tag": "text", "text": calm(line)}] for line in said.lines]
    if said.link:
        content.append([{"tag": "a", "text": said.link_text, "href": said.link}])
    if not content:
        content.append([{"tag": "text", "text": calm(said.headline)}])
    post = {"title": calm(said.headline), "content": content}
    return {"msg_type": "post", "content": {"post": {"zh_cn" if language == "zh" else "en_us": post}}}
