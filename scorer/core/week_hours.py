"""In which hours of the week somebody is there: how many visits began in each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import Final

from scorer.core.working_hours import local_time

Week = tuple[tuple[int, ...], ...]
"""Seven days from Monday on, each with its 24 hours."""
STRONG_FROM: Final = 3


def week_hours(starts_ms: Iterable[int], zone: tzinfo) -> Week:
    """How many visits began in each hour of the week, in wall time of the zone.

    >>> from datetime import UTC
    >>> week_hours([0], UTC)[3][0]  # 1970 began on a Thursday
    1
    """
    counts = [[0] * 24 for _ in range(7)]
    for at in starts_ms:
        wall = local_time(at, zone)
        counts[wall.weekday()][wall.hour] += 1
    return tuple(map(tuple, counts))


def strengths(week: Week, steps: int = 4) -> Week:
    """How strongly each hour is drawn: 0 without a visit, else 1 to ``steps`` by its part of the busiest hour.

    An hour has to have ``STRONG_FROM`` visits to be drawn in full: a single one is no habit.

    >>> strengths(((0, 1, 8),)), strengths(((0, 1),))
    (((0, 1, 4),), ((0, 2),))
    """
    most = max((count for day in week for count in day), default=0)
    return tuple(tuple(-(-count * steps // max(most, STRONG_FROM)) for count in day) for day in week)
