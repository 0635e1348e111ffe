"""A lead's rhythm: how often it visits, when it is usually there, when it will be back, and whether it has gone quiet.

Two things are counted. *Visits* are what the site saw, several a day if need be: the numbers of visits and
``median_gap_days`` speak of them. *Active days* are local dates with a visit: what is expected and what is unusual is told
from these, since a lunch break between two visits says nothing about when somebody comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise
from math import floor
from statistics import median, quantiles
from typing import Literal

import msgspec

from scorer.core.decay import DAY_MS
from scorer.core.working_hours import DayClass, HourWindow, at_hour, local_time

Momentum = Literal["rising", "steady", "fading"]

EXPECTING_DAYS = 3
"""Active days from which the next visit is guessed: two gaps, of which the median is some guide."""
UNUSUAL_DAYS = 4
"""Active days from which a silence can be called unusual."""
SILENCE_TIMES_MEDIAN = 3.0
SILENCE_TIMES_P90 = 1.5
HOURS_FROM_VISITS = 3
WINDOW_HOURS = 2
MAX_WINDOWS = 3
MIN_WINDOW_VISITS = 2
"""A window in which only one visit began says nothing."""
WEEK_DAYS = 7
WEEKS_BEFORE = 3
MOMENTUM_RATIO = 1.5


class Rhythm(msgspec.Struct, frozen=True):
    """What ``rhythm`` found. Without arguments: that of somebody who was never seen."""

    visits_7d: int = 0
    visits_30d: int = 0
    active_days_30d: int = 0
    """Local dates with a visit in the last 30 times 24 hours."""
    median_gap_days: float | None = None
    """Median time from one visit's beginning to the next, in days. ``None`` before the second visit."""
    median_day_gap: float | None = None
    """Median number of days from one active day to the next. ``None`` before the second active day."""
    next_visit_at: int | None = None
    """Likely next visit, from now on: milliseconds since 1970 UTC. ``None`` before the third active day, or if overdue."""
    overdue_days: float | None = None
    """How long ago the likely next visit should have begun. ``None`` unless that has passed."""
    silence_days: float | None = None
    """Time since the last visit began. ``None`` for somebody who was never seen."""
    unusual_silence: bool = False
    """Silent for longer than is usual for it."""
    best_hours: tuple[HourWindow, ...] = ()
    """When it is most often there, greatest share first; at most three."""
    momentum: Momentum | None = None
    """``None`` for somebody new this week, or not seen for four weeks: there is nothing to compare."""


def rhythm(starts_ms: Sequence[int], now_ms: int, zone: tzinfo) -> Rhythm:
    """How often and when somebody visits, from the beginnings of its visits.

    - The **next visit** is expected the median number of days between active days after the last one (half days count
      up), at the hour in which most visits begin.
    - A silence is **unusual** from four active days on, when it is longer than three times the median of the days
      between them, and than 1.5 times their 90th percentile (linear between ranks, as type 7 of Hyndman and Fan, The
      American Statistician 1996): so those who come in bursts aren't called silent after each of them.
    - **Momentum** compares the active days of this week (today and the six days before) with the weekly mean of the
      three weeks before, as 6sense does with activities. Rising: at least half as many again, and two days or the
      first in these weeks. Fading: at most two thirds. Else steady.

    Parameters
    ----------
    starts_ms
        Beginnings of visits, in any order: milliseconds since 1970 UTC. The same one twice counts once; those after
        ``now_ms`` don't count.
    now_ms
        Now.
    zone
        The lead's time zone, else the site's: dates and hours are told in it.

    Examples
    --------
    >>> from datetime import UTC
    >>> weekly = rhythm([0, 7 * DAY_MS, 14 * DAY_MS], now_ms=15 * DAY_MS, zone=UTC)
    >>> weekly.median_day_gap, weekly.next_visit_at == 21 * DAY_MS
    (7.0, True)
    """
    starts = sorted({at for at in starts_ms if at <= now_ms})
    if not starts:
        return Rhythm()
    walls = [local_time(at, zone) for at in starts]
    days = sorted({wall.date() for wall in walls})
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    day_gaps = [float((later - earlier).days) for earlier, later in pairwise(days)]
    month = [wall for at, wall in zip(starts, walls, strict=True) if at > now_ms - 30 * DAY_MS]
    silence_days = (now_ms - starts[-1]) / DAY_MS
    expected = _expected(days, day_gaps, walls, zone)
    return Rhythm(
        visits_7d=sum(at > now_ms - 7 * DAY_MS for at in starts),
        visits_30d=len(month),
        active_days_30d=len({wall.date() for wall in month}),
        median_gap_days=median(gaps) / DAY_MS if gaps else None,
        median_day_gap=median(day_gaps) if day_gaps else None,
        next_visit_at=expected if expected is not None and expected >= now_ms else None,
        overdue_days=(now_ms - expected) / DAY_MS if expected is not None and expected < now_ms else None,
        silence_days=silence_days,
        unusual_silence=len(days) >= UNUSUAL_DAYS and silence_days > _usual_silence(day_gaps),
        best_hours=_best_hours(walls),
        momentum=_momentum(days, local_time(now_ms, zone).date()),
    )


