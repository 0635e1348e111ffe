"""What became of a lead, told from all that was said of it: whether it was contacted and when, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

Result = Literal["won", "lost", "junk"]
"""How a lead ended; ``junk`` was never one."""

CONTACT: Final = frozenset({"contacted", "not_now", "won", "lost"})
"""Kinds of outcomes that nobody can know without having spoken with the lead."""
RESULTS: Final = frozenset({"won", "lost", "junk"})
OPENED: Final = "open"
"""The kind of outcome that takes back all that was said before."""


class Said(msgspec.Struct, frozen=True):
    """One outcome."""

    at: int
    """Milliseconds since 1970 UTC."""
    kind: str
    value: float | None = None
    currency: str = ""


class Fate(msgspec.Struct, frozen=True):
    """What became of a lead."""

    first_at: int | None = None
    """When the first outcome of any kind was said; ``None``: nothing was."""
    contacted_at: int | None = None
    """The first time that somebody must have spoken with it; ``None``: nobody has."""
    result: Result | None = None
    """The last word on how it ended; ``None`` while it is open."""
    won_at: int | None = None
    """When it was first won; ``None`` unless the result is ``won``."""
    value: float | None = None
    """Of the latest deal that has one; ``None`` unless the result is ``won``."""
    currency: str = ""


OPEN: Final = Fate()


def fate(told: Iterable[Said]) -> Fate:
    """Return what became of a lead of which this was said, in any order.

    ``open`` takes back all that was said before it. At one moment it counts as said first, and of two results the one that
    is later in the alphabet as said last, so that the order in which they are given never matters.

    >>> fate([Said(5, "won", 900.0, "EUR"), Said(1, "contacted")]).value
    900.0
    """
    standing = still_standing(told)
    if not standing:
        return OPEN
    contacted_at = next((one.at for one in standing if one.kind in CONTACT), None)
    result: Result | None = None
    for one in standing:
        if one.kind in RESULTS:
            result = one.kind  # type: ignore[assignment]  # one of them, as just checked
    if result != "won":
        return Fate(standing[0].at, contacted_at, result)
    wins = [one for one in standing if one.kind == "won"]
    valued = next((one for one in reversed(wins) if one.value is not None), None)
    value, currency = (valued.value, valued.currency) if valued else (None, "")
    return Fate(standing[0].at, contacted_at, result, wins[0].at, value, currency)


def wins(told: Iterable[Said]) -> list[Said]:
    """Return the deals with a lead of which this was said, in the order of time; none unless the result is ``won``.

    >>> [one.value for one in wins([Said(9, "won", 50.0), Said(1, "won", 10.0), Said(2, "contacted")])]
    [10.0, 50.0]
    """
    standing = still_standing(told)
    results = [one.kind for one in standing if one.kind in RESULTS]
    return [one for one in standing if one.kind == "won"] if results and results[-1] == "won" else []


def still_standing(told: Iterable[Said]) -> list[Said]:
    """Return what was not taken back, in the order in which it counts as said."""
    standing: list[Said] = []
    for one in sorted(told, key=lambda one: (one.at, one.kind != OPENED, one.kind, one.value or 0.0, one.currency)):
        if one.kind == OPENED:
            standing.clear()
        else:
            standing.append(one)
    return standing
