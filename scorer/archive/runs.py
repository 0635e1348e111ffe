"""Lay out a fold over an archive: whose events belong to which lead, and the events that only the database has.

A run's own files lie beside the days, for the processes or machines that do the work, and are deleted when it is over.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec
from sqlalchemy import Connection

from scorer.archive import days, ledger
from scorer.archive.days import Day, Held
from scorer.archive.format import PartWriter
from scorer.archive.ledger import Span, Visitor
from scorer.archive.places import ArchiveError, Place
from scorer.core.decay import DAY_MS
from scorer.core.lead_folds import Work
from scorer.engines.tasks import Belonging, Task
from scorer.memberships import members
from tracker.sites import Site

LEFT_BEHIND_MS: Final = DAY_MS
"""Age from which a run's files are those of one that was cut off."""
_LEADS_AT_ONCE: Final = 5000
_END_OF_TIME: Final = ledger.END_OF_TIME


class Run(msgspec.Struct, frozen=True):
    """A fold that has been laid out."""

    folder: str
    work: Work
    tasks: tuple[Task, ...]


def lay_out(connection: Connection, place: Place, site: Site, lead_ids: Sequence[str], work: Work, now_ms: int) -> Run:
    """Write what a fold of these leads needs beside the archive's days. *connection* sees one moment of the database.

    From the database come whose browsers these are, and all that was received in times that the archive doesn't cover: since
    its last day, on days for which events came late, before it was cut off. Raises ``ArchiveError`` where none was begun.
    """
    held = days.find(place)
    if held is None:
        raise ArchiveError(
            "There is no archive yet; make one with: warmtrail archive run",
            "还没有归档；请先创建：warmtrail archive run",
        )
    uncovered = _uncovered(connection, place, held)
    partitions = held.index.partitions
    folder = f"{days.RUNS}/{now_ms}-{secrets.token_hex(4)}"
    known: dict[int, Visitor] = {}
    belongings: list[dict[int, Belonging]] = [{} for _ in range(partitions)]
    for start in range(0, len(lead_ids), _LEADS_AT_ONCE):
        mine = members(connection, lead_ids[start : start + _LEADS_AT_ONCE])
        some = ledger.load_visitors(connection, (number for numbers in mine.values() for number in numbers))
        known |= some
        for lead, numbers in mine.items():
            together = len({number % partitions for number in numbers}) == 1
            for browser, number in enumerate(numbers):
                belonging = Belonging(some[number].hash, lead, browser, len(numbers) if together else 0)
                belongings[number % partitions][number] = belonging
    tasks = []
    for partition, whose in enumerate(belongings):
        if not whose:
            continue
        name = f"{folder}/belongings-{partition:04d}.msgpack"
        place.put(name, msgspec.msgpack.encode(whose))
        covered = [
            (file, files[file])
            for day, files in held.days.items()
            if (file := days.part_name(day, partition)) in files and not any(_is_in(day, span) for span in uncovered)
        ]
        tail = PartWriter()
        for rows in ledger.rows_in_order(connection, [known[number] for number in sorted(whose)], uncovered):
            tail.add(rows)
        if tail.rows:
            content = tail.finish()
            place.put(f"{folder}/part-{partition:04d}.parquet", content)
            covered.append((f"{folder}/part-{partition:04d}.parquet", content.size))
        settings = site.settings
        gap_ms = settings.visit_gap_minutes * 60_000
        tasks.append(Task(place.url, tuple(covered), name, work, settings.time_zone, gap_ms, partitions))
    return Run(folder, work, tuple(tasks))


def clear(place: Place, now_ms: int) -> None:
    """Delete what runs have left that were cut off."""
    for folder in {name.split("/")[1] for name in place.list(days.RUNS)}:
        with suppress(ValueError):
            if int(folder.partition("-")[0]) < now_ms - LEFT_BEHIND_MS:
                place.delete_folder(f"{days.RUNS}/{folder}")


def late_days(connection: Connection, place: Place, held: Held, until_ms: int) -> dict[int, Day]:
    """Return the days for which dead letters were replayed, up to *until_ms*, after they were written, with their words."""
    replays: dict[int, int] = {}
    for received_at, replayed_at in ledger.replayed(connection):
        if replayed_at <= until_ms and (day := days.day_number(received_at)) in held.days:
            replays[day] = max(replayed_at, replays.get(day, 0))
    words = days.read_words(place, sorted(replays))
    return {day: word for day, word in words.items() if replays[day] > word.as_of}


def _uncovered(connection: Connection, place: Place, held: Held) -> list[Span]:
    """Times of which the archive doesn't have all that was received."""
    last = held.last
    if last is None:
        return [Span(0, _END_OF_TIME)]
    found = [Span((last + 1) * DAY_MS, _END_OF_TIME)]
    found += [Span(day * DAY_MS, (day + 1) * DAY_MS) for day in late_days(connection, place, held, _END_OF_TIME)]
    if held.index.cut_off:
        first = min(held.days)
        found.append(Span(0, first * DAY_MS, days.read_words(place, [first])[first].visitors_until))
    return found


def _is_in(day: int, span: Span) -> bool:
    return span.since <= day * DAY_MS < span.until
