"""Admission: which events of a body get in, as what, and for which named reason the others don't."""

from __future__ import annotations

import gzip
import json
import zlib
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.admission import (
    FUTURE_TOLERANCE_MS,
    LATE_MS,
    MAX_BODY_BYTES,
    MAX_DEPTH,
    MAX_EVENT_BYTES,
    MAX_EVENTS,
    OLDEST_MS,
    Admission,
    Body,
    Caller,
    Refused,
    admit,
    inflate,
    read_body,
)
from tracker.core.events import Event
from tracker.core.refusals import EventRefusal, RequestRefusal

SECOND, DAY = 1000, 86_400_000
NOW = int(datetime(2026, 11, 21, 9, 30, tzinfo=UTC).timestamp() * 1000)
PUBLIC = Caller(1, trusted=False, oldest_ms=NOW - 7 * DAY)
SERVER = Caller(1, trusted=True, oldest_ms=OLDEST_MS)


def iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def digest(message_id: str) -> bytes:
    return blake2b(message_id.encode(), digest_size=16).digest()


def batch(*events: Any, **more: Any) -> bytes:
    return json.dumps({"batch": events, **more}).encode()


def raw_batch(*events: bytes) -> bytes:
    return b'{"batch":[' + b",".join(events) + b"]}"


def taken(body: bytes, kind: str | None = None, caller: Caller = PUBLIC, now: int = NOW) -> Admission:
    return admit(read_body(body, is_batch=kind is None), kind, caller, now, check_numbers=True)


def one(event: dict[str, Any], *, caller: Caller = PUBLIC, **more: Any) -> Event:
    """The one event of a batch, which must be admitted."""
    admission = taken(batch({"type": "page", "anonymousId": "v", "messageId": "m"} | event, **more), caller=caller)
    assert admission.rejected == []
    return admission.events[0][1]


def reasons(body: bytes, **more: Any) -> list[tuple[int, str]]:
    return [(rejected.index, rejected.reason) for rejected in taken(body, **more).rejected]


# What is admitted, and as what


def test_a_page_view_is_kept_whole() -> None:
    sent = {
        "type": "page",
        "messageId": "m-1",
        "anonymousId": " v-1 ",
        "userId": "u-1",
        "name": "Docs",
        "timestamp": iso(NOW - 5000),
        "context": {
            "campaign": {"name": "spring"},
            "locale": "de-DE",
            "timezone": "Europe/Berlin",
            "location": {"country": "DE"},
            "userAgent": "Mozilla/5.0",
            "library": {"name": "x"},
            "ip": "192.0.2.7",
        },
        "properties": {
            "url": "https://me:pw@shop.example/pricing?a=1#plans",
            "path": "/pricing",
            "title": " Pricing ",
            "referrer": "https://search.example/?q=x",
            "search": "?a=1",
            "view_id": "w-1",
            "scroll_percent": 140,
            "category": "sales",
        },
    }
    assert taken(batch(sent)) == Admission(
        [
            (
                "v-1",
                Event(
                    message_id=digest("m-1"),
                    at=NOW - 5000,
                    kind="page",
                    url="https://shop.example/pricing?a=1",
                    title="Pricing",
                    referrer="https://search.example/?q=x",
                    view_id="w-1",
                    scroll_percent=100,
                    properties={"category": "sales"},
                    context={
                        "campaign": {"name": "spring"},
                        "locale": "de-DE",
                        "timezone": "Europe/Berlin",
                        "location": {"country": "DE"},
                        "userAgent": "Mozilla/5.0",
                    },
                    user_id="u-1",
                ),
            )
        ],
        [],
    )


