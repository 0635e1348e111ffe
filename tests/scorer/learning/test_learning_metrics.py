"""Figures beside scikit-learn's and beside what comes out by hand."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="needs the extra [learn]")

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from scorer.learning.metrics import (
    WEEK_MS,
    Order,
    auc,
    auc_influence,
    bin_of,
    brier,
    calibration_bins,
    calibration_error,
    called,
    lead_weeks,
    lift,
)

ONE = np.ones(4)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(-3, 3), st.booleans(), st.sampled_from([0.5, 1.0, 3.0])), min_size=2, max_size=40
    ).filter(lambda rows: len({won for _, won, _ in rows}) == 2)
)
def test_area_and_precision_are_those_of_scikit_learn_with_ties_and_weights(rows: list[tuple[int, bool, float]]) -> None:
    scores, won, weights = (np.array(column) for column in zip(*rows, strict=True))
    area, precision = Order(scores.astype(float), won).figures(weights)
    assert area == pytest.approx(roc_auc_score(won, scores, sample_weight=weights))
    assert precision == pytest.approx(average_precision_score(won, scores, sample_weight=weights))


def test_the_area_by_hand() -> None:
    won = np.array([True, False, True, False])
    assert auc(np.array([4.0, 3.0, 2.0, 1.0]), won, ONE) == 0.75
    assert auc(np.zeros(4), won, ONE) == 0.5
    assert auc(np.array([1.0, 2.0, 1.0, 2.0]), won, ONE) == 0.0


def test_without_a_win_or_a_loss_there_is_no_area() -> None:
    assert np.isnan(auc(np.arange(4.0), np.zeros(4, bool), ONE))
    assert np.isnan(auc(np.arange(4.0), np.ones(4, bool), ONE))
    assert np.isnan(auc(np.zeros(0), np.zeros(0, bool), np.zeros(0)))


def test_in_windows_only_rows_of_the_same_window_are_compared() -> None:
    won = np.array([True, False, True, False, True])
    scores = np.array([0.2, 0.1, 9.0, 8.0, 1.0])
    windows = np.array([0, 0, 1, 1, 2])
    assert auc(scores, won, np.ones(5), windows) == 1.0
    assert auc(scores, won, np.ones(5)) < 1.0


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_area_in_windows_is_the_mean_by_pairs(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores, won, windows = random.integers(0, 5, 60).astype(float), random.random(60) < 0.4, random.integers(0, 3, 60)
    pairs = area = 0.0
    for window in range(3):
        rows = windows == window
        if won[rows].any() and not won[rows].all():
            mine = won[rows].sum() * (~won[rows]).sum()
            pairs, area = pairs + mine, area + mine * roc_auc_score(won[rows], scores[rows])
    assert auc(scores, won, np.ones(60), windows) == pytest.approx(area / pairs)


def test_the_influences_give_the_spread_of_the_area() -> None:
    random = np.random.default_rng(0)
    areas, told = [], []
    for _ in range(200):
        won = np.arange(200) < 60
        scores = random.normal(won * 0.8)
        areas.append(auc(scores, won, np.ones(200)))
        moved = auc_influence(scores, won, np.ones(200), np.zeros(200, np.int64))
        assert moved.sum() == pytest.approx(0, abs=1e-12)
        told.append(float(np.sqrt(moved @ moved)))
    assert np.mean(told) == pytest.approx(np.std(areas), rel=0.15)


def test_a_lead_counts_once_a_week_as_it_first_stood() -> None:
    at = np.array([0, 5, WEEK_MS - 1, WEEK_MS, 3])
    assert lead_weeks(np.array([1, 1, 1, 1, 2]), at).tolist() == [0, 3, 4]


def test_called_are_the_first_of_each_week_and_ties_share_the_last_places() -> None:
    at = np.array([0, 0, 0, 0, WEEK_MS])
    assert called(np.array([3.0, 2.0, 2.0, 1.0, 0.0]), at, 2).tolist() == [1.0, 0.5, 0.5, 0.0, 1.0]


def test_lift_is_the_share_of_buyers_among_the_called_over_that_among_all() -> None:
    won = np.array([True, False, False, True])
    assert lift(np.array([1.0, 0.0, 0.0, 0.0]), won, ONE) == 2.0
    assert lift(np.ones(4), won, ONE) == 1.0
    assert np.isnan(lift(np.zeros(4), won, ONE))
    assert np.isnan(lift(np.ones(4), np.zeros(4, bool), ONE))


def test_brier_is_the_mean_squared_error_with_weights() -> None:
    chances, won, weights = np.array([0.9, 0.2, 0.5]), np.array([True, False, True]), np.array([1.0, 2.0, 1.0])
    assert brier(chances, won, weights) == pytest.approx(brier_score_loss(won, chances, sample_weight=weights))


def test_bins_are_about_equally_full_and_never_part_equal_chances() -> None:
    chances = np.array([0.1] * 6 + [0.2, 0.3, 0.4, 0.5])
    assert bin_of(chances, 2).tolist() == [1 if chance > 0.1 else 0 for chance in chances]
    assert bin_of(np.arange(10.0), 5).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert bin_of(np.zeros(0)).tolist() == []


def test_the_calibration_error_by_hand() -> None:
    chances, won = np.array([0.1, 0.1, 0.7, 0.7]), np.array([False, False, True, False])
    # 0.1 told and 0 won; 0.7 told and one half won.
    assert calibration_error(chances, won, ONE, bin_of(chances, 2)) == pytest.approx(0.15)


def test_a_bin_counts_leads_not_their_snapshots() -> None:
    chances, won = np.full(6, 0.5), np.array([True, True, True, False, False, False])
    (found,) = calibration_bins(chances, won, np.ones(6), np.array([1, 1, 1, 2, 2, 2]), bin_of(chances))
    assert (found.told, found.leads, found.won) == (0.5, 2, 1)
    assert (found.low, found.high) == (0.094531, 0.905469)
