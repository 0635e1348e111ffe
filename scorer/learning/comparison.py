"""Several ways of ranking, judged on the same rows with the same repetitions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scorer.core.learned import Bin, Figure, Judged
from scorer.learning.bootstrap import companies, draws, figure
from scorer.learning.metrics import (
    Order,
    bin_of,
    brier,
    calibration_bins,
    calibration_error,
    called,
    lead_weeks,
    lift,
)
from scorer.learning.snapshots import Floats, Integers, Snapshots

Name = Literal["proposal", "current", "recency", "pages"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of it; see ``learned.Judgement``."""

    judged: tuple[Judged, ...]
    gain: Figure
    bins: tuple[Bin, ...]
    calibration_error: Figure


def compare(
    table: Snapshots,
    rows: Integers,
    windows: Integers,
    points: Floats,
    chances: Floats | None,
    capacity: int,
    seed: int,
    *,
    by_account: bool,
) -> Comparison:
    """Return how the proposal's *points* and *chances* did on *rows*, beside current card, recency and page count.

    Intervals are by drawing leads anew; *by_account* and for the gain, companies, since colleagues buy together. All is kept
    equal between the ways within a repetition, so that the gain is the difference on the same leads. Whom a way would have
    had called is decided once, on all rows. Rows are ranked within their window, the time from one origin to the next.
    """
    won, weights, at = table.won[rows], table.weights[rows], table.at[rows]
    firms = companies(table.leads[rows], table.accounts[rows])
    clusters = firms if by_account else np.unique(table.leads[rows], return_inverse=True)[1].astype(np.int64)
    ways: dict[Name, Floats] = {
        "proposal": points,
        "current": table.current[rows],
        "recency": -(at - table.last_at[rows]).astype(np.float64),
        "pages": table.pages[rows],
    }
    orders = {name: Order(scores, won, windows) for name, scores in ways.items()}
    weeks = lead_weeks(table.leads[rows], at)
    parts = {name: called(scores[weeks], at[weeks], capacity) for name, scores in ways.items()}
    bins = None if chances is None else bin_of(chances)

    def measure(weighed: Floats) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, order in orders.items():
            found[f"{name} auc"], found[f"{name} precision"] = order.figures(weighed)
            found[f"{name} lift"] = lift(parts[name], won[weeks], weighed[weeks])
        if chances is not None and bins is not None:
            found["brier"] = brier(chances, won, weighed)
            found["error"] = calibration_error(chances, won, weighed, bins)
        return found

    def gain(weighed: Floats) -> float:
        return orders["proposal"].figures(weighed)[0] - orders["current"].figures(weighed)[0]

    values = measure(weights)
    samples: dict[str, list[float]] = {name: [] for name in values}
    for times in draws(clusters, won, seed):
        for name, value in measure(weights * times).items():
            samples[name].append(value)
    if bool((table.accounts[rows] >= 0).any()) and not by_account:
        gains = [gain(weights * times) for times in draws(firms, won, seed + 1)]
    else:
        gains = [more - less for more, less in zip(samples["proposal auc"], samples["current auc"], strict=True)]
    told = {name: figure(value, samples[name]) for name, value in values.items()}
    return Comparison(
        judged=tuple(
            Judged(
                name,
                told[f"{name} auc"],
                told[f"{name} precision"],
                told[f"{name} lift"],
                told.get("brier") if name == "proposal" else None,
            )
            for name in ways
        ),
        gain=figure(gain(weights), gains),
        bins=() if chances is None or bins is None else calibration_bins(chances, won, weights, table.leads[rows], bins),
        calibration_error=told.get("error", Figure()),
    )
