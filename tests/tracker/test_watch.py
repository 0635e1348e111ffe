"""The watch beside the collector's requests: wakes after appends, notices trouble, outlives the server."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tracker import queue
from tracker import watch as watch_module
from tracker.db import Database
from tracker.embedded import EmbeddedServer
from tracker.keys import SiteKeys
from tracker.sites import SiteSettings, add_site
from tracker.watch import QueueWatch

MakeWatch = Callable[..., QueueWatch]


@pytest.fixture
def make_watch(sqlite_database: Database) -> Iterator[MakeWatch]:
    made: list[QueueWatch] = []

    def make(client: redis.Redis, *, max_waiting: int = 100, keys: SiteKeys | None = None) -> QueueWatch:
        own = keys or SiteKeys(sqlite_database)
        watch = QueueWatch(client, client, own, partitions=4, slots=2, max_waiting=max_waiting, job="no.such.job")
        made.append(watch)
        return watch

    yield make
    for watch in made:
        watch.stop()


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def jobs(client: redis.Redis) -> list[Any]:
    return [client.llen(f"rq:queue:{queue.drain_queue(slot)}") for slot in (0, 1)]


def test_only_slots_that_were_touched_are_woken_and_each_once(redis_url: str, make_watch: MakeWatch) -> None:
    client = queue.connect(redis_url)
    watch = make_watch(client)
    watch.start()
    for _ in range(50):
        watch.touched([1, 3])
    wait_until(lambda: jobs(client) == [0, 1])
    watch.touched([2])
    wait_until(lambda: jobs(client) == [1, 1])


class LeavingDrain(redis.Redis):
    """A server on which, at the moment of the first wake-up, a drain leaves and an event comes."""

    at_the_wake_up: Callable[[], None] | None = None

    def set(self, name: Any, *args: Any, **more: Any) -> Any:
        answer = super().set(name, *args, **more)
        if self.at_the_wake_up is not None and name == queue.slot_key(0):
            happens, self.at_the_wake_up = self.at_the_wake_up, None
            happens()
        return answer


def test_an_append_during_a_wake_up_wakes_again(redis_url: str, make_watch: MakeWatch) -> None:
    client = LeavingDrain.from_url(redis_url)
    assert isinstance(client, LeavingDrain)
    lease = queue.Lease(client, 0, "running")
    assert lease.take()
    watch = make_watch(client)

    def leave_and_touch() -> None:
        lease.leave()
        watch.touched([0])

    client.at_the_wake_up = leave_and_touch
    watch.start()
    watch.touched([0])
    wait_until(lambda: jobs(client) == [1, 0])


def test_too_much_waiting_is_trouble_until_it_is_gone(redis_url: str, make_watch: MakeWatch) -> None:
    client = queue.connect(redis_url)
    watch = make_watch(client, max_waiting=10)
    assert watch.trouble == "queue_unavailable"  # Not looked yet.
    watch.start()
    wait_until(lambda: watch.trouble == "")
    queue.append(client, 1, [(number % 4, 1, b"x") for number in range(11)])
    wait_until(lambda: watch.full)
    assert watch.trouble == "queue_full"
    for number in range(4):
        client.delete(queue.stream_key(number))
    wait_until(lambda: watch.trouble == "" and not watch.full)


def test_memory_above_the_mark_is_trouble(tmp_path: Path, make_watch: MakeWatch) -> None:
    server = EmbeddedServer(tmp_path / "valkey")
    client = queue.connect(server.start())
    try:
        watch = make_watch(client)
        used = client.info("memory")["used_memory"]  # type: ignore[index]
        client.config_set("maxmemory", int(used * 1.1))
        watch.start()
        watch.touched([0])
        wait_until(lambda: watch.full)
        client.config_set("maxmemory", used * 100)
        wait_until(lambda: not watch.full)
    finally:
        server.stop()


def test_entries_that_nobody_takes_are_trouble(
    redis_url: str, make_watch: MakeWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "STALLED_SECONDS", 0.5)
    monkeypatch.setattr(watch_module, "LOOK_SECONDS", 0.1)
    client = queue.connect(redis_url)
    watch = make_watch(client)
    watch.start()
    wait_until(lambda: watch.trouble == "")
    queue.append(client, 1, [(0, 1, b"stuck"), (1, 1, b"moves")])
    wait_until(lambda: watch.trouble == "drain_stalled")
    client.xtrim(queue.stream_key(0), maxlen=0)
    wait_until(lambda: watch.trouble == "")


def test_it_outlives_its_server_and_wakes_what_was_due(tmp_path: Path, make_watch: MakeWatch) -> None:
    server = EmbeddedServer(tmp_path / "valkey")
    client = queue.connect(server.start())
    try:
        watch = make_watch(client)
        watch.start()
        wait_until(lambda: watch.trouble == "")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        time.sleep(0.1)
        watch.touched([0])
        time.sleep(0.3)
        server.start()
        wait_until(lambda: jobs(client) == [1, 0])
    finally:
        server.stop()


def test_it_keeps_the_keys_fresh(redis_url: str, sqlite_database: Database, make_watch: MakeWatch) -> None:
    with sqlite_database.writing() as connection:
        site = add_site(connection, "shop", SiteSettings(), 1)
    keys = SiteKeys(sqlite_database)
    assert keys.find(site.write_key) is None
    watch = make_watch(queue.connect(redis_url), keys=keys)
    watch.start()
    wait_until(lambda: keys.find(site.write_key) is not None)


def test_it_ends_promptly(redis_url: str, make_watch: MakeWatch) -> None:
    watch = make_watch(queue.connect(redis_url))
    watch.start()
    begun = time.monotonic()
    watch.stop()
    assert time.monotonic() - begun < 1


class AppendedTo(redis.Redis):
    """A server to which something is appended during every wake-up."""

    at_the_wake_up: Callable[[], None] = staticmethod(lambda: None)

    def set(self, name: Any, *args: Any, **more: Any) -> Any:
        answer = super().set(name, *args, **more)
        if name == queue.slot_key(0):
            self.at_the_wake_up()
        return answer


def test_appends_without_end_do_not_keep_it_from_looking(redis_url: str, make_watch: MakeWatch) -> None:
    client = AppendedTo.from_url(redis_url)
    assert isinstance(client, AppendedTo)
    watch = make_watch(client, max_waiting=10)
    client.at_the_wake_up = lambda: watch.touched([0])
    watch.start()
    watch.touched([0])
    wait_until(lambda: watch.reachable_at > 0)
    queue.append(client, 1, [(0, 1, b"x") for _ in range(11)])
    wait_until(lambda: watch.full)
