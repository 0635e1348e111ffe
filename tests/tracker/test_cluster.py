"""The streams on a cluster: what was acknowledged is there, while masters die and hash slots move."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from scorer.scrubbing import scrub
from tests.valkey_cluster import ValkeyCluster
from tracker import queue
from tracker.cluster_commit import open_commit
from tracker.commit import GroupCommit, QueueUnavailable
from tracker.db import Database
from tracker.endpoints import Client, from_each_server, hurried
from tracker.erased import note_erased
from tracker.settings import SettingError

PARTITIONS = 6


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    with ValkeyCluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def entries_of(client: Client, partitions: int = PARTITIONS) -> Counter[bytes]:
    positions = dict.fromkeys(range(partitions), "0-0")
    return Counter(entry for _, _, entry in queue.read_entries(client, positions, count=100_000, block_ms=None))


class Load:
    """Requests that are appended one after the other in so many places at once, and tried again until they are taken."""

    def __init__(self, url: str, *, replicas: int = 0) -> None:
        self.taken: set[bytes] = set()
        self.tried_again = 0
        self._url, self._replicas = url, replicas
        self._stop = threading.Event()
        self._thread = ThreadPoolExecutor(1)
        self._done = self._thread.submit(asyncio.run, self._run())

    async def _run(self) -> None:
        commit = open_commit(self._url, self._replicas)
        await asyncio.gather(*(self._send(commit, place) for place in range(16)))
        await commit.close()

    async def _send(self, commit: GroupCommit, place: int) -> None:
        number = 0
        while not self._stop.is_set():
            entry = b"%d-%d" % (place, number)
            entries = [((place + step) % PARTITIONS, 1, entry + b"/%d" % step) for step in range(2)]
            try:
                await commit.append(7, entries)
            except QueueUnavailable:
                self.tried_again += 1
                await asyncio.sleep(0.02)
                continue
            self.taken.update(one for _, _, one in entries)
            number += 1
            await asyncio.sleep(0.002)

    def until(self, more: int, seconds: float = 15) -> None:
        """Wait until so many more entries have been taken."""
        goal, end = len(self.taken) + more, time.monotonic() + seconds
        while len(self.taken) < goal:
            assert time.monotonic() < end, "nothing is taken"
            time.sleep(0.01)

    def end(self) -> None:
        self._stop.set()
        self._done.result(20)
        self._thread.shutdown()


def test_what_is_appended_is_read_trimmed_and_counted(cluster: ValkeyCluster) -> None:
    client = queue.connect_streams(cluster.url)
    queue.check_server(client, "WARMTRAIL_STREAM_URL")
    numbers = range(100, 106)
    queue.append(client, 7, [(number, 2, b"%d" % number) for number in numbers])
    read = queue.read_entries(client, dict.fromkeys(numbers, "0-0"), count=10, block_ms=None)
    assert sorted((number, entry) for number, _, entry in read) == [(number, b"%d" % number) for number in numbers]
    queue.trim(client, {number: entry_id for number, entry_id, _ in read[:4]})
    assert queue.count_entries(client, list(numbers)) == 2
    assert queue.read_appended(client, numbers) == {number: {7: 2} for number in numbers}
    assert queue.settle_accounts(client, read[0][0], read[0][1], {7: 9}) is True
    assert queue.read_appended(client, [read[0][0]]) == {read[0][0]: {7: 9}}
    begun = time.monotonic()
    timer = threading.Timer(0.1, queue.append, (hurried(client, 1.0), 1, [(104, 1, b"late")]))
    timer.start()
    found = queue.read_entries(client, {number: entry_id for number, entry_id, _ in read}, count=10, block_ms=5000)
    assert [entry for _, _, entry in found] == [b"late"]
    assert time.monotonic() - begun < 2


def test_after_an_erasure_each_master_writes_its_file_anew(
    cluster: ValkeyCluster, sqlite_database: Database, redis_url: str
) -> None:
    client = queue.connect_streams(cluster.url)
    rewritten = [int(one["aof_rewrites"]) for one in from_each_server(client, "INFO")]
    with sqlite_database.writing() as connection:
        note_erased(connection, 1, ["ada"], [], now_ms=1_000)
    with redis.Redis.from_url(redis_url) as control:
        until = time.monotonic() + 20
        while not scrub(sqlite_database, client, control, PARTITIONS, 2_000_000):
            assert time.monotonic() < until
            time.sleep(0.05)
    after = [int(one["aof_rewrites"]) for one in from_each_server(client, "INFO")]
    assert len(after) > 1
    assert all(new > old for new, old in zip(after, rewritten, strict=True))
    client.close()


def test_nothing_acknowledged_is_lost_while_slots_move_and_a_master_dies(
    cluster: ValkeyCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    load = Load(cluster.url, replicas=1)
    load.until(200)
    for partition in (0, 1, 2):
        cluster.move(queue.stream_key(partition), pause=0.05)
        load.until(50)
    moved_at, again = len(load.taken), load.tried_again
    killed = cluster.kill_master_of(queue.stream_key(3))
    refused = load.tried_again
    killed.start().await_answer()  # as the heir's replica: until then nobody confirms what the heir has
    load.until(300)
    load.end()
    found = entries_of(queue.connect_streams(cluster.url))
    with capsys.disabled():
        print(f"\n    {moved_at} entries and {again} retries while slots moved", end=", ")
        print(f"{len(load.taken)} and {load.tried_again} at the end", end=" ")
    assert load.taken - set(found) == set()
    assert again == 0  # a slot on its way is no reason to refuse
    assert refused > 0  # a master without a confirming replica is


def test_a_node_of_a_cluster_is_no_server_of_its_own(cluster: ValkeyCluster) -> None:
    node = cluster.master_of(queue.stream_key(0))
    with node.client() as client, pytest.raises(SettingError, match="node of a cluster"):
        queue.check_server(client, "WARMTRAIL_REDIS_URL")
