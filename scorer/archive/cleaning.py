"""Take out of an archive what is no longer to be in it: erased visitors, days that are too old, what folds left behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from scorer.archive import days
from scorer.archive.days import Held
from scorer.archive.erasures import Erasure
from scorer.archive.format import SCHEMA, holds_one_of, pack, read_rows
from scorer.archive.places import Place

_IDENTITY: Final = tuple(SCHEMA.names.index(name) for name in ("visitor_id", "visitor_key", "received_at"))


def erase(place: Place, held: Held, some: Sequence[Erasure]) -> int:
    """Rewrite the files that hold any of these visitors; return how many events they had.

    Of a file only what says which visitors are in it is read, unless one of them is. Safe to do twice.
    """
    partitions, removed = held.index.partitions, 0
    of_partition: dict[int, list[Erasure]] = {}
    for one in some:
        of_partition.setdefault(one.visitor_id % partitions, []).append(one)
    for day, files in held.days.items():
        gone = 0
        for name, size in files.items():
            mine = of_partition.get(days.partition_of_file(name), [])
            if mine and holds_one_of(place, name, size, sorted({one.visitor_id for one in mine})):
                gone += _rewrite(place, name, mine)
        if gone:
            word = days.read_words(place, [day])[day]
            days.close(place, day, msgspec.structs.replace(word, rows=word.rows - gone))
        removed += gone
    return removed


def cut_off(place: Place, held: Held, before: int) -> int:
    """Delete the days before one, given by its number; return how many."""
    old = [day for day in held.days if day < before]
    if old:
        days.save(place, msgspec.structs.replace(held.index, cut_off=before))
        for day in old:
            days.drop(place, day)
    return len(old)


def _rewrite(place: Place, name: str, erased: Sequence[Erasure]) -> int:
    asked_at = {(one.visitor_id, one.key_hash): one.asked_at for one in erased}
    rows = read_rows(place, name)
    number, hashed, received = _IDENTITY
    kept = [row for row in rows if row[received] > asked_at.get((row[number], row[hashed]), -1)]
    if not kept:
        place.delete_file(name)
    elif len(kept) < len(rows):
        place.put(name, pack(kept))
    return len(rows) - len(kept)
