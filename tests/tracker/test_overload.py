"""More than can be taken: who floods is refused alone, what can't be taken is refused at once, and all passes by itself."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator

import pytest
import redis

from scorer.resources import prepare_database
from tests.aside import run_aside
from tests.tracker.test_front import ORIGIN, Running, is_ready, run_server, wait_until
from tracker.core.quotas import Quota
from tracker.db import Database
from tracker.embedded import EmbeddedServer
from tracker.front import MAX_APPENDING
from tracker.pressure import MOST, TurnBudget, weight_of
from tracker.quotas import Quotas
from tracker.sites import NewSite, SiteSettings, add_site

SLOW = 0.001
"""Events a second: nothing comes back into a bucket while a test runs."""


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[NewSite]]:
    """A database with a site for each test, and one more."""
    url = f"sqlite:///{tmp_path_factory.mktemp('overload') / 'overload.db'}"
    database = Database(url)
    prepare_database(database)
    with database.writing() as connection:
        made = [add_site(connection, name, SiteSettings(origins=(ORIGIN,)), 1) for name in ("one", "two", "three")]
    database.close()
    return url, made


@pytest.fixture(scope="module")
def server(sites: tuple[str, list[NewSite]], redis_server: EmbeddedServer) -> Iterator[Running]:
    database_url, made = sites
    url = redis_server.start()
    with redis.Redis.from_url(url) as client:
        client.flushall()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quotas = Quotas(key=Quota(SLOW, 3000), visitor=Quota(SLOW, 100), address=Quota(SLOW, 500))
    process = multiprocessing.get_context("spawn").Process(target=run_server, args=(port, url, database_url, quotas))
    process.start()
    running = Running(port, url, database_url, made[0])
    wait_until(lambda: is_ready(running) or not process.is_alive(), 20)
    assert process.is_alive()
    yield running
    process.terminate()
    process.join(10)
    assert process.exitcode == 0


def batch(key: str, visitors: list[str]) -> bytes:
    events = [{"type": "page", "anonymousId": visitor} for visitor in visitors]
    return json.dumps({"writeKey": key, "batch": events}).encode()


def test_who_floods_is_told_to_wait_and_nobody_else_is(server: Running, sites: tuple[str, list[NewSite]]) -> None:
    _, (one, two, _) = sites

    def send(key: str, visitors: list[str], address: str = "") -> str:
        headers = {"Origin": ORIGIN} | ({"X-Forwarded-For": address} if address else {})
        status, told, content = server.ask("POST", "/v1/batch", batch(key, visitors), headers)
        if status == 429:
            assert int(told["retry-after"]) >= 1
            assert told["access-control-expose-headers"] == "Retry-After"
        return json.loads(content).get("reason", "") if status != 200 else ""

    assert send(one.write_key, ["flooder"] * 100) == ""
    assert [send(one.write_key, ["flooder"]) for _ in range(3)] == ["visitor_quota_exceeded"] * 3
    assert send(one.write_key, ["other"]) == ""
    assert send(one.write_key, [f"forged {number}" for number in range(500)], "203.0.113.5") == ""
    assert send(one.write_key, ["mine"], "203.0.113.5") == "address_quota_exceeded"
    assert send(one.write_key, ["mine"], "203.0.113.6") == ""
    for number in range(30):
        refused = send(one.write_key, [f"anybody {number} {each}" for each in range(100)])
    assert refused == "key_quota_exceeded"
    assert send(two.write_key, ["at another site"]) == ""
    assert send(one.server_key, [f"history {number}" for number in range(5000)]) == "", "an importer is never refused"
    lines = server.ask("GET", "/metrics")[2].decode().splitlines()
    counts = dict(line.rsplit(" ", 1) for line in lines if line.startswith("warmtrail_collect_requests_total"))
    for reason in ("visitor", "address", "key"):
        assert float(counts[f'warmtrail_collect_requests_total{{outcome="{reason}_quota_exceeded"}}']) >= 1


async def _post(port: int, body: bytes) -> tuple[int, bytes, float]:
    """Status, answer and seconds of one request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    writer.write(b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    answer = await reader.read()
    writer.close()
    head, _, content = answer.partition(b"\r\n\r\n")
    status = int(head[9:12])
    assert (b"\r\nretry-after: " in head.lower()) == (status in (429, 503))
    return status, content, time.monotonic() - began


def test_a_turn_takes_on_less_the_more_waits_for_the_queue() -> None:
    async def taken_on(waiting: float) -> int:
        budget, weight = TurnBudget(), 0
        while not budget.is_spent(waiting):
            budget.spend(1)
            weight += 1
        budget.stop()
        return weight

    async def scenario() -> list[int]:
        return [await taken_on(waiting) for waiting in (0.0, 0.5, 0.75, 1.0)]

    assert run_aside(scenario()) == [MOST + 1, MOST // 2 + 1, MOST // 4 + 1, 1]


def test_a_queue_that_hangs_makes_few_wait_and_the_rest_is_told_at_once(
    server: Running, redis_server: EmbeddedServer, sites: tuple[str, list[NewSite]]
) -> None:
    _, (_, two, _) = sites
    room, more = MAX_APPENDING // weight_of(1), 100

    async def flood() -> tuple[list[tuple[int, bytes, float]], list[tuple[int, bytes, float]]]:
        assert redis_server.pid is not None
        os.kill(redis_server.pid, signal.SIGSTOP)
        try:
            asked: list[asyncio.Task[tuple[int, bytes, float]]] = []
            while len(asked) < room + more:
                body = batch(two.write_key, [f"v{len(asked)}"])
                asked += [asyncio.create_task(_post(server.port, body)) for _ in range(50)]
                await asyncio.sleep(0.01)  # Not more at once than a turn takes on.
            while len(refused := {task for task in asked if task.done()}) < more:
                await asyncio.wait(set(asked) - refused, timeout=4, return_when=asyncio.FIRST_COMPLETED)
        finally:
            os.kill(redis_server.pid, signal.SIGCONT)
        return [task.result() for task in refused], [await task for task in asked if task not in refused]

    refused, waited = run_aside(flood())
    assert {(status, json.loads(content)["reason"]) for status, content, _ in refused} == {(503, "overloaded")}
    assert 200 in {status for status, _, _ in waited}
    assert sum(status == 200 for status, _, _ in waited) <= room
    assert server.ask("POST", "/v1/batch", batch(two.write_key, ["afterwards"]))[0] == 200


def test_more_than_the_processor_can_take_is_refused_and_nothing_acknowledged_is_lost(
    server: Running, sites: tuple[str, list[NewSite]]
) -> None:
    _, (*_, three) = sites
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    # With the server key, which no quota holds back.
    bodies = [batch(three.server_key, [f"v{number} {each}" for each in range(300)]) for number in range(200)]
    statuses: Counter[int] = Counter()
    until = time.monotonic() + 10

    async def sender(body: bytes) -> None:
        while not statuses[503] and time.monotonic() < until:
            status, content, _ = await _post(server.port, body)
            statuses[status] += 1
            assert status == 200 or json.loads(content)["reason"] == "overloaded"

    async def flood() -> None:
        await asyncio.gather(*(sender(body) for body in bodies))

    run_aside(flood())
    assert set(statuses) == {200, 503}
    wait_until(lambda: server.ask("POST", "/v1/batch", batch(three.server_key, ["afterwards"]))[0] == 200, 5)
    assert len(server.visitors()) == 300 * statuses[200] + 1
