"""From rows that are known to a model: half-life and strength chosen inside them, coefficients, and chances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from scorer.core.learned import Calibration, HalfLife
from scorer.learning.bootstrap import companies
from scorer.learning.calibrating import calibrate
from scorer.learning.choosing import as_good_as_best
from scorer.learning.half_lives import choose, nearest
from scorer.learning.logistic import Fit, fit
from scorer.learning.snapshots import Floats, Integers, Matrix, Snapshots, Truths
from scorer.learning.splits import known, origins, sample

POINTS_TO_DOUBLE: Final = 10.0
"""Points that double the odds of a win, on every proposed card."""
POINTS_EACH: Final = POINTS_TO_DOUBLE / math.log(2)
"""Points for one more of log odds: the scaling of credit scorecards (Siddiqi, "Credit Risk Scorecards", 2006, chapter 6)."""
STRENGTHS: Final = (0.01, 0.1, 1.0, 10.0, 100.0)
"""How strongly the current card's weights hold. With the last the proposal is hardly more than the current card."""
MIDDLE: Final = 1.0
"""The strength with which half-lives are compared, and where no choice can be made."""
FEW_LEADS: Final = 20
"""Rules that fewer leads fulfilled keep the weight they have on the current card, in proportion to the others."""
CHOICE_ROWS: Final = 40_000
"""Rows among which half-life and strength are chosen; of more, leads are drawn by chance."""
FIT_ROWS: Final = 1_000_000
"""Rows that coefficients are learned from, likewise: more narrow nothing that matters."""


@dataclass(frozen=True, slots=True)
class Model:
    """What was learned from rows."""

    half_life_days: float
    strength: float
    fit: Fit
    """Of all columns of the table."""
    worth: float
    """Log odds for each point of the current card, of what could not be learned by itself."""
    half_lives: tuple[HalfLife, ...]
    calibration: Calibration | None

    def points(self, table: Snapshots, rows: Integers) -> Floats:
        """Return the points of *rows* before they are rounded as a card's are."""
        scored = table.counts[self.half_life_days][rows] @ (self.fit.coefficients * POINTS_EACH).astype(np.float32)
        return np.asarray(scored, dtype=np.float64)


def learn(table: Snapshots, rows: Integers, current: float, now_ms: int, seed: int) -> Model:
    """Return a model of *rows*, all of which must be known; nothing else of the table is looked at.

    Half-life first, with the middle strength, then the strength with that half-life, both on rolling origins inside the rows
    and each with the benefit of the doubt for what is nearest to the current card. Where the rows can't be split in time,
    the half-life nearest to the *current* one and the middle strength.

    Raises ``ValueError`` without a won row or without another.
    """
    among = sample(table, rows, CHOICE_ROWS, seed)
    cuts = origins(table, among, least=1, most=3)
    half_life, strength = nearest(table.counts, current), MIDDLE
    told = tuple(HalfLife(days, None) for days in sorted(table.counts))
    tested = among[table.at[among] >= cuts[0]] if cuts else among[:0]
    scores: Floats | None = None
    windows = np.searchsorted(np.array(cuts, dtype=np.int64), table.at[tested], side="right").astype(np.int64)
    if cuts and can_be_ranked(table.won[tested], windows):
        won, weights = table.won[tested], table.weights[tested]
        clusters = companies(table.leads[tested], table.accounts[tested])
        tried = {days: _rolled(table, among, cuts, days, MIDDLE, tested) for days in table.counts}
        half_life, told = choose(tried, won, weights, clusters, windows, current)
        held = {
            one: tried[half_life] if one == MIDDLE else _rolled(table, among, cuts, half_life, one, tested)
            for one in STRENGTHS
        }
        strength = max(as_good_as_best(held, won, weights, clusters, windows)[1])
        scores = held[strength]
    found, worth = fitted(table, sample(table, rows, FIT_ROWS, seed), half_life, strength)
    plain = Model(half_life, strength, found, worth, told, None)
    if scores is None:
        tested = among
        scores = plain.points(table, among)
    else:
        scores = on_scale_of(plain, table, tested, scores, windows)
    return Model(half_life, strength, found, worth, told, calibrated(table, tested, scores, now_ms))


