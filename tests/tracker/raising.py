"""Processes for ``test_raising``, to be killed: a worker that notes in what order it processed, and a raise that dies."""

from __future__ import annotations

import os
import signal
import time

from sqlalchemy import Connection, text

from tracker import layouts, queue
from tracker.batch import VisitorUpdate
from tracker.core.layouts import numbers_of
from tracker.db import Database
from tracker.drain import drain
from tracker.log import configure_logging
from tracker.sites import Site


def note_order(connection: Connection, sites: dict[int, Site], updates: list[VisitorUpdate], now_ms: int) -> bool:
    """Note which pages of each visitor were processed, in the transaction that does it."""
    for update in updates:
        pages = [int(fact.event.url.rpartition("/")[2]) for fact in update.facts if fact.kind == "page" and fact.event]
        values = [{"key": update.key[1], "page": page} for page in pages]
        if values:
            connection.execute(text("INSERT INTO processed (key, page) VALUES (:key, :page)"), values)
    return False


def work(database_url: str, redis_url: str, slot: int, slots: int, first: int) -> None:
    """Drain a slot for ever, each time with the partitions that there are by then."""
    configure_logging("text")
    database, client = Database(database_url), queue.connect(redis_url)
    while True:
        with database.reading() as connection:
            known = layouts.read_layouts(connection, first)
        lease = queue.Lease(client, slot, f"{os.getpid()}-{time.monotonic()}")
        drain(database, client, client, lease, queue.partitions_of(slot, slots, known), note_order, bool)
        time.sleep(0.02)


def die_in_the_midst(database_url: str, redis_url: str, first: int, wanted: int) -> None:
    """Begin a raise, and be killed when half of the old partitions are closed."""
    client = queue.connect(redis_url)

    def close_half(streams: object, layout: int, following: int) -> None:
        half = len(numbers_of(layout)) // 2
        for command in queue.close_commands(layout, following)[:half]:
            client.execute_command(*command)  # type: ignore[no-untyped-call]
        os.kill(os.getpid(), signal.SIGKILL)

    queue.close_layout = close_half
    layouts.raise_partitions(Database(database_url), client, first, wanted)
