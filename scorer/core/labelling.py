"""Whether a lead bought after a past moment, told from what was said of it: the labels that are learned from.

What is told at a moment ``t0`` with a horizon ``H``: *won*, if there was a win in ``(t0, t0 + H]``; *not won*, if it was
said in that time to be lost or no lead at all, or if that time is over; else nobody knows yet, and the row is censored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from scorer.core.decay import DAY_MS
from scorer.core.fates import CONTACT, OPENED, RESULTS, Said
from scorer.core.handling import REST_MS

ACTIVE_MS: Final = 28 * DAY_MS
"""How long a lead counts as active after it was last seen: a snapshot of one that has gone teaches nothing about calling."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of a lead within a horizon."""

    won: bool | None
    """``None``: too young to tell."""
    known_at: int
    """From when on that was known: milliseconds since 1970 UTC. While it isn't, the end of the horizon."""


class Course(msgspec.Struct, frozen=True):
    """All that was said of a lead by now, less what was taken back."""

    wins: tuple[int, ...]
    """Times at which it was won, or reached a goal; rising."""
    losses: tuple[int, ...]
    """Times at which it was said to be lost, or no lead; rising."""
    contacted_at: int | None
    """First time that somebody must have spoken with it; ``None``: nobody has."""
    taken_back: tuple[tuple[int, int], ...] = ()
    """Results that were taken back: when each was said, and when it no longer held."""

    def is_undecided(self, at: int) -> bool:
        """Whether the lead was open at that moment: never won before, and not said to be lost in the 30 days before, for
        which a lost lead rests."""
        won_before = bool(self.wins) and self.wins[0] <= at
        return not won_before and not any(said <= at < said + REST_MS for said in self.losses)

    def outcome(self, at: int, horizon_ms: int, now_ms: int) -> Outcome:
        """What became of a lead that was open at *at*, as far as it is known at *now_ms*.

        A win within the horizon stands, whatever else was said in it. Nothing that was said after ``known_at`` plays a
        part.
        """
        end = at + horizon_ms
        corrected = max((back for said, back in self.taken_back if at < said <= end), default=at)
        for some, won in ((self.wins, True), (self.losses, False)):
            said = next((one for one in some if at < one <= end), None)
            if said is not None:
                return Outcome(won, max(said, corrected))
        return Outcome(False if end <= now_ms else None, max(end, corrected))


def course(told: Iterable[Said], goals: Iterable[int], now_ms: int) -> Course:
    """Return the course of a lead of which this was said by *now_ms*, in any order, and which reached goals at these times.

    ``open`` takes back all that was said before it, as in ``fates.fate``; a goal is something the lead did, and stays.

    >>> course([Said(5, "won"), Said(7, "open"), Said(9, "lost")], [], 10)
    Course(wins=(), losses=(9,), contacted_at=9, taken_back=((5, 7),))
    """
    standing: list[Said] = []
    taken_back: list[tuple[int, int]] = []
    for one in sorted((one for one in told if one.at <= now_ms), key=lambda one: (one.at, one.kind != OPENED, one.kind)):
        if one.kind == OPENED:
            taken_back += [(before.at, one.at) for before in standing if before.kind in RESULTS]
            standing.clear()
        else:
            standing.append(one)
    reached = [at for at in goals if at <= now_ms]
    return Course(
        wins=tuple(sorted([*(one.at for one in standing if one.kind == "won"), *reached])),
        losses=tuple(one.at for one in standing if one.kind in RESULTS and one.kind != "won"),
        contacted_at=next((one.at for one in standing if one.kind in CONTACT), None),
        taken_back=tuple(taken_back),
    )


def snapshot_times(seen: Sequence[int], known: Course, step_ms: int, at_most: int, now_ms: int) -> list[int]:
    """Return the moments, rising, at which a lead is looked at to learn from it.

    The first midnight (UTC) after it was first seen, so that who buys within a week is looked at, too; then each beginning
    of a step before which it was seen within 28 days, up to now. Only while it was open. Which of them are taken depends
    on nothing that came later, but for their number: of more than *at_most* the first and others evenly spread.

    Parameters
    ----------
    seen
        When the lead was on the site: milliseconds since 1970 UTC, rising.
    known
        What was said of it.
    step_ms
        Whole days between the moments that all leads have in common.
    at_most
        At least 1.
    """
    if not seen:
        return []
    found = []
    first = seen[0] // DAY_MS * DAY_MS + DAY_MS
    if first <= now_ms and known.is_undecided(first):
        found.append(first)
    place, at = 0, seen[0] // step_ms * step_ms + step_ms
    while at <= now_ms:
        while place < len(seen) and seen[place] < at:
            place += 1
        if at - seen[place - 1] > ACTIVE_MS:
            if place == len(seen):
                break
            at = seen[place] // step_ms * step_ms + step_ms
            continue
        if at != first and known.is_undecided(at):
            found.append(at)
        at += step_ms
    if len(found) <= at_most:
        return found
    return [found[0], *(found[round(number * (len(found) - 1) / (at_most - 1))] for number in range(1, at_most))]