def fitted(table: Snapshots, rows: Integers, half_life_days: float, strength: float) -> tuple[Fit, float]:
    """Return coefficients of all columns, and the log odds that one point of the current card is worth.

    The prior of a column is what it earns on the current card, times the log odds that one such point has been worth on
    these rows. So the more the penalty weighs, the more the proposal is the current card; a rule that nobody has fulfilled
    yet, as that for a new download, is worth in it what it was in proportion to the others. Shrinking towards 0 instead
    would take from each rule in the measure that it is rare.
    """
    counts, won, weights = table.counts[half_life_days][rows], table.won[rows], table.weights[rows]
    points = np.array([feature.points for feature in table.features], dtype=np.float64)
    total = (counts @ points.astype(np.float32))[:, None]
    champion = fit(total, won, weights, strength=1e-3, prior=np.zeros(1))
    worth = float(champion.coefficients[0])
    often = leads_of(counts, table.leads[rows]) >= FEW_LEADS
    if not often.any():
        return Fit(champion.intercept, points * worth), worth
    found = fit(counts[:, often], won, weights, strength=strength, prior=points[often] * worth)
    coefficients = np.zeros(len(points))
    coefficients[often] = found.coefficients
    if worth <= 0:
        # By the current card nobody is likelier to buy. Then its points go at the mean rate of those that were learned.
        mean = counts[:, often].mean(axis=0, dtype=np.float64)
        before = float(mean @ points[often])
        worth = float(mean @ found.coefficients) / before if before > 0 else 0.0
    coefficients[~often] = points[~often] * worth
    return Fit(found.intercept, coefficients), worth


def can_be_ranked(won: Truths, windows: Integers) -> bool:
    """Whether a window has a won row and another."""
    return len(np.intersect1d(windows[won], windows[~won])) > 0


def leads_of(counts: Matrix, leads: Integers) -> Integers:
    """Return for each column how many leads have any of it."""
    return np.array([len(np.unique(leads[column > 0])) for column in counts.T], dtype=np.int64)


def on_scale_of(model: Model, table: Snapshots, rows: Integers, points: Floats, windows: Integers) -> Floats:
    """Return points that earlier models gave, each window's stretched and shifted to the scale of *model*'s points.

    What little an early model has learned spreads its points less: on their own scale they would say nothing of the final
    points. Who ranks before whom within a window stays as the model ranked them that had not seen them.
    """
    final, placed = model.points(table, rows), np.zeros(len(rows))
    for window in np.unique(windows):
        part = windows == window
        spread = float(points[part].std())
        stretch = float(final[part].std()) / spread if spread > 0 else 0.0
        placed[part] = final[part].mean() + (points[part] - points[part].mean()) * stretch
    return placed


def calibrated(table: Snapshots, rows: Integers, points: Floats, now_ms: int) -> Calibration | None:
    """Return how the points of *rows* tell a win; see ``calibrate``."""
    won, leads = table.won[rows], table.leads[rows]
    winners = np.unique(leads[won])
    return calibrate(
        points,
        won,
        table.weights[rows],
        horizon_days=table.horizon_days,
        now_ms=now_ms,
        wins=len(winners),
        losses=len(np.setdiff1d(leads, winners)),
        clusters=companies(leads, table.accounts[rows]),
        at=table.at[rows],
    )


def _rolled(
    table: Snapshots, rows: Integers, cuts: Sequence[int], half_life_days: float, strength: float, tested: Integers
) -> Floats:
    """Points of *tested*, the rows from the first cut on: each by what was known at the cut before it."""
    at = table.at[tested]
    scores = np.zeros(len(tested))
    for cut, end in zip(cuts, (*cuts[1:], np.iinfo(np.int64).max), strict=True):
        part = (at >= cut) & (at < end)
        found, worth = fitted(table, known(table, rows, cut), half_life_days, strength)
        scores[part] = Model(half_life_days, strength, found, worth, (), None).points(table, tested[part])
    return scores
