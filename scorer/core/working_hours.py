"""When work is due: within the business day, on a later one, or in the hours in which somebody is usually there.

All hours are wall time in the zone handed in, so that they stay where they are when the clocks change. A business day
is a day from Monday to Friday that isn't among the holidays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Literal, NamedTuple

import msgspec

DayClass = Literal["weekdays", "weekend"]

FIRST_CALL_HOUR = 8
LAST_CALL_HOUR = 16
"""From this local hour on, work due today is due on the next business day."""
DAY_END_HOUR = 18
NOON_HOUR = 12
MIN_CALL_MS = 30 * 60_000
"""An hour of which less than this is left is over: a call needs preparing."""


class HourWindow(msgspec.Struct, frozen=True):
    """Hours of the day in which a lead is often there, in its own time zone."""

    days: DayClass
    """``weekdays``: Monday to Friday."""
    from_hour: int
    """0 to 23."""
    to_hour: int
    """1 to 24; below ``from_hour`` for a window over midnight, which counts as of the day on which it begins."""
    share: float
    """Share of all its visits that began in it, above 0 up to 1."""


class Span(NamedTuple):
    """A stretch of time: milliseconds since 1970 UTC, the end not included."""

    from_ms: int
    to_ms: int


def local_time(at_ms: int, zone: tzinfo) -> datetime:
    """Wall time in the zone."""
    return datetime.fromtimestamp(at_ms / 1000, zone)


def at_hour(day: date, hour: int, zone: tzinfo) -> int:
    """Milliseconds since 1970 UTC of a full hour, 0 to 24, of a local day.

    An hour that the clocks skip counts as the one after it; of one that they repeat it is the first.
    """
    wall = datetime.combine(day, time(0)) + timedelta(hours=hour)
    return int(wall.replace(tzinfo=zone).timestamp()) * 1000


def is_business_day(day: date, holidays: Collection[date] = ()) -> bool:
    """Monday to Friday, and no holiday.

    >>> is_business_day(date(2025, 6, 25)), is_business_day(date(2025, 6, 28))
    (True, False)
    """
    return day.weekday() < 5 and day not in holidays


def within_business_day(now_ms: int, zone: tzinfo, holidays: Collection[date] = ()) -> int:
    """End of this business day (18:00 local); from 16:00 and on other days, noon of the next one. Milliseconds UTC.

    >>> from datetime import UTC
    >>> within_business_day(0, UTC) == 18 * 3_600_000  # 1970-01-01 was a Thursday
    True
    """
    local = local_time(now_ms, zone)
    if is_business_day(local.date(), holidays) and local.hour < LAST_CALL_HOUR:
        return at_hour(local.date(), DAY_END_HOUR, zone)
    return next_business_noon(now_ms, zone, holidays)


def next_business_noon(now_ms: int, zone: tzinfo, holidays: Collection[date] = ()) -> int:
    """Noon local of the first business day after today. Milliseconds since 1970 UTC."""
    return in_days(now_ms, 1, zone, holidays)


def in_days(now_ms: int, days: int, zone: tzinfo, holidays: Collection[date] = ()) -> int:
    """Noon local of the first business day that is at least so many days after today. Milliseconds since 1970 UTC.

    0 days is within the business day. Raises ``ValueError`` for fewer.
    """
    if days < 0:
        raise ValueError(f"days must be at least 0, not {days}")
    if days == 0:
        return within_business_day(now_ms, zone, holidays)
    first = local_time(now_ms, zone).date() + timedelta(days=days)
    return at_hour(next(_business_days(first, holidays)), NOON_HOUR, zone)


def next_in_window(now_ms: int, windows: Iterable[HourWindow], zone: tzinfo, holidays: Collection[date] = ()) -> Span | None:
    """The next stretch of a business day in which a lead is usually there, and in which it can be called.

    It begins now if such a stretch is going on with half an hour or more left. Only what lies between 8:00 and 18:00
    local counts; of several windows on a day the earliest that is left. ``None`` when no window has such hours.
    """
    hours = sorted(
        (max(window.from_hour, FIRST_CALL_HOUR), min(window.to_hour, DAY_END_HOUR))
        for window in windows
        if window.days == "weekdays" and window.from_hour < window.to_hour
    )
    hours = [(start, end) for start, end in hours if start < end]
    if not hours:
        return None
    spans = (
        Span(max(now_ms, at_hour(day, start, zone)), at_hour(day, end, zone))
        for day in _business_days(local_time(now_ms, zone).date(), holidays)
        for start, end in hours
    )
    return next(span for span in spans if span.to_ms - span.from_ms >= MIN_CALL_MS)


def _business_days(first: date, holidays: Collection[date]) -> Iterator[date]:
    day = first
    while True:
        if is_business_day(day, holidays):
            yield day
        day += timedelta(days=1)
