"""Forward decay: order, half-life, cooling time and range."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.decay import DAY_MS, MAX_HALF_LIVES, Decay, LandmarkError, points_of_score, score

LANDMARK = 1_750_000_000_000
times = st.integers(LANDMARK - 400 * DAY_MS, LANDMARK + 400 * DAY_MS)
heats = st.floats(1e-6, 1e6)
half_lives = st.sampled_from([1.0, 3.0, 7.0, 14.0, 30.0, 90.5])


def test_points_halve_with_each_half_life() -> None:
    decay = Decay(14, LANDMARK)
    heat = decay.heat(80, LANDMARK + 3 * DAY_MS)
    assert decay.points(heat, LANDMARK + 3 * DAY_MS) == pytest.approx(80, rel=1e-12)
    assert decay.points(heat, LANDMARK + 17 * DAY_MS) == pytest.approx(40, rel=1e-12)
    assert decay.points(heat, LANDMARK + 45 * DAY_MS) == pytest.approx(10, rel=1e-12)


@pytest.mark.parametrize(("points", "expected"), [(0.0, 0.0), (40.0, 50.0), (80.0, 75.0), (1e9, 100.0)])
def test_score_rises_from_0_over_50_to_100(points: float, expected: float) -> None:
    assert score(points, p50=40) == expected


@given(st.floats(0, 99.9))
def test_points_of_a_score_score_it(value: float) -> None:
    assert score(points_of_score(value, 40), 40) == pytest.approx(value, abs=1e-9)


@given(st.lists(st.tuples(st.floats(0, 100), times), max_size=20), times, half_lives)
def test_forward_decay_is_ordinary_half_life_decay(earned: list[tuple[float, int]], now: int, half_life: float) -> None:
    decay = Decay(half_life, LANDMARK)
    heat = sum(decay.heat(points, at) for points, at in earned)
    plain = sum(points * 2.0 ** (-(now - at) / (half_life * DAY_MS)) for points, at in earned)
    assert decay.points(heat, now) == pytest.approx(plain, rel=1e-9)


@given(heats, heats, times, half_lives)
def test_order_by_heat_is_order_by_score_at_every_time(one: float, other: float, now: int, half_life: float) -> None:
    decay = Decay(half_life, LANDMARK)
    low, high = sorted((one, other))
    assert score(decay.points(low, now), 40) <= score(decay.points(high, now), 40)


@given(heats, st.floats(1, 200), half_lives)
def test_the_time_of_falling_is_that_of_brute_force_to_a_second(heat: float, points: float, half_life: float) -> None:
    decay = Decay(half_life, LANDMARK)
    cools_at = decay.falls_to(heat, points)
    assert cools_at is not None
    low, high = LANDMARK - 60 * 400 * DAY_MS, LANDMARK + 60 * 400 * DAY_MS
    low, high = max(low, LANDMARK - int(900 * decay.half_life_ms)), min(high, LANDMARK + int(900 * decay.half_life_ms))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if decay.points(heat, middle) >= points else (low, middle)
    assert abs(cools_at - low) <= 1000


@given(st.floats(1, 200), times, half_lives)
def test_threshold_heat_is_worth_the_points_then(points: float, now: int, half_life: float) -> None:
    decay = Decay(half_life, LANDMARK)
    assert decay.points(decay.threshold_heat(points, now), now) == pytest.approx(points, rel=1e-9)


def test_no_heat_never_falls() -> None:
    assert Decay(14, LANDMARK).falls_to(0.0, 42) is None


def test_falling_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Decay(14, LANDMARK).falls_to(1.0, 0)


def test_a_time_too_far_after_the_landmark_is_refused_with_the_way_out() -> None:
    decay = Decay(1, LANDMARK)
    assert math.isfinite(decay.heat(1000, LANDMARK + MAX_HALF_LIVES * DAY_MS) * 8000)
    with pytest.raises(LandmarkError, match="move the landmark"):
        decay.weight(LANDMARK + (MAX_HALF_LIVES + 1) * DAY_MS)


def test_a_reading_too_far_before_the_landmark_is_refused() -> None:
    with pytest.raises(LandmarkError, match="earlier landmark"):
        Decay(1, LANDMARK).points(1.0, LANDMARK - (MAX_HALF_LIVES + 1) * DAY_MS)


def test_old_times_underflow_to_nothing() -> None:
    decay = Decay(1, LANDMARK)
    assert decay.heat(1000, LANDMARK - 2000 * DAY_MS) == 0.0
    assert decay.points(1.0, LANDMARK + 2000 * DAY_MS) == 0.0


@pytest.mark.parametrize("half_life", [0, -1, math.nan, math.inf])
def test_a_half_life_that_is_none_is_refused(half_life: float) -> None:
    with pytest.raises(ValueError, match="half_life_days"):
        Decay(half_life, LANDMARK)
