"""How well a ranking or a chance told those who bought from those who didn't: figures on rows, each with a weight."""

from __future__ import annotations

from typing import Final

import numpy as np

from scorer.core.decay import DAY_MS
from scorer.core.learned import Bin
from scorer.core.proportions import rate
from scorer.learning.snapshots import Floats, Integers, Truths

WEEK_MS: Final = 7 * DAY_MS
BINS: Final = 10


class Order:
    """Rows from the highest score to the lowest, sorted once: what area and precision take for any weights of the rows.

    With *windows*, rows are compared with those of their own window only. What ranks the rows of one may be another model
    than that of the next, whose points are on another scale: who is called is decided within a time, and so is who was
    ranked right.
    """

    def __init__(self, scores: Floats, won: Truths, windows: Integers | None = None) -> None:
        """Sort the rows of each window; equal scores are one step of the curve."""
        place = np.zeros(len(scores), np.int64) if windows is None else np.unique(windows, return_inverse=True)[1]
        self.order = np.lexsort((-scores, place))
        ordered, window = scores[self.order], place[self.order]
        self.won = won[self.order].astype(np.float64)
        differs = (ordered[1:] != ordered[:-1]) | (window[1:] != window[:-1])
        self.ends = np.flatnonzero(np.append(differs, len(ordered) > 0))
        """Last row of each step."""
        self.window = window[self.ends]
        """Of each step."""
        self.last = np.flatnonzero(np.append(self.window[1:] != self.window[:-1], len(self.ends) > 0))
        """Last step of each window."""

    def figures(self, weights: Floats) -> tuple[float, float]:
        """Return the area under the ROC curve and the average precision; not numbers without a window with win and loss.

        The area is that over all pairs within windows, and counts a tie as half won, as Mann and Whitney's statistic does
        (Hanley, McNeil, Radiology 143, 1982). The precision is averaged over the steps of the recall, without interpolation,
        and over windows by their wins.
        """
        ordered = weights[self.order]
        winning = ordered * self.won
        wins, rows = np.cumsum(winning)[self.ends], np.cumsum(ordered)[self.ends]
        losses = rows - wins
        gained, lost = np.diff(wins, prepend=0.0), np.diff(losses, prepend=0.0)
        won_in, lost_in = np.diff(wins[self.last], prepend=0.0), np.diff(losses[self.last], prepend=0.0)
        telling = (won_in > 0) & (lost_in > 1e-9 * rows[-1:].sum())
        pairs = float(won_in[telling] @ lost_in[telling])
        if pairs <= 0:
            return float("nan"), float("nan")
        # What came before the window.
        wins -= (wins[self.last] - won_in)[self.window]
        losses -= (losses[self.last] - lost_in)[self.window]
        gained = np.where(telling[self.window], gained, 0.0)
        seen = wins + losses
        precision = np.divide(wins, seen, out=np.zeros_like(seen), where=seen > 0)
        area = 1.0 - float(gained @ (losses - lost / 2)) / pairs
        return area, float(gained @ precision) / float(won_in[telling].sum())


def auc(scores: Floats, won: Truths, weights: Floats, windows: Integers | None = None) -> float:
    """Return the area under the ROC curve, from 0 to 1; not a number without a win, or a loss. See ``Order``."""
    return Order(scores, won, windows).figures(weights)[0]


def auc_influence(scores: Floats, won: Truths, weights: Floats, windows: Integers) -> Floats:
    """Return how much each row moves the area: summed over the rows of a lead, squared and added up, its variance.

    The structural components of DeLong, DeLong, Clarke-Pearson (Biometrics 44, 1988), in clusters as of Obuchowski
    (Biometrics 53, 1997), for the area within *windows*. Needs a window with a win and a loss.
    """
    moved, pairs = np.zeros(len(scores)), 0.0
    for window in np.unique(windows):
        rows = np.flatnonzero(windows == window)
        here, weighed = won[rows], weights[rows]
        if here.any() and not here.all():
            share = float(weighed[here].sum() * weighed[~here].sum())
            moved[rows], pairs = share * _influence(scores[rows], here, weighed), pairs + share
    return moved / pairs


