"""How far each partition of the queue has been processed, and what became of what was received: the accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from tracker import bulk
from tracker.models import intake, partitions

_COUNTS: Final = ("appended", "received", "stored", "duplicate", "filtered", "dead_lettered")


class Counts(msgspec.Struct):
    """The accounts of some part of the intake."""

    appended: int = 0
    received: int = 0
    stored: int = 0
    duplicate: int = 0
    filtered: int = 0
    dead_lettered: int = 0

    def add(self, other: Counts) -> None:
        """Add *other* to this."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def lock_positions(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Return the positions of those partitions that no other drain holds, and hold them until the transaction ends.

    A partition that is not in the table yet starts at ``0-0``.
    """
    held = _take_positions(connection, numbers)
    if len(held) == len(numbers):
        return held
    known = {row[0] for row in connection.execute(select(partitions.c.number))}
    added = [(number, "0-0") for number in numbers if number not in known]
    bulk.upsert(connection, partitions, added, columns=("number", "position"), keep=("position",))
    return held | _take_positions(connection, [number for number, _ in added])


def _take_positions(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Lock those of these partitions that are in the table and free, and return their positions."""
    # SQLite has one writer at a time: there the transaction itself is the lock.
    ending = "" if connection.dialect.name == "sqlite" else " ORDER BY number FOR UPDATE SKIP LOCKED"
    listed = ", ".join(f"{number:d}" for number in numbers)
    sql = f"SELECT number, position FROM partitions WHERE number IN ({listed}){ending}"  # noqa: S608
    return {row[0]: row[1] for row in connection.exec_driver_sql(sql)} if listed else {}


def read_positions(connection: Connection) -> dict[int, str]:
    """Return how far each partition has been processed."""
    return {row.number: row.position for row in connection.execute(select(partitions))}


def save_positions(connection: Connection, positions: dict[int, str]) -> None:
    """Store how far partitions have been processed."""
    bulk.upsert(connection, partitions, list(positions.items()), columns=("number", "position"))


def add_counts(
    connection: Connection,
    counts: Mapping[tuple[int, int], Counts],
    heard_of: Mapping[tuple[int, int], int],
    now_ms: int,
) -> None:
    """Add to the accounts of each (partition, site), heard of now; of the visitors given, where there is any.

    The caller holds the partitions.
    """
    columns = ("partition", "site_id", *_COUNTS, "heard_at", "heard_of")
    rows = [
        (*place, *(getattr(more, name) for name in _COUNTS), now_ms, heard_of.get(place)) for place, more in counts.items()
    ]
    told = [row for row in rows if row[-1] is not None]
    bulk.upsert(connection, intake, told, columns=columns, add=_COUNTS)
    # Of no visitor: the one that is there stays.
    untold = [row for row in rows if row[-1] is None]
    bulk.upsert(connection, intake, untold, columns=columns, keep=("heard_of",), add=_COUNTS)


def read_counts(connection: Connection) -> dict[tuple[int, int], Counts]:
    """Return the accounts of each (partition, site)."""
    rows = connection.execute(select(intake))
    return {(row.partition, row.site_id): Counts(*(getattr(row, name) for name in _COUNTS)) for row in rows}
