"""Which days an archive holds. A day counts when its own word of itself is there, which is written last.

Below the place of the archive::

    archive.json                      how many partitions it has, and up to where it was cut off
    days/2026-11-21/part-0003.parquet events received on that day (UTC), of a partition's visitors
    days/2026-11-21/day.json          the day's word: it is whole
    runs/…                            what a fold under way has laid out for itself
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

import msgspec

from scorer.archive.format import VERSION
from scorer.archive.places import ArchiveError, Place
from scorer.core.decay import DAY_MS

INDEX: Final = "archive.json"
RUNS: Final = "runs"
_DAYS: Final = "days"
_WORD: Final = "day.json"


class Index(msgspec.Struct, frozen=True):
    """What holds for a whole archive."""

    format: int
    partitions: int
    """Chosen when it is begun, and never changed: a visitor is in partition ``id mod partitions``."""
    cut_off: int = 0
    """Number of the first day that is kept; days before were deleted for their age. 0 while none was."""


class Day(msgspec.Struct, frozen=True):
    """A day's word of itself."""

    as_of: int
    """Holds all that was received on the day and processed up to then: ms since 1970 UTC, not before the day's end."""
    rows: int
    visitors_until: int
    """No visitor numbered higher was there on that day."""


class Held(msgspec.Struct, frozen=True):
    """What there is, as one listing tells it."""

    index: Index
    days: dict[int, dict[str, int]]
    """Of each whole day, by number, its files with their bytes."""

    @property
    def last(self) -> int | None:
        """Number of the last day; ``None`` without any."""
        return max(self.days, default=None)


def day_number(at_ms: int) -> int:
    """Return the number of the day (UTC) of a time: days since 1970."""
    return at_ms // DAY_MS


def day_name(number: int) -> str:
    """Return the date of a day as ISO 8601."""
    return date.fromordinal(number + _EPOCH).isoformat()


def part_name(day: int, partition: int) -> str:
    """Return the name of the file of a day and partition."""
    return f"{_DAYS}/{day_name(day)}/part-{partition:04d}.parquet"


def partition_of_file(name: str) -> int:
    """Return the partition of a file."""
    return int(name.rpartition("-")[2].removesuffix(".parquet"))


def find(place: Place) -> Held | None:
    """Return what an archive holds; ``None`` where none was begun. Raises ``ArchiveError`` for one of a newer program."""
    try:
        index = msgspec.json.decode(bytes(place.read(INDEX)), type=Index)
    except FileNotFoundError:
        return None
    if index.format != VERSION:
        raise ArchiveError(
            f"The archive has form {index.format}; this program reads and writes {VERSION}.",
            f"归档格式为 {index.format}，本程序读写的是 {VERSION}。",
        )
    days: dict[int, dict[str, int]] = {}
    whole = set()
    for name, size in place.list(_DAYS).items():
        folder, _, file = name.rpartition("/")
        number = date.fromisoformat(folder.rpartition("/")[2]).toordinal() - _EPOCH
        if number < index.cut_off:
            continue
        if file == _WORD:
            whole.add(number)
        else:
            days.setdefault(number, {})[name] = size
    return Held(index, {number: days.get(number, {}) for number in sorted(whole)})


def begin(place: Place, partitions: int) -> Index:
    """Begin an archive and return its index."""
    index = Index(VERSION, partitions)
    save(place, index)
    return index


def save(place: Place, index: Index) -> None:
    """Write an archive's index."""
    place.put(INDEX, msgspec.json.encode(index))


def read_words(place: Place, days: Iterable[int]) -> dict[int, Day]:
    """Return what some whole days say of themselves."""
    return {day: msgspec.json.decode(bytes(place.read(_word(day))), type=Day) for day in days}


def close(place: Place, day: int, word: Day) -> None:
    """Say that a day is whole. Its files are there."""
    place.put(_word(day), msgspec.json.encode(word))


def drop(place: Place, day: int) -> None:
    """Delete a day: its word first, so that nobody takes the rest for all of it."""
    place.delete_file(_word(day))
    place.delete_folder(f"{_DAYS}/{day_name(day)}")


def _word(day: int) -> str:
    return f"{_DAYS}/{day_name(day)}/{_WORD}"


_EPOCH: Final = date(1970, 1, 1).toordinal()
