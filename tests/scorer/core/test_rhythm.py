"""A lead's rhythm: counts, the next visit, unusual silence, best hours, momentum."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from scorer.core.decay import DAY_MS
from scorer.core.rhythm import Rhythm, rhythm
from scorer.core.working_hours import DayClass, HourWindow, local_time

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
HOUR_MS, WEEK_MS = 3_600_000, 7 * DAY_MS
NOW = 1_750_845_600_000  # Wednesday, 2025-06-25 10:00 UTC

zones = st.sampled_from([UTC, BERLIN, SHANGHAI, ZoneInfo("America/St_Johns"), ZoneInfo("Australia/Lord_Howe")])
visits = st.lists(st.integers(NOW - 120 * DAY_MS, NOW), max_size=25)


def at(text: str, zone: tzinfo = UTC) -> int:
    """Milliseconds since 1970 of a wall time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * 1000


def days_ago(*days: float) -> list[int]:
    """So many times 24 hours before Wednesday, 10:00."""
    return [NOW - round(day * DAY_MS) for day in days]


def test_somebody_never_seen_has_no_rhythm() -> None:
    assert rhythm([], NOW, UTC) == Rhythm()


def test_a_first_visit() -> None:
    assert rhythm(days_ago(0.5), NOW, UTC) == Rhythm(1, 1, 1, silence_days=0.5)


def test_a_weekly_visitor() -> None:
    found = rhythm([at(f"2025-06-{day:02}T14:20") for day in (3, 10, 17, 24)], NOW, UTC)
    assert found == Rhythm(
        visits_7d=1,
        visits_30d=4,
        active_days_30d=4,
        median_gap_days=7.0,
        median_day_gap=7.0,
        next_visit_at=at("2025-07-01T14:00"),
        silence_days=(19 * 60 + 40) / (24 * 60),
        best_hours=(HourWindow("weekdays", 14, 16, 1.0),),
        momentum="steady",
    )


def test_visits_and_active_days_are_counted_apart() -> None:
    starts = [at(f"2025-06-{day}T{hour}:00") for day in (17, 24) for hour in ("09", "10", "11")]
    found = rhythm(starts, NOW, UTC)
    assert (found.visits_7d, found.visits_30d, found.active_days_30d) == (3, 6, 2)
    assert found.median_gap_days == pytest.approx(1 / 24)
    assert found.median_day_gap == 7.0


def test_windows_of_days_leave_out_their_beginning() -> None:
    found = rhythm([NOW - 30 * DAY_MS, NOW - 30 * DAY_MS + 1, NOW - 7 * DAY_MS, NOW - 7 * DAY_MS + 1, NOW], NOW, UTC)
    assert (found.visits_7d, found.visits_30d) == (2, 4)


def test_dates_are_those_of_the_place() -> None:
    starts = [at("2025-06-23T15:30"), at("2025-06-23T16:30")]  # Before and after midnight in Shanghai.
    assert rhythm(starts, NOW, UTC).active_days_30d == 1
    assert rhythm(starts, NOW, SHANGHAI).active_days_30d == 2


@pytest.mark.parametrize(
    ("days", "now", "expected", "overdue"),
    [
        ((23, 24), "2025-06-24T12:00", None, None),
        ((20, 22, 24), "2025-06-25T10:00", "2025-06-26T09:00", None),
        ((20, 22, 24), "2025-06-26T09:00", "2025-06-26T09:00", None),
        ((20, 22, 24), "2025-06-26T21:00", None, 0.5),
        ((20, 22, 24), "2025-06-30T09:00", None, 4.0),
        ((15, 17, 20), "2025-06-21T00:00", "2025-06-23T09:00", None),  # Half days count up: 2.5 is 3.
    ],
)
def test_the_next_visit_or_how_late_it_is(
    days: tuple[int, ...], now: str, expected: str | None, overdue: float | None
) -> None:
    found = rhythm([at(f"2025-06-{day}T09:40") for day in days], at(now), UTC)
    assert found.next_visit_at == (at(expected) if expected else None)
    assert found.overdue_days == overdue


def test_the_next_visit_is_at_its_usual_hour_on_either_side_of_a_change_of_clocks() -> None:
    starts = [at(f"2025-03-{day}T10:15", BERLIN) for day in (14, 21, 28)]
    found = rhythm(starts, at("2025-03-29T12:00", BERLIN), BERLIN)
    assert found.next_visit_at == at("2025-04-04T10:00", BERLIN) == at("2025-04-04T08:00")


