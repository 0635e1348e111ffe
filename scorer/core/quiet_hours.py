"""When somebody may be disturbed: quiet hours in their own time zone, and so many mails a local day."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

import msgspec

from scorer.core.working_hours import at_hour, local_time
from tracker.core.labels import LabelledError

DAY_MINUTES: Final = 24 * 60
_CLOCK: Final = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")


class QuietHoursError(LabelledError):
    """What was said is no span of the day; the label says why."""


class QuietHours(msgspec.Struct, frozen=True):
    """A span of every local day, in minutes since midnight, the end not included; over midnight where it ends earlier than
    it begins. None where both are equal."""

    begin: int = 0
    end: int = 0

    def __str__(self) -> str:
        """As ``read_quiet_hours`` reads it; empty for none."""
        return f"{_clock(self.begin)}-{_clock(self.end)}" if self.begin != self.end else ""


def read_quiet_hours(text: str) -> QuietHours:
    """Return the span written as ``19:00-08:00``; none for an empty text. Raises ``QuietHoursError``.

    >>> read_quiet_hours("19:00-8:00"), str(read_quiet_hours("7:30-24:00")), read_quiet_hours("")
    (QuietHours(begin=1140, end=480), '07:30-00:00', QuietHours(begin=0, end=0))
    """
    if not text.strip():
        return QuietHours()
    parts = [_CLOCK.fullmatch(part.strip()) for part in text.split("-")]
    minutes = [int(part[1]) * 60 + int(part[2]) for part in parts if part]
    if len(parts) != 2 or len(minutes) != 2 or max(minutes) > DAY_MINUTES:
        raise QuietHoursError("Quiet hours are written like 19:00-08:00.", "免打扰时段应写成 19:00-08:00 的形式。")
    begin, end = (one % DAY_MINUTES for one in minutes)
    if begin == end:
        raise QuietHoursError(
            "Quiet hours can't begin when they end; leave them out for none.", "免打扰时段的起止不能相同；不需要时请留空。"
        )
    return QuietHours(begin, end)


def quiet_until(quiet: QuietHours, at_ms: int, zone: tzinfo) -> int | None:
    """Return when the quiet hours end that *at_ms* lies in, in ms since 1970 UTC; ``None`` outside of them.

    A moment that the clocks skip counts as the one after it. An end that comes twice, since the clocks go back, is the first
    of the two that is yet to come.
    """
    if quiet.begin == quiet.end:
        return None
    local = local_time(at_ms, zone)
    minute = local.hour * 60 + local.minute
    over_midnight = quiet.begin > quiet.end
    if over_midnight:
        if quiet.end <= minute < quiet.begin:
            return None
        day = local.date() + timedelta(days=1 if minute >= quiet.begin else 0)
    else:
        if not quiet.begin <= minute < quiet.end:
            return None
        day = local.date()
    return next(end for fold in (0, 1) if (end := _moment(day, quiet.end, zone, fold)) > at_ms)


def day_begin(at_ms: int, zone: tzinfo) -> int:
    """Return when the local day of *at_ms* begins, in ms since 1970 UTC."""
    return at_hour(local_time(at_ms, zone).date(), 0, zone)


def may_send(quiet: QuietHours, sent_today: int, max_per_day: int, at_ms: int, zone: tzinfo) -> bool:
    """Return whether another mail may go out now: not in quiet hours, and not above the day's limit."""
    return quiet_until(quiet, at_ms, zone) is None and sent_today < max_per_day


def _moment(day: date, minute: int, zone: tzinfo, fold: int) -> int:
    wall = datetime.combine(day, time(minute // 60, minute % 60), zone).replace(fold=fold)
    return int(wall.timestamp()) * 1000


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
