"""Drain: from queue entries to stored visits, scores and lead changes, beside the bare insertion of the same rows."""

from __future__ import annotations

import random
import statistics
import time
from typing import Any

import msgspec

from bench.databases import database, kinds
from bench.report import Section, spread
from scorer.resources import now_ms
from scorer.scoring import score_visitors
from tracker import batch, store
from tracker.core.admission import OLDEST_MS, Caller, admit, read_body
from tracker.core.entries import RequestInfo, split
from tracker.core.events import Event
from tracker.drain import BATCH_ENTRIES, spare_what_is_loaded

ROUNDS = 3
EVENTS = 40_000
VISITORS = 8_000
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"


def run(smoke: bool) -> Section:
    """Measure the drain."""
    rounds, count = (1, 2_000) if smoke else (ROUNDS, EVENTS)
    section = Section(
        "drain",
        "Drain, one worker",
        f"{count:,} events (two page views to one message of engaged time) of {VISITORS:,} visitors, one event an entry, in "
        f"batches of {BATCH_ENTRIES:,}: screening, de-duplication, visits, engaged time, score, leads, lead changes and the "
        "position of the queue in one transaction. Limit: the bare insertion of the same event rows in batches "
        "of the same size. CPU is that of the worker's process.",
        ("database", "events/s", "CPU µs an event", "bare insertion, rows/s", "share of the limit"),
    )
    spare_what_is_loaded()
    entries, rows = material(count)
    for kind in kinds():
        drained: list[tuple[float, float]] = []
        bare: list[float] = []
        for _ in range(rounds):
            drained.append(_drain(kind, entries, count))
            bare.append(_insert(kind, rows))
        share = statistics.median(speed / limit for (speed, _), limit in zip(drained, bare, strict=True))
        section.rows.append(
            (
                kind,
                spread([speed for speed, _ in drained]),
                spread([cpu for _, cpu in drained]),
                spread(bare),
                f"{share:.2f}",
            )
        )
    return section


def _drain(kind: str, entries: list[batch.QueueEntry], count: int) -> tuple[float, float]:
    """Return events a second and CPU µs an event."""
    with database(kind) as made:
        start, cpu = time.perf_counter(), time.process_time()
        for at in range(0, len(entries), BATCH_ENTRIES):
            batch.process(made, entries[at : at + BATCH_ENTRIES], score_visitors)
        return count / (time.perf_counter() - start), (time.process_time() - cpu) / count * 1e6


def _insert(kind: str, rows: list[tuple[Any, ...]]) -> float:
    with database(kind) as made:
        start = time.perf_counter()
        for at in range(0, len(rows), BATCH_ENTRIES):
            with made.writing() as connection:
                store.append_events(connection, rows[at : at + BATCH_ENTRIES])
        return len(rows) / (time.perf_counter() - start)


def material(count: int) -> tuple[list[batch.QueueEntry], list[tuple[Any, ...]]]:
    """Return queue entries, and the ledger rows of the same events."""
    chance = random.Random(7)
    now = now_ms()
    entries: list[batch.QueueEntry] = []
    rows: list[tuple[Any, ...]] = []
    at = now - 6 * 86_400_000
    for number in range(count):
        at += 6 * 86_400_000 // count
        event = _event(number, at, chance)
        body = read_body(msgspec.json.encode({"batch": [event]}), is_batch=True)
        admission = admit(body, None, Caller(1, True, OLDEST_MS), now)
        for partition, _, packed in split(admission, 1, now, RequestInfo(agent=AGENT), 16):
            entries.append((partition, f"{now}-{number}", packed))
        kept: Event = admission.events[0][1]
        rows.append(store.event_row(number % VISITORS, kept, now, None))
    return entries, rows


def _event(number: int, at: int, chance: random.Random) -> dict[str, Any]:
    # Three events in a row are one visit's: a page, another page, and the time spent on that.
    visitor, product = random.Random(number // 3).randrange(VISITORS), chance.randrange(40)
    view = f"view-{number - (number % 3 == 2)}"
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at / 1000)) + f".{at % 1000:03d}Z"
    event: dict[str, Any] = {"messageId": f"m{number}", "anonymousId": f"visitor-{visitor}", "timestamp": moment}
    if number % 3 == 2:
        engaged = {"view_id": view, "engaged_ms": chance.randrange(90_000), "scroll_percent": chance.randrange(100)}
        return event | {"type": "track", "event": "Page Engaged", "properties": engaged}
    page = {
        "url": f"https://shop.example/products/series-{product}?utm_source=newsletter",
        "title": f"Series {product} pumps - Example Engineering",
        "referrer": "https://search.example/?q=pumps",
        "view_id": view,
    }
    return event | {"type": "page", "properties": page, "context": {"locale": "en-GB", "timezone": "Europe/London"}}
