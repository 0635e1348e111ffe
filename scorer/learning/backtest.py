"""The rolling-origin backtest: at several past times, learn from what was known then and rank what came after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from scorer.core.learned import ENOUGH, Judgement
from scorer.learning.bootstrap import companies
from scorer.learning.comparison import compare
from scorer.learning.fitting import can_be_ranked, learn
from scorer.learning.snapshots import Floats, Integers, Snapshots
from scorer.learning.splits import LEAST_LEADS, known, origins

LEAST: Final = 3
MOST: Final = 6
PARTS: Final = 3
"""Parts that companies are dealt into, each judged by what the others taught."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """The judgement, and what it was made from."""

    judgement: Judgement
    rows: Integers
    """Rows of the table that were judged on."""
    points: Floats
    """Of these rows, each by a model that knew nothing after the row's origin."""
    windows: Integers
    """Of these rows: after which origin, from 1."""


def judge(
    table: Snapshots,
    *,
    half_life_days: float,
    capacity: int,
    seed: int,
    now_ms: int,
    cuts: Sequence[int] | None = None,
    progress: Callable[[float], None] = lambda done: None,
) -> Backtest | None:
    """Return how well learning would have done; ``None`` where there is too little to learn from and to judge on.

    For each origin the model is learned, half-life, strength and chances included, from rows that were known by then, and
    judged on rows from then until the next origin. A second time no company is on both sides, either.

    Parameters
    ----------
    half_life_days
        Of the current card.
    capacity
        Leads that the team can call in a week.
    cuts
        Origins to take, rising; by default three to six, with about equally many wins after each.
    progress
        Told the share that is done.
    """
    rows = known(table, np.arange(len(table)), now_ms)
    at = origins(table, rows, least=LEAST, most=MOST) if cuts is None else tuple(cuts)
    tested = rows[table.at[rows] >= at[0]] if at else rows[:0]
    windows = np.searchsorted(np.array(at, dtype=np.int64), table.at[tested], side="right").astype(np.int64)
    if not can_be_ranked(table.won[tested], windows):
        return None
    companied = bool((table.accounts[tested] >= 0).any())
    whole = len(at) * (1 + PARTS * companied)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(done / whole)

    points, chances = np.zeros(len(table)), np.zeros(len(table))
    for train, test in _splits(table, rows, at):
        if not _enough(table, train):
            return None
        model = learn(table, train, half_life_days, now_ms, seed)
        points[test] = model.points(table, test)
        if model.calibration is not None:
            odds = model.calibration.intercept + model.calibration.slope * points[test]
            chances[test] = 1 / (1 + np.exp(-np.clip(odds, -700, 700)))
        step()
    found = compare(table, tested, windows, points[tested], chances[tested], capacity, seed, by_account=False)
    grouped = _by_account(table, rows, at, half_life_days, seed, now_ms, step) if companied else None
    leads = table.leads[tested]
    return Backtest(
        Judgement(
            origins=at,
            leads=len(np.unique(leads)),
            snapshots=len(tested),
            wins=int(table.won[tested].sum()),
            base_rate=round(float(np.average(table.won[tested], weights=table.weights[tested])), 6),
            capacity=capacity,
            by_time=found.judged,
            by_account=()
            if grouped is None
            else compare(table, tested, windows, grouped[tested], None, capacity, seed, by_account=True).judged,
            gain=found.gain,
            bins=found.bins,
            calibration_error=found.calibration_error,
        ),
        tested,
        points[tested],
        windows,
    )


def enough_to_judge(wins: int, losses: int) -> bool:
    """Whether so many won and lost leads are enough for more than advice: 50 of each."""
    return wins >= ENOUGH and losses >= ENOUGH


def _splits(table: Snapshots, rows: Integers, at: Sequence[int]) -> list[tuple[Integers, Integers]]:
    """For each origin the rows known by then, and those from then until the next."""
    ends = (*at[1:], np.iinfo(np.int64).max)
    times = table.at[rows]
    return [(known(table, rows, cut), rows[(times >= cut) & (times < end)]) for cut, end in zip(at, ends, strict=True)]


def _enough(table: Snapshots, rows: Integers) -> bool:
    """Won leads and others to learn from."""
    won, leads = table.won[rows], table.leads[rows]
    return min(len(np.unique(leads[won])), len(np.unique(leads[~won]))) >= LEAST_LEADS // 2


def _by_account(
    table: Snapshots,
    rows: Integers,
    at: Sequence[int],
    half_life_days: float,
    seed: int,
    now_ms: int,
    step: Callable[[], None],
) -> Floats | None:
    """Points of the rows after the first origin, by models that saw no lead of the same company; ``None`` if that leaves too
    little."""
    firms = companies(table.leads, table.accounts)
    part = np.random.default_rng(seed).permutation(int(firms.max()) + 1) % PARTS
    points = np.zeros(len(table))
    for train, test in _splits(table, rows, at):
        for one in range(PARTS):
            others, judged = train[part[firms[train]] != one], test[part[firms[test]] == one]
            if not _enough(table, others):
                return None
            points[judged] = learn(table, others, half_life_days, now_ms, seed).points(table, judged)
            step()
    return points
