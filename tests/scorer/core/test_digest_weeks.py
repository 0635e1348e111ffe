"""Weeks and due times: over changes of the clocks, the end of the year, half hours and outages."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.digest_weeks import LATE_MS, due_ms, last_week, next_due, owed, week_before, week_of

BERLIN, SHANGHAI, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai"), ZoneInfo("Asia/Kolkata")
NEW_YORK, LORD_HOWE, CAIRO = ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Africa/Cairo")
HOUR_MS = 3_600_000
zones = st.sampled_from([UTC, BERLIN, SHANGHAI, KOLKATA, NEW_YORK, LORD_HOWE, CAIRO, ZoneInfo("Pacific/Apia")])
times = st.integers(1_640_995_200_000, 1_893_456_000_000)  # 2022 to 2030
weekdays, hours = st.integers(0, 6), st.integers(0, 23)


def at(text: str, zone: tzinfo = UTC) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * 1000


@pytest.mark.parametrize(
    ("first", "zone", "begins", "length"),
    [
        (date(2026, 11, 16), UTC, "2026-11-16T00:00", 168),
        (date(2026, 11, 16), SHANGHAI, "2026-11-15T16:00", 168),
        (date(2026, 11, 16), KOLKATA, "2026-11-15T18:30", 168),
        (date(2026, 10, 19), BERLIN, "2026-10-18T22:00", 169),
        (date(2026, 3, 23), BERLIN, "2026-03-22T23:00", 167),
        (date(2026, 3, 30), LORD_HOWE, "2026-03-29T13:00", 168.5),
        (date(2026, 12, 28), NEW_YORK, "2026-12-28T05:00", 168),
    ],
)
def test_a_week_is_local(first: date, zone: tzinfo, begins: str, length: float) -> None:
    week = week_of(first, zone)
    assert week.from_ms == at(begins)
    assert (week.to_ms - week.from_ms) / HOUR_MS == length
    assert week.name == first.isoformat()


@given(times, zones)
def test_weeks_follow_each_other_without_gap_or_overlap(now: int, zone: tzinfo) -> None:
    week = last_week(now, zone)
    assert week.to_ms <= now < week.to_ms + 8 * 24 * HOUR_MS
    assert week.first.weekday() == 0
    assert week_before(week, zone).to_ms == week.from_ms
    assert last_week(week.to_ms, zone) == week
    assert last_week(week.to_ms - 1, zone) == week_before(week, zone)


@pytest.mark.parametrize(
    ("after", "weekday", "hour", "zone", "due"),
    [
        ("2026-11-22T07:00", 0, 8, UTC, "2026-11-23T08:00"),
        ("2026-11-23T08:00", 0, 8, UTC, "2026-11-30T08:00"),
        ("2026-11-22T07:00", 4, 17, SHANGHAI, "2026-11-27T09:00"),
        ("2026-11-22T07:00", 0, 8, KOLKATA, "2026-11-23T02:30"),
        # The same hour by the clock on the wall, before the clocks go back and after.
        ("2026-10-15T00:00", 0, 8, BERLIN, "2026-10-19T06:00"),
        ("2026-10-19T06:00", 0, 8, BERLIN, "2026-10-26T07:00"),
        # An hour that is skipped is the one after it; one that comes twice is the first of the two.
        ("2026-03-28T12:00", 6, 2, BERLIN, "2026-03-29T01:00"),
        ("2026-10-24T12:00", 6, 2, BERLIN, "2026-10-25T00:00"),
        # The week of the turn of the year is due in the new one.
        ("2026-12-29T00:00", 0, 8, UTC, "2027-01-04T08:00"),
    ],
)
def test_when_a_digest_is_due(after: str, weekday: int, hour: int, zone: tzinfo, due: str) -> None:
    assert next_due(at(after), weekday, hour, zone) == at(due)


def test_the_week_of_the_turn_of_the_year() -> None:
    [slot] = owed(at("2027-01-04T08:00"), at("2027-01-04T08:00"), 0, 8, UTC)
    assert (slot.week.name, slot.week.from_ms, slot.week.to_ms) == ("2026-12-28", at("2026-12-28T00:00"), at("2027-01-04"))


@given(times, weekdays, hours, zones, st.integers(0, 60))
def test_after_an_outage_every_week_is_owed_once_and_told_of_its_own(
    start: int, weekday: int, hour: int, zone: tzinfo, days: int
) -> None:
    first = next_due(start, weekday, hour, zone)
    now = first + days * 24 * HOUR_MS
    slots = owed(first, now, weekday, hour, zone)
    assert slots[0].due_ms == first
    assert [slot.due_ms for slot in slots] == sorted({slot.due_ms for slot in slots})
    assert all((after.week.first - before.week.first).days == 7 for before, after in pairwise(slots))
    assert slots[-1].due_ms <= now < next_due(slots[-1].due_ms, weekday, hour, zone)
    for slot in slots:
        assert slot.due_ms == due_ms(slot.week.first, weekday, hour, zone)
        assert slot.week.to_ms <= slot.due_ms, "the week is over when it is told of"
        assert slot.is_late(now) == (now - slot.due_ms > LATE_MS)


def test_nothing_is_owed_before_its_time() -> None:
    due = at("2026-11-23T08:00")
    assert owed(due, due - 1, 0, 8, UTC) == []


def test_a_time_reckoned_by_older_rules_of_the_zone_is_still_the_same_week() -> None:
    due = at("2026-11-23T08:00", BERLIN)
    for shift in (-HOUR_MS, HOUR_MS):
        slots = owed(due + shift, due + 2 * HOUR_MS, 0, 8, BERLIN)
        assert [slot.week.name for slot in slots] == ["2026-11-16"]
