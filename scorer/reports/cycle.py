"""How long the deals won in the period had taken."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from scorer.core.decay import DAY_MS
from scorer.core.durations import histogram, spread
from scorer.outlets.report_shapes import CycleReport, Month
from scorer.reports.asking import Asked, lead_rows, leads_with_outcomes, read_fates

WINS_AT_MOST: Final = 20_000
EDGES_DAYS: Final = (0, 1, 3, 7, 14, 30, 60, 90, 180, 365)


def read_cycle(connection: Connection, asked: Asked) -> CycleReport:
    """Return how long the deals took that were won in the period, whenever their leads first came.

    Reads the outcomes of the period off their index, and the leads and outcomes of those won, 20,000 at most. No events.
    """
    ids, complete = leads_with_outcomes(connection, asked, ("won",), WINS_AT_MOST)
    first_at = {lead: row["first_at"] for lead, row in lead_rows(connection, ids, ("id", "first_at")).items()}
    days: list[float] = []
    months: dict[str, list[tuple[float | None, float | None, str]]] = defaultdict(list)
    for lead, told in read_fates(connection, ids).items():
        if told.won_at is None or not asked.period.start_ms <= told.won_at < asked.period.end_ms:
            continue
        took = (told.won_at - first_at[lead]) / DAY_MS
        # Won at the first touch or before it: an import told of both at once, and nobody knows how long it took.
        known = took if took > 0 else None
        if known is not None:
            days.append(known)
        won = datetime.fromtimestamp(told.won_at / 1000, asked.period.zone)
        months[f"{won:%Y-%m}"].append((known, told.value, told.currency))
    wins = sum(len(some) for some in months.values())
    return CycleReport(
        wins=wins,
        unknown=wins - len(days),
        days=spread(days),
        histogram=histogram(days, EDGES_DAYS),
        months=[_month(month, some) for month, some in sorted(months.items())],
        complete=complete,
    )


def _month(month: str, some: list[tuple[float | None, float | None, str]]) -> Month:
    value: dict[str, float] = defaultdict(float)
    for _, worth, currency in some:
        if worth is not None:
            value[currency] += worth
    return Month(month, len(some), spread([took for took, _, _ in some if took is not None]), dict(sorted(value.items())))
