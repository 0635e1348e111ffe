"""How strongly won and lost leads speak for a trait, each trait looked at by itself.

With *w* wins and *l* losses among the leads that have it, and *v* and *m* among those known not to have it, the log odds
ratio is ``ln((w+½)(m+½) / ((l+½)(v+½)))`` with the variance ``1/(w+½) + 1/(l+½) + 1/(v+½) + 1/(m+½)`` (the halves: Haldane,
"The estimation and significance of the logarithm of a ratio of frequencies", Annals of Human Genetics 20, 1956; Anscombe,
"On estimating binomial response relations", Biometrika 43, 1956). It is drawn towards 0 as by a normal prior of standard
deviation ``PRIOR_SD``, so that few leads say little.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from scorer.core.fit import MAX_WEIGHT
from scorer.core.learned import Figure
from scorer.core.profile import Profile

PRIOR_SD: Final = 1.5
"""Standard deviation of log odds ratios before anything is known: one that multiplies the odds by over 20 is rare."""
LEAST_LEADS: Final = 10
"""Won and lost leads that must be known to have a trait, and not to have it, before anything is said of it."""


class Decided(msgspec.Struct, frozen=True):
    """A lead that was won or lost, by what was known of it before sales spoke with it."""

    profile: Profile
    won: bool


class Bucket(msgspec.Struct, frozen=True):
    """Leads that have something in common."""

    won: int = 0
    lost: int = 0


def log_odds(having: Bucket, others: Bucket, z: float) -> Figure:
    """Return the log odds of a win with a trait against without, shrunk, and its interval of *z* standard errors.

    >>> round(log_odds(Bucket(30, 10), Bucket(10, 30), 1.96).value, 3)
    1.915
    """
    cells = [leads + 0.5 for leads in (having.won, having.lost, others.won, others.lost)]
    variance = math.fsum(1 / cell for cell in cells)
    told = math.log(cells[0] * cells[3] / (cells[1] * cells[2]))
    kept = PRIOR_SD * PRIOR_SD / (PRIOR_SD * PRIOR_SD + variance)
    spread = z * math.sqrt(kept * variance)
    return Figure(told * kept, told * kept - spread, told * kept + spread)


def as_weight(value: float) -> float:
    """Return the weight of a criterion nearest to *value*, to two decimals: from 0.01 to ``MAX_WEIGHT``.

    >>> as_weight(0.0), as_weight(1.236), as_weight(1e9)
    (0.01, 1.24, 1000.0)
    """
    return min(max(round(value, 2), 0.01), float(MAX_WEIGHT))
