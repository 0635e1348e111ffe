"""Intervals by resampling: leads are drawn anew, each with all its rows, so that rows of one lead don't count as many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from scorer.core.learned import Figure
from scorer.learning.snapshots import Floats, Integers, Truths

MOST: Final = 1000
LEAST: Final = 200
ROWS: Final = 20_000_000
"""Rows drawn in all: of large tables fewer repetitions are made, whose intervals are narrow."""


def companies(leads: Integers, accounts: Integers) -> Integers:
    """Return what stands for itself: the company, or the lead where none is known; numbered from 0."""
    of_lead = np.where(accounts >= 0, accounts, -1 - leads)
    return np.unique(of_lead, return_inverse=True)[1].astype(np.int64)


def draws(clusters: Integers, won: Truths, seed: int, count: int | None = None) -> Iterator[Floats]:
    """Yield how often each row was drawn, for one repetition after the other.

    Clusters with a win and those without are drawn apart, as many of each as there are: a repetition never lacks a class.
    Field and Welsh, "Bootstrapping clustered data", Journal of the Royal Statistical Society B 69, 2007: the cluster
    bootstrap.

    Parameters
    ----------
    clusters
        Of each row, what it is drawn with.
    won
        Of each row.
    seed
        The same seed gives the same repetitions.
    count
        How many; by default 1,000, of large tables down to 200.
    """
    place = np.unique(clusters, return_inverse=True)[1]
    winning = np.bincount(place, won) > 0
    strata = [np.flatnonzero(winning), np.flatnonzero(~winning)]
    random = np.random.default_rng(seed)
    times = np.zeros(len(winning), dtype=np.float64)
    wanted = count if count is not None else max(LEAST, min(MOST, ROWS // max(1, len(clusters))))
    for _ in range(wanted):
        for stratum in strata:
            drawn = random.integers(0, len(stratum), len(stratum)) if len(stratum) else stratum
            times[stratum] = np.bincount(drawn, minlength=len(stratum))
        yield times[place]


def figure(value: float, samples: Sequence[float]) -> Figure:
    """Return a value with the bounds that hold 95 % of *samples*: Efron's percentile interval (1979); rounded to 6 decimals.

    The value itself is always within its bounds. All is ``None`` for a value that isn't a number.
    """
    if not np.isfinite(value):
        return Figure()
    known = np.asarray(samples, dtype=np.float64)
    known = known[np.isfinite(known)]
    low, high = np.percentile(known, (2.5, 97.5)) if len(known) else (value, value)
    return Figure(round(value, 6), round(min(float(low), value), 6), round(max(float(high), value), 6))
