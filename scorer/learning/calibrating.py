"""From points to the chance of a win."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from scorer.core.learned import ENOUGH, Calibration
from scorer.learning.snapshots import Floats, Integers, Truths

STEPS: Final = 100
LEVEL: Final = 100
"""Won leads that say how many buy, at present: that is known within a tenth or two."""
RIDGE: Final = 1e-3
"""Keeps the slope finite where points tell wins apart without fail; too little to matter elsewhere."""


def calibrate(
    points: Floats,
    won: Truths,
    weights: Floats,
    *,
    horizon_days: int,
    now_ms: int,
    wins: int,
    losses: int,
    clusters: Integers | None = None,
    at: Integers | None = None,
) -> Calibration | None:
    """Return the chance of a win by points; ``None`` without a win and a loss.

    Platt's logistic curve (1999) with his targets ``(wins + 1) / (wins + 2)`` and ``1 / (losses + 2)``, where *leads* are
    counted, not snapshots, and a slope of at least 0. The slope is then shrunk by ``1 - 1 / wins``: what one win less would
    have left of it. So a single win has no slope at all: it says how often people buy, not who, and its chance is at most
    one half, whatever the points. With hundreds the shrinking is nothing.

    Parameters
    ----------
    points, won, weights
        Of each snapshot: points by a card that had not been learned from it, whether it was followed by a win, and how much
        it counts (above 0).
    horizon_days, now_ms
        Kept with the result.
    wins, losses
        Leads behind the snapshots that were won, and that weren't. Under 50 of either it is advice only.
    clusters
        Of each snapshot, numbered from 0, what it hangs together with: its lead or company. The variances are then those of
        the sandwich by cluster (Liang, Zeger, Biometrika 73, 1986); without, those of the Hessian, times the snapshots for
        each lead.
    at
        Of each snapshot, when. The level is then that of the latest snapshots that hold 100 won leads: how many buy changes
        from month to month, who buys does not.

    Raises ``ValueError`` for points that aren't finite.
    """
    if not np.isfinite(points).all():
        raise ValueError("points must be finite numbers")
    if wins < 1 or losses < 1 or won.all() or not won.any():
        return None
    share = weights / weights.mean()
    targets = np.where(won, (wins + 1) / (wins + 2), 1 / (losses + 2))
    middle = float(share @ points) / len(points)
    spread = math.sqrt(float(share @ (points - middle) ** 2) / len(points))
    # A spread that is rounding only is none; points that don't differ have no slope.
    flat = spread <= 1e-9 * max(1.0, float(np.abs(points).max()))
    placed = np.zeros(len(points)) if flat else (points - middle) / spread
    intercept, slope = _curve(placed, targets, share, steep=wins > 1 and not flat)
    shrunk = slope * (1 - 1 / wins)
    if shrunk != slope:
        intercept = _level(placed * shrunk, targets, share, intercept)
    inverse = _inverse(placed, intercept, shrunk, share)
    covariance = _covariance(placed, targets, share, intercept, shrunk, inverse, clusters)
    if clusters is None:
        covariance = covariance * max(1.0, won.sum() / wins, (~won).sum() / losses)
    if at is not None:
        recent = _latest(at, won, round(LEVEL * won.sum() / wins))
        intercept = _level(placed[recent] * shrunk, targets[recent], share[recent], intercept)
        covariance[0, 0] += _inverse(placed[recent], intercept, 0.0, share[recent])[0, 0] - inverse[0, 0]
    if wins == 1:
        # However often that lead was looked at, and however much it counts.
        intercept, shrunk = min(intercept, 0.0), 0.0
    if flat:
        # Nothing is known of other points, and nothing said: the chance is that of all.
        covariance = np.array([[covariance[0, 0], 0.0], [0.0, 0.0]])
    scale = 1.0 if flat else spread
    turn = np.array([[1.0, -middle / scale], [0.0, 1.0 / scale]])
    covariance = turn @ covariance @ turn.T
    return Calibration(
        intercept=intercept - shrunk * middle / scale,
        slope=shrunk / scale,
        var_intercept=float(covariance[0, 0]),
        covariance=float(covariance[0, 1]),
        var_slope=float(covariance[1, 1]),
        wins=int(won.sum()),
        losses=int((~won).sum()),
        horizon_days=horizon_days,
        made_at=now_ms,
        advice=wins < ENOUGH or losses < ENOUGH,
    )


def _latest(at: Integers, won: Truths, count: int) -> Truths:
    """Which snapshots are the latest that hold so many won ones; all where there are no more, or nothing but wins."""
    times = np.sort(at[won])
    recent: Truths = at >= times[max(0, len(times) - count)]
    return recent if len(times) > count and not won[recent].all() else np.ones(len(at), dtype=np.bool_)


def _chances(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -700, 700))), dtype=np.float64)


def _level(offset: Floats, targets: Floats, share: Floats, start: float) -> float:
    """The intercept with which the mean chance is the mean target, by bisection: it rises steadily."""
    wanted = float(share @ targets)
    low, high = start - 60.0, start + 60.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if float(share @ _chances(offset + middle)) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _curve(placed: Floats, targets: Floats, share: Floats, *, steep: bool) -> tuple[float, float]:
    """Intercept and slope of the curve through the targets; without ``steep``, or where it would fall, no slope."""
    mean = float(share @ targets) / float(share.sum())
    intercept, slope = math.log(mean / (1 - mean)), 0.0
    if not steep or float(share @ ((targets - mean) * placed)) <= 0:
        return intercept, slope
    loss = _loss(placed, targets, share, intercept, slope)
    for _ in range(STEPS):
        off = share * (_chances(intercept + slope * placed) - targets)
        gradient = np.array([off.sum(), off @ placed + RIDGE * slope])
        step = -_inverse(placed, intercept, slope, share) @ gradient
        gain = -float(gradient @ step)
        length = 1.0
        while length > 1e-9:
            candidate = _loss(placed, targets, share, intercept + length * step[0], slope + length * step[1])
            if candidate <= loss - 1e-4 * length * gain:
                break
            length /= 2
        else:
            break
        intercept, slope, loss = intercept + length * float(step[0]), slope + length * float(step[1]), candidate
        if gain <= 1e-12 * len(placed):
            break
    return intercept, max(0.0, slope)


def _loss(placed: Floats, targets: Floats, share: Floats, intercept: float, slope: float) -> float:
    odds = intercept + slope * placed
    return float(share @ (np.logaddexp(0.0, odds) - targets * odds)) + RIDGE / 2 * slope * slope


def _inverse(placed: Floats, intercept: float, slope: float, share: Floats) -> Floats:
    """Inverse of the Hessian."""
    chance = _chances(intercept + slope * placed)
    curve = share * chance * (1 - chance)
    cross = float(curve @ placed)
    hessian = np.array([[float(curve.sum()) + 1e-12, cross], [cross, float(curve @ placed**2) + RIDGE]])
    return np.asarray(np.linalg.inv(hessian), dtype=np.float64)


def _covariance(
    placed: Floats,
    targets: Floats,
    share: Floats,
    intercept: float,
    slope: float,
    inverse: Floats,
    clusters: Integers | None,
) -> Floats:
    if clusters is None:
        return inverse
    off = share * (_chances(intercept + slope * placed) - targets)
    sums = np.stack([np.bincount(clusters, off), np.bincount(clusters, off * placed)])
    many = int(clusters.max()) + 1
    # The usual correction for few clusters, and never less than what rows that hang together with nothing would have.
    robust = inverse @ (sums @ sums.T) @ inverse * (many / max(1, many - 1))
    return robust if np.trace(robust) >= np.trace(inverse) else inverse
