"""Requests at a pace that doesn't wait for answers: ``python3 -m bench.flood PORT KEY RATE SECONDS CONNECTIONS EVENTS``.

Sends *RATE* batches of *EVENTS* page views a second, each on a connection that has none under way; one that finds no such
is not sent, and counted. With a rate of 0, each connection sends as soon as it has been answered. Prints as JSON what was
answered, and how long those waited who were taken and who were refused.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import deque

import msgspec
import uvloop


class Told(msgspec.Struct):
    """What became of the requests; times in milliseconds."""

    sent: int = 0
    not_sent: int = 0
    accepted: list[float] = []
    refused: list[float] = []
    other: int = 0
    """Other answers than 200 and 503 with ``Retry-After``, and connections that were closed on a request."""


def main() -> None:
    """Send until the time is up, and wait for the last answers."""
    port, key, rate, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told = runner.run(_flood(port, key, rate, seconds, int(sys.argv[5]), int(sys.argv[6])))
    print(msgspec.json.encode(told).decode())


async def _flood(port: int, key: str, rate: float, seconds: float, connections: int, events: int) -> Told:
    loop, told, free = asyncio.get_running_loop(), Told(), deque[_Sender]()
    bodies = [_request(key, events) for _ in range(64)]
    for _ in range(connections):
        _, sender = await loop.create_connection(lambda: _Sender(told, free), "127.0.0.1", port)
        free.append(sender)
    start, due = time.monotonic(), 0
    while (now := time.monotonic() - start) < seconds:
        while due < now * rate or (free and not rate):
            due += 1
            if free:
                free.popleft().send(bodies[due % 64])
            else:
                told.not_sent += 1
        await asyncio.sleep(0.001)
    until = time.monotonic() + 10
    while len(free) < connections - told.other and time.monotonic() < until:
        await asyncio.sleep(0.01)
    return told


class _Sender(asyncio.Protocol):
    """A connection that sends one request at a time."""

    def __init__(self, told: Told, free: deque[_Sender]) -> None:
        self._told = told
        self._free = free
        self._transport: asyncio.Transport | None = None
        self._began = 0.0

    def send(self, request: bytes) -> None:
        """Send a request; the connection is free again when it is answered."""
        assert self._transport is not None
        self._told.sent += 1
        self._began = time.monotonic()
        self._transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Called by the event loop. The answers are so short that each comes whole."""
        took = (time.monotonic() - self._began) * 1000
        if data.startswith(b"HTTP/1.1 200"):
            self._told.accepted.append(took)
        elif data.startswith(b"HTTP/1.1 503") and b"\r\nretry-after: " in data:
            self._told.refused.append(took)
        else:
            self._told.other += 1
        self._began = 0.0
        self._free.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        if self._began:
            self._told.other += 1


def _request(key: str, events: int) -> bytes:
    chance = random.Random()
    batch = [
        {
            "type": "page",
            "messageId": f"{chance.getrandbits(128):032x}",
            "anonymousId": f"{chance.getrandbits(128):032x}",
            "context": {"locale": "en-GB", "timezone": "Europe/London"},
            "properties": {
                "url": f"https://shop.example.com/products/series-{number}?utm_source=newsletter",
                "referrer": "https://search.example/?q=pumps",
                "title": f"Series {number} pumps - Example Engineering",
                "view_id": f"{chance.getrandbits(64):016x}",
            },
        }
        for number in range(events)
    ]
    body = msgspec.json.encode({"writeKey": key, "batch": batch})
    head = f"POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


if __name__ == "__main__":
    main()
