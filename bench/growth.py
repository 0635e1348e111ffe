"""Growth: the drain on a database of millions of events, beside the same drain on a small one in the same minutes."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import msgspec

from bench.databases import database, kinds
from bench.report import Section, spread
from scorer.resources import now_ms
from scorer.scoring import score_visitors
from tracker import batch
from tracker.checkpoints import Checkpoints
from tracker.core.admission import OLDEST_MS, Admission, Caller, admit, read_body
from tracker.core.entries import RequestInfo, split
from tracker.core.events import Event
from tracker.db import Database
from tracker.drain import BATCH_ENTRIES, spare_what_is_loaded

MARKS = (1_000_000, 5_000_000)
SAMPLE = 20_000
ROUNDS = 7
SMALL = 20_000
RETURNING = 0.4
SPACING_MS = 400
MOST_SLOWER = 1.15
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"


def run(smoke: bool) -> Section:
    """Measure the drain as the database grows."""
    marks, rounds, sample = ((2_000,), 1, 2_000) if smoke else (MARKS, ROUNDS, SAMPLE)
    section = Section(
        "growth",
        "Drain, as the database grows",
        f"Visits of three events (two page views, one message of engaged time); {RETURNING:.0%} of them by somebody who was "
        "there before, and of those everybody alike, which no cache likes. Filled by the drain itself, in batches of "
        f"{BATCH_ENTRIES:,}; then {rounds} times {sample:,} events more, in turn with as many into a database of {SMALL:,}. "
        "Commits reach the disk. Slower: the time an event takes, over that at the first size, each divided by that in the "
        f"small database at the time. Goal: at most {MOST_SLOWER} × slower.",
        ("database", "events stored", "events/s", "small database, events/s", "CPU µs an event", "× slower", "CPU × more"),
    )
    spare_what_is_loaded()
    for kind in kinds():
        section.rows += _grow(kind, marks, rounds, sample, SMALL if not smoke else sample)
    section.notes += [
        f"Missed: {kind}, {stored} events: at most {MOST_SLOWER} × slower, measured {slower}; of the worker's CPU {dearer} "
        "× as much, the rest is waiting for the database."
        for kind, stored, *_, slower, dearer in section.rows
        if float(slower) > MOST_SLOWER
    ]
    return section


def _grow(kind: str, marks: tuple[int, ...], rounds: int, sample: int, small: int) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    first: tuple[float, float] | None = None
    with database(kind, durable=True) as made, _as_served(made):
        grown, stored = _Filling(made), 0
        for mark in marks:
            grown.drain(mark - stored)
            with database(kind, durable=True) as other, _as_served(other):
                beside = _Filling(other)
                beside.drain(small)
                pairs = [(grown.drain(sample), beside.drain(sample)) for _ in range(rounds)]
            stored = mark + rounds * sample
            slower = statistics.median(large[0] / other[0] for large, other in pairs)
            dearer = statistics.median(large[1] / other[1] for large, other in pairs)
            first = first or (slower, dearer)
            rows.append(
                (
                    kind,
                    f"{mark:,}",
                    spread([sample / large[0] for large, _ in pairs]),
                    spread([sample / other[0] for _, other in pairs]),
                    spread([large[1] / sample * 1e6 for large, _ in pairs]),
                    f"{slower / first[0]:.2f}",
                    f"{dearer / first[1]:.2f}",
                )
            )
    return rows


@contextmanager
def _as_served(made: Database) -> Iterator[None]:
    """Look after the database meanwhile as the service does."""
    checkpoints = Checkpoints(made)
    if made.is_sqlite:
        checkpoints.start()
    try:
        yield
    finally:
        if made.is_sqlite:
            checkpoints.stop()


class _Filling:
    """A database, and the stream of events that is on its way into it."""

    def __init__(self, made: Database) -> None:
        self.database = made
        self.entries = entries()

    def drain(self, count: int) -> tuple[float, float]:
        """Drain *count* events more; return the seconds and the CPU seconds that it took this process."""
        seconds = used = 0.0
        while count > 0:
            part = list(islice(self.entries, min(count, BATCH_ENTRIES)))
            start, cpu = time.perf_counter(), time.process_time()
            batch.process(self.database, part, score_visitors)
            seconds += time.perf_counter() - start
            used += time.process_time() - cpu
            count -= len(part)
        return seconds, used


def entries() -> Iterator[batch.QueueEntry]:
    """Yield queue entries without end, one event each: visits of visitors, old and new, that overlap in time."""
    chance = random.Random(7)
    now = now_ms()
    page, engaged = _model("page", now), _model("track", now)
    known, number, at = 0, 0, now - 30 * 86_400_000
    waiting: list[tuple[str, Event]] = []
    while True:
        if known and chance.random() < RETURNING:
            who = chance.randrange(known)
        else:
            who, known = known, known + 1
        views = [f"v{chance.getrandbits(56):014x}" for _ in range(2)]
        for view in views:
            url = f"https://shop.example/products/series-{chance.randrange(400)}?utm_source=newsletter"
            waiting.append((f"visitor-{who}", msgspec.structs.replace(page, url=url, view_id=view)))
        spent = {"view_id": views[1], "engaged_ms": chance.randrange(90_000), "scroll_percent": chance.randrange(100)}
        waiting.append((f"visitor-{who}", msgspec.structs.replace(engaged, **spent)))
        for key, event in waiting:
            at += SPACING_MS
            number += 1
            told = msgspec.structs.replace(event, message_id=chance.randbytes(16), at=min(at, now))
            ((partition, _, packed),) = split(Admission([(key, told)], []), 1, now, RequestInfo(agent=AGENT), 16)
            yield partition, f"{now}-{number}", packed
        waiting.clear()


def _model(kind: str, now: int) -> Event:
    """Return an admitted event of a kind, of which others are made."""
    event: dict[str, object] = {"type": kind, "anonymousId": "somebody", "messageId": os.urandom(8).hex()}
    if kind == "page":
        event["properties"] = {
            "url": "https://shop.example/",
            "title": "Series 40 pumps - Example Engineering",
            "referrer": "https://search.example/?q=pumps",
        }
        event["context"] = {"locale": "en-GB", "timezone": "Europe/London"}
    else:
        event |= {"event": "Page Engaged", "properties": {"view_id": "view", "engaged_ms": 1000, "scroll_percent": 5}}
    body = read_body(msgspec.json.encode({"batch": [event]}), is_batch=True)
    ((_, made),) = admit(body, None, Caller(1, True, OLDEST_MS), now).events
    return made
