"""Write closed days from the ledger into the archive. Cut off at any instant, the next run writes the day once more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Final

import msgspec

from scorer.archive import days, ledger
from scorer.archive.days import Day, Held, day_number
from scorer.archive.format import SCHEMA, PartWriter, Row, merged, pack, read_rows
from scorer.archive.ledger import Span
from scorer.archive.places import Place
from scorer.core.decay import DAY_MS
from tracker.db import Database

AT_ONCE: Final = 31
"""Days that are written together: each time, the histories of all who were heard of since are read."""
_RECEIVED: Final = SCHEMA.names.index("received_at")

Tell = Callable[[int, int], None]
"""Told how many files have been written, and of how many."""


def write_days(database: Database, place: Place, held: Held, wanted: Sequence[int], as_of: int, tell: Tell) -> int:
    """Write days that follow one another and are over, and return their events. *as_of*: all that was received before is in
    the ledger."""
    total, done, partitions = 0, 0, held.index.partitions
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        rows = dict.fromkeys(some, 0)
        with database.reading() as connection:
            visitors_until = ledger.last_visitor(connection)
        for partition in range(partitions):
            for day, writer in _gather(database, some, partition, partitions).items():
                place.put(days.part_name(day, partition), writer.finish())
                rows[day] += writer.rows
            done += len(some)
            tell(done, len(wanted) * partitions)
        for day in some:
            days.close(place, day, Day(as_of, rows[day], visitors_until))
        total += sum(rows.values())
    return total


def complete_day(database: Database, place: Place, held: Held, day: int, word: Day, as_of: int) -> int:
    """Add to a day what has come into the ledger since it was written; return how many events.

    What is archived stays, also of visitors whom the database has forgotten.
    """
    total, partitions = 0, held.index.partitions
    span = Span(day * DAY_MS, (day + 1) * DAY_MS)
    for partition in range(partitions):
        found = [row for rows in _pages(database, span, partition, partitions) for row in rows]
        name = days.part_name(day, partition)
        archived = read_rows(place, name) if name in held.days[day] else []
        every = merged(found, archived)
        if len(every) > len(archived):
            place.put(name, pack(every))
        total += len(every)
    days.close(place, day, msgspec.structs.replace(word, as_of=as_of, rows=total))
    return total - word.rows


def _gather(database: Database, some: Sequence[int], partition: int, partitions: int) -> dict[int, PartWriter]:
    """The files of a partition for some days; none where nothing was received."""
    writers: dict[int, PartWriter] = {}
    for rows in _pages(database, Span(some[0] * DAY_MS, (some[-1] + 1) * DAY_MS), partition, partitions):
        for day, mine in groupby(sorted(rows, key=_day), key=_day):  # the order within a day stays
            writers.setdefault(day, PartWriter()).add(mine)
    return writers


def _pages(database: Database, span: Span, partition: int, partitions: int) -> Iterator[list[Row]]:
    """What was received in a span of a partition's visitors, in the order of a file. Days that are over don't change but
    for erasures, which are looked after later: each stretch is read in a transaction of its own."""
    after = 0
    while True:
        with database.reading() as connection:
            page = ledger.visitors_heard(connection, span.since, partition, partitions, after)
            rows = ledger.rows_of(connection, page, span)
        if not page:
            return
        yield rows
        after = page[-1].id


def _day(row: Row) -> int:
    return day_number(row[_RECEIVED])
