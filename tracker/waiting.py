"""For how long the queue has kept what waits in it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from tracker import queue
from tracker.endpoints import Client
from tracker.progress import read_positions


def oldest_waiting(connection: Connection, streams: Client, partitions: int) -> int | None:
    """Return when the oldest entry that isn't processed was put into the queue, by the clock of its server, in ms since
    1970 UTC; ``None`` where nothing waits."""
    oldest: int | None = None
    positions = read_positions(connection)
    for number in {*range(partitions), *positions}:
        position = positions.get(number, "0-0")
        if position in (queue.FINISHED, queue.CLOSED_ID):
            continue  # Nothing comes any more, and no id is behind this one.
        found: Any = streams.xrange(queue.stream_key(number), min=f"({position}", count=1)
        if found:
            at = int(bytes(found[0][0]).partition(b"-")[0])
            oldest = at if oldest is None else min(oldest, at)
    return oldest