SHAPES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "user id alone": ({"type": "page", "userId": "ada"}, "user:ada", {"kind": "page", "user_id": "ada"}),
    "integer user id": ({"type": "page", "userId": 42}, "user:42", {"kind": "page", "user_id": "42"}),
    "integer zero as user id": ({"type": "page", "userId": 0}, "user:0", {"kind": "page", "user_id": "0"}),
    "both ids": ({"type": "page", "anonymousId": "v", "userId": 42}, "v", {"kind": "page", "user_id": "42"}),
    "blank user id": ({"type": "page", "anonymousId": "v", "userId": "  "}, "v", {"kind": "page"}),
    "an id of 200 characters": ({"type": "page", "anonymousId": "é" * 200}, "é" * 200, {"kind": "page"}),
    "page in the context": (
        {"type": "page", "userId": "a", "context": {"page": {"url": "https://s.example/a", "title": "A", "referrer": "/b"}}},
        "user:a",
        {"kind": "page", "user_id": "a", "url": "https://s.example/a", "title": "A", "referrer": "/b"},
    ),
    "properties before the context": (
        {"type": "page", "userId": "a", "properties": {"url": "/a"}, "context": {"page": {"url": "/b", "title": "B"}}},
        "user:a",
        {"kind": "page", "user_id": "a", "url": "/a", "title": "B"},
    ),
    "a path where there is no address": (
        {"type": "page", "userId": "a", "properties": {"path": "/a"}},
        "user:a",
        {"kind": "page", "user_id": "a", "url": "/a"},
    ),
    "name as title": (
        {"type": "page", "userId": "a", "name": "Home"},
        "user:a",
        {"kind": "page", "user_id": "a", "title": "Home"},
    ),
    "context.page that is a list": (
        {"type": "page", "userId": "a", "context": {"page": [1]}},
        "user:a",
        {"kind": "page", "user_id": "a"},
    ),
    "everything null": (
        {
            "type": "page",
            "userId": "a",
            "anonymousId": None,
            "properties": None,
            "traits": None,
            "context": None,
            "timestamp": None,
            "name": None,
            "event": None,
        },
        "user:a",
        {"kind": "page", "user_id": "a"},
    ),
    "track": (
        {"type": "track", "userId": "a", "event": " Demo Asked ", "properties": {"plan": "pro", "seats": 9}},
        "user:a",
        {"kind": "track", "user_id": "a", "name": "Demo Asked", "properties": {"plan": "pro", "seats": 9}},
    ),
    "a long name is cut": (
        {"type": "track", "userId": "a", "event": "x" * 300},
        "user:a",
        {"kind": "track", "user_id": "a", "name": "x" * 200},
    ),
    "engaged time": (
        {"type": "track", "userId": "a", "event": "Page Engaged", "properties": {"engaged_ms": 1500.9, "view_id": "w"}},
        "user:a",
        {"kind": "track", "user_id": "a", "name": "Page Engaged", "engaged_ms": 1500, "view_id": "w"},
    ),
    "engaged_ms of another event is nobody's": (
        {"type": "track", "userId": "a", "event": "Other", "properties": {"engaged_ms": "long"}},
        "user:a",
        {"kind": "track", "user_id": "a", "name": "Other"},
    ),
    "a link to write to": (
        {"type": "track", "userId": "a", "event": "Link Clicked", "properties": {"url": "mailto:s@shop.example"}},
        "user:a",
        {"kind": "track", "user_id": "a", "name": "Link Clicked", "url": "mailto:s@shop.example"},
    ),
    "identify": (
        {
            "type": "identify",
            "userId": "a",
            "traits": {"email": "ada@halden.example", "url": "x", "title": "CEO"},
            "properties": {"a": 1},
        },
        "user:a",
        {"kind": "identify", "user_id": "a", "properties": {"email": "ada@halden.example", "url": "x", "title": "CEO"}},
    ),
    "group": (
        {"type": "group", "userId": "a", "groupId": 7, "traits": {"name": "Halden"}},
        "user:a",
        {"kind": "group", "user_id": "a", "properties": {"name": "Halden", "group_id": "7"}},
    ),
    "alias": (
        {"type": "alias", "userId": "a", "previousId": "b"},
        "user:a",
        {"kind": "alias", "user_id": "a", "properties": {"previous_id": "b"}},
    ),
    "an app as referrer": (
        {"type": "page", "userId": "a", "properties": {"referrer": "android-app://com.google.android.gm/inbox"}},
        "user:a",
        {"kind": "page", "user_id": "a", "referrer": "android-app://com.google.android.gm/"},
    ),
    "a referrer that is neither a page nor an app says nothing": (
        {"type": "page", "userId": "a", "properties": {"referrer": "about:client"}},
        "user:a",
        {"kind": "page", "user_id": "a"},
    ),
    "scroll below nought": (
        {"type": "page", "userId": "a", "properties": {"scroll_percent": -5}},
        "user:a",
        {"kind": "page", "user_id": "a"},
    ),
    "scroll that is no number": (
        {"type": "page", "userId": "a", "properties": {"scroll_percent": True}},
        "user:a",
        {"kind": "page", "user_id": "a"},
    ),
    "fields of the future are passed over": (
        {"type": "page", "userId": "a", "integrations": {"All": True}, "writeKey": "x", "channel": "server"},
        "user:a",
        {"kind": "page", "user_id": "a"},
    ),
    "the largest numbers that fit": (
        {"type": "track", "userId": "a", "event": "x", "properties": {"a": 2**64 - 1, "b": -(2**63)}},
        "user:a",
        {"kind": "track", "user_id": "a", "name": "x", "properties": {"a": 2**64 - 1, "b": -(2**63)}},
    ),
    "an escaped backslash before u0000 is no NUL": (
        {"type": "page", "userId": "a", "name": "C:\\u0000"},
        "user:a",
        {"kind": "page", "user_id": "a", "title": "C:\\u0000"},
    ),
}


