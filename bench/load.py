"""A steady stream of what browsers send, one event a request: ``python3 -m bench.load PORT WRITE_KEY RATE SECONDS``.

A process of its own, so that what it costs is not counted with the service. Visits of three events (two page views, one
message of engaged time), some by visitors who were there before. Prints how many events were sent and answered, how many of
them were page views, and the events a second that came of it.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from itertools import count

import msgspec

CONNECTIONS = 24
RETURNING = 0.4
_HEADERS = (
    "POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: text/plain;charset=UTF-8\r\n"
    "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
    "Safari/537.36\r\nAccept: */*\r\nAccept-Language: en-GB,en;q=0.9\r\nContent-Length: {length}\r\n\r\n"
)


def main() -> None:
    """Send until the time is up."""
    port, key, rate, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
    started = time.monotonic()
    sent, pages = asyncio.run(_send(port, key, rate, seconds))
    print(sent, pages, round(sent / (time.monotonic() - started)))


async def _send(port: int, key: str, rate: float, seconds: float) -> tuple[int, int]:
    stream, turns = _events(), count()
    start, sent, pages = time.monotonic(), 0, 0

    async def one_connection() -> None:
        nonlocal sent, pages
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (due := next(turns) / rate) < seconds:
            await asyncio.sleep(start + due - time.monotonic())
            event = next(stream)
            body = msgspec.json.encode({"writeKey": key, "batch": [event]})
            writer.write(_HEADERS.format(port=port, length=len(body)).encode() + body)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            answer = await reader.readexactly(length)
            assert head.startswith(b"HTTP/1.1 200"), (head, answer)
            sent, pages = sent + 1, pages + (event["type"] == "page")
        writer.close()

    await asyncio.gather(*(one_connection() for _ in range(CONNECTIONS)))
    return sent, pages


def _events() -> Iterator[dict[str, object]]:
    chance, known = random.Random(), 0
    mark = f"{chance.getrandbits(64):016x}"  # Of this run: a later one brings other visitors.
    while True:
        if known and chance.random() < RETURNING:
            who = chance.randrange(known)
        else:
            who, known = known, known + 1
        views = [f"{chance.getrandbits(64):016x}" for _ in range(2)]
        for view in views:
            product = chance.randrange(400)
            properties = {
                "url": f"https://shop.example.com/products/series-{product}?utm_source=newsletter&utm_campaign=spring",
                "path": f"/products/series-{product}",
                "referrer": "https://search.example/?q=pumps",
                "title": f"Series {product} pumps - Example Engineering",
                "view_id": view,
            }
            context = {"locale": "en-GB", "timezone": "Europe/London"}
            yield _event("page", f"{mark}-{who}", chance, properties=properties, context=context)
        spent = {"view_id": views[1], "engaged_ms": chance.randrange(90_000), "scroll_percent": chance.randrange(100)}
        yield _event("track", f"{mark}-{who}", chance, event="Page Engaged", properties=spent)


def _event(kind: str, who: str, chance: random.Random, **fields: object) -> dict[str, object]:
    return {"type": kind, "messageId": f"0199{chance.getrandbits(112):028x}", "anonymousId": who, **fields}


if __name__ == "__main__":
    main()
