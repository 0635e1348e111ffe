"""Whether a card still tells what it promised: chances of a win against wins, and how well it ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from scorer.core.learned import Z_95, Calibration, Figure, chance

Kind = Literal["calibration", "ranking"]

FEWEST: Final = 20
"""Won leads, and others, without which nothing is judged."""
ALARMING: Final = 2.5758293035489004
"""Standard errors from which the number of wins is no chance: one false alarm in a hundred looks."""


class Stood(NamedTuple):
    """How one lead stood at a moment since, and whether it was won within the horizon."""

    points: float
    won: bool


class Drift(msgspec.Struct, frozen=True):
    """What was promised, and what came of it."""

    kind: Kind
    leads: int
    wins: int
    promised: float
    """``calibration``: wins to be expected. ``ranking``: the area under the curve that the backtest gave at least."""
    found: float
    """The wins that came; the area that it is at most, by its interval."""


def drifted(some: Sequence[Stood], promised: Calibration | None, least_auc: float | None) -> list[Drift]:
    """Return in what a card no longer keeps its promise, on leads that it was not fitted to; empty where it does.

    Calibration: of leads with chances ``p`` a sum of independent draws has the mean ``Σ p`` and the variance
    ``Σ p (1 - p)`` (the Poisson binomial distribution); to which comes what the chances themselves are unsure by,
    ``(Σ (high - low) / 2z)²``, all of them erring to the same side. More than ``ALARMING`` standard errors off is a drift.
    Ranking: the upper end of the interval of the area under the curve lies below *least_auc*.

    Nothing is judged on fewer than ``FEWEST`` wins or other leads, nor what is ``None``.
    """
    wins = sum(one.won for one in some)
    if min(wins, len(some) - wins) < FEWEST:
        return []
    found: list[Drift] = []
    if promised is not None:
        chances = [chance(promised, one.points) for one in some]
        expected = math.fsum(one.value for one in chances)
        unsure = math.fsum(one.high - one.low for one in chances) / (2 * Z_95)
        spread = math.sqrt(math.fsum(one.value * (1 - one.value) for one in chances) + unsure * unsure)
        if abs(wins - expected) > ALARMING * spread:
            found.append(Drift("calibration", len(some), wins, expected, wins))
    if least_auc is not None:
        high = area(some).high
        if high is not None and high < least_auc:
            found.append(Drift("ranking", len(some), wins, least_auc, high))
    return found


def area(some: Sequence[Stood]) -> Figure:
    """Return the area under the ROC curve of leads by their points: the chance that one that was won stood above one that
    wasn't, ties counting half; with the interval of Hanley and McNeil.

    Each lead once, or the interval is too narrow. All ``None`` without a win and a loss. Source: "The Meaning and Use of the
    Area under a Receiver Operating Characteristic (ROC) Curve", Radiology 143, 1982.

    >>> area([Stood(3, True), Stood(2, False), Stood(1, False)]).value
    1.0
    """
    won = sum(one.won for one in some)
    lost = len(some) - won
    if not won or not lost:
        return Figure()
    above = below = 0.0
    ordered = sorted(some, key=lambda one: one.points)
    place = 0
    while place < len(ordered):
        end = place
        while end < len(ordered) and ordered[end].points == ordered[place].points:
            end += 1
        tied = sum(one.won for one in ordered[place:end])
        above += tied * (below + (end - place - tied) / 2)
        below += end - place - tied
        place = end
    value = above / (won * lost)
    twice_won, twice_lost = value / (2 - value), 2 * value * value / (1 + value)
    variance = value * (1 - value)
    variance += (won - 1) * (twice_won - value * value) + (lost - 1) * (twice_lost - value * value)
    spread = Z_95 * math.sqrt(max(0.0, variance) / (won * lost))
    return Figure(value, max(0.0, value - spread), min(1.0, value + spread))
