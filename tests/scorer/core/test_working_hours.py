"""Due times: business hours in the place's own zone, over weekends, holidays and changes of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.working_hours import (
    MIN_CALL_MS,
    HourWindow,
    at_hour,
    in_days,
    is_business_day,
    local_time,
    next_business_noon,
    next_in_window,
    within_business_day,
)

BERLIN, SHANGHAI, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai"), ZoneInfo("Asia/Kolkata")
NEW_YORK = ZoneInfo("America/New_York")
DAY_MS = 86_400_000
zones = st.sampled_from([UTC, BERLIN, SHANGHAI, KOLKATA, NEW_YORK])
times = st.integers(1_640_995_200_000, 1_893_456_000_000)  # 2022 to 2030
holiday_sets = st.frozensets(st.dates(date(2022, 1, 1), date(2030, 12, 31)), max_size=20)


def at(text: str, zone: tzinfo = UTC) -> int:
    """Milliseconds since 1970 of a wall time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * 1000


def window(from_hour: int, to_hour: int, days: str = "weekdays") -> HourWindow:
    return HourWindow(days, from_hour, to_hour, 0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "zone", "due"),
    [
        ("2025-06-25T15:59", UTC, "2025-06-25T18:00"),
        ("2025-06-25T16:00", UTC, "2025-06-26T12:00"),
        ("2025-06-27T16:00", UTC, "2025-06-30T12:00"),
        ("2025-06-28T09:00", UTC, "2025-06-30T12:00"),
        ("2025-06-25T00:30", UTC, "2025-06-25T18:00"),
        ("2025-06-24T17:30", SHANGHAI, "2025-06-25T10:00"),
        ("2025-06-27T17:30", SHANGHAI, "2025-06-30T04:00"),
        ("2025-06-25T09:30", KOLKATA, "2025-06-25T12:30"),
        # The clocks went forward on Sunday, 30 March: 16:30 CET on Friday, noon CEST on Monday.
        ("2025-03-28T15:30", BERLIN, "2025-03-31T10:00"),
        # And back on Sunday, 26 October.
        ("2025-10-24T14:30", BERLIN, "2025-10-27T11:00"),
    ],
)
def test_due_within_the_business_day_of_the_place(now: str, zone: tzinfo, due: str) -> None:
    assert within_business_day(at(now), zone) == at(due)


def test_nothing_is_due_on_holidays() -> None:
    christmas = [date(2025, 12, 25), date(2025, 12, 26)]
    assert within_business_day(at("2025-12-24T17:00"), UTC, christmas) == at("2025-12-29T12:00")
    assert within_business_day(at("2025-12-25T09:00"), UTC, christmas) == at("2025-12-29T12:00")
    assert next_business_noon(at("2025-12-24T09:00"), UTC, christmas) == at("2025-12-29T12:00")
    assert next_business_noon(at("2025-12-24T09:00"), UTC) == at("2025-12-25T12:00")
    assert not is_business_day(date(2025, 12, 25), christmas)


def test_a_holiday_is_one_of_the_place_not_of_utc() -> None:
    new_year = {date(2026, 1, 1)}
    assert within_business_day(at("2025-12-31T17:00"), SHANGHAI, new_year) == at("2026-01-02T04:00")


@pytest.mark.parametrize(
    ("days", "due"),
    [
        (0, "2025-06-25T18:00"),
        (1, "2025-06-26T12:00"),
        (3, "2025-06-30T12:00"),
        (14, "2025-07-09T12:00"),
        (365, "2026-06-25T12:00"),
    ],
)
def test_in_days_is_the_first_business_noon_not_before(days: int, due: str) -> None:
    assert in_days(at("2025-06-25T09:30"), days, UTC) == at(due)


def test_days_ago_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 0, not -1"):
        in_days(0, -1, UTC)


