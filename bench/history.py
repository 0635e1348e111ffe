"""Whole history: every lead of a site folded from its first event, from the database, from an archive, on Spark.

Each fold makes what rescoring makes of a lead, without writing it, and all must come to the same. Measured, too: what it
takes to write the archive, and its bytes an event.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from bench.databases import database
from bench.report import Section, spread
from scorer.archive import days, ledger, writing
from scorer.archive.days import Held
from scorer.archive.places import Place
from scorer.core.decay import DAY_MS
from scorer.core.lead_folds import FoldedScore, Landmarked, ScoreWork, fold_scores
from scorer.core.rules import Card
from scorer.engines.processes import Processes
from scorer.models import leads
from scorer.rescoring import read_histories
from scorer.resources import now_ms
from scorer.scorecards import current_cards
from scorer.scoring import score_visitors
from scorer.whole_history import Engine, WholeHistory
from tests import services
from tracker.batch import process_surely
from tracker.core.admission import OLDEST_MS, Caller, admit, read_body
from tracker.core.entries import RequestInfo, split
from tracker.db import Database
from tracker.sites import Site, load_sites

EVENTS = 1_000_000
DAYS = 60
PARTITIONS = 8
_AT_ONCE = 250
_PATHS = ("/", "/pricing", "/products/pump", "/products/valve", "/blog/a", "/blog/b", "/contact", "/docs/x", "/cases/y")
_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0"

States = dict[str, bytes]
"""What was folded of each lead, packed."""


def run(smoke: bool) -> Section:
    """Measure; *smoke* folds a few thousand events, and not on Spark."""
    section = Section(
        "history",
        "Whole history, folded",
        f"{DAYS} days of page views, engaged time and names, drained into SQLite and archived to a local folder "
        f"in {PARTITIONS} partitions. Every lead is folded from its first event, once by each engine in turn; what comes of "
        "it is the same to the last bit, or this says nothing. Spark is a cluster of two executors on this machine, already "
        "started.",
        ("from", "events/s", "seconds", "of the database's"),
    )
    events = 4_000 if smoke else EVENTS
    with database("SQLite") as made, TemporaryDirectory(prefix="warmtrail-bench-") as folder:
        now = now_ms()
        _fill(made, events, now)
        place = Place(folder)
        seconds, stored, held = _archive(made, place, now)
        engines = dict(_engines(smoke))
        rounds = 1 if smoke else 3
        times: dict[str, list[float]] = {"database": [], **{name: [] for name in engines}}
        with made.reading() as connection:
            site, card = next(iter(load_sites(connection).values())), next(iter(current_cards(connection).values())).card
            folds: dict[str, Callable[[], States]] = {"database": lambda: _from_database(connection, site, card)}
            for name, engine in engines.items():
                folds[name] = _by(WholeHistory(place, engine), connection, site, card, now)
            for _ in range(rounds):
                expected: States | None = None
                for name, fold in folds.items():
                    begun = time.perf_counter()
                    states = fold()
                    times[name].append(time.perf_counter() - begun)
                    expected = expected or states
                    if states != expected:
                        raise AssertionError(f"{name} folds otherwise")
            assert expected is not None
        for name, taken in times.items():
            ratios = [one / base for one, base in zip(taken, times["database"], strict=True)]
            section.rows.append((name, spread([stored / one for one in taken]), spread(taken, 1), f"{spread(ratios, 2)} ×"))
        files = [size for some in held.days.values() for size in some.values()]
        section.notes.append(
            f"{stored:,} events of {len(expected):,} leads in {len(files):,} files. Written in {seconds:.1f} s "
            f"({stored / seconds:,.0f} events/s), {sum(files) / stored:.1f} bytes an event; "
            f"the database has {_size(made) / stored:.0f}, with all that follows from events."
        )
    return section


def _engines(smoke: bool) -> Iterator[tuple[str, Engine]]:
    yield "archive, 1 process", Processes(1)
    yield "archive, 2 processes", Processes(2)
    if smoke:
        return
    try:
        services.java()
    except services.Missing:
        return
    from scorer.engines.spark import Spark

    engine = Spark("local-cluster[2,1,1024]")
    engine.session.range(10).mapInArrow(lambda batches: batches, "id long").collect()  # begun, its Python processes, too
    yield "archive, Spark", engine


def _fill(made: Database, events: int, now: int) -> None:
    """Drain so many events, each received on the day on which it happened; the last day is over."""
    chance, site_id, entry = random.Random(5), 1, 0
    people, last = max(20, events // 25), now // DAY_MS - 1
    for day in range(last - DAYS + 1, last + 1):
        received = (day + 1) * DAY_MS - 1
        made_today = list(_day(chance, people, day, events // DAYS))
        for start in range(0, len(made_today), 1000):
            body = read_body(msgspec.json.encode({"batch": made_today[start : start + 1000]}), is_batch=True)
            admission = admit(body, None, Caller(site_id, True, OLDEST_MS), received)
            batch = []
            for partition, _, packed in split(admission, site_id, received, RequestInfo(trusted=True, agent=_AGENT), 16):
                entry += 1
                batch.append((partition, f"{received}-{entry}", packed))
            process_surely(made, batch, score_visitors, now_ms=received)


def _day(chance: random.Random, people: int, day: int, events: int) -> Iterator[dict[str, Any]]:
    made = 0
    while made < events:
        # A few come again and again, most once or twice.
        who, at = f"visitor-{int(people * chance.random() ** 2)}", day * DAY_MS + chance.randrange(80_000_000)
        for place in range(1 + int(chance.random() * 5)):
            view, seen = f"{who}-{at}-{place}", at + place * 90_000
            url = f"https://www.example.com{chance.choice(_PATHS)}"
            yield _event("page", who, seen, properties={"url": url, "title": "A page", "view_id": view})
            made += 1
            if chance.random() < 0.6:
                engaged = {"view_id": view, "engaged_ms": chance.randrange(90_000), "scroll_percent": 60}
                yield _event("track", who, seen + 80_000, event="Page Engaged", properties=engaged)
                made += 1
        if chance.random() < 0.05:
            email = f"p{int(people * chance.random() / 4)}@firm{chance.randrange(500)}.example"
            yield _event("identify", who, at + 600_000, traits={"email": email})
            made += 1


def _event(kind: str, who: str, at: int, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "anonymousId": who, "timestamp": datetime.fromtimestamp(at / 1000, UTC), **fields}


def _archive(made: Database, place: Place, now: int) -> tuple[float, int, Held]:
    begun = time.perf_counter()
    index = days.begin(place, PARTITIONS)
    with made.reading() as connection:
        first = ledger.first_received(connection)
    assert first is not None
    wanted = range(days.day_number(first), days.day_number(now))
    stored = writing.write_days(made, place, Held(index, {}), wanted, now, lambda done, of: None)
    held = days.find(place)
    assert held is not None
    return time.perf_counter() - begun, stored, held


def _from_database(connection: Connection, site: Site, card: Card) -> States:
    states: States = {}
    ids = _ids(connection)
    for start in range(0, len(ids), _AT_ONCE):
        rows = {lead: {"id": lead} for lead in ids[start : start + _AT_ONCE]}
        for lead, history in read_histories(connection, site, rows).items():
            states[lead] = _packed(fold_scores([card], history.streams, with_paths=False))
    return states


def _by(history: WholeHistory, connection: Connection, site: Site, card: Card, now: int) -> Callable[[], States]:
    work = ScoreWork((Landmarked(card.scorecard, card.decay.landmark_ms),), with_paths=False)
    return lambda: {
        lead: _packed(result.scores) for lead, result in history.fold(connection, site, _ids(connection), work, now)
    }


def _ids(connection: Connection) -> list[str]:
    return list(connection.execute(select(leads.c.id).where(leads.c.merged_into.is_(None)).order_by(leads.c.id)).scalars())


def _packed(scores: list[FoldedScore]) -> bytes:
    return msgspec.msgpack.encode(scores[0].state)


def _size(made: Database) -> int:
    with made.reading() as connection:
        pages = connection.exec_driver_sql("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        size: int = pages.scalar_one()
    return size
