"""Which leads sales call although they aren't hot: a few, drawn by lot, so that something is learned of the others, too.

Who only calls hot leads learns only what became of hot leads. So a small share of the hot list is drawn from the rest, by a
lot that can be drawn again (from site and week) and whose chance is written down: an outcome of a lead that had one chance
in a hundred stands for a hundred like it (Horvitz and Thompson, "A Generalization of Sampling Without Replacement from a
Finite Universe", JASA 1952).

Of a million leads not all are looked at. Ids of leads are hashes, so those between two points of the circle of ids are a
fair sample of all; a first lot says where on the circle is looked, a second one who of those found there is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

ID_PREFIX: Final = "ld_"
_LETTERS: Final = "234567abcdefghijklmnopqrstuvwxyz"
"""Of base 32, in the order in which databases sort them."""
_ID_LETTERS: Final = 16
MOST: Final = 50
"""Leads a week, however long the hot list is."""


def lot(*what: object) -> float:
    """Return a number from 0 to below 1 that follows from *what* alone, and is as good as thrown by dice.

    >>> lot(1, "a") == lot(1, "a") != lot(1, "b")
    True
    """
    digest = blake2b("\0".join(map(str, what)).encode(), digest_size=8, person=b"exploring").digest()
    return int.from_bytes(digest, "big") / 2**64


def expected_number(hot: int, percent: int) -> float:
    """Return how many leads are to be drawn on average so that they are *percent* of the list that they and *hot* make.

    At most ``MOST``; none where nobody is hot or *percent* is 0. *percent* is below 100.

    >>> expected_number(19, 5), expected_number(0, 5)
    (1.0, 0.0)
    """
    return min(hot * percent / (100 - percent), float(MOST))


def number_to_draw(expected: float, roll: float) -> int:
    """Return *expected* rounded up or down by lot (*roll*, from 0 to below 1), so that the mean is kept.

    >>> number_to_draw(0.2, 0.1), number_to_draw(0.2, 0.5), number_to_draw(3.0, 0.99)
    (1, 0, 3)
    """
    whole = math.floor(expected)
    return whole + (roll < expected - whole)


def place_on_circle(lead_id: str) -> float:
    """Return where on the circle of ids a lead is, from 0 to below 1.

    >>> place_on_circle("ld_2222222222222222"), place_on_circle("ld_i222222222222222")
    (0.0, 0.4375)
    """
    value = 0
    for letter in lead_id.removeprefix(ID_PREFIX):
        value = value * 32 + _LETTERS.index(letter)
    return value / 32**_ID_LETTERS


def id_at(place: float) -> str:
    """Return the id at a place of the circle (from 0 to below 1): a lead with this or a later id is at this place or later.

    >>> id_at(0.4375)
    'ld_i222222222222222'
    """
    value, letters = int(place * 32**_ID_LETTERS), ""
    for _ in range(_ID_LETTERS):
        value, letter = divmod(value, 32)
        letters = _LETTERS[letter] + letters
    return ID_PREFIX + letters


def arcs(start: float, part: float) -> list[tuple[str, str | None]]:
    """Return the stretches of ids (from, to but not including; ``None``: to the end) of a *part* of the circle.

    *start* is from 0 to below 1, *part* above 0 and at most 1. Two stretches where it goes past the end.

    >>> arcs(0.0, 1.0), len(arcs(0.75, 0.5))
    ([('ld_2222222222222222', None)], 2)
    """
    if part >= 1:
        return [(id_at(0.0), None)]
    end = start + part
    if end < 1:
        return [(id_at(start), id_at(end))]
    rest = [(id_at(0.0), id_at(end - 1))] if end > 1 else []
    return [(id_at(start), None), *rest]


def part_to_look_at(found: int, span: float, wanted: int) -> float:
    """Return the part of the circle with about *wanted* leads, told from a sample: *found* leads on a *span* of it.

    One of 1, 1/2, 1/4 and so on, the least that has as many.

    >>> part_to_look_at(2000, 0.002, 20_000), part_to_look_at(300, 1.0, 20_000)
    (0.03125, 1.0)
    """
    if found == 0 or span <= 0:
        return 1.0
    part = 1.0
    while part / 2 * found / span >= wanted:
        part /= 2
    return part


def draw(candidates: Iterable[str], number: int, *key: object) -> list[str]:
    """Return *number* of these leads, fewer where there aren't so many, by a lot that follows from *key*; sorted.

    Each is as likely as any other, whoever else is a candidate and in whatever order; of a smaller number, the same ones
    are among those of a larger.

    >>> draw(["a", "b", "c"], 2, 1) == draw(["c", "b", "a"], 2, 1)
    True
    """
    return sorted(sorted(set(candidates), key=lambda one: (lot(*key, one), one))[:number])


def chance(expected: float, candidates: int, part: float) -> float:
    """Return how likely each of so many *candidates*, found on a *part* of the circle, was to be drawn; 0 where none was.

    *expected* is the number wanted before rounding.

    >>> chance(0.5, 100, 0.25)
    0.00125
    """
    if candidates == 0:
        return 0.0
    whole = math.floor(expected)
    up = expected - whole
    drawn = (1 - up) * min(whole, candidates) + up * min(whole + 1, candidates)
    return part * drawn / candidates
