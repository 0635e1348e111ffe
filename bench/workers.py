"""Two workers on one PostgreSQL beside one: how much faster, what CPU it takes, and whether they wait for each other."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from typing import Final

import msgspec
import psycopg

from bench.databases import database, kinds
from bench.growth import entries
from bench.live import database_cpu
from bench.report import Section, spread
from scorer.scoring import score_visitors
from tracker import batch
from tracker.core.entries import unpack
from tracker.db import Database
from tracker.drain import BATCH_ENTRIES, spare_what_is_loaded

ROUNDS = 5
EVENTS = 40_000
PARTITIONS: Final = 16
NEWS_EVERY: Final = 100
"""One event of so many says who its visitor is, which is news to sales: the feed's one counter is taken for it."""


def run(smoke: bool) -> Section:
    """Measure one worker and two."""
    rounds, count = (1, 2_000) if smoke else (ROUNDS, EVENTS)
    section = Section(
        "workers",
        "Two workers on PostgreSQL",
        f"{count:,} events in all, one event an entry, one of {NEWS_EVERY} with news for sales; {PARTITIONS} partitions, "
        "shared out among the workers, each a process of its own. Workers and database on "
        f"{os.cpu_count()} cores; commits reach the disk. Waiting for locks: share of the times looked at, every 10 ms, at "
        "which a worker's connection waited for another's lock. Cores: CPU of all of them over the time it took.",
        (
            "workers",
            "events/s",
            "× one",
            "worker, CPU µs an event",
            "PostgreSQL, CPU µs an event",
            "cores",
            "waiting for locks",
        ),
    )
    if "PostgreSQL" not in kinds():
        section.notes.append("Not measured: there is no PostgreSQL on this machine.")
        return section
    runs: dict[int, list[_Run]] = {1: [], 2: []}
    for _ in range(rounds):
        for workers in runs:
            runs[workers].append(_measure(workers, count))
    for workers, found in runs.items():
        ratio = statistics.median(one.per_second / alone.per_second for one, alone in zip(found, runs[1], strict=True))
        waited = sum((one.waits for one in found), Counter())
        section.rows.append(
            (
                f"{workers}",
                spread([one.per_second for one in found]),
                f"{ratio:.2f}",
                spread([one.worker_us for one in found]),
                spread([one.database_us for one in found]),
                spread([one.cores for one in found], 2),
                f"{waited['Lock'] / max(1, waited.total()):.1%}",
            )
        )
    return section


class _Run(msgspec.Struct):
    per_second: float
    worker_us: float
    database_us: float
    cores: float
    waits: Counter[str]
    """How often connections were seen in what state: the kind of what they waited for, empty where they didn't."""


def _measure(workers: int, count: int) -> _Run:
    context = multiprocessing.get_context("spawn")
    with database("PostgreSQL", durable=True) as made:
        url = made.engine.url.render_as_string(hide_password=False)
        barrier, done = context.Barrier(workers + 1), context.SimpleQueue()
        processes = [
            context.Process(target=_work, args=(url, place, workers, count, barrier, done)) for place in range(workers)
        ]
        for process in processes:
            process.start()
        barrier.wait(120)
        before, start = database_cpu(made), time.perf_counter()
        with _watching(url) as waits:
            used = [done.get() for _ in processes]
        seconds, database_used = time.perf_counter() - start, database_cpu(made) - before
        for process in processes:
            process.join(30)
    total = sum(cpu for cpu, _ in used)
    events = sum(drained for _, drained in used)
    return _Run(
        events / seconds, total / events * 1e6, database_used / events * 1e6, (total + database_used) / seconds, waits
    )


def _work(url: str, place: int, workers: int, count: int, barrier: Barrier, done: SimpleQueue[tuple[float, int]]) -> None:
    """One worker's process: drain the partitions that are its own."""
    made = Database(url)
    mine = [entry for entry in islice(_with_news(), count) if entry[0] % workers == place]
    spare_what_is_loaded()
    barrier.wait(120)
    cpu = time.process_time()
    for start in range(0, len(mine), BATCH_ENTRIES):
        batch.process(made, mine[start : start + BATCH_ENTRIES], score_visitors)
    done.put((time.process_time() - cpu, len(mine)))
    made.close()


def _with_news() -> Iterator[batch.QueueEntry]:
    encode = msgspec.msgpack.encode
    for number, (partition, entry_id, packed) in enumerate(entries()):
        if number % NEWS_EVERY == 0:
            entry = unpack(packed)
            ((key, event),) = entry.events
            told = {"email": f"{key}@works-{number % 900}.example", "name": f"Person {number}"}
            said = msgspec.structs.replace(event, kind="identify", name="", url="", properties=told)
            packed = encode(msgspec.structs.replace(entry, events=[(key, said)]))
        yield partition, entry_id, packed


@contextmanager
def _watching(url: str) -> Iterator[Counter[str]]:
    """Look every 10 ms, until the block ends, at what the connections to a database wait for."""
    seen: Counter[str] = Counter()
    ended = threading.Event()
    query = (
        "SELECT coalesce(wait_event_type, '') FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND state <> 'idle'"
    )

    def look() -> None:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            while not ended.wait(0.01):
                seen.update(row[0] for row in connection.execute(query))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
