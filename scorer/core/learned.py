"""What training has found out about a site's leads, as plain data: kept as JSON beside the card that it proposes.

Shares, chances and areas are from 0 to 1. Every figure that could have come out otherwise by chance stands with the interval
in which 95 of 100 repetitions would lie.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import msgspec

Verdict = Literal["advice", "no_better", "better"]
"""``advice``: too few won or lost leads to judge by. ``better``: the interval of the gain excludes that it is none."""
ENOUGH: Final = 50
"""Won leads, and as many others, from which on more than advice is given."""
ProposalState = Literal["proposed", "published", "refused"]
"""``published``: it has been current, or is being filled. ``refused``: by a person, or another took its place before."""
Z_95 = 1.959963984540054


class Figure(msgspec.Struct, frozen=True):
    """A figure and its 95 % interval; all ``None`` where there was nothing to compute it from."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Judged(msgspec.Struct, frozen=True):
    """How well one way of ranking told those who bought from those who didn't, on leads it had not learned from."""

    name: Literal["proposal", "current", "recency", "pages"]
    auc: Figure
    """Area under the ROC curve: the chance that a lead that bought ranked above one that didn't."""
    average_precision: Figure
    """Beside ``Judgement.base_rate``, which is what guessing has."""
    lift: Figure
    """Share of buyers among as many leads a week as the team can call, over the share among all."""
    brier: Figure | None = None
    """Mean squared error of the chance; only of what gives chances."""


class Bin(msgspec.Struct, frozen=True):
    """Leads of which about the same chance was told, and how many of them bought."""

    told: float
    """Mean of the chances told."""
    leads: int
    won: int
    low: float
    """Wilson's interval of ``won / leads``."""
    high: float


class Judgement(msgspec.Struct, frozen=True):
    """A rolling-origin backtest: for each origin, learned from what was known before and judged on what came after."""

    origins: tuple[int, ...]
    """Milliseconds since 1970 UTC."""
    leads: int
    snapshots: int
    wins: int
    """Snapshots that were followed by a win."""
    base_rate: float
    capacity: int
    """Leads that the team can call in a week."""
    by_time: tuple[Judged, ...]
    by_account: tuple[Judged, ...]
    """The same with no company on both sides of the split; empty where leads have no companies."""
    gain: Figure
    """Area under the curve of the proposal less that of the current card, on the same leads."""
    bins: tuple[Bin, ...]
    calibration_error: Figure
    """Mean distance of chance told and share bought, weighted by leads."""


class Weight(msgspec.Struct, frozen=True):
    """What was learned of one rule, or of one bucket of a dwell rule."""

    rule: str
    bucket: int | None
    """Place among the rule's buckets; ``None`` for other rules."""
    coefficient: float
    """Added log odds for each time, before it fades; at least 0."""
    before: float
    """Points on the current card."""
    after: float
    """Points on the proposal."""
    leads: int
    """Leads that ever fulfilled it."""


class HalfLife(msgspec.Struct, frozen=True):
    """One half-life that was tried."""

    days: float
    auc: float | None
    """On the validation parts of the training data."""


class Suspect(msgspec.Struct, frozen=True):
    """A feature that tells too much by itself: it may be written after the fact."""

    feature: str
    auc: float
    """Of the feature alone."""
    with_it: float
    """Area under the curve of a model with it, and of one without."""
    without_it: float


class Calibration(msgspec.Struct, frozen=True):
    """From points by a card to the chance of a win within the horizon: ``1 / (1 + exp(-(intercept + slope · points)))``.

    Platt, "Probabilistic Outputs for Support Vector Machines", Advances in Large Margin Classifiers, 1999, with his smoothed
    targets. The three variances are those of the fitted intercept and slope.
    """

    intercept: float
    slope: float
    """At least 0."""
    var_intercept: float
    covariance: float
    var_slope: float
    wins: int
    """Snapshots followed by a win, and not followed by one, that it was fitted on."""
    losses: int
    horizon_days: int
    made_at: int
    """Milliseconds since 1970 UTC."""
    advice: bool
    """Fitted on too few won or lost leads to be relied on."""


class Chance(msgspec.Struct, frozen=True):
    """The chance of a win within ``horizon_days``, and the 95 % interval of what it may truly be."""

    value: float
    low: float
    high: float
    horizon_days: int
    advice: bool
    """Learned from too few won or lost leads to be relied on."""


class Learned(msgspec.Struct, frozen=True):
    """All that came of one training."""

    trained_at: int
    seed: int
    horizon_days: int
    half_life_days: float
    half_lives: tuple[HalfLife, ...]
    base: int
    """Number of the card that it started from: the current one then."""
    leads: int
    snapshots: int
    wins: int
    """Leads that were won, and that were not won within the horizon or lost; leads too young to tell are in neither."""
    losses: int
    censored: int
    """Leads too young to tell."""
    points_to_double: float
    """Points that double the odds of a win."""
    verdict: Verdict
    calibration: Calibration | None
    """``None`` without a win and a loss."""
    judgement: Judgement | None
    """``None`` where there was too little to split."""
    weights: tuple[Weight, ...]
    suspects: tuple[Suspect, ...]


def chance(calibration: Calibration, points: float) -> Chance:
    """Return the chance of a win at so many points, with the interval by the delta method on the scale of log odds.

    >>> told = chance(Calibration(-3.0, 0.1, 0.04, 0.0, 0.0001, 60, 900, 90, 0, False), 20.0)
    >>> round(told.low, 3), round(told.value, 3), round(told.high, 3)
    (0.174, 0.269, 0.39)
    """
    odds = calibration.intercept + calibration.slope * points
    variance = calibration.var_intercept + 2 * points * calibration.covariance + points * points * calibration.var_slope
    spread = Z_95 * math.sqrt(max(0.0, variance))
    return Chance(
        _logistic(odds),
        _logistic(odds - spread),
        _logistic(odds + spread),
        calibration.horizon_days,
        calibration.advice,
    )


def _logistic(odds: float) -> float:
    if odds < 0:
        raised = math.exp(max(odds, -700.0))
        return raised / (1 + raised)
    return 1 / (1 + math.exp(-min(odds, 700.0)))
