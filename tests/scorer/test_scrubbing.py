"""The files of database and queue are cleaned of what was erased, also when somebody reads or writes them just then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import text

from scorer.data_subjects import Asked
from scorer.erasing import erase
from scorer.scrubbing import KEY, SETTLED_MS, ask, scrub
from tests.factories import HOUR, NOW, World, identify
from tracker import queue
from tracker.commit import COMMIT_SECONDS
from tracker.embedded import EmbeddedServer
from tracker.sites import load_sites

EMAIL = "ada@halden.example"
SLOWLY = "rdb-key-save-delay"
"""Setting of the server: microseconds that writing takes for each key."""


class Installation:
    """A database and a private Valkey whose files have Ada's name, again and again."""

    def __init__(self, database_url: str, server: EmbeddedServer, client: redis.Redis) -> None:
        self.world, self.server, self.client = World(database_url), server, client
        self.now = NOW
        for number in range(40):  # what was written over is somewhere, too
            city = f"zirconium {number}" * 20
            self.world.feed([identify("ada", NOW - number * HOUR, email=EMAIL, city=city)])
        self.passes(queue.stream_key(0))

    def passes(self, key: str) -> None:
        """Let an event of hers wait in the queue, and be processed."""
        entry_id: Any = self.client.xadd(key, {"e": f"of {EMAIL}, zirconium"})
        self.client.xdel(key, entry_id)

    def erase(self) -> None:
        with self.world.database.writing() as connection:
            site = load_sites(connection)[self.world.nordwind.id]
            erase(connection, site, Asked(email=EMAIL), "chen", "asked for by mail", self.now)
        self.now += SETTLED_MS

    def scrub(self) -> bool:
        return scrub(self.world.database, self.client, self.client, 16, self.now)

    def scrubbed(self, seconds: float = 10) -> bool:
        """Whether cron's asking again and again brings it to an end."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.scrub():
                return True
            time.sleep(0.02)
        return False

    def says(self) -> list[str]:
        """The files that name her."""
        where = Path(str(self.world.database.engine.url.database))
        files = [*where.parent.glob(where.name + "*"), *self.server.data_dir.glob("appendonlydir/*")]
        return [file.name for file in files if any(word in file.read_bytes() for word in (b"zirconium", EMAIL.encode()))]

    def told(self, name: str) -> Any:
        told: Any = self.client.info()
        return told[name]


@pytest.fixture
def here(migrated_sqlite_url: str, redis_server: EmbeddedServer, redis_url: str) -> Iterator[Installation]:
    with redis.Redis.from_url(redis_url) as client:
        made = Installation(migrated_sqlite_url, redis_server, client)
        yield made
        client.config_set(SLOWLY, 0)
        made.world.database.close()


def test_no_file_has_it_any_more_and_then_there_is_nothing_to_do(here: Installation) -> None:
    assert len(here.says()) >= 2
    here.erase()
    assert not here.scrub(), "begun"
    assert here.scrubbed()
    assert here.says() == []
    rewritten = here.told("aof_rewrites")
    assert all(here.scrub() for _ in range(3))
    assert here.told("aof_rewrites") == rewritten


def test_whoever_reads_delays_it_and_does_not_prevent_it(here: Installation) -> None:
    with here.world.database.reading() as connection:
        connection.execute(text("SELECT count(*) FROM events")).scalar_one()
        here.erase()
        assert not here.scrubbed(2.5)
        assert any(name.endswith("-wal") for name in here.says())
    assert here.scrubbed()
    assert here.says() == []


def test_a_file_that_was_being_written_anew_before_is_written_once_more(here: Installation) -> None:
    here.client.mset({f"k{number}": "x" for number in range(50)})
    here.client.config_set(SLOWLY, 10_000)
    here.client.xadd(queue.stream_key(1), {"e": f"of {EMAIL}"}, id="1-1")
    here.client.bgrewriteaof()
    wait_for(lambda: here.told("aof_rewrite_in_progress"))
    here.client.xdel(queue.stream_key(1), "1-1")
    here.erase()
    assert not here.scrub()
    assert here.client.hgetall(KEY) == {}
    wait_for(lambda: not here.told("aof_rewrite_in_progress"))
    assert here.says() != []
    here.client.config_set(SLOWLY, 0)
    assert here.scrubbed()
    assert here.says() == []


def test_what_waits_in_the_queue_is_waited_for(here: Installation) -> None:
    key = queue.stream_key(3)
    here.client.xadd(key, {"e": f"of {EMAIL}"}, id=f"{NOW - 1}-0")
    here.erase()
    assert not here.scrubbed(0.5)
    here.client.xdel(key, f"{NOW - 1}-0")
    here.client.xadd(key, {"e": "of somebody else"}, id=f"{NOW + HOUR}-0")
    assert here.scrubbed()
    assert here.says() == []


def test_what_a_collector_may_be_about_to_put_there_too(here: Installation) -> None:
    assert SETTLED_MS >= 2 * COMMIT_SECONDS * 1000
    here.erase()
    here.now -= 1
    assert not here.scrubbed(0.5)
    here.now += 1
    assert here.scrubbed()


@pytest.mark.parametrize("again", ["an erasure", "asked for", "Redis is empty"])
def test_it_is_done_once_more_after(here: Installation, again: str) -> None:
    here.erase()
    assert here.scrubbed()
    rewritten = here.told("aof_rewrites")
    here.passes(queue.stream_key(0))
    assert here.says() != []
    if again == "an erasure":
        here.world.now = here.now = here.now + HOUR
        here.world.feed([identify("ada", NOW, email=EMAIL)])
        here.erase()
    elif again == "asked for":
        ask(here.client)
    else:
        here.client.flushall()
    assert here.scrubbed()
    assert here.says() == []
    assert here.told("aof_rewrites") > rewritten


def test_a_server_that_was_started_anew_meanwhile_begins_again(here: Installation) -> None:
    """Its predecessor may have been killed while it wrote."""
    here.erase()
    assert not here.scrub()
    wait_for(lambda: not here.told("aof_rewrite_in_progress"))
    here.client.hset(KEY, "servers", "another")
    rewritten = here.told("aof_rewrites")
    assert not here.scrub()
    wait_for(lambda: here.told("aof_rewrites") > rewritten)
    assert here.scrubbed()


def wait_for(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