def _influence(scores: Floats, won: Truths, weights: Floats) -> Floats:
    _, place = np.unique(scores, return_inverse=True)
    wins = np.where(won, weights, 0.0) / weights[won].sum()
    losses = np.where(won, 0.0, weights) / weights[~won].sum()
    wins_at, losses_at = np.bincount(place, wins), np.bincount(place, losses)
    below = np.cumsum(losses_at) - losses_at / 2
    above = 1.0 - np.cumsum(wins_at) + wins_at / 2
    area = float(wins @ below[place])
    return np.asarray(wins * (below[place] - area) + losses * (above[place] - area), dtype=np.float64)


def lead_weeks(leads: Integers, at: Integers) -> Integers:
    """Return the rows that stand for a lead in a week: the first of each lead in each week, rising."""
    order = np.lexsort((at, leads, at // WEEK_MS))
    week, lead = (at // WEEK_MS)[order], leads[order]
    first = np.append(True, (week[1:] != week[:-1]) | (lead[1:] != lead[:-1]))[: len(order)]
    return np.sort(order[first])


def called(scores: Floats, at: Integers, capacity: int) -> Floats:
    """Return of each row which part of it is among the first *capacity* of its week: 1, 0, or between where scores tie.

    Of those that tie for the last places each has the same part, as if drawn by lot.
    """
    part = np.zeros(len(scores))
    order = np.lexsort((-scores, at // WEEK_MS))
    weeks = (at // WEEK_MS)[order]
    starts = np.flatnonzero(np.append(True, weeks[1:] != weeks[:-1]))[: len(order)]
    for start, end in zip(starts, np.append(starts[1:], len(order)), strict=True):
        rows = order[start:end]
        if len(rows) <= capacity:
            part[rows] = 1.0
            continue
        last = scores[rows[capacity - 1]]
        above, tied = rows[scores[rows] > last], rows[scores[rows] == last]
        part[above] = 1.0
        part[tied] = (capacity - len(above)) / len(tied)
    return part


def lift(part: Floats, won: Truths, weights: Floats) -> float:
    """Return the share of wins among the called (see ``called``) over that among all; not a number where there are none."""
    chosen, whole, wins = float(part @ weights), float(weights.sum()), float(weights[won].sum())
    if chosen <= 0 or wins <= 0:
        return float("nan")
    return float(part[won] @ weights[won]) / chosen * whole / wins


def brier(chances: Floats, won: Truths, weights: Floats) -> float:
    """Return the mean squared error of the chances (Brier, Monthly Weather Review 78, 1950); not a number without rows."""
    whole = float(weights.sum())
    return float(weights @ (chances - won) ** 2) / whole if whole > 0 else float("nan")


def bin_of(chances: Floats, count: int = BINS) -> Integers:
    """Return the bin of each row, from 0: about equally many rows in each, equal chances never apart."""
    order = np.argsort(chances, kind="stable")
    ordered = chances[order]
    # Twice the middle of those that tell the same chance.
    middle = np.searchsorted(ordered, ordered, side="left") + np.searchsorted(ordered, ordered, side="right") - 1
    place = middle * count // max(1, 2 * len(chances))
    found = np.empty(len(chances), dtype=np.int64)
    found[order] = np.unique(place, return_inverse=True)[1]
    return found


def calibration_error(chances: Floats, won: Truths, weights: Floats, bins: Integers) -> float:
    """Return the mean distance of chance told and share won, over bins by their weight; not a number without rows."""
    whole = float(weights.sum())
    if whole <= 0:
        return float("nan")
    return float(np.abs(np.bincount(bins, weights * (chances - won))).sum()) / whole


def calibration_bins(chances: Floats, won: Truths, weights: Floats, leads: Integers, bins: Integers) -> tuple[Bin, ...]:
    """Return what was told and what came of it, from the lowest chance to the highest.

    A lead is counted once in a bin, however many of its rows are in it: a hundred snapshots of one lead don't make a share
    certain. The share won is that of the rows.
    """
    found = []
    for index in range(int(bins.max()) + 1 if len(bins) else 0):
        rows = bins == index
        whole = float(weights[rows].sum())
        if whole <= 0:
            continue
        of = len(np.unique(leads[rows]))
        share = rate(round(float(weights[rows] @ won[rows]) / whole * of), of)
        told = float(weights[rows] @ chances[rows]) / whole
        found.append(Bin(round(told, 6), of, share.count, round(share.low or 0.0, 6), round(share.high or 0.0, 6)))
    return tuple(found)