@pytest.mark.parametrize(
    ("starts", "unusual"),
    [
        (days_ago(16, 14, 12, 6.1), False),  # Three times 2 days are over; but it has once been away for 6.
        (days_ago(11.9, 9.9, 7.9, 5.9), False),  # Three times 2 days aren't over.
        (days_ago(12.1, 10.1, 8.1, 6.1), True),
        (days_ago(10.1, 8.1, 6.1), False),  # Three active days don't make a habit.
        (days_ago(40, 39, 38, 37, 22, 21, 20, 19), True),
        (days_ago(30, 29, 28, 27, 12, 11, 10, 9), False),  # In bursts, with 15 days between them.
    ],
)
def test_silence_is_unusual_for_those_who_come_more_often(starts: list[int], unusual: bool) -> None:
    assert rhythm(starts, NOW, UTC).unusual_silence is unusual


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        (["2025-06-23T10:30", "2025-06-24T10:10"], []),
        (["2025-06-17T10:30", "2025-06-23T10:30", "2025-06-24T10:10"], [("weekdays", 10, 12, 1.0)]),
        (["2025-06-17T09:59", "2025-06-23T10:30", "2025-06-24T10:10"], [("weekdays", 9, 11, 1.0)]),
        (["2025-06-17T08:00", "2025-06-23T13:00", "2025-06-24T18:00"], []),
        # Over midnight, and told apart by days: 21 and 22 June were a weekend.
        (["2025-06-17T23:50", "2025-06-23T00:10", "2025-06-24T23:10"], [("weekdays", 23, 1, 1.0)]),
        (
            ["2025-06-16T15:00", "2025-06-17T15:00", "2025-06-18T15:00", "2025-06-21T20:00", "2025-06-22T20:30"],
            [("weekdays", 15, 17, 0.6), ("weekend", 20, 22, 0.4)],
        ),
        (["2025-06-17T22:10", "2025-06-23T23:10", "2025-06-24T22:40"], [("weekdays", 22, 24, 1.0)]),
    ],
)
def test_best_hours(starts: list[str], expected: list[tuple[DayClass, int, int, float]]) -> None:
    found = rhythm([at(start, BERLIN) for start in starts], NOW, BERLIN).best_hours
    assert found == tuple(HourWindow(*one) for one in expected)


def test_at_most_three_best_hours() -> None:
    starts = [at(f"2025-06-{day}T{hour:02}:00") for day in (16, 17) for hour in (2, 8, 12, 16, 21)]
    assert len(rhythm(starts, NOW, UTC).best_hours) == 3


@pytest.mark.parametrize(
    ("ages", "momentum"),
    [
        ((0, 3), None),  # New this week.
        ((40,), None),  # Not seen for four weeks.
        ((1, 2, 10, 17, 24), "rising"),
        ((1, 10, 17, 24), "steady"),
        ((1, 10, 17), "steady"),  # Half as many again, but one day proves nothing,
        ((1, 40), "rising"),  # unless there were none.
        ((10, 17, 24), "fading"),
        ((1, 8, 10, 15, 17, 22, 24), "fading"),
        ((1, 3, 8, 10, 15, 17, 22, 24), "steady"),
        ((1, 3, 8, 10, 15, 17, 22), "steady"),  # A fifth more,
        ((1, 8, 10, 15, 22), "steady"),  # or a quarter less, is nothing yet.
        ((6, 0, 7, 13), "rising"),  # Today and six days before are this week.
    ],
)
def test_momentum(ages: tuple[int, ...], momentum: str | None) -> None:
    assert rhythm(days_ago(*ages), NOW, UTC).momentum == momentum


@given(visits, st.integers(-200, 200))
def test_whole_weeks_later_everything_is_whole_weeks_later(starts: list[int], weeks: int) -> None:
    shift = weeks * WEEK_MS
    here = rhythm(starts, NOW, SHANGHAI)
    there = rhythm([start + shift for start in starts], NOW + shift, SHANGHAI)
    next_visit_at = here.next_visit_at and here.next_visit_at + shift
    assert there == replace(here, next_visit_at=next_visit_at)


@given(visits, zones, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(starts: list[int], zone: tzinfo, random: Random) -> None:
    mixed = starts * 2
    random.shuffle(mixed)
    assert rhythm(mixed, NOW, zone) == rhythm(starts, NOW, zone)


@given(visits, st.lists(st.integers(1, 400 * DAY_MS), max_size=5), zones)
def test_visits_after_now_change_nothing(starts: list[int], ahead: list[int], zone: tzinfo) -> None:
    assert rhythm([*starts, *(NOW + ms for ms in ahead)], NOW, zone) == rhythm(starts, NOW, zone)
    assert rhythm(starts, NOW - 200 * DAY_MS, zone) == Rhythm()


@given(visits, zones, st.integers(0, 400 * DAY_MS))
def test_what_is_told_fits_together(starts: list[int], zone: tzinfo, later: int) -> None:
    now = NOW + later
    found = rhythm(starts, now, zone)
    active = len({local_time(start, zone).date() for start in starts})
    assert found.visits_7d <= found.visits_30d >= found.active_days_30d
    assert (found.next_visit_at is None and found.overdue_days is None) == (active < 3)
    assert found.next_visit_at is None or (found.next_visit_at >= now and found.overdue_days is None)
    assert found.overdue_days is None or found.overdue_days > 0
    assert not found.unusual_silence or active >= 4
    assert sum(window.share for window in found.best_hours) <= 1 + 1e-9
    shares = [window.share for window in found.best_hours]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) <= (3 if len(set(starts)) >= 3 else 0)


@given(st.integers(4, 12), st.integers(0, 23), st.integers(0, 60))
def test_who_comes_at_an_hour_is_expected_at_it_all_the_year(visits: int, hour: int, week: int) -> None:
    first = at("2025-01-08T00:00", BERLIN)
    days = [local_time(first + (week + number) * WEEK_MS + 12 * HOUR_MS, BERLIN) for number in range(visits)]
    starts = [int(day.replace(hour=hour, minute=30).timestamp()) * 1000 for day in days]
    found = rhythm(starts, starts[-1], BERLIN)
    assert found.next_visit_at is not None
    assert found.median_day_gap == 7.0
    expected = local_time(found.next_visit_at, BERLIN)
    assert (expected.weekday(), expected.hour) == (2, hour)
