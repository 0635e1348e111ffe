"""Quiet hours in a person's own time zone, also on the days when the clocks change."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.quiet_hours import (
    QuietHours,
    QuietHoursError,
    day_begin,
    may_send,
    quiet_until,
    read_quiet_hours,
)
from scorer.core.working_hours import local_time

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = read_quiet_hours("19:00-08:00")
LUNCH = read_quiet_hours("12:00-13:30")
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Shanghai", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"]


def at(text: str, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()) * 1000


CASES: dict[str, tuple[QuietHours, str, str | None]] = {
    "in the day": (NIGHT, "2026-11-19T12:00", None),
    "at their beginning": (NIGHT, "2026-11-19T19:00", "2026-11-20T08:00"),
    "right before it": (NIGHT, "2026-11-19T18:59:59", None),
    "after midnight": (NIGHT, "2026-11-20T03:00", "2026-11-20T08:00"),
    "right before their end": (NIGHT, "2026-11-20T07:59:59", "2026-11-20T08:00"),
    "at their end": (NIGHT, "2026-11-20T08:00", None),
    "within a day": (LUNCH, "2026-11-20T12:10", "2026-11-20T13:30"),
    "none": (QuietHours(), "2026-11-20T03:00", None),
    "over the turn of the year": (NIGHT, "2026-12-31T23:30", "2027-01-01T08:00"),
    "the night the clocks go back": (NIGHT, "2026-10-24T23:00", "2026-10-25T08:00"),
    "the night they go forward": (NIGHT, "2027-03-27T23:00", "2027-03-28T08:00"),
    "an end that is skipped": (read_quiet_hours("22:00-02:30"), "2027-03-28T01:30", "2027-03-28T03:30"),
}


@pytest.mark.parametrize(("quiet", "now", "end"), CASES.values(), ids=CASES)
def test_when_quiet_hours_end(quiet: QuietHours, now: str, end: str | None) -> None:
    assert quiet_until(quiet, at(now), BERLIN) == (at(end) if end else None)


def test_an_end_that_comes_twice_is_the_next_one() -> None:
    quiet = read_quiet_hours("22:00-02:30")
    first, second = at("2026-10-25T02:30"), at("2026-10-25T02:30", fold=1)
    assert second - first == 3_600_000
    assert quiet_until(quiet, first - 60_000, BERLIN) == first
    assert quiet_until(quiet, first + 40 * 60_000, BERLIN) == second, "02:10, for the second time"


@given(
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.integers(1_600_000_000, 1_900_000_000),
    st.sampled_from(ZONES),
)
def test_quiet_hours_end_within_a_day_and_outside_of_themselves(begin: int, end: int, at_s: int, zone_name: str) -> None:
    quiet, zone, now = QuietHours(begin, end), ZoneInfo(zone_name), at_s * 1000
    until = quiet_until(quiet, now, zone)
    if until is None:
        return
    assert now < until <= now + 25 * 3_600_000
    local = local_time(until, zone)
    minute = local.hour * 60 + local.minute
    # An end that the clocks skip is the moment after; then some of the span may still be to come only by the clock.
    assert minute == end or zone.utcoffset(local.replace(tzinfo=None)) != zone.utcoffset(
        local_time(now - 86_400_000, zone).replace(tzinfo=None)
    )


@pytest.mark.parametrize(
    "text", ["19-8", "19:00", "25:00-08:00", "24:30-08:00", "19:00-08:00-09:00", "08:00-08:00", "a:b-c:d"]
)
def test_what_is_no_span_is_refused_in_both_languages(text: str) -> None:
    with pytest.raises(QuietHoursError) as caught:
        read_quiet_hours(text)
    assert caught.value.label.zh


@given(st.integers(0, 1439), st.integers(0, 1439))
def test_what_is_written_can_be_read(begin: int, end: int) -> None:
    quiet = QuietHours(begin, end)
    again = read_quiet_hours(str(quiet))
    assert again == (quiet if begin != end else QuietHours())


def test_a_mail_goes_out_when_neither_the_hour_nor_the_limit_forbids_it() -> None:
    noon, night = at("2026-11-19T12:00"), at("2026-11-19T23:00")
    assert may_send(NIGHT, 4, 5, noon, BERLIN)
    assert not may_send(NIGHT, 5, 5, noon, BERLIN)
    assert not may_send(NIGHT, 0, 5, night, BERLIN)


def test_a_day_begins_at_local_midnight() -> None:
    assert day_begin(at("2026-10-25T12:00"), BERLIN) == at("2026-10-25T00:00")
