"""The layouts of partitions that there are, as the database knows them, and their raise on a living system.

The rows of ``partitions`` say which layouts there are: a raise makes those of the next one. Then every partition of the
layout before is closed on the queue's server, for good, by an entry with the last id that a stream can have; whoever still
appends to it is refused by the server itself and told where to go. Nobody appends to a layout who has not closed all of the
one before, so what is in the old partitions is older than anything in the new. A drain begins with a new partition when the
old ones that share visitors with it are processed up to their closing entries. See ``docs/several-machines.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from sqlalchemy import Connection, select

from tracker import bulk, queue
from tracker.core.labels import LabelledError
from tracker.core.layouts import EPOCH, MOST_PARTITIONS, following, numbers_of, partition_count, predecessors
from tracker.db import Database
from tracker.endpoints import Client
from tracker.log import get_logger
from tracker.models import partitions
from tracker.progress import read_positions

log = get_logger(__name__)


class LayoutError(LabelledError):
    """The partitions can't be raised so."""


def read_layouts(connection: Connection, first: int) -> list[int]:
    """Return the layouts in which something may wait, the oldest first; the last is the one in use.

    *first* is the layout of the setting, which counts until the first raise.
    """
    positions = read_positions(connection)
    known = _layouts_in(positions)
    if max(known, default=0) == 0:
        return [first]
    *older, newest = (known[epoch] for epoch in sorted(known))
    return [*(one for one in older if not _is_finished(numbers_of(one), positions)), newest]


def agreed_layouts(database: Database, streams: Client, first: int) -> list[int]:
    """Return what ``read_layouts`` does, after making sure that database and queue agree; safe to repeat.

    Completes a raise that died between the two. Learns of a raise that the database has forgotten, as one restored from an
    older backup has.
    """
    with database.reading() as connection:
        layouts = read_layouts(connection, first)
    while (after := queue.layout_after(streams, layouts[-1])) is not None:
        log.warning("layout_adopted", layout=after)
        with database.writing() as connection:
            for layout in (layouts[-1], after):
                _make_rows(connection, layout)
        layouts.append(after)
    _close_older(streams, layouts)
    return layouts


def raise_partitions(database: Database, streams: Client, first: int, wanted: int) -> int:
    """Begin a layout of *wanted* partitions and return it; events go there from now on.

    Raises ``LayoutError`` unless that is more than there are.
    """
    with database.writing() as connection:
        before = read_layouts(connection, first)[-1]
        _make_rows(connection, before)
        # Of two raises at once the second waits here, and then sees the first.
        one_row = select(partitions).where(partitions.c.number == numbers_of(before)[0])
        connection.execute(one_row.with_for_update())
        count = partition_count(read_layouts(connection, first)[-1])
        if not count < wanted <= MOST_PARTITIONS:
            raise LayoutError(
                f"There are {count} partitions; they can be raised to {count + 1} up to {MOST_PARTITIONS}.",
                f"现有 {count} 个分区；可增加到 {count + 1} 至 {MOST_PARTITIONS} 个。",
            )
        after = following(read_layouts(connection, first)[-1], wanted)
        _make_rows(connection, after)
    with database.reading() as connection:
        _close_older(streams, read_layouts(connection, first))
    return after


def may_begin(partition: int, positions: Mapping[int, str]) -> bool:
    """Whether all is processed that visitors of *partition* have in the layout before it, by the positions of all."""
    known = _layouts_in(positions)
    before = known.get(partition // EPOCH - 1)
    if before is None:
        return True
    return _is_finished(predecessors(partition, before, known[partition // EPOCH]), positions)


def _layouts_in(positions: Mapping[int, str]) -> dict[int, int]:
    """Return the layout of each epoch. From the first raise on, their rows are complete."""
    known: dict[int, int] = {}
    for number in positions:
        known[number // EPOCH] = max(known.get(number // EPOCH, 0), number + 1)
    return known


def _is_finished(numbers: range | list[int], positions: Mapping[int, str]) -> bool:
    return all(positions.get(number) == queue.FINISHED for number in numbers)


def _make_rows(connection: Connection, layout: int) -> None:
    rows = [(number, "0-0") for number in numbers_of(layout)]
    bulk.upsert(connection, partitions, rows, columns=("number", "position"), keep=("position",))


def _close_older(streams: Client, layouts: list[int]) -> None:
    for before, after in pairwise(layouts):
        queue.close_layout(streams, before, after)
