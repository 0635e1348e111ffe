"""Two cards side by side: who enters and leaves, in which order, and what became of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.capacity import Spell
from scorer.core.decay import DAY_MS
from scorer.core.simulation import (
    BEFORE_WIN_MS,
    Compared,
    Figures,
    Moved,
    Placed,
    Standing,
    hot_before,
    mean_ranks,
    spearman,
    summarise,
)


def standing(priority: float, *, hot: bool = False, entered: int = 0, before: bool = False) -> Standing:
    return Standing(priority, score=priority / 2, hot=hot, entered=entered, hot_before=before)


def lead(name: str, current: Standing, proposed: Standing, *, won: bool = False) -> Compared:
    return Compared(name, name.upper(), won, current, proposed)


LEADS = [
    lead("stays", standing(90, hot=True, entered=2, before=True), standing(80, hot=True, entered=1, before=True), won=True),
    lead("leaves", standing(100, hot=True, entered=1, before=True), standing(10)),
    lead("enters", standing(10), standing(90, hot=True, entered=1, before=True)),
    lead("equal", standing(20), standing(90, hot=True, entered=3, before=True), won=True),
    lead("cold", standing(0), standing(0)),
]


def test_both_cards_side_by_side() -> None:
    found = summarise(LEADS, events=77, days=14, listed=2)
    assert (found.leads, found.events, found.days, found.wins, found.ranked) == (5, 77, 14, 2, 4)
    assert (found.entering, found.leaving, found.staying) == (2, 1, 1)
    # Equal ones by id, as the hot list has them.
    assert found.hot_list == [Placed("enters", "ENTERS", 1, 45.0, None, 5.0), Placed("equal", "EQUAL", 2, 45.0, None, 10.0)]
    assert found.enters == found.hot_list
    assert found.leaves == [Moved("leaves", "LEAVES", 5.0, 1, 50.0)]
    assert found.current == Figures(2, 1.5, 1, 2, 0.5, 0.4, 1.25)
    assert found.proposed == Figures(3, 2.5, 2, 3, 1.0, 0.6, 1.0 / 0.6)


def test_of_those_who_stay_both_ranks_are_told() -> None:
    found = summarise(LEADS, events=0, days=7, listed=9)
    assert found.hot_list[2] == Placed("stays", "STAYS", 3, 40.0, 2, 45.0)


def test_of_nobody_nothing_is_said() -> None:
    found = summarise([], events=0, days=7, listed=9)
    assert (found.rank_correlation, found.hot_list, found.leaves) == (None, [], [])
    assert found.current == Figures(0, 0.0, 0, 0, None, None, None)


@pytest.mark.parametrize(
    ("spells", "expected"),
    [
        ([], False),
        ([Spell(0, DAY_MS)], False),  # long over
        ([Spell(0, 10 * DAY_MS)], False),  # ended just as the 30 days began
        ([Spell(0, 10 * DAY_MS + 1)], True),
        ([Spell(40 * DAY_MS - 1, 50 * DAY_MS)], True),
        ([Spell(40 * DAY_MS, 50 * DAY_MS)], False),  # began with the win itself
        ([Spell(0, DAY_MS), Spell(20 * DAY_MS, 21 * DAY_MS)], True),
    ],
)
def test_hot_in_the_thirty_days_before(spells: list[Spell], expected: bool) -> None:
    assert BEFORE_WIN_MS == 30 * DAY_MS
    assert hot_before(spells, 40 * DAY_MS) is expected


@pytest.mark.parametrize(
    ("xs", "ys", "rho"),
    [
        ([1, 2, 3], [10, 20, 30], 1.0),
        ([1, 2, 3], [30, 20, 10], -1.0),
        # IQ and hours of television: the worked example of Wikipedia's article on Spearman's coefficient, rho = -29/165.
        ([106, 100, 86, 101, 99, 103, 97, 113, 112, 110], [7, 27, 2, 50, 28, 29, 20, 12, 6, 17], -29 / 165),
        ([1, 2, 2, 3], [1, 2, 3, 4], math.sqrt(0.9)),  # ties: 4.5 / sqrt(4.5 * 5)
        ([], [], None),
        ([1], [2], None),
        ([5, 5, 5], [1, 2, 3], None),
    ],
)
def test_rank_correlation(xs: list[float], ys: list[float], rho: float | None) -> None:
    assert spearman(xs, ys) == (None if rho is None else pytest.approx(rho, abs=1e-12))


numbers = st.integers(-5, 5).map(float)
pairs = st.lists(st.tuples(numbers, numbers), max_size=30)


@given(pairs)
def test_rank_correlation_goes_by_order_alone(some: list[tuple[float, float]]) -> None:
    xs, ys = [x for x, _ in some], [y for _, y in some]
    rho = spearman(xs, ys)
    assert rho == spearman([math.exp(x) for x in xs], [3 * y + 1 for y in ys]) == spearman(ys, xs)
    if rho is not None:
        assert -1 <= rho <= 1
        assert spearman(xs, [-y for y in ys]) == pytest.approx(-rho)


@given(st.lists(numbers, max_size=30))
def test_ranks_are_the_mean_places_of_equal_values(values: list[float]) -> None:
    ranks = mean_ranks(values)
    assert sum(ranks) == len(values) * (len(values) + 1) / 2
    for value, rank in zip(values, ranks, strict=True):
        below, same = sum(one < value for one in values), values.count(value)
        assert rank == below + (same + 1) / 2


def test_lists_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 and 1"):
        spearman([1, 2], [1])
