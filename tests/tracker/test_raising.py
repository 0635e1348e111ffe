"""Partitions are raised while events flow and processes die: each visitor's events stay in order, and count once."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import ForkServerProcess

import pytest
import redis
from sqlalchemy import text

from scorer.sites import found_site
from tests.service.running import wait_for
from tests.tracker.conftest import MINUTE, NOW, packed, page, totals
from tests.tracker.raising import die_in_the_midst, note_order, work
from tracker import layouts, queue
from tracker.commit import GroupCommit, QueueUnavailable
from tracker.core.layouts import numbers_of
from tracker.db import Database
from tracker.drain import drain
from tracker.layouts import LayoutError, agreed_layouts, raise_partitions, read_layouts
from tracker.progress import read_counts, read_positions
from tracker.sites import SiteSettings

FIRST, WANTED = 4, 6
"""Neither a multiple of the other: a new partition has visitors of two old ones."""
SLOTS = 3
VISITORS = 24


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with queue.connect(redis_url) as made:
        yield made


@pytest.fixture
def site_id(database: Database) -> int:
    return prepared(database)


def prepared(database: Database) -> int:
    with database.writing() as connection:
        kind = "serial" if not database.is_sqlite else "integer"
        connection.execute(text(f"CREATE TABLE processed (number {kind} PRIMARY KEY, key text, page integer)"))
        return found_site(connection, "shop", SiteSettings(), 1).id


def processed(database: Database) -> dict[str, list[int]]:
    """The pages of each visitor, in the order in which they were processed."""
    found: dict[str, list[int]] = {}
    with database.reading() as connection:
        for key, number in connection.execute(text("SELECT key, page FROM processed ORDER BY number")):
            found.setdefault(key, []).append(number)
    return found


def view(visitor: str, number: int) -> dict[str, object]:
    return page(visitor, number, NOW - 1000 * MINUTE + number * 100)


def drain_all(database: Database, client: redis.Redis) -> None:
    """Drain until nothing waits, as the jobs of all slots do one after the other."""

    def waiting() -> list[int]:
        known = agreed_layouts(database, client, FIRST)
        numbers = [number for layout in known for number in numbers_of(layout)]
        return numbers if queue.count_entries(client, numbers) else []

    while numbers := waiting():
        drain(database, client, client, queue.Lease(client, 0, "one"), numbers, note_order, lambda: not waiting())


class Collector:
    """A collector that learns of another layout only when its server refuses it, and never before *late* events."""

    def __init__(self, redis_url: str, site_id: int) -> None:
        self.commit = GroupCommit(redis_url)
        self.site_id = site_id
        self.refused = 0

    async def take(self, event: dict[str, object]) -> None:
        entries = packed(self.site_id, [event], partitions=FIRST)  # Always by the old number: nobody is later.
        before = [number for number, _, _ in entries]
        while True:
            try:
                await self.commit.append(self.site_id, entries)
            except QueueUnavailable:
                await asyncio.sleep(0.01)
                continue
            self.refused += [number for number, _, _ in entries] != before
            return


class Senders:
    """Visitors who each send one event after the other, now to this collector, now to that one."""

    def __init__(self, redis_url: str, site_id: int, *, begin: int) -> None:
        self.sent = begin * VISITORS
        self._begin = begin
        self.refused = 0
        self._stop = threading.Event()
        self._url, self._site_id = redis_url, site_id
        self._thread = ThreadPoolExecutor(1)
        self._done = self._thread.submit(asyncio.run, self._run())

    async def _run(self) -> None:
        collectors = [Collector(self._url, self._site_id) for _ in range(3)]
        await asyncio.gather(*(self._visit(f"v{number}", collectors) for number in range(VISITORS)))
        for collector in collectors:
            await collector.commit.close()
            self.refused += collector.refused

    async def _visit(self, name: str, collectors: list[Collector]) -> None:
        chance = random.Random(name)
        number = self._begin
        while not self._stop.is_set():
            await chance.choice(collectors).take(view(name, number))
            number += 1
            self.sent += 1
            await asyncio.sleep(0.03)

    def end(self) -> None:
        self._stop.set()
        self._done.result(20)
        self._thread.shutdown()


# Each process is forked from one that has loaded the program, and has no threads and connections of this one.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.tracker.raising"])


def start(target: Callable[..., None], *arguments: object) -> ForkServerProcess:
    process = processes.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def test_order_and_number_stay_though_the_raise_and_every_worker_are_killed(
    postgres_database: Database, migrated_postgres_url: str, redis_url: str, client: redis.Redis
) -> None:
    database, site_id = postgres_database, prepared(postgres_database)

    def worker(slot: int) -> ForkServerProcess:
        return start(work, migrated_postgres_url, redis_url, slot, SLOTS, FIRST)

    append(client, site_id, FIRST, range(1))
    workers = [worker(slot) for slot in range(SLOTS)]
    try:
        wait_for(lambda: len(processed(database)) == VISITORS, 30, "nothing is processed")
        senders = Senders(redis_url, site_id, begin=1)
        raising = start(die_in_the_midst, migrated_postgres_url, redis_url, FIRST, WANTED)
        raising.join(20)
        assert raising.exitcode == -signal.SIGKILL
        for slot in range(SLOTS):
            workers[slot].kill()
            workers[slot].join()
            client.delete(queue.slot_key(slot))  # as the next worker of the machine does
            workers[slot] = worker(slot)
        time.sleep(0.2)
        goal = senders.sent + 400
        agreed = agreed_layouts(database, client, FIRST)  # as the next sweep does
        assert agreed[-1] == 100_000 + WANTED
        wait_for(lambda: senders.sent > goal, 20, "nothing is taken")
        senders.end()
        numbers = [number for layout in (FIRST, agreed[-1]) for number in numbers_of(layout)]
        wait_for(lambda: not queue.count_entries(client, numbers), 40, "entries still wait")
    finally:
        for one in workers:
            one.kill()
            one.join()
    found = processed(database)
    assert sum(map(len, found.values())) == senders.sent == totals(database)[site_id].stored
    assert all(pages == list(range(len(pages))) for pages in found.values())
    assert senders.refused > VISITORS  # by the old number, which the server doesn't take any more
    with database.reading() as connection:
        assert read_layouts(connection, FIRST) == [100_000 + WANTED]
        by_partition = {number for number, _ in read_counts(connection)}
    assert by_partition == {*range(FIRST), *numbers_of(100_000 + WANTED)}


def append(client: redis.Redis, site_id: int, partitions: int, numbers: range) -> list[int]:
    """Append views of every visitor, reckoned for a layout; return the partitions that took them."""
    taken = set()
    for number in numbers:
        entries = packed(site_id, [view(f"v{visitor}", number) for visitor in range(VISITORS)], partitions=partitions)
        queue.append(client, site_id, entries)
        taken |= {entry[0] for entry in entries}
    return sorted(taken)


def test_a_new_partition_waits_for_the_old_ones_of_its_visitors(
    database: Database, site_id: int, client: redis.Redis
) -> None:
    assert append(client, site_id, FIRST, range(3)) == [*range(FIRST)]
    after = raise_partitions(database, client, FIRST, 2 * FIRST)
    assert append(client, site_id, after, range(3, 6)) == [*numbers_of(after)]
    lease = queue.Lease(client, 0, "one")
    # Of old partition 1, and of what has visitors of it, only: 1 and 5 of the new. 2 waits for the old 2.
    mine = [1, *(100_000 + index for index in (1, 2, 5))]
    assert drain(database, client, client, lease, mine, note_order, bool) is True  # 1 was closed
    begun = time.monotonic()
    drain(database, client, client, lease, mine, note_order, lambda: time.monotonic() > begun + 0.3)
    assert [queue.count_entries(client, [number]) for number in mine] == [0, 0, 3, 0]
    drain_all(database, client)
    assert processed(database) == {f"v{visitor}": [*range(6)] for visitor in range(VISITORS)}
    assert totals(database)[site_id].appended == 6 * VISITORS
    known = queue.read_appended(client, [*range(FIRST), *numbers_of(after)])
    assert sum(sum(counts.values()) for counts in known.values()) == 6 * VISITORS


def test_who_comes_back_with_the_old_number_is_sent_on_over_every_raise_since(
    database: Database, site_id: int, client: redis.Redis
) -> None:
    append(client, site_id, FIRST, range(1))
    raise_partitions(database, client, FIRST, 5)
    append(client, site_id, FIRST, range(1, 2))
    third = raise_partitions(database, client, FIRST, 7)
    assert append(client, site_id, FIRST, range(2, 3)) == [*numbers_of(third)]
    drain_all(database, client)
    assert append(client, site_id, FIRST, range(3, 4)) == [*numbers_of(third)]
    drain_all(database, client)
    assert processed(database) == {f"v{visitor}": [*range(4)] for visitor in range(VISITORS)}


def flushed(database: Database, client: redis.Redis) -> None:
    client.flushall()


def forgotten(database: Database, client: redis.Redis) -> None:
    with database.writing() as connection:
        connection.execute(text("DELETE FROM partitions"))


@pytest.mark.parametrize("loss", [flushed, forgotten])
def test_after_a_raise_the_queue_may_be_lost_or_the_database_restored_from_before(
    database: Database, site_id: int, client: redis.Redis, loss: Callable[[Database, redis.Redis], None]
) -> None:
    append(client, site_id, FIRST, range(2))
    after = raise_partitions(database, client, FIRST, WANTED)
    drain_all(database, client)
    loss(database, client)
    assert agreed_layouts(database, client, FIRST)[-1] == after
    assert append(client, site_id, after, range(2, 4)) == [*numbers_of(after)]
    drain_all(database, client)
    assert processed(database) == {f"v{visitor}": [*range(4)] for visitor in range(VISITORS)}


def test_a_raise_that_is_none_is_refused(database: Database, client: redis.Redis) -> None:
    raise_partitions(database, client, FIRST, WANTED)
    for wanted in (FIRST, WANTED, 4097):
        with pytest.raises(LayoutError, match="There are 6 partitions"):
            raise_partitions(database, client, FIRST, wanted)


def test_of_two_raises_at_once_one_is_made(postgres_database: Database, client: redis.Redis) -> None:
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(raise_partitions, postgres_database, client, FIRST, WANTED) for _ in range(4)]
    errors = [one.exception() for one in asked]
    assert errors.count(None) == 1
    assert all(isinstance(error, LayoutError) for error in errors if error is not None)
    with postgres_database.reading() as connection:
        numbers = sorted(read_positions(connection))
    assert numbers == [*range(FIRST), *numbers_of(100_000 + WANTED)]
    assert layouts.may_begin(0, {}) is True
