"""Turn the body of a collect request into typed events, each admitted or refused for a named reason."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, get_args

import msgspec

from tracker.core.events import FILE_DOWNLOADED, PAGE_ENGAGED, Event, EventKind
from tracker.core.files import name_file
from tracker.core.mail_links import MailClick, read_click, take_off_click
from tracker.core.minimising import minimal_body
from tracker.core.refusals import EventRefusal, Refusal
from tracker.core.urls import clean_link, clean_referrer, clean_url

MAX_BODY_BYTES: Final = 500_000
MAX_EVENT_BYTES: Final = 32_000
MAX_EVENTS: Final = 5_000
"""Events a batch: more can only be empty ones, each of which would be refused by name."""
MAX_DEPTH: Final = 32
MAX_ENGAGED_MS: Final = 86_400_000
FUTURE_TOLERANCE_MS: Final = 5 * 60_000
"""How far ahead of us a clock may be before its event is refused; within it, the event counts as happening now."""
LATE_MS: Final = 3_600_000
"""What the public key tells longer after it happened than this is told late: its caps are those of the day of receipt."""
OLDEST_MS: Final = 631_152_000_000
"""1990-01-01: nothing on the web is older, whoever says so."""

_KINDS: Final[frozenset[str]] = frozenset(get_args(EventKind))
_CONTEXT_KEPT: Final = frozenset(("campaign", "locale", "timezone", "location", "userAgent", "automation"))
_DETAIL_TAKEN: Final = frozenset(
    # What is written here must not be claimed by a sender: ``mail_link``. Nor is an address written anywhere: ``ip``.
    ("ip", "url", "path", "title", "referrer", "search", "view_id", "engaged_ms", "scroll_percent", "mail_link")
)


class Caller(msgspec.Struct, frozen=True):
    """What the collector knows of whoever sends a request."""

    site_id: int
    trusted: bool
    """``True`` for the server key: needs no origin, may carry history."""
    oldest_ms: int
    """Events before this are refused; for a trusted caller, 1990."""
    pseudonym: str = ""
    """Stands in for the visitor's id where an event has none. Empty: such an event is refused."""
    secret: bytes = b""
    """Proves clicks on links in mails. Empty: no page view is taken for the end of one."""


class Rejected(msgspec.Struct, frozen=True, array_like=True):
    """One refused event: its place in the batch, the reason, and the event as it came: cut to 32 kB, and less
    what ``minimal_body`` takes out."""

    index: int
    reason: EventRefusal
    body: bytes


class Admission(msgspec.Struct, frozen=True):
    """What a body held: admitted events with the key of their visitor, and refused ones."""

    events: list[tuple[str, Event]]
    rejected: list[Rejected]


class Refused(Exception):
    """The whole request is refused; ``reason`` says why."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason = reason


class _Body(msgspec.Struct):
    batch: list[msgspec.Raw] | None = None
    sentAt: str | None = None
    writeKey: str | None = None
    cookieless: bool = False


class _WireEvent(msgspec.Struct):
    type: str | None = None
    messageId: str | None = None
    anonymousId: str | None = None
    userId: str | int | None = None
    previousId: str | int | None = None
    groupId: str | int | None = None
    event: str | None = None
    name: str | None = None
    timestamp: str | None = None
    sentAt: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: dict[str, Any] | None = None


_NOTHING: Final[dict[str, Any]] = {}
_LIST: Final = ord("[")
_BACKSLASH: Final = ord("\\")
_UNREADABLE: Final = -(2**62)
"""Stands for a time that can't be read: no date comes near it."""
_BODY: Final = msgspec.json.Decoder(_Body)
_EVENT: Final = msgspec.json.Decoder(_WireEvent)
_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE_SURROGATE: Final = re.compile(rb"(%b%b)|%b|%b" % (_HIGH, _LOW, _HIGH, _LOW))


class _Refusal(Exception):
    """Carries the reason for refusing one event out of the functions that read it."""

    def __init__(self, reason: EventRefusal) -> None:
        self.reason = reason


def inflate(body: bytes, encoding: str | None) -> bytes:
    """Return *body* with its Content-Encoding undone, refusing what would grow beyond ``MAX_BODY_BYTES``.

    Raises ``Refused``: ``encoding_unsupported``, ``encoding_invalid`` or ``body_too_large``.
    """
    if not encoding or encoding == "identity":
        return body
    if encoding.strip().lower() not in ("gzip", "x-gzip"):
        raise Refused("encoding_unsupported")
    stream = zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error:
        raise Refused("encoding_invalid") from None
    if len(plain) > MAX_BODY_BYTES:
        raise Refused("body_too_large")
    if not stream.eof:
        raise Refused("encoding_invalid")
    return plain


class Body(msgspec.Struct, frozen=True):
    """A body read as far as is needed to know whose it is."""

    raw: bytes
    batch: list[msgspec.Raw] | None
    """``None`` when the body is a single event."""
    sent_at: str | None
    write_key: str | None
    cookieless: bool = False
    """Whether the sender keeps no id of its visitors and asks for a pseudonym of the day."""


