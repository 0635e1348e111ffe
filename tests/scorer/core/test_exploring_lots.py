"""Drawing by lot: the chance written down is the chance there was, and the same lot gives the same draw."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.exploring import (
    MOST,
    arcs,
    chance,
    draw,
    expected_number,
    id_at,
    lot,
    number_to_draw,
    part_to_look_at,
    place_on_circle,
)
from scorer.core.people import lead_id

PLACES = st.floats(0, 1, exclude_max=True)
IDS = sorted(lead_id(1, f"visitor {number}") for number in range(100))


@pytest.mark.parametrize(
    ("hot", "percent", "expected"),
    [(0, 5, 0.0), (1, 5, 1 / 19), (19, 5, 1.0), (95, 5, 5.0), (40, 20, 10.0), (40, 0, 0.0), (100_000, 20, MOST)],
)
def test_the_drawn_leads_are_the_share_of_the_list_that_was_asked_for(hot: int, percent: int, expected: float) -> None:
    assert math.isclose(expected_number(hot, percent), expected)


@given(st.floats(0, 60), PLACES)
def test_a_number_is_rounded_to_one_of_its_neighbours(expected: float, roll: float) -> None:
    assert number_to_draw(expected, roll) in {math.floor(expected), math.ceil(expected)}


def test_rounding_by_lot_keeps_the_mean_also_of_a_short_list() -> None:
    numbers = [number_to_draw(0.3, lot("number", site, week)) for site in range(50) for week in range(100)]
    assert set(numbers) == {0, 1}
    assert abs(sum(numbers) / len(numbers) - 0.3) < 0.03


@given(st.lists(st.sampled_from(IDS), unique=True), st.integers(0, 20), st.integers(), st.randoms(use_true_random=False))
def test_a_draw_is_the_same_whatever_the_order_and_only_of_candidates(
    ids: list[str], number: int, key: int, by: object
) -> None:
    drawn = draw(ids, number, key)
    shuffled = list(ids)
    by.shuffle(shuffled)  # type: ignore[attr-defined]
    assert drawn == draw(shuffled, number, key)
    assert len(drawn) == min(number, len(ids))
    assert set(drawn) <= set(ids)
    assert set(drawn) <= set(draw(ids, number + 1, key))


@given(PLACES)
def test_ids_and_places_on_the_circle_say_the_same(place: float) -> None:
    assert math.isclose(place_on_circle(id_at(place)), place, abs_tol=1e-12)


@given(st.lists(PLACES, min_size=2, unique=True))
def test_ids_sort_as_their_places_do(places: list[float]) -> None:
    ids = [id_at(place) for place in sorted(places)]
    assert ids == sorted(ids)


@given(PLACES, st.integers(0, 12), PLACES)
def test_stretches_are_the_part_of_the_circle_that_was_asked_for(start: float, halved: int, at: float) -> None:
    part, one = 1 / 2**halved, id_at(at)
    covered = sum(one >= first and (last is None or one < last) for first, last in arcs(start, part))
    assert covered <= 1
    gone_round = (at - start) % 1
    if 1e-9 < gone_round < part - 1e-9:
        assert covered == 1
    elif part + 1e-9 < gone_round < 1 - 1e-9:
        assert covered == 0


@given(st.integers(0, 10**6), st.floats(1e-6, 1), st.integers(1, 50_000))
def test_the_part_looked_at_has_about_as_many_leads_as_wanted(found: int, span: float, wanted: int) -> None:
    part = part_to_look_at(found, span, wanted)
    assert 0 < part <= 1
    density = found / span
    assert part == 1 or wanted <= density * part < 2 * wanted


@pytest.mark.parametrize(("expected", "part"), [(0.4, 1.0), (2.5, 1.0), (3.0, 0.25), (0.4, 0.5)])
def test_every_lead_is_drawn_as_often_as_the_chance_written_down_says(expected: float, part: float) -> None:
    """By the whole way of a draw, over many weeks. What is written down on average is what happens."""
    weeks, drawn, told = 1500, Counter[str](), 0.0
    for week in range(weeks):
        stretches = arcs(lot("arc", week), part)
        candidates = [one for one in IDS if any(one >= a and (b is None or one < b) for a, b in stretches)]
        drawn.update(draw(candidates, number_to_draw(expected, lot("number", week)), "draw", week))
        told += chance(expected, len(candidates), part)
    share = told / weeks
    assert math.isclose(share * len(IDS), expected, rel_tol=1e-9 if part == 1 else 0.05)
    assert abs(sum(drawn.values()) / weeks - expected) < 0.1
    most, least = max(drawn[one] for one in IDS), min(drawn[one] for one in IDS)
    mean = weeks * share
    # Five standard deviations of a count with this mean.
    assert mean - 5 * math.sqrt(mean) - 1 <= least <= most <= mean + 5 * math.sqrt(mean) + 1


def test_of_few_candidates_the_chance_is_no_more_than_certain() -> None:
    assert chance(5.0, 2, 1.0) == 1.0
    assert chance(0.5, 0, 1.0) == 0.0
