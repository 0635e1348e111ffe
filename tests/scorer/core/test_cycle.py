"""The decision cycle of a site, and where a lead stands in it."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.cycle import Cycle, cycle_position, decision_cycle
from scorer.core.decay import DAY_MS

CYCLE = Cycle(9, 30.0, 20.0, 40.0)
durations = st.lists(st.floats(0, 2000), min_size=5, max_size=40)


def test_the_cycle_is_the_middle_half_of_the_deals() -> None:
    assert decision_cycle([90, 10, 20, 30, 40, 50, 60, 70, 80]) == Cycle(9, 50.0, 30.0, 70.0)
    assert decision_cycle([0, 0, 0, 0, 0]) == Cycle(5, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_fewer_than_five_deals_tell_nothing(count: int) -> None:
    assert decision_cycle([30.0] * count) is None


@pytest.mark.parametrize("bad", [-0.5, math.nan, math.inf])
def test_a_duration_that_cannot_be_is_refused_however_few_there_are(bad: float) -> None:
    with pytest.raises(ValueError, match="0 days or more"):
        decision_cycle([30.0, bad])


@given(durations)
def test_quartiles_are_in_order_and_any_order_gives_the_same(days: list[float]) -> None:
    cycle = decision_cycle(days)
    assert cycle is not None
    assert cycle == decision_cycle(sorted(days))
    assert cycle.count == len(days)
    marks = [min(days), cycle.p25_days, cycle.median_days, cycle.p75_days, max(days)]
    assert all(low <= high + 1e-9 for low, high in pairwise(marks))
    assert cycle.median_days == pytest.approx(median(days))


@pytest.mark.parametrize(
    ("days", "position"),
    [(-1, "early"), (0, "early"), (19.9, "early"), (20, "usual"), (40, "usual"), (40.1, "late"), (900, "late")],
)
def test_where_a_lead_stands(days: float, position: str) -> None:
    first_at = 1_750_000_000_000
    assert cycle_position(first_at, first_at + round(days * DAY_MS), CYCLE) == position


def test_without_a_cycle_nobody_stands_anywhere() -> None:
    assert cycle_position(0, 0, None) is None