@pytest.mark.parametrize(("sent", "key", "fields"), SHAPES.values(), ids=SHAPES.keys())
def test_a_shape_that_libraries_send_is_understood(sent: dict[str, Any], key: str, fields: dict[str, Any]) -> None:
    expected = Event(**({"message_id": digest("m"), "at": NOW} | fields))
    assert taken(batch(sent | {"messageId": "m"})) == Admission([(key, expected)], [])


@pytest.mark.parametrize("kind", ["page", "track", "identify", "group", "alias"])
def test_a_route_names_the_type_whatever_the_body_says(kind: str) -> None:
    body = json.dumps({"type": "made_up", "event": "Named", "userId": "a", "batch": [1]}).encode()
    assert [event.kind for _, event in taken(body, kind).events] == [kind]


# Refusals of one event


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = {"a": value}
    return value


REFUSED: dict[str, tuple[str, Any]] = {
    "no object: a number": ("event_not_object", 1),
    "no object: null": ("event_not_object", None),
    "no object: a list": ("event_not_object", [{}]),
    "no object: a text": ("event_not_object", "page"),
    "properties are a list": ("field_invalid", {"type": "page", "userId": "a", "properties": []}),
    "timestamp is a number": ("field_invalid", {"type": "page", "userId": "a", "timestamp": 1700000000}),
    "user id is a fraction": ("field_invalid", {"type": "page", "userId": 1.5}),
    "user id is true": ("field_invalid", {"type": "page", "userId": True}),
    "an id of 201 characters": ("field_invalid", {"type": "page", "anonymousId": "x" * 201}),
    "a group id of 201 characters": ("field_invalid", {"type": "group", "userId": "a", "groupId": "x" * 201}),
    "no type": ("type_missing", {"userId": "a"}),
    "empty type": ("type_missing", {"type": "", "userId": "a"}),
    "unknown type": ("type_unknown", {"type": "screen", "userId": "a"}),
    "type in capitals": ("type_unknown", {"type": "Page", "userId": "a"}),
    "track without a name": ("event_name_missing", {"type": "track", "userId": "a"}),
    "track with a blank name": ("event_name_missing", {"type": "track", "userId": "a", "event": " \t"}),
    "nobody": ("identity_missing", {"type": "page"}),
    "blank ids": ("identity_missing", {"type": "page", "anonymousId": " ", "userId": ""}),
    "words for a time": ("timestamp_invalid", {"type": "page", "userId": "a", "timestamp": "yesterday"}),
    "an empty time": ("timestamp_invalid", {"type": "page", "userId": "a", "timestamp": ""}),
    "the 30th of February": ("timestamp_invalid", {"type": "page", "userId": "a", "timestamp": "2026-02-30T00:00:00Z"}),
    "before the year 1": ("timestamp_too_old", {"type": "page", "userId": "a", "timestamp": "0001-01-01T00:00:00+23:59"}),
    "seconds since 1970": ("timestamp_invalid", {"type": "page", "userId": "a", "timestamp": "1763717400"}),
    "tomorrow": ("timestamp_in_future", {"type": "page", "userId": "a", "timestamp": iso(NOW + DAY)}),
    "just beyond the tolerance": (
        "timestamp_in_future",
        {"type": "page", "userId": "a", "timestamp": iso(NOW + FUTURE_TOLERANCE_MS + 1)},
    ),
    "eight days ago": ("timestamp_too_old", {"type": "page", "userId": "a", "timestamp": iso(NOW - 8 * DAY)}),
    "engaged time missing": ("engaged_ms_invalid", {"type": "track", "event": "Page Engaged", "userId": "a"}),
    "engaged time below nought": (
        "engaged_ms_invalid",
        {"type": "track", "event": "Page Engaged", "userId": "a", "properties": {"engaged_ms": -1}},
    ),
    "engaged time of two days": (
        "engaged_ms_invalid",
        {"type": "track", "event": "Page Engaged", "userId": "a", "properties": {"engaged_ms": 2 * DAY}},
    ),
    "engaged time as a text": (
        "engaged_ms_invalid",
        {"type": "track", "event": "Page Engaged", "userId": "a", "properties": {"engaged_ms": "9"}},
    ),
    "engaged time true": (
        "engaged_ms_invalid",
        {"type": "track", "event": "Page Engaged", "userId": "a", "properties": {"engaged_ms": True}},
    ),
    "a script for an address": (
        "url_invalid",
        {"type": "page", "userId": "a", "properties": {"url": "javascript:alert(1)"}},
    ),
    "a number for an address": ("url_invalid", {"type": "page", "userId": "a", "properties": {"url": 7}}),
    "a page to write to": ("url_invalid", {"type": "page", "userId": "a", "properties": {"url": "mailto:a@b.example"}}),
    "NUL in a title": ("text_invalid", {"type": "page", "userId": "a", "properties": {"title": "a\0b"}}),
    "NUL in a key": ("text_invalid", {"type": "page", "userId": "a", "properties": {"a\0": 1}}),
    "NUL deep down": ("text_invalid", {"type": "page", "userId": "a", "context": {"campaign": {"x": ["\0"]}}}),
    "NUL in an id": ("text_invalid", {"type": "page", "userId": "a\0"}),
    "a number over 64 bits": ("number_out_of_range", {"type": "page", "userId": "a", "properties": {"n": 2**64}}),
    "a number under 64 bits": ("number_out_of_range", {"type": "page", "userId": "a", "properties": {"n": -(2**63) - 1}}),
    "100 levels": ("event_too_deep", {"type": "page", "userId": "a", "properties": nested(100)}),
    "one level too many": ("event_too_deep", {"type": "page", "userId": "a", "properties": nested(MAX_DEPTH)}),
    "over 32 kB": ("event_too_large", {"type": "page", "userId": "a", "properties": {"x": "y" * MAX_EVENT_BYTES}}),
}


