"""The geometry of charts, whatever the numbers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.plotting import axis, close_axis, columns, place, plot, shares, sparkline

values = st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), max_size=30)


@given(values)
def test_an_axis_holds_all_values_and_has_few_round_steps(numbers: list[float]) -> None:
    made = axis(numbers)
    slack = 1e-9 * max(abs(made.low), abs(made.high))
    assert all(made.low - slack <= value <= made.high + slack for value in [0.0, *numbers])
    assert 2 <= len(made.ticks) <= 8
    assert made.ticks == tuple(sorted(set(made.ticks)))
    assert (made.low, made.high) == (made.ticks[0], made.ticks[-1])


@given(values)
def test_a_close_axis_holds_all_values_and_has_few_round_steps(numbers: list[float]) -> None:
    made = close_axis(numbers)
    slack = 1e-9 * max(abs(made.low), abs(made.high))
    assert all(made.low - slack <= value <= made.high + slack for value in numbers)
    assert made.low < made.high
    assert 2 <= len(made.ticks) <= 8


@pytest.mark.parametrize(
    ("numbers", "ticks"),
    [
        ([], (0, 0.2, 0.4, 0.6, 0.8, 1)),
        ([0.5], (0.5, 0.52)),
        ([0.5, 0.93], (0.5, 0.6, 0.7, 0.8, 0.9, 1)),
        ([0.98, 0.999], (0.98, 0.985, 0.99, 0.995, 1)),
        ([0.97, 1.2], (0.95, 1)),
    ],
)
def test_ticks_of_a_close_axis_end_where_the_numbers_make_no_sense(numbers: list[float], ticks: tuple[float, ...]) -> None:
    assert close_axis(numbers, low=0.0, high=1.0).ticks == ticks


@pytest.mark.parametrize(
    ("numbers", "ticks"),
    [
        ([], (0, 0.2, 0.4, 0.6, 0.8, 1)),
        ([0, 0], (0, 0.2, 0.4, 0.6, 0.8, 1)),
        ([100], (0, 20, 40, 60, 80, 100)),
        ([101], (0, 50, 100, 150)),
        ([0.1 + 0.2], (0, 0.1, 0.2, 0.3)),
        ([-3, 3], (-4, -2, 0, 2, 4)),
    ],
)
def test_ticks(numbers: list[float], ticks: tuple[float, ...]) -> None:
    assert axis(numbers).ticks == ticks


@given(values)
def test_every_point_and_bar_is_on_the_drawing(numbers: list[float]) -> None:
    up = axis(numbers)
    drawn = plot(range(len(numbers)), numbers, (0, max(len(numbers) - 1, 1)), up, 300, 100)
    assert all(
        -0.01 <= x <= 300.01 and -0.01 <= y <= 100.01 for x, y in (*drawn.points, *sparkline(numbers, 300, 100).points)
    )
    bars = columns(numbers, up, 300, 100)
    assert all(bar.x >= 0 and bar.x + bar.width <= 300.1 and bar.height >= 0 for bar in bars)
    assert all(left.x + left.width <= right.x + 0.05 for left, right in pairwise(bars))


def test_a_line_and_the_area_below_it() -> None:
    drawn = plot([0, 10], [0, 50], (0, 10), axis([100]), 200, 100)
    assert (drawn.line, drawn.area) == ("M0 100L200 50", "M0 100L200 50L200 100L0 100Z")
    assert plot([], [], (0, 1), axis([]), 200, 100).line == ""


def test_places_of_nothing_much() -> None:
    assert place(5, 5, 5, 0, 100) == 50
    assert shares([0, 0]) == (0, 0)
    assert shares([1, 4]) == (0.25, 1)
