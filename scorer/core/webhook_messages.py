"""What a webhook is told of a change: the facts, the thin body of the standard shape, and the sentences for chats."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from scorer.core.domain_names import readable
from scorer.core.labels import Label, Language, pick
from scorer.core.one_line import one_line
from scorer.core.webhook_types import PING, event_type

MAX_BODY: Final = 20_000
"""Bytes; what Standard Webhooks 1.0.0 advises, and the most that Feishu takes."""
REASONS_TOLD: Final = 5
MAX_REASON: Final = 300
MAX_DETAIL: Final = 4000
"""Bytes of a change's detail as JSON. What is longer is left out: the API has it."""

_LOOSE_AT: Final = re.compile(r"(?<![\w.+-])@")


class ToldLead(msgspec.Struct, frozen=True):
    """A lead as it is when the message is made. Texts are empty where nothing is known."""

    id: str
    name: str
    email: str
    title: str
    phone: str
    company: str
    domain: str
    country: str
    score: float
    tier: str
    stage: str
    status: str
    owner: str
    owner_name: str
    """What people call the owner."""
    reasons: tuple[str, ...]
    """In words, the greatest first."""
    next_step: str
    url: str


class Told(msgspec.Struct, frozen=True):
    """One change, with the lead that it is about; ``lead`` is ``None`` when that is gone, merged or not scored yet."""

    kind: str
    sequence: int
    """Place in the changes feed; 0 for a test."""
    at: str
    """RFC 3339 in UTC."""
    site_id: int
    site: str
    lead_id: str
    detail: dict[str, Any]
    lead: ToldLead | None


WORDS: Final[dict[str, Label]] = {
    "entered": Label("{who} is hot now: score {score}", "{who} 成为热门线索：得分 {score}"),
    "rose": Label("{who} has become hotter: score {score}", "{who} 热度继续上升：得分 {score}"),
    "left": Label("{who} has cooled down", "{who} 已降温"),
    "stage": Label("{who} has reached the stage “{stage}”", "{who} 已进入“{stage}”阶段"),
    "stage_unknown": Label("The stage of {who} is no longer known", "{who} 所处阶段已不明确"),
    "identified": Label("We know who it is now: {who}", "访客身份已确认：{who}"),
    "merged": Label("Lead {lead} has become part of another lead", "线索 {lead} 已并入另一条线索"),
    "unmerged": Label("{who} is a lead of its own again", "{who} 已恢复为单独的线索"),
    "claimed": Label("{who} is looked after by {owner} now", "{who} 现由 {owner} 跟进"),
    "claimed_by_somebody": Label("{who} has been claimed", "{who} 已被认领"),
    "released": Label("{who} is free to be claimed", "{who} 可以认领了"),
    "snoozed": Label("{who} has been put off", "{who} 已暂缓跟进"),
    "woken": Label("{who} is back: the time it was put off for is over", "{who} 的暂缓期已结束"),
    "outcome": Label("{who}: {outcome}", "{who}：{outcome}"),
    "noted": Label("There is a new note on {who}", "{who} 有新备注"),
    "erased": Label("Lead {lead} has been erased", "线索 {lead} 已被删除"),
    "ping": Label("This is a test from Warmtrail. It works.", "这是 Warmtrail 的测试消息，配置成功。"),
    "other": Label("{who} has changed", "{who} 有变化"),
    "somebody": Label("Somebody not yet known", "尚未识别的访客"),
    "who_at": Label("{name} ({company})", "{name}（{company}）"),
    "why": Label("Why: {reasons}", "原因：{reasons}"),
    "next": Label("Next: {step}", "下一步：{step}"),
    "open": Label("Open in Warmtrail", "在 Warmtrail 中查看"),
    "said": Label("{what} – {reason}", "{what} – {reason}"),
    "between": Label("; ", "；"),
    "contacted": Label("contacted", "已联系"),
    "won": Label("won", "已成交"),
    "lost": Label("lost", "已丢单"),
    "junk": Label("no customer for us", "无效线索"),
    "not_now": Label("not now", "暂不考虑"),
    "open_again": Label("open again", "重新打开"),
    "awareness": Label("awareness", "认知"),
    "consideration": Label("consideration", "考虑"),
    "decision": Label("decision", "决策"),
}
"""What chats are told, in English and Chinese."""


