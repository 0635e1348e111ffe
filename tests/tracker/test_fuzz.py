"""Bodies that nobody would send, to the collector: right ones that were changed in a few places, by their structure and
byte by byte. Whatever comes, each is answered by 200 or refused by name, and what is accepted can be processed.

``WARMTRAIL_FUZZ_BODIES=200000 pytest tests/tracker/test_fuzz.py`` tries so many; ``WARMTRAIL_FUZZ_SEED`` repeats a run.
"""

from __future__ import annotations

import gc
import gzip
import json
import os
import random
from pathlib import Path
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from scorer.scorecards import add_first_card
from scorer.scoring import score_visitors
from tests.tracker.conftest import CHROME, NOW, iso
from tracker.batch import process_surely
from tracker.collect import ROUTES, Accepted, Answer, KnownKey, Limits, Request, decide
from tracker.core.entries import unpack
from tracker.core.refusals import EXPLANATION
from tracker.db import Database
from tracker.dead_letters import count_dead_letters
from tracker.sites import SiteSettings, add_site

BODIES: Final = int(os.environ.get("WARMTRAIL_FUZZ_BODIES", "0"))
SEED: Final = int(os.environ.get("WARMTRAIL_FUZZ_SEED", "8"))
EXAMPLES: Final = 300
LIMITS: Final = Limits(16, 7 * 86_400_000)
STRANGE: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 1e308, -0.0, 1e-320),
    *("", " ", "\x00", "\ud800", "\udfff\ud800", "\ufffe", "\u202e", "a" * 201, "a" * 3000, "é" * 1000, "😀" * 300, "\r\n"),
    *([], {}, [[]], {"": ""}, [None], {"a": {"a": {"a": {}}}}, [{}] * 50, "null", "true", "[]", "{}"),
    *("2026-11-20T09:00:00Z", "0000-00-00", "9999-12-31T23:59:59.999999+14:00", "2026-11-20T24:00:00Z", "1e3", "-1", "NaN"),
    *(
        "javascript:alert(1)",
        "http://[::1",
        "https://",
        "//x",
        "/",
        "https://a\x00b/",
        "http://a:99999999/",
        "https://ü.example/",
    ),
    *(
        "page",
        "track",
        "identify",
        "group",
        "alias",
        "screen",
        "Page Engaged",
        "File Downloaded",
        "Consent Withdrawn",
        "Lead Won",
    ),
)
NAMES: Final = (
    *("type", "messageId", "anonymousId", "userId", "previousId", "groupId", "event", "name", "timestamp", "sentAt"),
    *("properties", "traits", "context", "batch", "writeKey", "cookieless", "url", "title", "referrer", "view_id", "value"),
    *(
        "engaged_ms",
        "scroll_percent",
        "page",
        "path",
        "campaign",
        "userAgent",
        "automation",
        "location",
        "email",
        "",
        "\x00",
    ),
)
ENCODINGS: Final = (None, "gzip", "identity", "x-gzip", "deflate", "br", "", "GZIP ", "gzip, gzip", "\x00")
Draw = random.Random


def valid(kind: str, number: int, now: int) -> dict[str, Any]:
    """A right event of a kind."""
    event: dict[str, Any] = {
        "type": kind,
        "messageId": f"m-{number}",
        "anonymousId": f"v-{number % 7}",
        "timestamp": iso(now),
    }
    event["context"] = {"locale": "de-DE", "timezone": "Europe/Berlin", "userAgent": CHROME, "campaign": {"source": "x"}}
    shown = {"url": f"https://shop.example/pricing/{number}", "title": "Pricing", "referrer": "https://www.google.com/"}
    if kind == "page":
        event["properties"] = shown | {"view_id": "w"}
    elif kind == "track":
        name = ("Page Engaged", "File Downloaded", "Form Submitted", "Lead Won")[number % 4]
        event |= {"event": name, "properties": shown | {"view_id": "w", "engaged_ms": 5000, "value": 3, "form_id": "f"}}
    else:
        event |= {"userId": "u", "previousId": "p", "groupId": "g"}
        event["traits"] = {
            "email": "ada@halden.example",
            "name": "Ada",
            "company": {"name": "Halden", "website": "x.example"},
        }
    return event


def mutated(draw: Draw, value: Any, depth: int = 0) -> Any:
    """The value with one place of it changed, as its structure suggests."""
    if depth > 6 or draw.random() < 0.15:
        return draw.choice(STRANGE)
    if isinstance(value, dict) and value:
        changed = dict(value)
        key = draw.choice(list(changed))
        what = draw.randrange(6)
        if what == 0:
            del changed[key]
        elif what == 1:
            changed[draw.choice(NAMES)] = draw.choice(STRANGE)
        elif what == 2:
            changed[draw.choice(NAMES)] = changed.pop(key)
        else:
            changed[key] = mutated(draw, changed[key], depth + 1)
        return changed
    if isinstance(value, list) and value:
        at = draw.randrange(len(value))
        return [*value[:at], mutated(draw, value[at], depth + 1), *value[at:], *(value[:at] if draw.random() < 0.2 else [])]
    if isinstance(value, str) and value:
        at = draw.randrange(len(value))
        return value[:at] + str(draw.choice(STRANGE)) + value[at + draw.randrange(2) :]
    return draw.choice(STRANGE)


