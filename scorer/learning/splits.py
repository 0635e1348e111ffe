"""Which rows may be learned from at a time, and at which times to look back from."""

from __future__ import annotations

from typing import Final

import numpy as np

from scorer.core.decay import DAY_MS
from scorer.learning.snapshots import Integers, Snapshots

LEAST_LEADS: Final = 10
"""Won leads, and others, without which nothing is learned at an origin."""
WINS_EACH: Final = 5
"""Won leads for each part that is judged on."""
START: Final = 3
"""The first origin is when a third of the wins are known, but leaves half of them to be judged on."""


def known(table: Snapshots, rows: Integers, at: int) -> Integers:
    """Return those of *rows* that could be learned from at *at*: labelled by then, and their horizon was over.

    A lead that has bought is known at once, one that hasn't only at the end of the horizon. Were the wins of the last weeks
    learned from without the losses of the same weeks, whatever is new in these weeks would seem to make people buy.
    """
    return rows[_ready(table, rows) <= at]


def origins(table: Snapshots, rows: Integers, *, least: int, most: int) -> tuple[int, ...]:
    """Return times that cut the later of *rows* into parts with about equally many wins, each with enough known before it.

    Rising; the first part begins with the first, the last ends with the rows. Empty where there can't be *least* of them.
    """
    won = table.won[rows]
    first = [at for at in (_tenth(table, rows[won]), _tenth(table, rows[~won])) if at is not None]
    if len(first) < 2:
        return ()
    ready, times = np.sort(_ready(table, rows[won])), np.sort(table.at[rows[won]])
    begin = max(*first, min(int(ready[len(ready) // START]), int(times[len(times) // 2])))
    test = rows[(table.at[rows] >= begin) & won]
    parts = min(most, len(np.unique(table.leads[test])) // WINS_EACH)
    if parts < least or not len(test):
        return ()
    times = np.sort(table.at[test])
    cuts = {max(begin, int(times[len(times) * part // parts])) for part in range(1, parts)} | {begin}
    return tuple(sorted(cuts)) if len(cuts) >= least else ()


def sample(table: Snapshots, rows: Integers, most: int, seed: int) -> Integers:
    """Return *rows*, or those of as many leads, drawn by chance, as have about *most* rows; in the order given."""
    if len(rows) <= most:
        return rows
    leads, place = np.unique(table.leads[rows], return_inverse=True)
    chosen = np.random.default_rng(seed).random(len(leads)) < most / len(rows)
    return rows[chosen[place]]


def _ready(table: Snapshots, rows: Integers) -> Integers:
    """From when on each row is known (see ``known``)."""
    return np.maximum(table.at[rows] + table.horizon_days * DAY_MS, table.known_at[rows])


def _tenth(table: Snapshots, rows: Integers) -> int | None:
    """When ten leads have rows that are known; ``None`` if that never comes."""
    ready = _ready(table, rows)
    order = np.argsort(ready, kind="stable")
    _, first = np.unique(table.leads[rows][order], return_index=True)
    if len(first) < LEAST_LEADS:
        return None
    return int(ready[order][np.sort(first)[LEAST_LEADS - 1]])
