"""Which weeks a digest is about and when it is due, in its reader's own time zone.

A digest tells of a whole week, from Monday 00:00 to the next Monday 00:00 local, and is due on a weekday and hour of the
week that follows. So a week may have 167 or 169 hours, and nothing is in two digests or in none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta, tzinfo
from typing import Final

import msgspec

from scorer.core.decay import DAY_MS
from scorer.core.working_hours import at_hour, local_time

LATE_MS: Final = 3 * DAY_MS
"""How long after its time a digest is still sent; one that is missed for longer is recorded as late."""
_WEEK: Final = timedelta(days=7)


class Week(msgspec.Struct, frozen=True):
    """A local week: milliseconds since 1970 UTC, the end not included."""

    first: date
    """Its Monday."""
    from_ms: int
    to_ms: int

    @property
    def name(self) -> str:
        """What the ledger calls it: the date of its Monday."""
        return self.first.isoformat()


class Slot(msgspec.Struct, frozen=True):
    """A digest that is owed: the week it is about, and when it is due."""

    week: Week
    due_ms: int
    """Milliseconds since 1970 UTC."""

    def is_late(self, now_ms: int) -> bool:
        """Whether its time was missed for so long that it isn't sent any more."""
        return now_ms - self.due_ms > LATE_MS


def week_of(first: date, zone: tzinfo) -> Week:
    """Return the week of a Monday.

    >>> from zoneinfo import ZoneInfo
    >>> week = week_of(date(2026, 10, 19), ZoneInfo("Europe/Berlin"))  # the clocks go back on Sunday
    >>> (week.to_ms - week.from_ms) / 3_600_000
    169.0
    """
    return Week(first, at_hour(first, 0, zone), at_hour(first + _WEEK, 0, zone))


def week_before(week: Week, zone: tzinfo) -> Week:
    """Return the week before a week."""
    return week_of(week.first - _WEEK, zone)


def last_week(now_ms: int, zone: tzinfo) -> Week:
    """Return the last week that is over."""
    today = local_time(now_ms, zone).date()
    return week_of(today - timedelta(days=today.weekday()) - _WEEK, zone)


def due_ms(first: date, weekday: int, hour: int, zone: tzinfo) -> int:
    """Return when the digest of the week of a Monday is due: on *weekday* (0 is Monday) at *hour* of the week after."""
    return at_hour(first + _WEEK + timedelta(days=weekday), hour, zone)


def next_due(after_ms: int, weekday: int, hour: int, zone: tzinfo) -> int:
    """Return the first time after *after_ms* at which a digest is due. Milliseconds since 1970 UTC.

    >>> from datetime import UTC
    >>> next_due(0, 0, 8, UTC)  # 1970-01-01 was a Thursday
    374400000
    """
    return next(slot.due_ms for slot in _slots(after_ms, weekday, hour, zone) if slot.due_ms > after_ms)


def owed(next_ms: int, now_ms: int, weekday: int, hour: int, zone: tzinfo) -> list[Slot]:
    """Return the digests that are due by *now_ms*, oldest first, of which *next_ms* was to be the first.

    Where the rules of the time zone have changed since *next_ms* was reckoned, the first is the one nearest to it.
    """
    found: list[Slot] = []
    for slot in _slots(next_ms - LATE_MS, weekday, hour, zone):
        if slot.due_ms > now_ms:
            return found
        if slot.due_ms >= next_ms - LATE_MS:
            found.append(slot)
    raise AssertionError  # weeks don't end


def _slots(around_ms: int, weekday: int, hour: int, zone: tzinfo) -> Iterator[Slot]:
    """Yield digests in the order in which they are due, from one that is due before *around_ms*."""
    today = local_time(around_ms, zone).date()
    first = today - timedelta(days=today.weekday() + 14)
    while True:
        yield Slot(week_of(first, zone), due_ms(first, weekday, hour, zone))
        first += _WEEK