def read_body(raw: bytes, *, is_batch: bool) -> Body:
    """Return the outline of *raw*; raise ``Refused`` when it is empty, too large, too deep, not JSON or not an object."""
    if len(raw) > MAX_BODY_BYTES:
        raise Refused("body_too_large")
    if not raw.strip():
        raise Refused("body_empty")
    try:
        try:
            outline = _BODY.decode(raw)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            # Scripts that cut a title in the middle of an emoji leave half of it, which JSON cannot carry.
            raw = _LONE_SURROGATE.sub(lambda found: found[1] or b"\\ufffd", raw)
            outline = _BODY.decode(raw)
    except msgspec.ValidationError:
        raise Refused("shape_invalid") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused("json_invalid") from None
    except RecursionError:
        raise Refused("too_deep") from None
    if is_batch and outline.batch is None:
        raise Refused("shape_invalid")
    if is_batch and outline.batch is not None and len(outline.batch) > MAX_EVENTS:
        raise Refused("too_many_events")
    batch = outline.batch if is_batch else None
    return Body(raw, batch, sent_at=outline.sentAt, write_key=outline.writeKey, cookieless=outline.cookieless)


def admit(body: Body, kind: str | None, caller: Caller, received_ms: int, *, check_numbers: bool = False) -> Admission:
    """Decide which events of *body* are admitted.

    *kind* is the type that the route names, ``None`` for a batch. *received_ms* is the time of arrival in milliseconds
    since 1970 UTC. With *check_numbers*, events with a number beyond 64 bits are refused; the queue can't hold them, and
    says so when it is tried, which is cheaper than looking at each. Never raises for what an event holds: each is
    admitted or refused by itself.
    """
    raws = [body.raw] if body.batch is None else [bytes(raw) for raw in body.batch]
    admission = Admission([], [])
    sent_at = _read_time(body.sent_at) if body.sent_at else None
    for index, raw in enumerate(raws):
        try:
            admission.events.append(_admit_one(raw, kind, sent_at, caller, received_ms, check_numbers))
        except _Refusal as refusal:
            admission.rejected.append(Rejected(index, refusal.reason, minimal_body(raw[:MAX_EVENT_BYTES])))
    return admission


def _admit_one(
    raw: bytes, kind: str | None, sent_at: int | None, caller: Caller, received_ms: int, check_numbers: bool
) -> tuple[str, Event]:
    """Admit one event; *sent_at* is the batch's, ``_UNREADABLE`` where that can't be read.

    The dearest function of the collector: a call is saved where it would only find that there is nothing to do.
    """
    wire = _decode(raw)
    kind = kind or wire.type
    if not kind:
        raise _Refusal("type_missing")
    if kind not in _KINDS:
        raise _Refusal("type_unknown")
    user_id = _identifier(wire.userId) if wire.userId is not None else ""
    anonymous_id = _identifier(wire.anonymousId) if wire.anonymousId is not None else ""
    visitor_key = anonymous_id or (f"user:{user_id}" if user_id else caller.pseudonym)
    if not visitor_key:
        raise _Refusal("identity_missing")
    name = (wire.event or "").strip()[:200] if kind == "track" else ""
    if kind == "track" and not name:
        raise _Refusal("event_name_missing")

    # Traits are a person's or a company's: their url is a website, their title a profession.
    is_behaviour = kind in ("page", "track")
    detail = (wire.properties if is_behaviour else wire.traits) or _NOTHING
    context = wire.context or _NOTHING
    # What traits say of a title or an address is about the person, not about a page.
    shown = detail if is_behaviour else _NOTHING
    page = context.get("page") if is_behaviour else None
    page = page if isinstance(page, dict) else _NOTHING
    address, click_token = _address(shown, page)
    url = _url(address, clean_url if kind == "page" else clean_link)
    at = _time_of(wire, sent_at, caller, received_ms)
    rest = _rest(detail, wire, kind)
    if click_token and kind == "page" and caller.secret:
        click = read_click(caller.secret, click_token, caller.site_id, at)
        if isinstance(click, MailClick):
            rest = {**(rest or {}), "mail_link": click.as_property()}
    title = shown.get("title") or page.get("title") or (wire.name if kind == "page" else None)
    referrer = shown.get("referrer") or page.get("referrer")
    view_id = shown.get("view_id")
    scrolled = shown.get("scroll_percent")
    told = _kept(context)
    if received_ms - at > LATE_MS and not caller.trusted:
        told = {**(told or _NOTHING), "received_at": received_ms}
    event = Event(
        message_id=_message_id(wire, raw, received_ms),
        at=at,
        kind=kind,  # type: ignore[arg-type]  # one of _KINDS, checked above
        name=name,
        url=url,
        title=title.strip()[:300] if isinstance(title, str) else "",
        referrer=_referrer(referrer) if referrer else "",
        view_id=view_id.strip()[:64] if isinstance(view_id, str) else "",
        engaged_ms=_engaged_ms(detail) if name == PAGE_ENGAGED else 0,
        scroll_percent=_percent(scrolled) if scrolled is not None else 0,
        properties=name_file(rest, url) if name == FILE_DOWNLOADED else rest,
        context=told,
        user_id=user_id,
    )
    if check_numbers:
        try:
            msgspec.msgpack.encode(event)
        except OverflowError:
            raise _Refusal("number_out_of_range") from None
    return visitor_key, event


