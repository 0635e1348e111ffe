"""The words around digests on the terminal, in English and Chinese."""

from __future__ import annotations

from typing import Final

from scorer.core.labels import Label, Language, pick

WORDS: Final[dict[str, Label]] = {
    "id": Label("id", "编号"),
    "email": Label("to", "收件人"),
    "leads": Label("leads", "线索"),
    "all": Label("all", "全部"),
    "comes": Label("comes", "发送时间"),
    "next": Label("next", "下次"),
    "last": Label("last", "上次"),
    "why": Label("why", "说明"),
    "week": Label("week of", "周起始日"),
    "what": Label("what", "结果"),
    "nobody": Label(
        "Nobody gets a digest yet. Subscribe somebody with: warmtrail digest add ADDRESS",
        "尚无人订阅周报。可用此命令添加：warmtrail digest add ADDRESS",
    ),
    "nothing due": Label("No digest is due.", "目前没有待发送的周报。"),
    "no server": Label(
        "No mail server is set up: nothing is sent. See WARMTRAIL_SMTP_URL in docs/settings.md.",
        "未设置邮件服务器，不会发送邮件。参见 docs/settings.md 中的 WARMTRAIL_SMTP_URL。",
    ),
    "unsubscribed": Label("unsubscribed", "已退订"),
    "unknown": Label("not known: the sender ended in the middle", "未知：发送过程中断"),
    "claimed": Label("being sent", "发送中"),
    "sent": Label("sent", "已发送"),
    "delayed": Label("delayed", "延迟"),
    "empty": Label("nothing to tell", "无内容"),
    "skipped": Label("skipped", "已跳过"),
    "late": Label("missed", "已错过"),
    "failed": Label("failed", "失败"),
    "would send": Label("would be sent: {subject}", "将发送：{subject}"),
    "added": Label("{email} gets the digest as {id}, first on {day}.", "{email} 已订阅（{id}），首封于 {day} 发送。"),
    "removed": Label("{email} gets this digest no more.", "{email} 不再收到该周报。"),
}


def say(name: str, language: Language, **parts: object) -> str:
    """Return a word or sentence in *language*, with its parts filled in."""
    return pick(WORDS[name], language).format(**parts)
