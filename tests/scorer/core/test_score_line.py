"""The line of a score and its leaps; the hours of the week."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.score_line import Earned, greatest, leaps, score_line
from scorer.core.week_hours import strengths, week_hours

EARNED = st.lists(
    st.builds(Earned, st.integers(0, 10**6), st.floats(0, 50), st.floats(0, 200), st.just(())), max_size=20
).map(lambda found: sorted(found, key=lambda one: one.at))


@given(EARNED, st.integers(0, 20))
def test_leaps_are_scores_and_the_greatest_are_in_the_order_of_time(earned: list[Earned], limit: int) -> None:
    found = leaps(earned, p50=40.0)
    assert all(0 <= leap.before <= leap.after <= 100 for leap in found)
    chosen = greatest(found, limit)
    assert len(chosen) == min(limit, len(found))
    assert chosen == sorted(chosen, key=lambda leap: leap.at)
    left = [leap for leap in found if leap not in chosen]
    assert not chosen or not left or max(one.gained for one in left) <= min(one.gained for one in chosen)


@given(EARNED)
def test_the_line_goes_forward_in_time_through_every_leap(earned: list[Earned]) -> None:
    found = leaps(earned, p50=40.0)
    days = [(at, 1.0) for at in range(0, 10**6, 10**5)]
    line = score_line(found, days)
    assert [at for at, _ in line] == sorted(at for at, _ in line)
    assert {(leap.at, leap.after) for leap in found} <= set(line)


def test_leaps_before_the_days_that_are_drawn_are_left_out() -> None:
    found = leaps([Earned(1, 40.0, 40.0, ()), Earned(9, 40.0, 60.0, ())], p50=40.0)
    assert [at for at, _ in score_line(found, [(5, 45.0), (10, 60.0)])] == [5, 9, 9, 10]


def test_without_anything_there_is_no_line() -> None:
    assert (leaps([], 40.0), score_line([], []), greatest([], 3)) == ([], [], [])


def test_hours_are_wall_time_also_where_the_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    summer, winter = 1_784_534_400_000, 1_795_161_600_000  # 2026-07-20 08:00 UTC, 2026-11-20 08:00 UTC
    week = week_hours([summer, winter, winter], berlin)
    assert (week[0][10], week[4][9]) == (1, 2)
    assert sum(map(sum, week)) == 3


@pytest.mark.parametrize(("week", "drawn"), [(((0, 0),), ((0, 0),)), (((1, 3),), ((2, 4),)), (((1, 100),), ((1, 4),))])
def test_an_hour_with_a_visit_is_always_drawn(week: tuple[tuple[int, ...]], drawn: tuple[tuple[int, ...]]) -> None:
    assert strengths(week) == drawn