def _decode(raw: bytes) -> _WireEvent:
    if len(raw) > MAX_EVENT_BYTES:
        raise _Refusal("event_too_large")
    # A byte is found more quickly by its number than as bytes of length one, and most events have no list.
    if raw.count(b"{") + (raw.count(b"[") if _LIST in raw else 0) > MAX_DEPTH and _depth(raw) > MAX_DEPTH:
        raise _Refusal("event_too_deep")
    try:
        wire = _EVENT.decode(raw)
    except msgspec.ValidationError:
        raise _Refusal("event_not_object" if raw.lstrip()[:1] != b"{" else "field_invalid") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _Refusal("field_invalid") from None
    # PostgreSQL cannot hold the character NUL; no honest text has one. Most have no backslash either, and one byte is found
    # more quickly than six.
    if _BACKSLASH in raw and b"\\u0000" in raw and _has_nul(msgspec.to_builtins(wire)):
        raise _Refusal("text_invalid")
    return wire


def _depth(raw: bytes) -> int:
    """Return the deepest nesting of *raw*, brackets inside strings left out."""
    depth = deepest = 0
    in_string = escaped = False
    for byte in raw:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in (0x7B, 0x5B):
            depth += 1
            deepest = max(deepest, depth)
        elif byte in (0x7D, 0x5D):
            depth -= 1
    return deepest


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)


def _identifier(value: str | int) -> str:
    text = str(value).strip()
    if len(text) > 200:
        raise _Refusal("field_invalid")
    return text


def _address(detail: dict[str, Any], page: dict[str, Any]) -> tuple[Any, str]:
    """Return the address as sent, but for the token of a click on a link in a mail; and that token."""
    value = detail.get("url") or page.get("url") or detail.get("path") or page.get("path")
    return take_off_click(value) if isinstance(value, str) and "wt_m=" in value else (value, "")


def _url(value: Any, clean: Callable[[str], str | None]) -> str:
    if not value:
        return ""
    url = clean(value) if isinstance(value, str) else None
    if url is None:
        raise _Refusal("url_invalid")
    return url


def _referrer(value: Any) -> str:
    # A page does not choose its referrer: one that names neither a page nor an app (about:client) says nothing.
    if not isinstance(value, str):
        return ""
    return clean_referrer(take_off_click(value)[0] if "wt_m=" in value else value)


def _engaged_ms(detail: dict[str, Any]) -> int:
    value = detail.get("engaged_ms")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_ENGAGED_MS:
        raise _Refusal("engaged_ms_invalid")
    return int(value)


def _percent(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(min(max(value, 0), 100))


def _rest(detail: dict[str, Any], wire: _WireEvent, kind: str) -> dict[str, Any] | None:
    if kind in ("page", "track"):
        if _DETAIL_TAKEN.issuperset(detail):
            return None
        return {key: value for key, value in detail.items() if key not in _DETAIL_TAKEN}
    rest = {key: value for key, value in detail.items() if key != "ip"} if "ip" in detail else detail
    if kind == "group" and wire.groupId is not None:
        rest = {**rest, "group_id": _identifier(wire.groupId)}
    if kind == "alias" and wire.previousId is not None:
        rest = {**rest, "previous_id": _identifier(wire.previousId)}
    return rest or None


def _kept(context: dict[str, Any]) -> dict[str, Any] | None:
    """Return what of a context is kept, ``None`` for nothing."""
    if _CONTEXT_KEPT.issuperset(context) and all(context.values()):
        return context or None
    return {key: value for key, value in context.items() if value and key in _CONTEXT_KEPT} or None


def _message_id(wire: _WireEvent, raw: bytes, received_ms: int) -> bytes:
    if wire.messageId:
        return blake2b(wire.messageId.encode(), digest_size=16).digest()
    # Without an id and a time, two equal bodies are two events; with a time, the second is a repeat.
    salt = b"" if wire.timestamp else received_ms.to_bytes(8, "big")
    return blake2b(raw + salt, digest_size=16, person=b"no message id").digest()


def _time_of(wire: _WireEvent, sent_at: int | None, caller: Caller, received_ms: int) -> int:
    """Return the event's time by our clock: received − (sentAt − timestamp)."""
    if wire.timestamp is None:
        return received_ms
    at = _read_time(wire.timestamp)
    if sent_at is None and wire.sentAt is not None:
        sent_at = _read_time(wire.sentAt)
    if at == _UNREADABLE or sent_at == _UNREADABLE:
        raise _Refusal("timestamp_invalid")
    if sent_at is not None:
        at += received_ms - sent_at
    if at > received_ms:
        if at > received_ms + FUTURE_TOLERANCE_MS:
            raise _Refusal("timestamp_in_future")
        return received_ms
    if at < caller.oldest_ms:
        raise _Refusal("timestamp_too_old")
    return at


def _read_time(text: str) -> int:
    """Return a time as milliseconds since 1970 UTC; ``_UNREADABLE`` for what is none."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return _UNREADABLE
