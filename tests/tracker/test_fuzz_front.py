"""The changed bodies of ``test_fuzz`` over HTTP, to a running collector process: each is answered, none by a 500, and the
process has no more memory at the end than after the first quarter.

``WARMTRAIL_FUZZ_BODIES=1000000 pytest tests/tracker/test_fuzz_front.py -n 0 -s`` sends so many; ``WARMTRAIL_FUZZ_SEED``
repeats a run. Each twentieth of the way it says how far it is.
"""

from __future__ import annotations

import gc
import http.client
import json
import multiprocessing
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import redis
from sqlalchemy import update

from scorer.resources import prepare_database
from tests.tracker.test_front import Running, is_ready, run_server, wait_until
from tests.tracker.test_fuzz import BODIES, SEED, request
from tracker.core.refusals import EXPLANATION
from tracker.db import Database
from tracker.embedded import EmbeddedServer
from tracker.models import sites
from tracker.sites import SiteSettings, add_site, hash_key

FEW: Final = 400
EMPTIED_EVERY: Final = 2_000
"""Requests after which the queue, which nobody drains here, is emptied."""
GROWN_AT_MOST: Final = 40_000_000


@pytest.fixture
def collector(tmp_path: Path, redis_server: EmbeddedServer) -> Iterator[tuple[Running, int]]:
    """A collector process that knows the keys ``wk`` and ``sk``, and its process id."""
    database_url, url = f"sqlite:///{tmp_path / 'fuzz.db'}", redis_server.start()
    with redis.Redis.from_url(url) as client:
        client.flushall()
    database = Database(database_url)
    prepare_database(database)
    with database.writing() as connection:
        site = add_site(connection, "shop", SiteSettings(), 1)
        connection.execute(update(sites).values(write_key="wk", server_key_hash=hash_key("sk")))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=run_server, args=(port, url, database_url))
    process.start()
    running = Running(port, url, database_url, site)
    wait_until(lambda: is_ready(running) or not process.is_alive(), 30)
    assert process.pid is not None
    yield running, process.pid
    assert process.is_alive(), "it has outlived all that was sent"
    process.terminate()
    process.join(10)


def resident(pid: int) -> int:
    """Bytes of memory that a process holds; its own alone, what it shares with its siblings included."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Sender:
    """One kept connection to the collector, opened again where the server has closed it."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def send(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer."""
        for attempt in (1, 2):
            try:
                self._connection.request("POST", path, body, headers)
                answer = self._connection.getresponse()
                return answer.status, answer.read()
            except (http.client.RemoteDisconnected, ConnectionError):
                self._connection.close()
                if attempt == 2:
                    raise
        raise AssertionError


def test_whatever_is_sent_is_answered_and_leaves_nothing_behind(collector: tuple[Running, int]) -> None:
    running, pid = collector
    draw, count = random.Random(SEED + 2), BODIES or FEW
    sender, outcomes = Sender(running.port), Counter[str]()
    after_first = 0
    with redis.Redis.from_url(running.url) as client:
        for number in range(count):
            wanted = request(draw, time.time_ns() // 1_000_000)
            # Python refuses to send other marks than those of Latin-1.
            headers = {name: wanted.headers.get(name) or "" for name in wanted.headers}  # type: ignore[attr-defined]
            status, told = sender.send(f"/v1/{wanted.route}", wanted.body, headers)
            if any("\x00" in value for value in headers.values()):
                assert status == 400, "no such header gets past the HTTP server"
                outcomes["header refused"] += 1
                continue
            answer = json.loads(told)
            assert status in (200, 400, 401, 403, 413, 415, 503), (status, told)
            assert answer["success"] is (status == 200)
            assert status == 200 or answer["reason"] in EXPLANATION
            outcomes[answer.get("reason") or "accepted"] += 1
            if number % EMPTIED_EVERY == 0:
                client.flushall()
            if number == count // 4:
                gc.collect()
                after_first = resident(pid)
            if BODIES and number % max(1, count // 20) == 0:
                print(f"{number:,} sent, {resident(pid) / 1e6:.1f} MB, {dict(outcomes.most_common())}", flush=True)
    grown = resident(pid) - after_first
    print(f"{count:,} sent, grown by {grown / 1e6:.1f} MB since the first quarter, {dict(outcomes.most_common())}")
    assert grown < GROWN_AT_MOST
    assert outcomes["accepted"] > count / 20
    assert outcomes["overloaded"] + outcomes["queue_unavailable"] < count / 100