def torn(draw: Draw, body: bytes) -> bytes:
    """The bytes with a few of them changed, cut out, repeated or nested."""
    at, to = sorted((draw.randrange(len(body) + 1), draw.randrange(len(body) + 1)))
    what = draw.randrange(6)
    if what == 0:
        return body[:at]
    if what == 1:
        return body[:at] + bytes([draw.randrange(256)]) + body[at + 1 :]
    if what == 2:
        return body[:at] + body[to:]
    if what == 3:
        return body[:to] + body[at:to] * draw.randrange(1, 30) + body[to:]
    if what == 4:
        deep = draw.randrange(1, 3000)
        return b"[" * deep + body + b"]" * draw.choice((deep, 0))
    return body.replace(b'"', draw.choice((b"'", b"", b'\\"', b'"\\u0000', b'"\\ud800')), draw.randrange(1, 9))


def request(draw: Draw, now: int = NOW) -> Request:
    """A request that was right before it was changed."""
    route = draw.choice(list(ROUTES))
    number = draw.randrange(1000)
    kinds = ("page", "track", "identify", "group", "alias")
    one = valid(ROUTES[route] or draw.choice(kinds), number, now)
    body: Any = {"batch": [one, valid(draw.choice(kinds), number + 1, now)], "sentAt": iso(now)} if route == "batch" else one
    if draw.random() < 0.9:
        body["writeKey"] = draw.choice(("wk", "wk", "wk", "unknown"))
    for _ in range(draw.randrange(4)):
        body = mutated(draw, body)
    raw = json.dumps(body, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")
    if draw.random() < 0.3:
        raw = torn(draw, raw)
    headers = {"user-agent": draw.choice((CHROME, "", "x" * 5000, "\xff"))}
    if draw.random() < 0.3:
        encoding = draw.choice(ENCODINGS)
        if encoding is not None:
            headers["content-encoding"] = encoding
        if draw.random() < 0.7:
            raw = gzip.compress(raw, 1)
            raw = torn(draw, raw) if draw.random() < 0.3 else raw
    for name, values in {
        "origin": ("https://shop.example", "null", "http://[::1", "\x00", "https://" + "a" * 3000),
        "authorization": ("Basic d2s6", "Basic !!!", "Basic", "Bearer x", "Basic /w==", "Basic c2s6"),
        "x-forwarded-for": ("1.2.3.4", "::1", "x", ",,,", "1.2.3.4, " * 500, "[::1]:80"),
        "cookie": ("a=b", "; ; =", "\x00", "_wt=x"),
        "sec-gpc": ("1", "x"),
    }.items():
        if draw.random() < 0.15:
            headers[name] = draw.choice(values)
    return Request(route, headers, raw, now, draw.choice(("127.0.0.1", "", "::1", "x")))


class Keys:
    """One site's keys."""

    def find(self, key: str) -> KnownKey | None:
        return {"wk": KnownKey(1, False), "sk": KnownKey(1, True)}.get(key)


def answered(wanted: Request) -> Accepted | None:
    """What is accepted of a request; fails where it isn't answered as it should be."""
    decision = decide(wanted, Keys(), LIMITS, b"secret", lambda address: "")
    answer = decision if isinstance(decision, Answer) else decision.answer
    assert answer.status in (200, 400, 401, 403, 413, 415), answer
    told = json.loads(answer.body)
    assert told["success"] is (answer.status == 200)
    assert not answer.reason or answer.reason in EXPLANATION
    assert "\r" not in answer.cookie
    assert "\n" not in answer.cookie
    if isinstance(decision, Answer):
        return None
    assert decision.received < 6000
    for _, _, packed in decision.entries:
        assert len(packed) < 20 * len(wanted.body) + 20_000
        unpack(packed)
    return decision


@settings(max_examples=EXAMPLES)
@given(st.randoms(use_true_random=False))
def test_every_body_is_accepted_or_refused_by_name(draw: Draw) -> None:
    answered(request(draw))


def prepared(database: Database) -> None:
    with database.writing() as connection:
        site = add_site(connection, "shop", SiteSettings(), 1)
        assert site.id == 1
        add_first_card(connection, site.id, 1)


def process(database: Database, accepted: list[Accepted], first: int) -> None:
    """Let the drain have what was accepted; none of it makes it fail."""
    packed = [(partition, entry) for one in accepted for partition, _, entry in one.entries]
    batch = [(partition, f"{NOW}-{first + number}", entry) for number, (partition, entry) in enumerate(packed)]
    process_surely(database, batch, score_visitors, now_ms=NOW)


def failed(database: Database) -> list[Any]:
    with database.reading() as connection:
        return [one for one in count_dead_letters(connection) if one[1] == "processing_failed"]


def test_what_is_accepted_can_be_processed(sqlite_database: Database) -> None:
    prepared(sqlite_database)
    draw = random.Random(SEED)
    found = [answered(request(draw)) for _ in range(EXAMPLES)]
    accepted = [one for one in found if one is not None and one.entries]
    assert len(accepted) > EXAMPLES / 10
    process(sqlite_database, accepted, 1)
    assert failed(sqlite_database) == []


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_many_bodies_leave_nothing_behind(sqlite_database: Database) -> None:
    """By default a few, which shows that the long run works."""
    prepared(sqlite_database)
    count, sample = BODIES or 500, 50
    draw = random.Random(SEED + 1)
    kept: list[Accepted] = []
    after_first: int | None = None
    for number in range(count):
        found = answered(request(draw))
        if found is not None and found.entries and number % sample == 0:
            kept.append(found)
        if number == count // 4:
            gc.collect()
            after_first = resident()
    gc.collect()
    assert after_first is not None
    assert resident() - after_first < 40_000_000
    for at in range(0, len(kept), 100):
        process(sqlite_database, kept[at : at + 100], 1 + at * 1000)
    assert failed(sqlite_database) == []
