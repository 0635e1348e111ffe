"""The regression: its minimum, its bounds, and what it is drawn towards."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("sklearn", reason="needs the extra [learn]")

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from scorer.learning.logistic import fit, root_mean_square
from scorer.learning.snapshots import Floats, Matrix, Truths


def made(seed: int, rows: int = 300, columns: int = 4) -> tuple[Matrix, Truths, Floats]:
    random = np.random.default_rng(seed)
    counts = random.poisson(0.7, (rows, columns)).astype(np.float32)
    odds = counts @ random.normal(0.3, 0.6, columns) - 1
    won = random.random(rows) < 1 / (1 + np.exp(-odds))
    won[:2] = True, False
    return counts, won, random.choice([1.0, 2.0], rows)


def loss(told: Floats, counts: Matrix, won: Truths, weights: Floats, strength: float, prior: Floats) -> float:
    scale = root_mean_square(counts, weights)
    odds = told[0] + counts.astype(float) @ told[1:]
    distance = scale * (told[1:] - prior)
    penalty = strength * weights[won].sum() / 2 * distance @ distance
    return float(weights @ np.logaddexp(0, -np.where(won, 1, -1) * odds) + penalty)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), strength=st.sampled_from([0.01, 0.3, 10.0]), before=st.sampled_from([0.0, 0.4]))
def test_it_finds_the_minimum_that_a_general_method_finds(seed: int, strength: float, before: float) -> None:
    counts, won, weights = made(seed)
    prior = np.full(4, before)
    found = fit(counts, won, weights, strength=strength, prior=prior)
    mine = np.array([found.intercept, *found.coefficients])
    bounds = [(None, None)] + [(0, None)] * 4
    other = minimize(loss, np.zeros(5), (counts, won, weights, strength, prior), "L-BFGS-B", bounds=bounds)
    assert (found.coefficients >= 0).all()
    assert loss(mine, counts, won, weights, strength, prior) <= other.fun + 1e-5
    assert mine == pytest.approx(other.x, abs=0.02)


def test_without_a_penalty_to_speak_of_and_with_positive_effects_it_is_plain_logistic_regression() -> None:
    random = np.random.default_rng(3)
    counts = random.poisson(1.0, (2000, 3)).astype(np.float32)
    won = random.random(2000) < 1 / (1 + np.exp(-(counts @ np.array([0.5, 1.0, 0.3]) - 2)))
    found = fit(counts, won, np.ones(2000), strength=1e-8, prior=np.zeros(3))
    plain = LogisticRegression(C=1e8, tol=1e-8).fit(counts, won)
    assert found.coefficients == pytest.approx(plain.coef_[0], abs=2e-3)
    assert found.intercept == pytest.approx(plain.intercept_[0], abs=5e-3)


def test_a_strong_penalty_leaves_the_prior_and_a_column_of_zeros_keeps_it() -> None:
    counts, won, weights = made(1)
    counts[:, 2] = 0
    prior = np.array([0.2, 0.0, 0.7, 0.1])
    assert fit(counts, won, weights, strength=1e7, prior=prior).coefficients == pytest.approx(prior, abs=1e-3)
    assert fit(counts, won, weights, strength=0.1, prior=prior).coefficients[2] == 0.7


def test_a_column_in_other_units_has_the_same_effect() -> None:
    counts, won, weights = made(2)
    scaled = counts * np.array([1, 64, 1, 1], dtype=np.float32)
    one, other = (fit(each, won, weights, strength=0.5, prior=np.zeros(4)).coefficients for each in (counts, scaled))
    assert one == pytest.approx(other * np.array([1, 64, 1, 1]), abs=1e-4)


def test_a_weight_of_two_is_the_row_twice() -> None:
    counts, won, weights = made(4)
    twice = np.repeat(np.arange(len(won)), weights.astype(int))
    one = fit(counts, won, weights, strength=0.5, prior=np.zeros(4))
    other = fit(counts[twice], won[twice], np.ones(len(twice)), strength=0.5, prior=np.zeros(4))
    assert one.coefficients == pytest.approx(other.coefficients, abs=1e-5)


def test_wins_that_a_column_tells_without_fail_leave_it_finite() -> None:
    counts = np.array([[0.0], [0.0], [5.0], [5.0]], dtype=np.float32)
    found = fit(counts, np.array([False, False, True, True]), np.ones(4), strength=0.01, prior=np.zeros(1))
    assert np.isfinite(found.coefficients).all()
    assert found.coefficients[0] > 0.3


@pytest.mark.parametrize("won", [True, False])
def test_one_class_alone_is_refused(won: bool) -> None:
    with pytest.raises(ValueError, match="a won row and one that isn't"):
        fit(np.ones((3, 1), np.float32), np.full(3, won), np.ones(3), strength=1.0, prior=np.zeros(1))


def test_it_is_the_same_bits_twice_and_takes_large_tables() -> None:
    counts, won, weights = made(5, rows=40_000, columns=20)
    started = time.perf_counter()
    one = fit(counts, won, weights, strength=0.1, prior=np.zeros(20))
    assert time.perf_counter() - started < 20  # half a second where nobody else works
    other = fit(counts, won, weights, strength=0.1, prior=np.zeros(20))
    assert one.coefficients.tobytes() == other.coefficients.tobytes()
