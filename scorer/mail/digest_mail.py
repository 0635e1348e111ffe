"""A digest as a mail: subject, plain text and HTML in the reader's language and time zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache, partial
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from mjml import mjml2html

from scorer.core.digest import Facts, Idle, bar_percent, change_text, line, message_id
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
from scorer.digests import Digest
from scorer.unsubscribing import link

TILES: Final = ("entered", "identified", "contacted", "won")
_UNSUBSCRIBE: Final = "https://unsubscribe.invalid/"
"""Stands in what is written once for all readers of a language and zone, where each has a link of their own."""
_WHY: Final = "\N{OBJECT REPLACEMENT CHARACTER}why\N{OBJECT REPLACEMENT CHARACTER}"
"""The same for the sentence that names the reader."""


class Written(msgspec.Struct, frozen=True):
    """A digest as it is written for all readers of one language and zone; the reader's own link is put in later."""

    subject: str
    text: str
    html: str


class Sender(msgspec.Struct, frozen=True):
    """What the service puts into its mails about itself."""

    base_url: str
    """Without a trailing slash."""
    secret: bytes
    """Signs the links by which subscriptions are given up."""

    @property
    def host(self) -> str:
        """The name under which ids are unique."""
        return urlsplit(self.base_url).hostname or "localhost"


def write(digest: Digest, site_name: str, week: Week, facts: Facts, base_url: str) -> Written:
    """Return what the digest says of a week. Only its site, segment, language and time zone count."""
    language, site = digest.language, line(site_name, 100)
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
    return _render("digest", values | {"subject": subject})


def write_sign_of_life(digest: Digest, site_name: str) -> Written:
    """Return the line that is sent after weeks without news."""
    site = line(site_name, 100)
    alive = said("alive", digest.language, site=site)
    subject = said("alive subject", digest.language, site=site)
    return _render("alive", _common(digest, site, alive) | {"subject": subject, "alive": alive})


def address_to(digest: Digest, site_name: str, week: Week, written: Written, sender: Sender, now_ms: int) -> EmailMessage:
    """Return the mail for one reader, with its own link to unsubscribe in text and headers (RFC 2369, RFC 8058).

    The same digest of the same week has the same ``Message-ID``, whenever it is made.
    """
    unsubscribe = link(sender.base_url, sender.secret, "digest", digest.id)
    why = said(
        "why",
        digest.language,
        weekday=weekday_words(digest.weekday, digest.language),
        time=f"{digest.hour:02}:00",
        zone=digest.time_zone,
        email=digest.email,
        site=line(site_name, 100),
    )
    message = EmailMessage()
    message["Subject"] = written.subject
    name, _, domain = digest.email.rpartition("@")
    message["To"] = Address(line(digest.name), name, domain)
    message["Date"] = format_datetime(datetime.fromtimestamp(now_ms // 1000, digest.zone))
    message["Message-ID"] = message_id(digest.id, week.name, sender.host)
    message["List-Id"] = f"<digest.site-{digest.site_id}.{sender.host}>"
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    if unsubscribe.startswith("https:"):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(written.text.replace(_UNSUBSCRIBE, unsubscribe).replace(_WHY, why))
    html = written.html.replace(_UNSUBSCRIBE, unsubscribe).replace(_WHY, escape(why))
    message.add_alternative(html, subtype="html")
    return message


def _common(digest: Digest, site: str, preview: str) -> dict[str, Any]:
    return {
        "language": digest.language,
        "w": partial(_say, digest.language),
        "site": site,
        "segment": line(digest.segment, 100),
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


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(enabled_extensions=("mjml",), default=False),  # the other is plain text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(name: str, values: dict[str, Any]) -> Written:
    text = _templates().get_template(f"{name}.txt").render(values)
    source = _templates().get_template(f"{name}.mjml").render(values)
    return Written(values["subject"], text, mjml2html(source, fonts={}))
