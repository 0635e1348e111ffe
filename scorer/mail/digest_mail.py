"""A digest as a mail: subject, plain text and HTML in the reader's language and time zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from email.headerregistry import Address
from email.message import EmailMessage
from functools import partial
from html import escape
from typing import Any, Final

from scorer.core.digest import Facts, Idle, bar_percent, change_text, message_id
from scorer.core.digest_weeks import Week
from scorer.core.digest_words import (
    day_words,
    due_words,
    headline,
    money_words,
    said,
    week_text,
    weekday_words,
)
from scorer.core.formats import count_text
from scorer.core.labels import Language
from scorer.core.one_line import one_line
from scorer.digests import Digest
from scorer.mail.letters import Sender, Written, letter, render, unsubscribe_link

TILES: Final = ("entered", "identified", "contacted", "won")
_UNSUBSCRIBE: Final = "https://unsubscribe.invalid/"
"""Stands in what is written once for all readers of a language and zone, where each has a link of their own."""
_WHY: Final = "\N{OBJECT REPLACEMENT CHARACTER}why\N{OBJECT REPLACEMENT CHARACTER}"
"""The same for the sentence that names the reader."""


def write(digest: Digest, site_name: str, week: Week, facts: Facts, base_url: str) -> Written:
    """Return what the digest says of a week. Only its site, segment, language and time zone count."""
    language, site = digest.language, one_line(site_name, 100)
    told = headline(facts, language)
    w = partial(_say, language)
    values = {
        **_common(digest, site, told),
        "facts": facts,
        "week": week_text(week.first, language),
        "headline": told,
        "numbers": w(
            "numbers text",
            **{name: getattr(facts.numbers, name) for name in facts.numbers.__struct_fields__},
            **{f"{name}_before": getattr(facts.before, name) for name in facts.before.__struct_fields__},
        ),
        "tiles": [
            {"label": w(name), "now": now, "change": change_text(now, before)}
            for name, now, before in ((name, getattr(facts.numbers, name), getattr(facts.before, name)) for name in TILES)
        ],
        "hot_url": f"{base_url}/hot",
        "percent": bar_percent,
        "count": count_text,
        "day": partial(_said_of, day_words, digest),
        "due": partial(_said_of, due_words, digest),
        "money": partial(money_words, language=language),
        "idle": partial(_idle, digest),
    }
    subject = said("subject", language, what=told, site=site, week=week_text(week.first, language))
    return render("digest", subject, values)


def write_sign_of_life(digest: Digest, site_name: str) -> Written:
    """Return the line that is sent after weeks without news."""
    site = one_line(site_name, 100)
    alive = said("alive", digest.language, site=site)
    subject = said("alive subject", digest.language, site=site)
    return render("alive", subject, _common(digest, site, alive) | {"alive": alive})


def address_to(digest: Digest, site_name: str, week: Week, written: Written, sender: Sender, now_ms: int) -> EmailMessage:
    """Return the mail for one reader, with its own link to unsubscribe in text and headers.

    The same digest of the same week has the same ``Message-ID``, whenever it is made.
    """
    unsubscribe = unsubscribe_link(sender, "digest", digest.id)
    why = said(
        "why",
        digest.language,
        weekday=weekday_words(digest.weekday, digest.language),
        time=f"{digest.hour:02}:00",
        zone=digest.time_zone,
        email=digest.email,
        site=one_line(site_name, 100),
    )
    mine = Written(
        written.subject,
        written.text.replace(_UNSUBSCRIBE, unsubscribe).replace(_WHY, why),
        written.html.replace(_UNSUBSCRIBE, unsubscribe).replace(_WHY, escape(why)),
    )
    name, _, domain = digest.email.rpartition("@")
    return letter(
        mine,
        Address(one_line(digest.name), name, domain),
        message_id(digest.id, week.name, sender.host),
        f"digest.site-{digest.site_id}.{sender.host}",
        unsubscribe,
        now_ms,
        digest.zone,
    )


def _common(digest: Digest, site: str, preview: str) -> dict[str, Any]:
    return {
        "language": digest.language,
        "w": partial(_say, digest.language),
        "site": site,
        "segment": one_line(digest.segment, 100),
        "preview": preview,
        "why": _WHY,
        "unsubscribe": _UNSUBSCRIBE,
    }


def _say(language: Language, name: str, /, **parts: object) -> str:
    return said(name, language, **parts)


def _said_of(words: Callable[[int, tzinfo, Language], str], digest: Digest, at_ms: int) -> str:
    return words(at_ms, digest.zone, digest.language)


def _idle(digest: Digest, one: Idle) -> str:
    if one.ran_out:
        return said("ran out", digest.language, owner=one.owner)
    if one.since_ms is None:
        return said("with long", digest.language, owner=one.owner)
    return said("with", digest.language, owner=one.owner, day=day_words(one.since_ms, digest.zone, digest.language))
