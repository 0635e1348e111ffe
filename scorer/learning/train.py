"""A training: from the table of past leads to a proposed card and all that was found out about it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from scorer.core.learned import HalfLife, Judgement, Learned, Verdict, Weight
from scorer.core.scorecard import Scorecard, parse
from scorer.learning.backtest import enough_to_judge, judge
from scorer.learning.cards import WEEKS, points_on, reweighted, with_thresholds, worth_of
from scorer.learning.fitting import POINTS_EACH, POINTS_TO_DOUBLE, Model, calibrated, leads_of, learn, on_scale_of
from scorer.learning.leaks import refuse_leaks, suspects
from scorer.learning.metrics import WEEK_MS
from scorer.learning.snapshots import Floats, Integers, Snapshots
from scorer.learning.splits import known

JUDGED: Final = 0.9
"""Share of the work that is the backtest."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training."""

    body: dict[str, Any]
    """The proposed card, lint-clean; the current one where nothing could be learned."""
    learned: Learned


def train(
    snapshots: Snapshots,
    body: dict[str, Any],
    *,
    base: int,
    capacity: int,
    seed: int,
    now_ms: int,
    progress: Callable[[float], None] = lambda done: None,
    allow_leaks: bool = False,
) -> Trained:
    """Return a card learned from past leads, and how it would have done. The same input gives the same output.

    The verdict is ``better`` only if the 95 % interval of the gain over the current card lies above 0 in the backtest, and
    at least 50 leads were won and 50 weren't.

    Parameters
    ----------
    snapshots
        Columns must be of rules of the card. Rows too young to tell at *now_ms* are left out, won or not.
    body, base
        The current card, lint-clean, and its number.
    capacity
        Leads that the team can call in a week.
    seed
        Of all that is drawn by chance.
    progress
        Told the share that is done, from 0 to 1.
    allow_leaks
        Learn also from what was written after the first sales contact.

    Raises ``ScorecardError`` for a card that isn't lint-clean.
    """
    card = parse(body)
    table = snapshots if allow_leaks else refuse_leaks(snapshots, card.half_life_days)
    # The matrices are narrow: threads cost more than they bring, and change the last bits.
    with threadpool_limits(limits=1):
        return _trained(table, body, card, base, capacity, seed, now_ms, progress)


def verdict(wins: int, losses: int, judgement: Judgement | None) -> Verdict:
    """Return what a judgement allows to say."""
    if judgement is None or not enough_to_judge(wins, losses):
        return "advice"
    return "better" if judgement.gain.low is not None and judgement.gain.low > 0 else "no_better"


def _trained(
    table: Snapshots,
    body: dict[str, Any],
    card: Scorecard,
    base: int,
    capacity: int,
    seed: int,
    now_ms: int,
    progress: Callable[[float], None],
) -> Trained:
    rows = known(table, np.arange(len(table)), now_ms)
    leads = np.unique(table.leads[rows])
    winners = np.unique(table.leads[rows][table.won[rows]])
    wins, losses = len(winners), len(leads) - len(winners)
    told: dict[str, Any] = {
        "trained_at": now_ms,
        "seed": seed,
        "horizon_days": table.horizon_days,
        "base": base,
        "leads": len(leads),
        "snapshots": len(rows),
        "wins": wins,
        "losses": losses,
        "censored": table.censored + len(np.setdiff1d(table.leads, leads)),
        "points_to_double": POINTS_TO_DOUBLE,
    }
    if not table.won[rows].any() or table.won[rows].all() or not table.features:
        progress(1.0)
        return Trained(copy.deepcopy(body), _nothing(told, table, card))
    tested = judge(
        table,
        half_life_days=card.half_life_days,
        capacity=capacity,
        seed=seed,
        now_ms=now_ms,
        progress=lambda done: progress(JUDGED * done),
    )
    model = learn(table, rows, card.half_life_days, now_ms, seed)
    progress(JUDGED + 0.05)
    proposal = _card(table, rows, body, model)
    calibration = model.calibration
    if tested is not None:
        points = on_scale_of(model, table, tested.rows, tested.points, tested.windows)
        calibration = calibrated(table, tested.rows, points, now_ms)
    # What fulfilled a rule long ago is least faded with the longest half-life.
    fulfilled = leads_of(table.counts[max(table.counts)][rows], table.leads[rows])
    weights = tuple(
        Weight(
            rule=feature.rule,
            bucket=feature.bucket,
            coefficient=round(float(model.fit.coefficients[place]), 6),
            before=points_on(body, body, feature),
            after=points_on(proposal, body, feature),
            leads=int(fulfilled[place]),
        )
        for place, feature in enumerate(table.features)
    )
    found = suspects(table, rows, model.half_life_days)
    progress(1.0)
    return Trained(
        proposal,
        Learned(
            **told,
            half_life_days=float(proposal["half_life_days"]) if "half_life_days" in proposal else card.half_life_days,
            half_lives=model.half_lives,
            verdict=verdict(wins, losses, None if tested is None else tested.judgement),
            calibration=calibration,
            judgement=None if tested is None else tested.judgement,
            weights=weights,
            suspects=found,
        ),
    )


def _nothing(told: dict[str, Any], table: Snapshots, card: Scorecard) -> Learned:
    return Learned(
        **told,
        half_life_days=card.half_life_days,
        half_lives=tuple(HalfLife(days, None) for days in sorted(table.counts)),
        verdict="advice",
        calibration=None,
        judgement=None,
        weights=(),
        suspects=(),
    )


def _card(table: Snapshots, rows: Integers, body: dict[str, Any], model: Model) -> dict[str, Any]:
    """The proposal, with thresholds by the leads as they stood in the last four weeks of the table."""
    proposal = reweighted(body, table.features, model.fit.coefficients, model.worth, model.half_life_days)
    if proposal == body:
        return proposal
    latest = _latest(table, rows)
    counts = table.counts[model.half_life_days]
    worth = worth_of(proposal, body, table.features)
    proposed: Floats = counts[latest].astype(np.float64) @ worth
    current = table.current[latest]
    mean = float(current.mean())
    exchange = float(proposed.mean()) / mean if mean > 0 and proposed.any() else model.worth * POINTS_EACH
    return with_thresholds(proposal, current, proposed, exchange if exchange > 0 else 1.0)


def _latest(table: Snapshots, rows: Integers) -> Integers:
    """The last row of each lead in the last four weeks of the rows."""
    recent = rows[table.at[rows] > table.at[rows].max() - WEEKS * WEEK_MS]
    order = recent[np.lexsort((table.at[recent], table.leads[recent]))]
    last = np.append(table.leads[order][1:] != table.leads[order][:-1], True)
    return np.asarray(order[last], dtype=np.int64)
