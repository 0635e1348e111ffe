"""Dates in a site's time zone: quick, and to the millisecond what the calendar says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tracker.core.admission import OLDEST_MS
from tracker.days import day_of

LATEST_MS = 4_102_444_800_000  # 2100
# All kinds of offsets: whole, half and quarter hours, both sides of the date line, and one that skipped a day.
ZONES = [
    *("UTC", "Europe/Berlin", "America/New_York", "Asia/Shanghai", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"),
    *("Pacific/Apia", "Pacific/Kiritimati", "Pacific/Chatham", "America/St_Johns", "Africa/Monrovia", "Asia/Pyongyang"),
]


def by_calendar(zone: str, at_ms: int) -> int:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone)).toordinal()


@given(st.sampled_from(ZONES), st.integers(OLDEST_MS, LATEST_MS))
@example("Pacific/Apia", 1_325_239_199_999)  # the last moment of 29 December 2011; the 30th never was
@example("Pacific/Apia", 1_325_239_200_000)
@example("America/Havana", 1_710_046_800_000)  # the clock goes forward at midnight
@example("Africa/Cairo", 1_714_082_400_000)
def test_the_day_is_the_calendar_s(zone: str, at_ms: int) -> None:
    assert day_of(zone)(at_ms) == by_calendar(zone, at_ms)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_the_day_changes_at_the_very_millisecond_of_midnight(zone: str, off: int) -> None:
    midnights = [datetime(2024, month, 15, tzinfo=ZoneInfo(zone)) for month in range(1, 13)]
    for midnight in midnights:
        at_ms = int(midnight.timestamp() * 1000) + off
        assert day_of(zone)(at_ms) == midnight.toordinal() - (off < 0)


def test_offsets_change_on_the_quarter_of_an_hour_in_every_zone_there_is() -> None:
    # What the look-up by quarters rests on. Sampled at every month's start since 1990.
    moments = [datetime(year, month, 1, tzinfo=UTC) for year in range(1990, 2038, 3) for month in (1, 4, 7, 10)]
    odd = {
        zone
        for zone in available_timezones()
        for moment in moments
        if moment.astimezone(ZoneInfo(zone)).utcoffset() % timedelta(minutes=15)  # type: ignore[operator]
    }
    assert odd == set()
