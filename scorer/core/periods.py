"""Periods of whole days in a site's time zone."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

DEFAULT_DAYS: Final = 90
MAX_DAYS: Final = 1100
"""Three years: the longest time that outcomes are of use for."""
EARLIEST: Final = date(2000, 1, 1)
LATEST: Final = date(2100, 1, 1)


class PeriodError(ValueError):
    """There is no such period; ``field`` is ``from`` or ``until``."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Period(msgspec.Struct, frozen=True):
    """From the beginning of the first day to the end of the last, in a time zone."""

    first: date
    last: date
    zone: ZoneInfo
    start_ms: int
    """Milliseconds since 1970 UTC."""
    end_ms: int
    """The first moment after it."""


def period(first: date | None, last: date | None, now_ms: int, zone: ZoneInfo) -> Period:
    """Return the days from *first* to *last*, both included.

    ``None`` for *last*: today. ``None`` for *first*: 90 days in all. A day is as long as the clocks there make it: 23, 24 or
    25 hours. Raises ``PeriodError`` for one that ends before it begins, is longer than three years, or lies before 2000 or
    after 2100.

    >>> found = period(None, date(2026, 3, 29), 0, ZoneInfo("Europe/Berlin"))
    >>> found.first.isoformat(), (found.end_ms - found.start_ms) / 3_600_000
    ('2025-12-30', 2159.0)
    """
    last = last or datetime.fromtimestamp(now_ms / 1000, zone).date()
    if not EARLIEST <= last < LATEST:
        raise PeriodError("until", f"A day from {EARLIEST} on and before {LATEST}")
    if first is None:
        first = max(EARLIEST, last - timedelta(days=DEFAULT_DAYS - 1))
    if first > last:
        raise PeriodError("from", f"Not after the last day, {last}")
    if first < EARLIEST:
        raise PeriodError("from", f"Not before {EARLIEST}")
    if (last - first).days >= MAX_DAYS:
        raise PeriodError("from", f"At most {MAX_DAYS} days up to the last day, {last}")
    return Period(first, last, zone, _midnight(first, zone), _midnight(last + timedelta(days=1), zone))


def _midnight(day: date, zone: ZoneInfo) -> int:
    return round(datetime.combine(day, time(), zone).timestamp() * 1000)
