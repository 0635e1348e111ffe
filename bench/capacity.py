"""What an event weighs and what a process holds: bytes in database and queue, the cost of small batches, memory.

With drain, ingest and whole it gives the figures from which ``docs/scale.md`` is reckoned (``bench/figures.toml``).
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import text

from bench.databases import database, kinds
from bench.drain import material
from bench.peers_systems import Stores, memory_mib, scratch, stores, tree, warmtrail
from bench.report import Section, spread
from scorer.resources import now_ms, prepare_database
from scorer.scoring import score_visitors
from scorer.sites import found_site
from tests import services
from tracker import batch, queue
from tracker.db import Database
from tracker.drain import BATCH_ENTRIES
from tracker.sites import SiteSettings

ROUNDS = 5
EVENTS = 40_000
SIZES = (1, 20, 200, 2_000)
_ROLES: Final = {"collector": "collector", "drain-": "worker", "care": "worker-care", "cron": "cron"}
_SIZE: Final = {
    "sqlite": "SELECT coalesce(m.tbl_name, d.name), sum(d.pgsize) FROM dbstat d "
    "LEFT JOIN sqlite_master m ON m.name = d.name GROUP BY 1",
    "postgresql": "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
    "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
}


def run(smoke: bool) -> Section:
    """Measure sizes, small batches and memory."""
    rounds, count, sizes = (1, 400, SIZES[:2]) if smoke else (ROUNDS, EVENTS, SIZES)
    section = Section(
        "capacity",
        "Capacity: sizes, small batches, memory",
        f"{count:,} events as in `bench drain`, drained into an empty database; bytes with all indexes. A visitor is "
        "with its lead and its score. A batch: the whole transaction of so many events, its commit on the disk. "
        "Entry: one event in the queue. Memory: proportional, of the idle service on PostgreSQL.",
        ("what", "found"),
    )
    for kind in ["SQLite"] if smoke else kinds():
        with database(kind) as made:
            section.rows += _sizes(kind, made, count)
    try:
        with scratch() as folder, stores(folder, postgres=not smoke) as own:
            url = f"sqlite:///{folder / 'batches.db'}" if smoke else own.database
            section.rows += _batches(url, rounds, sizes)
            section.rows += _entries(own, folder, count)
        section.rows += [] if smoke else _memory()
    except services.Missing as missing:
        section.notes.append(f"The rest is not measured: {missing}")
    return section


def _sizes(kind: str, made: Database, count: int) -> list[tuple[str, ...]]:
    before = _tables(made)
    entries, _ = material(count)
    wal = _wal(made)
    for at in range(0, count, BATCH_ENTRIES):
        batch.process(made, entries[at : at + BATCH_ENTRIES], score_visitors)
    wal = _wal(made) - wal
    grown = {name: size - before.get(name, 0) for name, size in _tables(made).items()}
    events, visits = grown.pop("events"), grown.pop("visits")
    with made.reading() as connection:
        rows = {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in ("visits", "visitors")
        }
    found = [
        ("an event", events / count),
        ("a visit", visits / rows["visits"]),
        ("a visitor", sum(grown.values()) / rows["visitors"]),
    ]
    if wal:
        found.append(("an event, in the write-ahead log", wal / count))
    return [(f"{kind}: bytes {what}", f"{size:,.0f}") for what, size in found]


def _tables(made: Database) -> dict[str, int]:
    with made.reading() as connection:
        rows = connection.execute(text(_SIZE[made.engine.dialect.name])).all()
    return {str(name): int(size) for name, size in rows}


def _wal(made: Database) -> int:
    if made.engine.dialect.name != "postgresql":
        return 0
    with made.reading() as connection:
        return int(connection.execute(text("SELECT pg_current_wal_lsn() - '0/0'")).scalar_one())


def _batches(url: str, rounds: int, sizes: tuple[int, ...]) -> list[tuple[str, ...]]:
    with closing(Database(url)) as made:
        prepare_database(made)
        with made.writing() as connection:
            found_site(connection, "bench", SiteSettings(), now_ms())
        entries, _ = material((rounds + 1) * sum(sizes))
        at, times = 0, dict[int, list[float]]()
        for _ in range(rounds + 1):
            for size in sizes:
                start = time.perf_counter()
                batch.process(made, entries[at : at + size], score_visitors)
                times.setdefault(size, []).append((time.perf_counter() - start) * 1000)
                at += size
    # The first round warmed up.
    kind = "SQLite" if made.engine.dialect.name == "sqlite" else "PostgreSQL"
    return [(f"{kind}: ms a batch of {size:,}", spread(some[1:], 1)) for size, some in times.items()]


def _entries(own: Stores, folder: Path, count: int) -> list[tuple[str, ...]]:
    with closing(queue.connect(own.valkey)) as client:
        before = client.info("memory")["used_memory"]
        queue.append(client, 1, [(partition, 1, packed) for partition, _, packed in material(count)[0]])
        held = client.info("memory")["used_memory"] - before
    logged = sum(file.stat().st_size for file in (folder / "appendonlydir").iterdir())
    return [
        ("queue: bytes an entry, in memory", f"{held / count:,.0f}"),
        ("queue: bytes an entry, in the append-only file", f"{logged / count:,.0f}"),
    ]


def _memory() -> list[tuple[str, ...]]:
    with scratch() as folder, stores(folder) as own, warmtrail(sqlite=False).start(own, folder) as made:
        time.sleep(3)
        found: dict[str, float] = {}
        for pid in tree(made.programs):
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            role = next(
                (role for mark, role in _ROLES.items() if any(word.startswith(mark) for word in words)), "supervisor"
            )
            found[role] = found.get(role, 0) + memory_mib([pid])
        queue_mib = memory_mib([own.valkey_pid])
    return [(f"memory: {role}, MiB", f"{mib:,.0f}") for role, mib in {**found, "Valkey, empty": queue_mib}.items()]
