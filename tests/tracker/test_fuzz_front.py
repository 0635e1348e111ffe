"""The changed bodies of ``test_fuzz`` over HTTP, to a running collector process: each is answered, none by a 500, and the
process has no more memory at the end than after the first quarter.

``WARMTRAIL_FUZZ_BODIES=1000000 pytest tests/tracker/test_fuzz_front.py -n 0 -s`` sends so many; ``WARMTRAIL_FUZZ_SEED``
repeats a run. Every half minute it says how far it is.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
import redis
from sqlalchemy import update

from scorer.resources import prepare_database
from tests.tracker.test_front import Running, is_ready, run_server, wait_until
from tests.tracker.test_fuzz import BODIES, SEED, request
from tracker.collect import Request
from tracker.core.refusals import EXPLANATION
from tracker.db import Database
from tracker.embedded import EmbeddedServer
from tracker.models import sites
from tracker.sites import SiteSettings, add_site, hash_key

FEW: Final = 200
SENDERS: Final = 100 if BODIES else 16
"""Who sends an unknown key waits up to a second for his answer."""
AT_ONCE: Final = 20 * SENDERS
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
    """Sends by kept connections, one a thread, opened again where the server has closed them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._own = threading.local()

    def send(self, wanted: Request) -> tuple[Request, int, bytes]:
        """The request with status and body of the answer."""
        for _ in range(2):
            if not hasattr(self._own, "connection"):
                self._own.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            connection = self._own.connection
            try:
                connection.request("POST", f"/v1/{wanted.route}", wanted.body, wanted.headers)
                answer = connection.getresponse()
                return wanted, answer.status, answer.read()
            except (http.client.RemoteDisconnected, ConnectionError):
                connection.close()
        raise AssertionError("closed twice without an answer")


def outcome(wanted: Request, status: int, told: bytes) -> str:
    """What became of a request; fails where it isn't answered as it should be."""
    if any("\x00" in str(wanted.headers.get(name)) for name in ("origin", "cookie", "content-encoding")):
        assert status == 400, "no such header gets past the HTTP server"
        return "header refused"
    assert status in (200, 400, 401, 403, 413, 415, 503), (status, told)
    answer = json.loads(told)
    assert answer["success"] is (status == 200)
    assert status == 200 or answer["reason"] in EXPLANATION
    return str(answer.get("reason") or "accepted")


@pytest.mark.timeout(0 if BODIES else 150)
def test_whatever_is_sent_is_answered_and_leaves_nothing_behind(collector: tuple[Running, int]) -> None:
    running, pid = collector
    draw, count = random.Random(SEED + 2), BODIES or FEW
    outcomes, sent, after_first, told_at = Counter[str](), 0, 0, time.monotonic()
    sender = Sender(running.port)
    with redis.Redis.from_url(running.url) as client, ThreadPoolExecutor(SENDERS) as pool:
        while sent < count:
            some = [request(draw, time.time_ns() // 1_000_000) for _ in range(min(AT_ONCE, count - sent))]
            outcomes.update(outcome(*answered) for answered in pool.map(sender.send, some))
            sent += len(some)
            client.flushall()  # Nobody drains the queue here.
            if not after_first and sent >= count // 4:
                after_first = resident(pid)
            if time.monotonic() > told_at + 30:
                told_at = time.monotonic()
                print(f"{sent:,} sent, {resident(pid) / 1e6:.1f} MB, {dict(outcomes.most_common())}", flush=True)
    grown = resident(pid) - after_first
    print(f"{sent:,} sent, grown by {grown / 1e6:.1f} MB since the first quarter, {dict(outcomes.most_common())}")
    assert grown < GROWN_AT_MOST
    assert outcomes["accepted"] > sent / 20
    assert outcomes["overloaded"] + outcomes["queue_unavailable"] < sent / 100
