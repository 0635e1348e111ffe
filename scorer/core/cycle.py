"""A site's decision cycle: how long its customers take from the first touch to the deal, and where a lead stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from statistics import quantiles
from typing import Literal

import msgspec

from scorer.core.decay import DAY_MS

CyclePosition = Literal["early", "usual", "late"]

MIN_WINS = 5
"""Fewer deals than this have no quartiles worth telling."""


class Cycle(msgspec.Struct, frozen=True):
    """Days from first touch to won: how many deals, and the middle half of them."""

    count: int
    median_days: float
    p25_days: float
    p75_days: float


def decision_cycle(durations_days: Sequence[float]) -> Cycle | None:
    """How long deals took, from the days between first touch and won of each; ``None`` below five of them.

    Quartiles are linear between ranks (type 7 of Hyndman and Fan, The American Statistician 1996). Raises
    ``ValueError`` for a duration that is negative or no number: a deal won before its first touch has a wrong date.

    >>> decision_cycle([10, 20, 30, 40, 50])
    Cycle(count=5, median_days=30.0, p25_days=20.0, p75_days=40.0)
    """
    for days in durations_days:
        if not (isfinite(days) and days >= 0):
            raise ValueError(f"a deal takes 0 days or more, not {days!r}")
    if len(durations_days) < MIN_WINS:
        return None
    p25, middle, p75 = (float(days) for days in quantiles(durations_days, n=4, method="inclusive"))
    return Cycle(len(durations_days), middle, p25, p75)


def cycle_position(first_at: int, now_ms: int, cycle: Cycle | None) -> CyclePosition | None:
    """Where a lead first seen at ``first_at`` stands: ``usual`` is the time in which the middle half of deals is won.

    Times are milliseconds since 1970 UTC. ``None`` when the site has no cycle yet.

    >>> cycle_position(0, 25 * DAY_MS, Cycle(5, 30.0, 20.0, 40.0))
    'usual'
    """
    if cycle is None:
        return None
    days = (now_ms - first_at) / DAY_MS
    if days < cycle.p25_days:
        return "early"
    return "late" if days > cycle.p75_days else "usual"
