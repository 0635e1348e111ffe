"""How a score came to be what it is: the line for a chart with its leaps, and the leaps that mattered most."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from scorer.core.decay import score


class Earned(msgspec.Struct, frozen=True):
    """Points earned at a moment, with the points there were right after. ``at`` in ms since 1970 UTC."""

    at: int
    points: float
    """All that was earned since the moment before."""
    after: float
    texts: tuple[str, ...]
    """What for, in words."""


class Leap(msgspec.Struct, frozen=True):
    """A moment at which the score rose. ``at`` in ms since 1970 UTC."""

    at: int
    before: float
    after: float
    texts: tuple[str, ...]

    @property
    def gained(self) -> float:
        """By how much."""
        return self.after - self.before


def leaps(earned: Sequence[Earned], p50: float) -> list[Leap]:
    """Every moment at which points were earned, as scores before and after; ``p50`` are the points that score 50.

    >>> [round(leap.gained) for leap in leaps([Earned(0, 40.0, 40.0, ())], p50=40.0)]
    [50]
    """
    return [Leap(one.at, score(max(one.after - one.points, 0.0), p50), score(one.after, p50), one.texts) for one in earned]


def score_line(found: Sequence[Leap], days: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """The points (time, score) of the line: up at each leap, fading between them as the scores day by day say.

    >>> score_line([Leap(5, 0.0, 50.0, ())], [(5, 50.0), (9, 40.0)])
    [(5, 0.0), (5, 50.0), (9, 40.0)]
    """
    at_leaps = {leap.at for leap in found}
    first = days[0][0] if days else None
    points = [(at, 1, value) for at, value in days if at not in at_leaps]
    for leap in found:
        if first is None or leap.at >= first:
            points += [(leap.at, 0, leap.before), (leap.at, 1, leap.after)]
    return [(at, value) for at, _, value in sorted(points)]


def greatest(found: Sequence[Leap], limit: int) -> list[Leap]:
    """The ``limit`` leaps by which the score rose most, in the order of time."""
    chosen = sorted(found, key=lambda leap: (-leap.gained, leap.at))[:limit]
    return sorted(chosen, key=lambda leap: leap.at)
