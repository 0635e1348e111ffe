"""The queue: appended at once, woken surely, leased to one, accounted for exactly."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import pytest
import redis

from scorer.scoring import score_visitors
from scorer.sites import found_site
from tests.tracker.conftest import packed, page, totals
from tracker import drain as drain_module
from tracker import queue
from tracker.db import Database
from tracker.drain import drain
from tracker.settings import SettingError
from tracker.sites import SiteSettings

JOB = "no.such.job"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with queue.connect(redis_url) as made:
        yield made


def jobs(client: redis.Redis, slot: int = 0) -> int:
    return int(client.llen(f"rq:queue:{queue.drain_queue(slot)}"))  # type: ignore[arg-type]


def appended(client: redis.Redis, partition: int = 0) -> dict[int, int]:
    found: dict[bytes, bytes] = client.hgetall(queue.appended_key(partition))  # type: ignore[assignment]
    return {int(site): int(count) for site, count in found.items()}


def test_one_wake_up_stands_for_all_until_it_is_taken(client: redis.Redis) -> None:
    assert [queue.wake(client, 0, JOB) for _ in range(5)] == [True, False, False, False, False]
    assert jobs(client) == 1
    assert 0 < client.ttl(queue.slot_key(0)) <= queue.QUEUED_SECONDS  # type: ignore[operator]
    assert queue.wake(client, 1, JOB) is True


def test_a_running_drain_is_not_woken(client: redis.Redis) -> None:
    assert queue.Lease(client, 0, "a").take()
    assert queue.wake(client, 0, JOB) is False
    queue.wake_surely(client, 0, JOB)
    assert jobs(client) == 0


def test_drains_are_asked_for_once_however_often(client: redis.Redis) -> None:
    for _ in range(5):
        queue.enqueue_drain(client, 0, JOB)
    assert jobs(client) == 1


def test_a_lost_job_is_asked_for_again(client: redis.Redis) -> None:
    queue.wake(client, 0, JOB)
    client.delete(f"rq:queue:{queue.drain_queue(0)}")
    assert queue.wake(client, 0, JOB) is False
    queue.wake_surely(client, 0, JOB)
    assert jobs(client) == 1
    queue.wake_surely(client, 0, JOB)
    assert jobs(client) == 1


def test_a_slot_belongs_to_one_drain_at_a_time(client: redis.Redis) -> None:
    one, other = queue.Lease(client, 0, "one"), queue.Lease(client, 0, "other")
    assert (one.take(), other.take(), one.keep(), other.keep()) == (True, False, True, False)
    other.leave()  # not its own
    assert client.get(queue.slot_key(0)) == b"one"
    assert 0 < client.ttl(queue.slot_key(0)) <= queue.LEASE_SECONDS  # type: ignore[operator]
    one.leave()
    assert (one.keep(), other.take()) == (False, True)


def test_a_drain_takes_the_slot_from_the_wake_up_that_called_it(client: redis.Redis) -> None:
    queue.wake(client, 0, JOB)
    assert queue.Lease(client, 0, "a").take()
    assert client.get(queue.slot_key(0)) == b"a"


def test_no_entry_is_left_asleep(sqlite_database: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Drains that leave at once race with appends; a wake-up that was lost would last for 30 seconds.
    monkeypatch.setattr(drain_module, "LINGER_SECONDS", 0.0)
    monkeypatch.setattr(drain_module, "DRY_MS", 1)
    with sqlite_database.writing() as connection:
        site_id = found_site(connection, "shop", SiteSettings(), 1).id
    client, done, runs, failed = queue.connect(redis_url), threading.Event(), [], []
    partitions = [0, 1, 2, 3]

    def work(name: str) -> None:
        while not done.is_set():
            if client.blpop([f"rq:queue:{queue.drain_queue(0)}"], timeout=0.1) is None:  # type: ignore[arg-type]
                continue
            lease = queue.Lease(client, 0, f"{name}-{len(runs)}")
            try:
                again = drain(sqlite_database, client, client, lease, partitions, score_visitors, bool)
            except Exception as error:
                failed.append(error)
                return
            runs.append(again)

    def send(name: int) -> None:
        random_ = random.Random(name)
        for number in range(60):
            queue.append(client, site_id, packed(site_id, [page(f"v{name}", number)]))
            queue.wake(client, 0, JOB)
            time.sleep(random_.choice([0, 0, 0.001, 0.005, 0.02]))

    workers = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    senders = [threading.Thread(target=send, args=(name,)) for name in range(3)]
    for thread in (*workers, *senders):
        thread.start()
    for thread in senders:
        thread.join()
    deadline = time.monotonic() + 8
    while queue.count_entries(client, partitions) and time.monotonic() < deadline:
        time.sleep(0.02)
    asleep = queue.count_entries(client, partitions)
    done.set()
    for thread in workers:
        thread.join()
    assert failed == []
    assert asleep == 0
    assert totals(sqlite_database)[site_id].stored == 180
    assert len(runs) > 5  # else nothing raced


def test_entries_are_read_after_their_positions_and_trimmed_up_to_them(client: redis.Redis) -> None:
    queue.append(client, 7, [(0, 2, b"a"), (0, 3, b"b"), (1, 1, b"c")])
    read = queue.read_entries(client, {0: "0-0", 1: "0-0"}, count=10, block_ms=None)
    assert [(number, entry) for number, _, entry in read] == [(0, b"a"), (0, b"b"), (1, b"c")]
    first = read[0][1]
    assert [entry for _, _, entry in queue.read_entries(client, {0: first}, count=10, block_ms=None)] == [b"b"]
    assert [entry for _, _, entry in queue.read_entries(client, {0: "0-0"}, count=1, block_ms=None)] == [b"a"]
    queue.trim(client, {0: first, 1: "0-0", 2: "5-5"})
    assert [queue.count_entries(client, [number]) for number in (0, 1, 2)] == [1, 1, 0]
    assert queue.count_entries(client, [0, 1, 2]) == 2
    queue.trim(client, {0: read[1][1]})
    assert queue.count_entries(client, [0]) == 0
    assert (appended(client, 0), appended(client, 1)) == ({7: 5}, {7: 1})


def test_reading_waits_for_the_first_entry(client: redis.Redis, redis_url: str) -> None:
    begun = time.monotonic()
    assert queue.read_entries(client, {0: "0-0"}, count=10, block_ms=100) == []
    assert time.monotonic() - begun >= 0.1
    timer = threading.Timer(0.1, queue.append, (queue.connect(redis_url), 1, [(0, 1, b"x")]))
    timer.start()
    assert [entry for _, _, entry in queue.read_entries(client, {0: "0-0"}, count=10, block_ms=5000)] == [b"x"]
    assert time.monotonic() - begun < 3


def test_counts_that_are_right_are_left_alone(client: redis.Redis) -> None:
    queue.append(client, 7, packed(7, [page("v", number) for number in range(3)], partitions=1))
    assert queue.settle_accounts(client, 0, "0-0", {}) is False
    assert queue.settle_accounts(client, 0, "0-0", {7: 2}) is False
    assert queue.settle_accounts(client, 0, "0-0", {7: 3}) is False
    assert appended(client) == {7: 3}


def test_counts_lost_with_the_server_are_settled_from_what_was_drained_and_what_waits(client: redis.Redis) -> None:
    for site_id, number in ((7, 2), (7, 3), (8, 1), (9, 4)):
        queue.append(client, site_id, packed(site_id, [page("v", one) for one in range(number)], partitions=1))
    client.xadd(queue.stream_key(0), {queue.ENTRY_FIELD: b"garbage"})
    position = queue.read_entries(client, {0: "0-0"}, count=1, block_ms=None)[0][1]
    client.delete(queue.appended_key(0))
    drained = {7: 100 + 2, 8: 50}
    assert queue.settle_accounts(client, 0, position, drained) is True
    found = appended(client)
    assert {site: count for site, count in found.items() if count} == {7: 105, 8: 51, 9: 4}
    assert queue.settle_accounts(client, 0, position, drained) is False


def test_settling_loses_nothing_that_is_appended_meanwhile(client: redis.Redis, redis_url: str) -> None:
    entry = packed(7, [page("v", 1)], partitions=1)
    stop = threading.Event()
    sent = 0

    def send() -> None:
        nonlocal sent
        own = queue.connect(redis_url)
        while not stop.is_set():
            queue.append(own, 7, entry)
            sent += 1
            time.sleep(0.001)  # Settling tries again until it has a moment to itself.

    thread = threading.Thread(target=send)
    thread.start()
    time.sleep(0.05)
    for drained in (10_000, 20_000, 30_000):
        queue.settle_accounts(client, 0, "0-0", {7: drained})
    stop.set()
    thread.join()
    assert appended(client) == {7: 30_000 + sent}


@pytest.mark.parametrize(
    ("slots", "expected"), [(1, [[0, 1, 2, 3, 4]]), (2, [[0, 2, 4], [1, 3]]), (5, [[0], [1], [2], [3], [4]])]
)
def test_slots_share_out_the_partitions(slots: int, expected: list[list[int]]) -> None:
    assert [queue.partitions_of(slot, slots, 5) for slot in range(slots)] == expected


def test_stream_ids_are_ordered_as_numbers() -> None:
    ids = ["2-0", "10-0", "1-10", "1-9", "0-0", "3"]
    assert sorted(ids, key=queue.id_order) == ["0-0", "1-9", "1-10", "2-0", "3", "10-0"]


def test_a_server_that_would_evict_events_is_refused(client: redis.Redis) -> None:
    queue.check_server(client, "WARMTRAIL_REDIS_URL")
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(SettingError, match=r"WARMTRAIL_REDIS_URL.*noeviction"):
            queue.check_server(client, "WARMTRAIL_REDIS_URL")
    finally:
        client.config_set("maxmemory-policy", "noeviction")
