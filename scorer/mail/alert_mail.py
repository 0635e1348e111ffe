"""An alert as a mail: the leads that have become hot, in plain text and HTML, in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from functools import partial
from typing import Any, Final

from scorer.alerts import Alert
from scorer.core.domain_names import readable
from scorer.core.formats import day_text
from scorer.core.labels import Label, Language, pick
from scorer.core.one_line import one_line
from scorer.core.webhook_messages import ToldLead
from scorer.mail.letters import Sender, letter, render, unsubscribe_link

LEADS_AT_MOST: Final = 20
"""Leads that one mail tells of; how many more there are is said."""

WORDS: Final[dict[str, Label]] = {
    "one": Label("{who} is hot: score {score}", "{who} 成为热门线索：得分 {score}"),
    "many": Label("{n} leads have become hot", "{n} 条线索成为热门线索"),
    "more": Label("And {n} more on {day}", "{day}另有 {n} 条线索成为热门线索"),
    "one more": Label("And 1 more on {day}", "{day}另有 1 条线索成为热门线索"),
    "subject": Label("{what} – {site}", "{what} – {site}"),
    "somebody": Label("Somebody not yet known", "尚未识别的访客"),
    "who": Label("{name} ({company})", "{name}（{company}）"),
    "score": Label("score {score}", "得分 {score}"),
    "next": Label("Next: {step}", "下一步：{step}"),
    "open": Label("Open in Warmtrail", "在 Warmtrail 中查看"),
    "and more": Label("{n} more are on the hot list.", "另有 {n} 条见热门名单。"),
    "last today": Label(
        "This is the last alert of today. What becomes hot later is told together tomorrow.",
        "这是今天的最后一封提醒。之后升温的线索将于明天一并告知。",
    ),
    "segment": Label("segment “{name}”", "分组“{name}”"),
    "why": Label(
        "{email} gets these mails, {limit} a day at most, since somebody subscribed it to hot leads of {site}.",
        "{email} 订阅了 {site} 的热门线索提醒（每日最多 {limit} 封），因此收到此邮件。",
    ),
    "unsubscribe": Label("Unsubscribe", "退订"),
}


def alert_mail(
    alert: Alert,
    site_name: str,
    leads: Sequence[ToldLead],
    number: int,
    sender: Sender,
    now_ms: int,
    *,
    last: bool,
    day_ms: int | None,
) -> EmailMessage:
    """Return the mail that tells of *leads*, the first to be called first.

    *number* tells this mail from the others of the alert: the same has the same ``Message-ID``. *last*: it is the last that
    may be sent today. *day_ms*: they became hot on that day, when there had been mails enough.
    """
    site, language = one_line(site_name, 100), alert.language
    told = _headline(leads, language, day_text(day_ms, alert.zone, language) if day_ms is not None else None)
    unsubscribe = unsubscribe_link(sender, "alert", alert.id)
    subject = _say(language, "subject", what=told, site=site)
    values = {
        "language": language,
        "w": partial(_say, language),
        "site": site,
        "segment": one_line(alert.segment, 100),
        "preview": told,
        "headline": told,
        "leads": [_shown(one, language) for one in leads[:LEADS_AT_MOST]],
        "more": max(0, len(leads) - LEADS_AT_MOST),
        "hot_url": f"{sender.base_url}/hot",
        "last": last,
        "why": _say(language, "why", email=alert.email, site=site, limit=alert.max_per_day),
        "unsubscribe": unsubscribe,
    }
    return letter(
        render("alert", subject, values),
        Address(addr_spec=alert.email),
        f"<alert.{alert.id}.{number}@{sender.host}>",
        f"alert.site-{alert.site_id}.{sender.host}",
        unsubscribe,
        now_ms,
        alert.zone,
    )


def _headline(leads: Sequence[ToldLead], language: Language, day: str | None) -> str:
    if day is not None:
        return _say(language, "one more" if len(leads) == 1 else "more", n=len(leads), day=day)
    if len(leads) == 1:
        return _say(language, "one", who=_who(leads[0], language), score=f"{leads[0].score:.0f}")
    return _say(language, "many", n=len(leads))


def _who(lead: ToldLead, language: Language) -> str:
    name, company = one_line(lead.name or readable(lead.email), 80), one_line(lead.company or readable(lead.domain), 80)
    if name and company:
        return _say(language, "who", name=name, company=company)
    return name or company or _say(language, "somebody")


def _shown(lead: ToldLead, language: Language) -> dict[str, Any]:
    return {
        "who": _who(lead, language),
        "score": f"{lead.score:.0f}",
        "reasons": [one_line(reason, 200) for reason in lead.reasons[:3]],
        "step": one_line(lead.next_step, 200),
        "url": lead.url,
    }


def _say(language: Language, name: str, /, **parts: object) -> str:
    return pick(WORDS[name], language).format(**parts)
