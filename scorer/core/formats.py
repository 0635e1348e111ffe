"""How dates, times, counts and durations are written in each language: what CLDR has for English and Simplified Chinese."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Final

from scorer.core.decay import DAY_MS
from scorer.core.labels import Label, Language, pick
from scorer.core.phrases import HOUR_MS, MINUTE_MS

_ALMOST_A_YEAR_MS: Final = 330 * 86_400_000
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEKDAYS_ZH: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")

AHEAD: Final = {
    "soon": Label("in a moment", "即将"),
    "minute": Label("in 1 minute", "1 分钟后"),
    "minutes": Label("in {n} minutes", "{n} 分钟后"),
    "hour": Label("in 1 hour", "1 小时后"),
    "hours": Label("in {n} hours", "{n} 小时后"),
    "days": Label("in {n} days", "{n} 天后"),
}
"""How far ahead something is; how long ago is in ``phrases``. ``static/page.js`` says the same by the same words."""
_DURATIONS: Final = {
    "seconds": Label("{n} s", "{n} 秒"),
    "minutes": Label("{n} min", "{n} 分钟"),
    "hours": Label("{n} h {m} min", "{n} 小时 {m} 分钟"),
}


def day_text(at_ms: int, zone: tzinfo, language: Language) -> str:
    """A date.

    >>> day_text(0, UTC, "en"), day_text(0, UTC, "zh")
    ('1 Jan 1970', '1970年1月1日')
    """
    at = _local(at_ms, zone)
    if language == "zh":
        return f"{at.year}年{at.month}月{at.day}日"
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def axis_day_text(at_ms: int, span_ms: int, zone: tzinfo, language: Language) -> str:
    """A date beside a line of time that is *span_ms* long: as short as tells it from the others.

    Without the year where no day comes twice, else the month with its year.

    >>> axis_day_text(0, 86_400_000, UTC, "en"), axis_day_text(0, 2 * 31_536_000_000, UTC, "zh")
    ('1 Jan', '1970年1月')
    """
    at = _local(at_ms, zone)
    if span_ms < _ALMOST_A_YEAR_MS:
        return f"{at.month}月{at.day}日" if language == "zh" else f"{at.day} {_MONTHS[at.month - 1]}"
    return f"{at.year}年{at.month}月" if language == "zh" else f"{_MONTHS[at.month - 1]} {at.year}"


def clock_text(at_ms: int, zone: tzinfo) -> str:
    """The time of day, by 24 hours: ``09:05``."""
    return f"{_local(at_ms, zone):%H:%M}"


def moment_text(at_ms: int, zone: tzinfo, language: Language) -> str:
    """A date with the day of the week and the time.

    >>> moment_text(0, UTC, "en"), moment_text(0, UTC, "zh")
    ('Thu 1 Jan 1970, 00:00', '1970年1月1日 周四 00:00')
    """
    weekday = _local(at_ms, zone).weekday()
    day, clock = day_text(at_ms, zone, language), clock_text(at_ms, zone)
    return f"{day} {_WEEKDAYS_ZH[weekday]} {clock}" if language == "zh" else f"{_WEEKDAYS[weekday]} {day}, {clock}"


def ahead(at_ms: int, now_ms: int, language: Language) -> str:
    """How far ``at_ms`` is ahead of ``now_ms``: minutes within the hour, hours within two days, then days.

    >>> ahead(7_200_000, 0, "en")
    'in 2 hours'
    """
    left = at_ms - now_ms
    if left < MINUTE_MS:
        name, n = "soon", 0
    elif left < HOUR_MS:
        n = left // MINUTE_MS
        name = "minute" if n == 1 else "minutes"
    elif left < 2 * DAY_MS:
        n = left // HOUR_MS
        name = "hour" if n == 1 else "hours"
    else:
        name, n = "days", left // DAY_MS
    return pick(AHEAD[name], language).format(n=n)


def count_text(number: float, digits: int = 0) -> str:
    """A number with its thousands apart; both languages write it so.

    >>> count_text(1234567), count_text(1234.5, 1)
    ('1,234,567', '1,234.5')
    """
    return f"{number:,.{digits}f}"


def percent_text(share: float, digits: int = 0) -> str:
    """A share from 0 to 1 as a percentage: ``0.25`` is ``25%``."""
    return f"{share * 100:,.{digits}f}%"


def duration_text(seconds: float, language: Language) -> str:
    """A length of time: seconds within the minute, minutes within the hour, then both.

    >>> duration_text(45, "en"), duration_text(150, "zh"), duration_text(3900, "en")
    ('45 s', '3 分钟', '1 h 5 min')
    """
    if seconds < 60:
        return pick(_DURATIONS["seconds"], language).format(n=int(seconds))
    # Halves are rounded up: a person who reads for 90 seconds has read for 2 minutes.
    minutes = int(seconds / 60 + 0.5)
    if minutes < 60:
        return pick(_DURATIONS["minutes"], language).format(n=minutes)
    return pick(_DURATIONS["hours"], language).format(n=minutes // 60, m=minutes % 60)


def _local(at_ms: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
