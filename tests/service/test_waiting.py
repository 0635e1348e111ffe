"""A thousand who wait for changes on one process: all are told of the first one, and nobody else waits for them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from scorer.core.people import lead_id
from tests.service.running import Answer, Keys, Service, page, wait_for

WAITERS = 1000


async def wait_for_change(port: int, request: bytes, asked: asyncio.Semaphore) -> Any:
    """Send a long poll and return what it is answered."""
    async with asked:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        await writer.drain()
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
    assert head.startswith(b"HTTP/1.1 200"), head
    length = next(int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length"))
    body = await reader.readexactly(length)
    writer.close()
    return json.loads(body)


def ask(service: Service, site: Keys, path: str, body: dict[str, Any] | None = None) -> Answer:
    headers = {"Authorization": f"Bearer {site.api_key}", "Content-Type": "application/json"}
    content = json.dumps(body).encode() if body is not None else None
    answer = service.request("POST" if body is not None else "GET", f"/api/v1{path}", content, headers)
    assert answer.status == 200, answer
    return answer


async def everybody(service: Service, site: Keys, cursor: str, lead: str) -> tuple[list[Any], float, list[float]]:
    """Let all wait, claim the lead, and return the answers, the seconds until the last, and those of others' requests."""
    request = (
        f"GET /api/v1/changes?cursor={cursor}&wait=60 HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {site.api_key}\r\n\r\n"
    ).encode()
    asked = asyncio.Semaphore(100)
    waiters = [asyncio.create_task(wait_for_change(service.port, request, asked)) for _ in range(WAITERS)]
    await asyncio.sleep(0)
    while asked.locked() or any(task.done() for task in waiters):
        await asyncio.sleep(0.01)
    await asyncio.to_thread(ask, service, site, f"/leads/{lead}")  # Answered after those who asked before.
    await asyncio.sleep(0.3)
    assert not any(task.done() for task in waiters)
    others: list[float] = []
    stop = threading.Event()

    def ask_again_and_again() -> None:
        while not stop.is_set():
            others.append(ask(service, site, f"/leads/{lead}").seconds)

    busy = asyncio.create_task(asyncio.to_thread(ask_again_and_again))
    begun = time.monotonic()
    await asyncio.to_thread(ask, service, site, f"/leads/{lead}/claim", {"owner": "ada"})
    answers = await asyncio.gather(*waiters)
    seconds = time.monotonic() - begun
    stop.set()
    await busy
    return list(answers), seconds, others


def test_a_thousand_wait_and_all_are_told_while_others_are_served(service: Service, site: Keys) -> None:
    service.send([page("anna", "/pricing")], site.server_key)
    lead = lead_id(site.id, "anna")
    service.processed()
    wait_for(lambda: service.get("/leads", site.api_key)["data"], 10, "no lead")
    cursor = service.get("/changes?cursor=now", site.api_key)["next_cursor"]
    # In a thread of its own: a browser that another module has opened keeps a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        answers, seconds, others = thread.submit(asyncio.run, everybody(service, site, cursor, lead)).result()
    assert len(answers) == WAITERS
    assert {tuple(change["kind"] for change in one["data"]) for one in answers} == {("claimed",)}
    assert len({one["next_cursor"] for one in answers}) == 1
    print(f"all told after {seconds:.2f} s; others: {len(others)}, the slowest {max(others):.3f} s")
    assert seconds < 20
    assert sorted(others)[len(others) // 2] < 0.5
