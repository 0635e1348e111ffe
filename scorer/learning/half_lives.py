"""Which half-life ranks leads best, tried on later rows than those that were learned from."""

from __future__ import annotations

import math
from collections.abc import Mapping

from scorer.core.learned import HalfLife
from scorer.learning.choosing import as_good_as_best
from scorer.learning.snapshots import Floats, Integers, Truths


def nearest(days: Mapping[float, object], current: float) -> float:
    """Return the half-life among *days* that is nearest to the current card's by ratio; of two as near the longer.

    >>> nearest({3.0: 0, 7.0: 0, 14.0: 0, 30.0: 0}, 10.0)
    14.0
    """
    return min(days, key=lambda one: (round(abs(math.log(one / current)), 9), -one))


def choose(
    scores: Mapping[float, Floats], won: Truths, weights: Floats, clusters: Integers, windows: Integers, current: float
) -> tuple[float, tuple[HalfLife, ...]]:
    """Return the half-life to take, and what each one reached.

    Of those within one standard error of the best (see ``as_good_as_best``), the one nearest to the current card's: a card
    that fades otherwise than the team is used to has to be better by more than chance explains.

    Parameters
    ----------
    scores
        For each half-life in days, scores of the same validation rows, each by a model that had not seen the row.
    won, weights, clusters, windows
        Of these rows; clusters numbered from 0, windows as in ``as_good_as_best``.
    current
        Half-life of the current card.
    """
    areas, good = as_good_as_best(scores, won, weights, clusters, windows)
    told = tuple(HalfLife(days, round(areas[days], 6)) for days in sorted(scores))
    return nearest(dict.fromkeys(good), current), told