@pytest.mark.parametrize(
    ("now", "windows", "expected"),
    [
        ("2025-06-25T08:00", [window(10, 12)], ("2025-06-25T10:00", "2025-06-25T12:00")),
        ("2025-06-25T10:45", [window(10, 12)], ("2025-06-25T10:45", "2025-06-25T12:00")),
        ("2025-06-25T11:30", [window(10, 12)], ("2025-06-25T11:30", "2025-06-25T12:00")),
        ("2025-06-25T11:31", [window(10, 12)], ("2025-06-26T10:00", "2025-06-26T12:00")),
        ("2025-06-25T13:00", [window(10, 12), window(15, 17)], ("2025-06-25T15:00", "2025-06-25T17:00")),
        ("2025-06-25T09:00", [window(15, 17), window(10, 12)], ("2025-06-25T10:00", "2025-06-25T12:00")),
        ("2025-06-27T13:00", [window(10, 12)], ("2025-06-30T10:00", "2025-06-30T12:00")),
        ("2025-06-28T09:00", [window(10, 12)], ("2025-06-30T10:00", "2025-06-30T12:00")),
        ("2025-06-25T05:00", [window(7, 9)], ("2025-06-25T08:00", "2025-06-25T09:00")),
        ("2025-06-25T05:00", [window(17, 19)], ("2025-06-25T17:00", "2025-06-25T18:00")),
    ],
)
def test_the_next_of_its_best_hours(now: str, windows: list[HourWindow], expected: tuple[str, str]) -> None:
    found = next_in_window(at(now, BERLIN), windows, BERLIN)
    assert found == (at(expected[0], BERLIN), at(expected[1], BERLIN))


@pytest.mark.parametrize(
    "windows", [[], [window(6, 8)], [window(18, 20)], [window(22, 24)], [window(23, 1)], [window(10, 12, "weekend")]]
)
def test_hours_at_which_nobody_calls_are_none(windows: list[HourWindow]) -> None:
    assert next_in_window(at("2025-06-25T09:00"), windows, UTC) is None


def test_best_hours_pass_over_holidays_and_keep_to_the_clock() -> None:
    found = next_in_window(at("2025-03-28T13:00", BERLIN), [window(10, 12)], BERLIN, [date(2025, 3, 31)])
    assert found == (at("2025-04-01T08:00"), at("2025-04-01T10:00"))  # 10:00 CEST


def test_an_hour_that_the_clocks_skip_is_the_next() -> None:
    assert at_hour(date(2025, 3, 30), 2, BERLIN) == at_hour(date(2025, 3, 30), 3, BERLIN) == at("2025-03-30T01:00")
    assert at_hour(date(2025, 6, 25), 24, BERLIN) == at_hour(date(2025, 6, 26), 0, BERLIN)


@given(times, zones, holiday_sets, st.integers(0, 365))
def test_due_times_lie_ahead_in_business_hours(now: int, zone: tzinfo, holidays: frozenset[date], days: int) -> None:
    due = in_days(now, days, zone, holidays)
    local = local_time(due, zone)
    assert now < due
    assert is_business_day(local.date(), holidays)
    assert (local.hour, local.minute) in ((12, 0), (18, 0))
    assert local.date() >= local_time(now, zone).date() + timedelta(days=days)


@given(times, zones, holiday_sets, st.integers(0, 23), st.integers(1, 24))
def test_best_hours_lie_ahead_in_business_hours(
    now: int, zone: tzinfo, holidays: frozenset[date], start: int, end: int
) -> None:
    span = next_in_window(now, [window(start, end)], zone, holidays)
    if span is None:
        assert min(end, 18) <= max(start, 8)
        return
    first, last = local_time(span.from_ms, zone), local_time(span.to_ms, zone)
    assert span.from_ms >= now
    assert span.to_ms - span.from_ms >= MIN_CALL_MS
    assert first.date() == last.date()
    assert is_business_day(first.date(), holidays)
    assert max(start, 8) <= first.hour <= last.hour <= min(end, 18)
