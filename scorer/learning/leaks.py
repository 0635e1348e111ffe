"""What must not be learned from: features written after sales had spoken to the lead, and those that know too much."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from scorer.core.learned import Suspect
from scorer.learning.fitting import MIDDLE, Model, fitted
from scorer.learning.metrics import auc
from scorer.learning.snapshots import Integers, Snapshots
from scorer.learning.splits import LEAST_LEADS, known, origins

TOO_MUCH: Final = 0.9
"""No single honest behaviour tells buyers from others so well."""


def without(table: Snapshots, columns: Integers) -> Snapshots:
    """Return the table without some columns."""
    kept = np.setdiff1d(np.arange(len(table.features)), columns)
    return replace(
        table,
        features=tuple(table.features[column] for column in kept),
        counts={days: np.ascontiguousarray(counts[:, kept]) for days, counts in table.counts.items()},
    )


def refuse_leaks(table: Snapshots, half_life_days: float) -> Snapshots:
    """Return the table without what was written after the first sales contact: neither as columns nor in current points.

    Notes of a call say who is about to buy because somebody already knew it. The current card is judged without them as
    well, where its *half_life_days* is among those of the table; else its points stay as they are, which can only favour it.
    """
    late = np.array([place for place, feature in enumerate(table.features) if feature.after_contact], dtype=np.int64)
    if not len(late):
        return table
    current = table.current
    if half_life_days in table.counts:
        points = np.array([table.features[place].points for place in late], dtype=np.float64)
        current = np.maximum(0.0, current - table.counts[half_life_days][:, late].astype(np.float64) @ points)
    return replace(without(table, late), current=current)


def suspects(table: Snapshots, rows: Integers, half_life_days: float) -> tuple[Suspect, ...]:
    """Return the features that by themselves have an area under the curve above 0.9, the highest first.

    Each with the area of a model that has it and of one that hasn't, learned before and judged after the last time at which
    that can be done, else on the rows themselves. That a model does as well without it does not acquit it. Under ten won
    leads or ten others nothing is flagged: so few tell themselves apart by chance.
    """
    won, weights, leads = table.won[rows], table.weights[rows], table.leads[rows]
    if min(len(np.unique(leads[won])), len(np.unique(leads[~won]))) < LEAST_LEADS:
        return ()
    alone = {
        place: auc(table.counts[half_life_days][rows, place].astype(np.float64), won, weights)
        for place in range(len(table.features))
    }
    cuts = origins(table, rows, least=1, most=2)
    train, test = (known(table, rows, cuts[-1]), rows[table.at[rows] >= cuts[-1]]) if cuts else (rows, rows)
    if table.won[test].all():
        train, test = rows, rows
    found = []
    for place in sorted((place for place in alone if alone[place] > TOO_MUCH), key=lambda place: -alone[place]):
        rest = without(replace(table, counts={half_life_days: table.counts[half_life_days]}), np.array([place]))
        found.append(
            Suspect(
                table.features[place].name,
                round(alone[place], 6),
                round(_area(table, train, test, half_life_days), 6),
                round(_area(rest, train, test, half_life_days), 6) if rest.features else 0.5,
            )
        )
    return tuple(found)


def _area(table: Snapshots, train: Integers, test: Integers, half_life_days: float) -> float:
    found, worth = fitted(table, train, half_life_days, MIDDLE)
    scores = Model(half_life_days, MIDDLE, found, worth, (), None).points(table, test)
    return auc(scores, table.won[test], table.weights[test])
