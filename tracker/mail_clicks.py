"""What a click on a link in a mail is answered, and how it is told to the queue.

Nothing is believed of the click itself: mail scanners ask for every link seconds after delivery. It is kept, with a label,
for whoever wants to see what became of a mail. Whether there was a person is decided by what happens on the page.
"""

from __future__ import annotations

import os
from typing import Final, Literal

import msgspec
import redis

from tracker import queue
from tracker.collect import Headers, KnownKey, Request, request_info
from tracker.core.admission import Admission
from tracker.core.entries import split
from tracker.core.events import MAIL_LINK_CLICKED, Event
from tracker.core.mail_links import MailClick, MailLink, Refused, landing_url, read, sign_click
from tracker.core.urls import clean_url
from tracker.endpoints import Client, hurried

CLICKER: Final = "mail:"
"""Followed by the lead that a link was sent to: the visitor under whom its clicks are kept."""
APPEND_SECONDS: Final = 1.0
"""A person is waiting: a queue that takes longer does without this click."""
_AGENT_CHARACTERS: Final = 200

ClickOutcome = Literal["recorded", "not_recorded", "forged", "expired"]

HEADERS: Final = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow", "Referrer-Policy": "no-referrer"}
"""Of every answer: neither the link nor where it leads is anybody else's business."""

_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title_en} · {title_zh}</title>
<h1>{title_en}</h1>
<p>{text_en}</p>
<div lang="zh-Hans">
<h1>{title_zh}</h1>
<p>{text_zh}</p>
</div>
</html>
"""
_WORDS: Final = {
    "expired": {
        "title_en": "This link has expired",
        "text_en": "It was sent in an e-mail some time ago. Please visit the sender's website, or ask for a new link.",
        "title_zh": "链接已过期",
        "text_zh": "该链接来自较早的一封邮件。请直接访问发件方网站，或向对方索取新的链接。",
    },
    "forged": {
        "title_en": "There is no such link",
        "text_en": "It may have been cut off. Please open it from the e-mail again, or copy the whole of it.",
        "title_zh": "链接无效",
        "text_zh": "链接可能不完整。请在邮件中重新点击，或完整复制后再打开。",
    },
}
_STATUS: Final = {"expired": 410, "forged": 404}


class Click(msgspec.Struct, frozen=True):
    """A click that is honoured."""

    location: str
    """Where the browser is sent: the link's target, and whose click it was."""
    site_id: int
    entries: list[tuple[int, int, bytes]]
    """What to append, as for ``queue.append``."""


class Turned(msgspec.Struct, frozen=True):
    """A click that leads nowhere."""

    status: int
    page: str
    """HTML in English and Chinese."""
    reason: Literal["forged", "expired"]


def decide_click(
    token: str, method: str, headers: Headers, secret: bytes, partitions: int, message_id: bytes, now_ms: int
) -> Click | Turned:
    """Return where a click on the link with *token* leads and what is told of it, or the page that refuses it.

    *message_id* is 16 bytes that no other click has.
    """
    link = read(secret, token, now_ms)
    if isinstance(link, Refused):
        return Turned(_STATUS[link.reason], _PAGE.format_map(_WORDS[link.reason]), link.reason)
    key, event = _told(link, method, headers, message_id, now_ms)
    info = request_info(Request("track", headers, b"", now_ms), KnownKey(link.site_id, trusted=False))
    ahead = any(_is_ahead(headers.get(name)) for name in ("purpose", "x-purpose", "x-moz"))
    info = msgspec.structs.replace(info, mail_click=True, prefetch=info.prefetch or ahead)
    entries = split(Admission([(key, event)], []), link.site_id, now_ms, info, partitions)
    return Click(landing_url(link.url, sign_click(secret, link, now_ms)), link.site_id, entries)


def _told(link: MailLink, method: str, headers: Headers, message_id: bytes, now_ms: int) -> tuple[str, Event]:
    click = MailClick(link.lead_id, link.link_id, link.campaign, now_ms)
    agent = "".join(mark for mark in (headers.get("user-agent") or "") if mark.isprintable())
    properties = {
        "link_id": link.link_id,
        "campaign": link.campaign,
        "url": link.url,
        "method": method,
        "agent": agent[:_AGENT_CHARACTERS],
        # No sender can write this one: it tells our clicks from events of the same name.
        "mail_link": click.as_property(),
    }
    url = clean_url(link.url) or ""
    return CLICKER + link.lead_id, Event(message_id, now_ms, "track", MAIL_LINK_CLICKED, url=url, properties=properties)


def _is_ahead(purpose: str | None) -> bool:
    return purpose is not None and ("prefetch" in purpose or "preview" in purpose)


def new_message_id() -> bytes:
    """Return the id of a click: two clicks are two events, however alike."""
    return os.urandom(16)


class ClickQueue:
    """Appends clicks to the streams of another client's server, and gives up soon."""

    def __init__(self, streams: Client) -> None:
        # With one more try on a fresh connection: the server may have closed an idle one. Ids keep it from counting twice.
        self._client = hurried(streams, APPEND_SECONDS)

    def append(self, click: Click) -> bool:
        """Append what is told of *click*; return whether the queue has it."""
        try:
            queue.append(self._client, click.site_id, click.entries)
        except redis.RedisError:
            return False
        return True
