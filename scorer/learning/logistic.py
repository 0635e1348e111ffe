"""Logistic regression whose coefficients are at least 0 and are drawn towards what was believed before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from scorer.learning.snapshots import Floats, Matrix, Truths

CHUNK: Final = 32_768
"""Rows that are held in double precision at a time."""
STEPS: Final = 60
PRECISION: Final = 1e-9
"""Stop when a step would lower the loss by less than this for each unit of weight."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Log odds of a row: ``intercept + counts @ coefficients``."""

    intercept: float
    coefficients: Floats
    """At least 0."""


def fit(counts: Matrix, won: Truths, weights: Floats, *, strength: float, prior: Floats, start: Fit | None = None) -> Fit:
    """Return the coefficients that minimise the logistic loss and the distance from *prior*.

    With the columns scaled to a root mean square of 1 (scaled only: what is 0 stays 0, and what is at least 0 stays so),
    ``u`` the coefficients and ``v`` the prior on that scale, it minimises over ``u >= 0`` and a free intercept ``a``::

        sum of weights * log(1 + exp(-y * (a + X u)))  +  strength * wins / 2 * |u - v|²        y = +1 won, -1 not

    By Newton's method; each step is a quadratic problem over ``u >= 0`` (Bertsekas, "Projected Newton methods", SIAM Journal
    on Control and Optimization 20, 1982), solved exactly as non-negative least squares. The loss is convex and the penalty
    strictly so: there is one minimum, whatever *start* is.

    Parameters
    ----------
    counts
        Rows by columns, at least 0. A column of zeros keeps its prior.
    won, weights
        Of each row; weights above 0.
    strength
        Above 0: how strongly the prior holds, as a share of the weight of the won rows.
    prior
        Of each column, in log odds for each count; at least 0.
    start
        Where to begin: the fit with a similar strength is reached in fewer steps.

    Raises ``ValueError`` without a won row or without another.
    """
    wins, whole = float(weights[won].sum()), float(weights.sum())
    if not 0 < wins < whole:
        raise ValueError("a won row and one that isn't are needed")
    scale = root_mean_square(counts, weights)
    seen = scale > 0
    divide = np.where(seen, scale, 1.0)
    believed = prior * divide
    begin = start or Fit(float(np.log(wins / (whole - wins))), prior)
    intercept, scaled = begin.intercept, np.where(seen, begin.coefficients * divide, believed)
    penalty = strength * wins
    sign = np.where(won, 1.0, -1.0)
    odds = _odds(counts, scaled / divide * seen, intercept)
    loss = _loss(odds, sign, weights, penalty, scaled - believed)
    for _ in range(STEPS):
        slope, hessian = _derivatives(counts, odds, won, weights, divide)
        slope[1:] += penalty * (scaled - believed)
        hessian[1:, 1:] += penalty * np.eye(len(scaled))
        step, moved = _newton(slope, hessian, scaled)
        moved *= seen
        gain = -float(slope[0] * step + slope[1:] @ moved)
        if gain <= PRECISION * whole:
            break
        along = _odds(counts, moved / divide * seen, step)
        length = 1.0
        while length > 1e-6:
            candidate = _loss(odds + length * along, sign, weights, penalty, scaled + length * moved - believed)
            if candidate <= loss - 1e-4 * length * gain:
                break
            length /= 2
        else:
            break
        intercept, scaled = intercept + length * step, np.maximum(scaled + length * moved, 0.0)
        odds, loss = odds + length * along, candidate
    return Fit(float(intercept), scaled / divide)


def root_mean_square(counts: Matrix, weights: Floats) -> Floats:
    """Return the weighted root mean square of each column."""
    squares = np.zeros(counts.shape[1])
    for rows in _chunks(len(counts)):
        squares += weights[rows] @ np.square(counts[rows].astype(np.float64))
    return np.asarray(np.sqrt(squares / weights.sum()), dtype=np.float64)


def _chunks(rows: int) -> Iterator[slice]:
    for start in range(0, rows, CHUNK):
        yield slice(start, min(start + CHUNK, rows))


def _odds(counts: Matrix, coefficients: Floats, intercept: float) -> Floats:
    odds = np.empty(len(counts))
    for rows in _chunks(len(counts)):
        odds[rows] = counts[rows].astype(np.float64) @ coefficients
    return odds + intercept


def _loss(odds: Floats, sign: Floats, weights: Floats, penalty: float, distance: Floats) -> float:
    return float(weights @ np.logaddexp(0.0, -sign * odds)) + penalty / 2 * float(distance @ distance)


def _derivatives(counts: Matrix, odds: Floats, won: Truths, weights: Floats, divide: Floats) -> tuple[Floats, Floats]:
    """Gradient and Hessian of the loss alone, the intercept first."""
    width = counts.shape[1] + 1
    slope, hessian = np.zeros(width), np.zeros((width, width))
    chance = 1 / (1 + np.exp(-np.clip(odds, -700, 700)))
    off, curve = weights * (chance - won), weights * chance * (1 - chance)
    for rows in _chunks(len(counts)):
        block = np.empty((rows.stop - rows.start, width))
        block[:, 0] = 1.0
        np.divide(counts[rows], divide, out=block[:, 1:])
        slope += off[rows] @ block
        hessian += block.T @ (block * curve[rows, None])
    return slope, hessian


def _newton(slope: Floats, hessian: Floats, scaled: Floats) -> tuple[float, Floats]:
    """The step to the minimum of the quadratic model where no coefficient is below 0, the intercept being free."""
    bend = max(float(hessian[0, 0]), 1e-12)
    aside = hessian[1:, 0] / bend
    matrix = hessian[1:, 1:] - np.outer(aside, hessian[0, 1:])
    target = matrix @ scaled - (slope[1:] - aside * slope[0])
    lower = cholesky(matrix, lower=True)
    best, _ = nnls(lower.T, solve_triangular(lower, target, lower=True), maxiter=100 * len(scaled))
    moved = best - scaled
    return float(-(slope[0] + hessian[0, 1:] @ moved) / bend), moved