class Sentences(msgspec.Struct, frozen=True):
    """A message for people: a headline, further lines, and a link (empty: none) with its words."""

    headline: str
    lines: tuple[str, ...]
    link: str
    link_text: str


def standard_body(told: Told) -> bytes:
    """Return the body of Standard Webhooks: type, timestamp, data. Thin: nothing in it says who the lead is.

    The name and address of the person stay behind the API, where reading them takes a key; detail is the change's own.
    """
    lead = told.lead
    shown = lead and {
        "id": lead.id,
        "score": lead.score,
        "tier": lead.tier,
        "stage": lead.stage or None,
        "reasons": [reason[:MAX_REASON] for reason in lead.reasons[:REASONS_TOLD]],
        "url": lead.url,
    }
    data = {
        "sequence": told.sequence,
        "site": {"id": told.site_id, "name": told.site},
        "lead_id": told.lead_id or None,
        "lead": shown,
        "detail": told.detail if len(msgspec.json.encode(told.detail)) <= MAX_DETAIL else {},
    }
    return msgspec.json.encode({"type": event_type(told.kind), "timestamp": told.at, "data": data})


def sentences(told: Told, language: Language) -> Sentences:
    """Return a change in words. What visitors wrote in it is on one line, without control characters, and not escaped."""
    lead = told.lead
    headline = _headline(told, language)
    if lead is None or told.kind in (PING, "merged", "erased"):
        return Sentences(headline, (), lead.url if lead else "", _say("open", language))
    lines = []
    if lead.reasons and told.kind not in ("outcome", "left"):
        why = _say("between", language).join(one_line(one, 120) for one in lead.reasons[:3])
        lines.append(_say("why", language, reasons=why))
    if lead.next_step and told.kind != "outcome":
        lines.append(_say("next", language, step=one_line(lead.next_step, 240)))
    return Sentences(headline, tuple(lines), lead.url, _say("open", language))


def calm(text: str) -> str:
    """Return *text* so that no chat takes it for a mention of somebody or for a link to an address.

    >>> calm("@all ada@halden.example http://evil.example")
    '＠all ada@halden.example http：//evil.example'
    """
    return _LOOSE_AT.sub("＠", text).replace("://", "：//")


def _headline(told: Told, language: Language) -> str:
    lead, kind, detail = told.lead, told.kind, told.detail
    who = _who(lead, language)
    score = f"{lead.score:.0f}" if lead else ""
    if kind == "stage":
        reached = detail.get("to")
        known = str(reached) if reached in ("awareness", "consideration", "decision") else ""
        return (
            _say("stage", language, who=who, stage=_say(known, language))
            if known
            else _say("stage_unknown", language, who=who)
        )
    if kind == "claimed":
        claimed_by = str(detail.get("owner") or (lead.owner if lead else ""))
        owner = one_line(lead.owner_name if lead and lead.owner == claimed_by else claimed_by, 80)
        return _say("claimed" if owner else "claimed_by_somebody", language, who=who, owner=owner)
    if kind == "outcome":
        return _say("outcome", language, who=who, outcome=_outcome(detail, language))
    return _say(kind if kind in WORDS else "other", language, who=who, score=score, lead=told.lead_id)


def _who(lead: ToldLead | None, language: Language) -> str:
    if lead is None:
        return _say("somebody", language)
    name, company = one_line(lead.name or readable(lead.email), 80), one_line(lead.company or readable(lead.domain), 80)
    if name and company:
        return _say("who_at", language, name=name, company=company)
    return name or company or _say("somebody", language)


def _outcome(detail: dict[str, Any], language: Language) -> str:
    kind = str(detail.get("outcome") or detail.get("kind") or "")
    named = "open_again" if kind == "open" else kind
    what = (
        _say(named, language)
        if named in ("contacted", "won", "lost", "junk", "not_now", "open_again")
        else one_line(kind, 20)
    )
    value, currency = detail.get("value"), one_line(str(detail.get("currency") or ""), 10)
    if isinstance(value, int | float) and not isinstance(value, bool):
        what = f"{what}, {value:,.0f} {currency}".rstrip()
    reason = one_line(str(detail.get("reason") or ""), 200)
    return _say("said", language, what=what, reason=reason) if reason else what


def _say(word: str, language: Language, **words: str) -> str:
    return pick(WORDS[word], language).format(**words)
