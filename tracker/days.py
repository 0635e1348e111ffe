"""Dates in a site's time zone."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from tracker.core.visits import DayOf

_QUARTER_MS = 15 * 60_000


@lru_cache(maxsize=500)
def day_of(time_zone: str) -> DayOf:
    """Return the function from a time in ms since 1970 UTC to the ordinal of its date in *time_zone*."""
    zone = ZoneInfo(time_zone)

    # Offsets from UTC change on the quarter of an hour only, so one look-up serves all events within it.
    @lru_cache(maxsize=20_000)
    def day_of_quarter(quarter: int) -> int:
        return datetime.fromtimestamp(quarter * _QUARTER_MS / 1000, zone).toordinal()

    return lambda at_ms: day_of_quarter(at_ms // _QUARTER_MS)