@pytest.mark.parametrize(("reason", "event"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_event_is_refused_for_its_reason_and_kept_as_it_came(reason: str, event: Any) -> None:
    good = {"type": "page", "userId": "good", "messageId": "good"}
    body = batch(good, event, good | {"messageId": "better"})
    admission = taken(body)
    assert [(key, admitted.message_id) for key, admitted in admission.events] == [
        ("user:good", digest("good")),
        ("user:good", digest("better")),
    ]
    kept = json.dumps(event).encode()[:MAX_EVENT_BYTES]
    assert [msgspec.structs.astuple(rejected) for rejected in admission.rejected] == [(1, reason, kept)]


def test_every_reason_to_refuse_an_event_has_a_case() -> None:
    assert {reason for reason, _ in REFUSED.values()} == set(get_args(EventRefusal))


RAW_EVENTS: dict[str, tuple[bytes, str]] = {
    "a number of 5,000 digits": (b'{"type":"page","userId":"a","properties":{"n":' + b"9" * 5000 + b"}}", "field_invalid"),
    "a user id of 5,000 digits": (b'{"type":"page","userId":' + b"9" * 5000 + b"}", "field_invalid"),
    "a user id of 300 digits": (b'{"type":"page","userId":' + b"9" * 300 + b"}", "field_invalid"),
    "beyond the largest double": (b'{"type":"page","userId":"a","properties":{"n":1e400}}', "field_invalid"),
    "bytes that are no UTF-8": (b'{"type":"page","userId":"a","name":"\xff\xfe"}', "field_invalid"),
    "half a UTF-8 character": (b'{"type":"page","userId":"a","name":"\xe6\x98"}', "field_invalid"),
}


@pytest.mark.parametrize(("raw", "reason"), RAW_EVENTS.values(), ids=RAW_EVENTS.keys())
def test_bytes_that_only_look_like_an_event_are_refused_beside_good_ones(raw: bytes, reason: str) -> None:
    good = b'{"type":"page","userId":"good"}'
    admission = taken(raw_batch(raw, good))
    assert [(rejected.index, rejected.reason, rejected.body) for rejected in admission.rejected] == [(0, reason, raw)]
    assert [key for key, _ in admission.events] == ["user:good"]


# What is mended rather than refused


@pytest.mark.parametrize(
    ("escape", "text"),
    [
        (b"\\ud83d", "�"),
        (b"\\udc00", "�"),
        (b"\\ud83d\\ud83d\\ude00", "�😀"),
        (b"\\ud83d\\ude00\\ude00", "😀�"),
        (b"\\uD83Dx", "�x"),
    ],
)
def test_half_an_emoji_becomes_a_replacement_character(escape: bytes, text: str) -> None:
    admission = taken(raw_batch(b'{"type":"page","userId":"a","name":"a' + escape + b'"}'))
    assert [event.title for _, event in admission.events] == ["a" + text]


@pytest.mark.parametrize("depth", [1, 20, MAX_DEPTH - 1])
def test_nesting_up_to_the_limit_is_admitted(depth: int) -> None:
    assert one({"properties": {"p": nested(depth - 1)}}).properties == {"p": nested(depth - 1)}


def test_brackets_in_a_text_are_no_nesting() -> None:
    assert one({"properties": {"p": '[{"' * 200 + "\\"}}).properties == {"p": '[{"' * 200 + "\\"}


# Time


def at(event_time: str | None, sent_at: str | None = None, caller: Caller = PUBLIC) -> int | str:
    """When an event is taken to have happened, relative to its arrival; or why it is refused."""
    event = {"type": "page", "userId": "a"} | ({"timestamp": event_time} if event_time is not None else {})
    admission = taken(batch(event, **({"sentAt": sent_at} if sent_at is not None else {})), caller=caller)
    return admission.events[0][1].at - NOW if admission.events else admission.rejected[0].reason


@pytest.mark.parametrize(
    ("caller", "ago", "late"), [(PUBLIC, LATE_MS, False), (PUBLIC, LATE_MS + 1, True), (SERVER, 30 * DAY, False)]
)
def test_what_the_public_key_tells_late_bears_the_time_at_which_it_came(caller: Caller, ago: int, late: bool) -> None:
    sent = {"type": "page", "userId": "a", "timestamp": iso(NOW - ago), "context": {"received_at": 1, "locale": "de"}}
    ((_, event),) = taken(batch(sent), caller=caller).events
    assert event.context == {"locale": "de"} | ({"received_at": NOW} if late else {})


@pytest.mark.parametrize("offset", [0, DAY, -DAY, 3653 * DAY, -3653 * DAY, 3 * 3600 * SECOND, 1, -1])
@pytest.mark.parametrize("ago", [0, 1, 90 * SECOND, 6 * DAY])
def test_a_wrong_clock_is_set_right_by_what_it_shows_at_sending(offset: int, ago: int) -> None:
    assert at(iso(NOW + offset - ago), iso(NOW + offset)) == -ago


TIMES: dict[str, tuple[str | None, str | None, Caller, int | str]] = {
    "no time at all": (None, None, PUBLIC, 0),
    "sentAt without a time": (None, iso(NOW + 90 * DAY), PUBLIC, 0),
    "a time without sentAt": (iso(NOW - DAY), None, PUBLIC, -DAY),
    "a clock a day ahead, without sentAt": (iso(NOW + DAY), None, PUBLIC, "timestamp_in_future"),
    "a clock a day behind, without sentAt": (iso(NOW - DAY), None, PUBLIC, -DAY),
    "a clock ten years behind, without sentAt": (iso(NOW - 3653 * DAY), None, PUBLIC, "timestamp_too_old"),
    "at the tolerance": (iso(NOW + FUTURE_TOLERANCE_MS), None, PUBLIC, 0),
    "beyond the tolerance": (iso(NOW + FUTURE_TOLERANCE_MS + 1), None, PUBLIC, "timestamp_in_future"),
    "the future for a server": (iso(NOW + FUTURE_TOLERANCE_MS + 1), None, SERVER, "timestamp_in_future"),
    "sent before it happened": (iso(NOW + DAY), iso(NOW), PUBLIC, "timestamp_in_future"),
    "sent a little before it happened": (iso(NOW + SECOND), iso(NOW), PUBLIC, 0),
    "at the edge of the late window": (iso(NOW - 7 * DAY), None, PUBLIC, -7 * DAY),
    "beyond the late window": (iso(NOW - 7 * DAY - 1), None, PUBLIC, "timestamp_too_old"),
    "beyond the late window by sentAt": (iso(NOW - 8 * DAY), iso(NOW), PUBLIC, "timestamp_too_old"),
    "history from a server": (iso(NOW - 3653 * DAY), None, SERVER, -3653 * DAY),
    "older than the web": ("1989-12-31T23:59:59.999Z", None, SERVER, "timestamp_too_old"),
    "the oldest there is": (iso(OLDEST_MS), None, SERVER, OLDEST_MS - NOW),
    "a time zone": ("2026-11-21T17:29:00+08:00", None, PUBLIC, -60 * SECOND),
    "no time zone is UTC": ("2026-11-21T09:29:00", None, PUBLIC, -60 * SECOND),
    "microseconds are rounded": ("2026-11-21T09:29:59.000499Z", None, PUBLIC, -1000),
    "a date alone is its midnight": ("2026-11-21", None, PUBLIC, NOW // DAY * DAY - NOW),
    "a bad sentAt spoils what has a time": (iso(NOW), "now", PUBLIC, "timestamp_invalid"),
    "a bad sentAt is not asked where there is no time": (None, "now", PUBLIC, 0),
    "the year 9999": ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", PUBLIC, 0),
}


@pytest.mark.parametrize(("time", "sent_at", "caller", "expected"), TIMES.values(), ids=TIMES.keys())
def test_an_event_is_dated_like_this(time: str | None, sent_at: str | None, caller: Caller, expected: int | str) -> None:
    assert at(time, sent_at, caller) == expected


def test_the_batch_s_sending_time_stands_before_the_event_s_own() -> None:
    event = {"timestamp": iso(NOW - 10), "sentAt": iso(NOW - 3 * DAY)}
    assert one(event, sentAt=iso(NOW)).at == NOW - 10
    assert one(event | {"timestamp": iso(NOW - 3 * DAY - 10)}).at == NOW - 10


# Message ids


def test_the_message_id_alone_tells_events_apart() -> None:
    first, second = one({"messageId": "x", "name": "A"}), one({"messageId": "x", "name": "B"})
    assert first.message_id == second.message_id == digest("x")


def test_without_an_id_a_dated_event_sent_again_is_the_same_one() -> None:
    event = batch({"type": "page", "userId": "a", "timestamp": iso(NOW - DAY)})
    ids = {taken(event, now=now).events[0][1].message_id for now in (NOW, NOW + 60_000)}
    assert len(ids) == 1


def test_without_id_and_time_each_arrival_is_an_event_of_its_own() -> None:
    event = batch({"type": "page", "userId": "a"})
    ids = {taken(event, now=now).events[0][1].message_id for now in (NOW, NOW + 1)}
    assert len(ids) == 2


@pytest.mark.parametrize("message_id", ["", "x", "\u6625" * 50, "m" * 10_000, "a\u2028b"])
def test_any_text_will_do_as_a_message_id(message_id: str) -> None:
    assert len(one({"messageId": message_id}).message_id) == 16


# Whole bodies


def gzip_bomb(size: int) -> bytes:
    return gzip.compress(bytes(size))


BOMB = gzip_bomb(100_000_000)
INFLATED: dict[str, tuple[bytes, str | None, bytes | str]] = {
    "no encoding": (b"{}", None, b"{}"),
    "empty encoding": (b"{}", "", b"{}"),
    "identity": (b"{}", "identity", b"{}"),
    "gzip": (gzip.compress(b"{}"), "gzip", b"{}"),
    "gzip in capitals": (gzip.compress(b"{}"), " GZIP ", b"{}"),
    "x-gzip": (gzip.compress(b"{}"), "x-gzip", b"{}"),
    "gzip at the limit": (gzip_bomb(MAX_BODY_BYTES), "gzip", bytes(MAX_BODY_BYTES)),
    "gzip over the limit": (gzip_bomb(MAX_BODY_BYTES + 1), "gzip", "body_too_large"),
    "a bomb": (BOMB, "gzip", "body_too_large"),
    "a bomb in a bomb": (gzip.compress(BOMB), "gzip", BOMB),
    "cut gzip": (gzip.compress(b"{}" * 100)[:-5], "gzip", "encoding_invalid"),
    "a wrong checksum": (gzip.compress(b"{}")[:-8] + bytes(8), "gzip", "encoding_invalid"),
    "plain text said to be gzip": (b'{"batch":[]}', "gzip", "encoding_invalid"),
    "nothing said to be gzip": (b"", "gzip", "encoding_invalid"),
    "deflate": (zlib.compress(b"{}"), "deflate", "encoding_unsupported"),
    "brotli": (b"{}", "br", "encoding_unsupported"),
    "two encodings": (b"{}", "gzip, gzip", "encoding_unsupported"),
}


@pytest.mark.parametrize(("body", "encoding", "expected"), INFLATED.values(), ids=INFLATED.keys())
def test_an_encoding_is_undone_or_refused(body: bytes, encoding: str | None, expected: bytes | str) -> None:
    try:
        found: bytes | str = inflate(body, encoding)
    except Refused as refused:
        found = refused.reason
    assert found == expected


BODIES: dict[str, tuple[bytes, bool, Body | str]] = {
    "an empty batch": (b'{"batch":[]}', True, Body(b'{"batch":[]}', [], None, None)),
    "a key and a time": (
        b'{"writeKey":"k","sentAt":"t","batch":[]}',
        True,
        Body(b'{"writeKey":"k","sentAt":"t","batch":[]}', [], "t", "k"),
    ),
    "a single event": (b'{"batch":[1]}', False, Body(b'{"batch":[1]}', None, None, None)),
    "nothing": (b"", True, "body_empty"),
    "blanks": (b" \r\n\t", True, "body_empty"),
    "over the limit": (b'{"batch":[]}' + b" " * MAX_BODY_BYTES, True, "body_too_large"),
    "10 MB": (b"[" * 10_000_000, True, "body_too_large"),
    "more events than any page has": (b'{"batch":[' + b"1," * MAX_EVENTS + b"1]}", True, "too_many_events"),
    "no JSON": (b"batch=1", True, "json_invalid"),
    "half of it": (b'{"batch":[', True, "json_invalid"),
    "two bodies": (b'{"batch":[]}{}', True, "json_invalid"),
    "a control character": (b'{"batch":["\x00"]}', True, "json_invalid"),
    "UTF-16": ('{"batch":[]}'.encode("utf-16"), True, "json_invalid"),
    "a list": (b"[]", True, "shape_invalid"),
    "a text": (b'"batch"', True, "shape_invalid"),
    "null": (b"null", True, "shape_invalid"),
    "no batch": (b"{}", True, "shape_invalid"),
    "batch is an object": (b'{"batch":{}}', True, "shape_invalid"),
    "batch is null": (b'{"batch":null}', True, "shape_invalid"),
    "a key that is a number": (b'{"writeKey":5,"batch":[]}', True, "shape_invalid"),
    "a single event that is a list": (b"[]", False, "shape_invalid"),
    "endless nesting": (b'{"batch":[' + b"[" * 200_000 + b"]" * 200_000 + b"]}", True, "too_deep"),
    "endless nesting beside the batch": (b'{"x":' + b'{"a":' * 80_000 + b"1" + b"}" * 80_001, True, "too_deep"),
    "endless nesting without an end": (b'{"x":' + b"[" * 400_000, True, "too_deep"),
}


@pytest.mark.parametrize(("raw", "is_batch", "expected"), BODIES.values(), ids=BODIES.keys())
def test_the_outline_of_a_body_is_read_or_refused(raw: bytes, is_batch: bool, expected: Body | str) -> None:
    try:
        found: Body | str = read_body(raw, is_batch=is_batch)
    except Refused as refused:
        found = refused.reason
    assert found == expected


def test_every_reason_to_refuse_a_body_has_a_case() -> None:
    found = {expected for *_, expected in (*INFLATED.values(), *BODIES.values()) if isinstance(expected, str)}
    # Those of the key, the origin, the method, the queue and the quotas are in test_collect, test_front and test_collector.
    elsewhere = {
        "body_too_slow",
        "write_key_missing",
        "write_key_unknown",
        "origin_not_allowed",
        "method_not_allowed",
        "overloaded",
        "queue_unavailable",
        "key_quota_exceeded",
        "address_quota_exceeded",
        "visitor_quota_exceeded",
    }
    assert found == set(get_args(RequestRefusal)) - elsewhere


# Whatever comes


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["page", "track", "Page Engaged", iso(NOW), "0001-01-01", "//x", "https://[x", "\0", "9" * 30]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = {
    *("type", "messageId", "anonymousId", "userId", "previousId", "groupId", "event", "name", "timestamp", "sentAt"),
    *("properties", "traits", "context"),
}
DETAIL = {
    *("url", "path", "title", "referrer", "search", "view_id", "engaged_ms", "scroll_percent", "page", "campaign"),
    "userAgent",
}
EVENTS = st.dictionaries(
    st.sampled_from(sorted(FIELDS)), JSON | st.dictionaries(st.sampled_from(sorted(DETAIL)), JSON, max_size=5), max_size=8
).map(lambda event: {"type": "page", "userId": "a"} | event)


def assert_told(raw: bytes, kind: str | None, caller: Caller) -> None:
    try:
        body = read_body(raw, is_batch=kind is None)
    except Refused:
        return
    admission = admit(body, kind, caller, NOW, check_numbers=True)
    assert len(admission.events) + len(admission.rejected) == (1 if body.batch is None else len(body.batch))
    assert {rejected.reason for rejected in admission.rejected} <= set(get_args(EventRefusal))
    msgspec.msgpack.encode(admission.events)
    for key, event in admission.events:
        assert 0 < len(key) <= 210
        assert caller.oldest_ms <= event.at <= NOW
        assert "\0" not in json.dumps(msgspec.to_builtins(event), ensure_ascii=False)


@given(st.lists(EVENTS | JSON, max_size=4), st.booleans(), JSON)
def test_no_batch_raises_anything_but_a_refusal(events: list[Any], trusted: bool, sent_at: Any) -> None:
    raw = json.dumps({"batch": events, "sentAt": sent_at}).encode()
    assert_told(raw, None, SERVER if trusted else PUBLIC)


@given(EVENTS, st.sampled_from(["page", "track", "identify", "group", "alias"]))
def test_no_single_event_raises_anything_but_a_refusal(event: Any, kind: str) -> None:
    assert_told(json.dumps(event, ensure_ascii=False).encode(errors="surrogatepass"), kind, PUBLIC)


@given(st.binary(max_size=100) | st.text(alphabet='{}[]":,\\u0dD8 1e-.tn', max_size=60).map(str.encode), st.booleans())
def test_no_bytes_raise_anything_but_a_refusal(raw: bytes, is_batch: bool) -> None:
    for body in (raw, b'{"batch":[' + raw + b"]}", b'{"batch":[{"type":"page","userId":"a","name":"' + raw + b'"}]}'):
        assert_told(body, None if is_batch else "page", PUBLIC)


@given(st.binary(max_size=100), st.sampled_from(["gzip", "deflate", "identity", "", "\x00", "gzip;q=1"]))
def test_no_encoding_raises_anything_but_a_refusal(body: bytes, encoding: str) -> None:
    for sent in (body, gzip.compress(b"{}", mtime=0)[:10] + body):
        try:
            assert len(inflate(sent, encoding)) <= MAX_BODY_BYTES
        except Refused:
            continue