def _expected(days: list[date], day_gaps: list[float], walls: list[datetime], zone: tzinfo) -> int | None:
    if len(days) < EXPECTING_DAYS:
        return None
    day = days[-1] + timedelta(days=floor(median(day_gaps) + 0.5))
    begun = _by_hour(walls)
    smooth = _smoothed(begun)
    hour = max(range(24), key=lambda hour: (smooth[hour], begun[hour], -hour))
    return at_hour(day, hour, zone)


def _usual_silence(day_gaps: list[float]) -> float:
    p90 = quantiles(day_gaps, n=10, method="inclusive")[8]
    return max(SILENCE_TIMES_MEDIAN * median(day_gaps), SILENCE_TIMES_P90 * p90)


def _best_hours(walls: list[datetime]) -> tuple[HourWindow, ...]:
    """Windows that don't overlap, chosen by smoothed counts, each with its true share."""
    if len(walls) < HOURS_FROM_VISITS:
        return ()
    classes: dict[DayClass, list[int]] = {
        "weekdays": _by_hour(wall for wall in walls if wall.weekday() < 5),
        "weekend": _by_hour(wall for wall in walls if wall.weekday() >= 5),
    }
    ranked: list[tuple[int, int, int, DayClass]] = []
    for of_days, begun in classes.items():
        smooth = _smoothed(begun)
        for hour in range(24):
            # Of two windows as full, the one in whose first hour more begins: visits go on after their beginning.
            ranked.append((sum(smooth[at] for at in _window(hour)), begun[hour], -hour, of_days))
    chosen: list[HourWindow] = []
    taken: set[tuple[DayClass, int]] = set()
    for _, _, minus_hour, of_days in sorted(ranked, reverse=True):
        hours = _window(-minus_hour)
        visits = sum(classes[of_days][hour] for hour in hours)
        places = {(of_days, hour) for hour in hours}
        if len(chosen) < MAX_WINDOWS and visits >= MIN_WINDOW_VISITS and not places & taken:
            taken |= places
            chosen.append(HourWindow(of_days, hours[0], hours[-1] + 1, visits / len(walls)))
    return tuple(sorted(chosen, key=lambda window: -window.share))


def _window(hour: int) -> list[int]:
    return [(hour + step) % 24 for step in range(WINDOW_HOURS)]


def _by_hour(walls: Iterable[datetime]) -> list[int]:
    """Visits that began in each local hour."""
    begun = [0] * 24
    for wall in walls:
        begun[wall.hour] += 1
    return begun


def _smoothed(begun: list[int]) -> list[int]:
    """Each hour twice, and its neighbours once: 23:00 and 0:00 are neighbours."""
    return [begun[hour - 1] + 2 * begun[hour] + begun[(hour + 1) % 24] for hour in range(24)]


def _momentum(days: list[date], today: date) -> Momentum | None:
    ages = [(today - day).days for day in days]
    this_week = sum(age < WEEK_DAYS for age in ages)
    before = sum(WEEK_DAYS <= age < WEEK_DAYS * (1 + WEEKS_BEFORE) for age in ages)
    if ages[0] < WEEK_DAYS or this_week + before == 0:
        return None
    usual = before / WEEKS_BEFORE
    if this_week >= MOMENTUM_RATIO * usual and (this_week >= 2 or before == 0):
        return "rising"
    return "fading" if this_week <= usual / MOMENTUM_RATIO else "steady"
