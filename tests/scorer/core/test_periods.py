"""Periods of days: what is asked for, where clocks change, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.periods import EARLIEST, MAX_DAYS, PeriodError, period

BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
HOUR = 3_600_000
NOW = int(datetime(2026, 11, 19, 23, 30, tzinfo=UTC).timestamp() * 1000)


def test_without_anything_said_it_is_the_last_ninety_days_of_the_site() -> None:
    found = period(None, None, NOW, BERLIN)  # where it is the 20th already
    assert (found.first, found.last) == (date(2026, 8, 23), date(2026, 11, 20))
    assert found.start_ms == int(datetime(2026, 8, 22, 22, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)])
def test_a_day_is_as_long_as_the_clocks_make_it(day: str, hours: int) -> None:
    found = period(date.fromisoformat(day), date.fromisoformat(day), NOW, BERLIN)
    assert found.end_ms - found.start_ms == hours * HOUR


REFUSED = {
    "ends before it begins": ("2026-02-02", "2026-02-01", "from"),
    "begins in the future": ("2026-12-01", None, "from"),
    "too long": ("2020-01-01", "2026-01-01", "from"),
    "too early": ("1999-12-31", "2000-01-05", "from"),
    "ends too early": (None, "1999-12-31", "until"),
    "ends too late": ("2026-01-01", "9999-12-31", "until"),
}


@pytest.mark.parametrize(("first", "last", "field"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_period_is_refused(first: str | None, last: str | None, field: str) -> None:
    days = (date.fromisoformat(one) if one else None for one in (first, last))
    with pytest.raises(PeriodError) as refusal:
        period(*days, NOW, BERLIN)
    assert refusal.value.field == field


def test_the_earliest_day_of_all_needs_no_beginning() -> None:
    assert period(None, EARLIEST, NOW, UTC_ZONE).first == EARLIEST


@given(
    st.dates(date(2001, 1, 1), date(2090, 1, 1)),
    st.integers(0, MAX_DAYS - 1),
    st.sampled_from(["UTC", "Asia/Shanghai", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Beirut"]),
)
def test_neighbouring_periods_meet(first: date, days: int, zone: str) -> None:
    middle, there = date.fromordinal(first.toordinal() + days), ZoneInfo(zone)
    before = period(first, middle, NOW, there)
    after = period(date.fromordinal(middle.toordinal() + 1), date.fromordinal(middle.toordinal() + 1), NOW, there)
    assert before.end_ms == after.start_ms
    assert abs(before.end_ms - before.start_ms - (days + 1) * 24 * HOUR) <= HOUR
