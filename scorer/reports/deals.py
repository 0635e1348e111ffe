"""The deals of a site: what they were worth, and what may still come of the leads that are hot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, or_, select

from scorer.core.deal_value import Deal, ExpectedSum, ValueModel, added_up, value_model
from scorer.core.fates import wins
from scorer.deal_values import rounded_sum, traits_of, valuation
from scorer.hot_list import Wanted, ranked_query
from scorer.lead_views import SCORED_LEADS
from scorer.models import lead_scores, leads, outcomes
from scorer.reports.asking import Asked, counting, read_said
from scorer.scorecards import StoredCard

DEALS_AT_MOST: Final = 5000
HOT_AT_MOST: Final = 2000


class Pipeline(msgspec.Struct, frozen=True):
    """What may come of the hot leads that are open, as of now."""

    hot: int
    """How many they are."""
    expected: ExpectedSum | None
    """``None`` while no chance, or no value, can be told."""
    complete: bool
    """Whether these are all; if not, the first two thousand by priority."""


def read_value_model(connection: Connection, stored: StoredCard, now_ms: int) -> ValueModel | None:
    """Return what the site's deals are worth; ``None`` without one that has a value.

    Of the latest 5,000 times that a lead was said to be won, read off the index on outcomes, and all that was said of these
    leads. Excluded leads don't count, but for those excluded as customers, which is what winning makes of them.
    """
    return value_model(_deals(connection, stored), now_ms)


def read_pipeline(connection: Connection, asked: Asked) -> Pipeline:
    """Return what may come of the hot leads; the period doesn't matter. Costs a stretch of the index on hot leads."""
    of_score = [lead_scores.c[name] for name in ("heat", "topics", "grade")]
    of_lead = [leads.c[name] for name in ("status", "exclusion", "employees")]
    query = ranked_query(asked.stored, Wanted(), None, HOT_AT_MOST + 1, asked.now_ms).where(counting(asked))
    rows = list(connection.execute(query.with_only_columns(*of_score, *of_lead)))
    values = valuation(connection, asked.site.id, asked.stored.id)
    found = rounded_sum(added_up(values.of(row, asked.stored.card, asked.now_ms) for row in rows[:HOT_AT_MOST]))
    return Pipeline(min(len(rows), HOT_AT_MOST), found, len(rows) <= HOT_AT_MOST)


def _deals(connection: Connection, stored: StoredCard) -> Iterator[Deal]:
    query = (
        select(leads.c.id, leads.c.account_id, leads.c.employees, lead_scores.c.topics, lead_scores.c.grade)
        .select_from(SCORED_LEADS.join(outcomes, outcomes.c.lead_id == leads.c.id))
        .where(
            lead_scores.c.scorecard_id == stored.id,
            outcomes.c.site_id == stored.site_id,
            outcomes.c.kind == "won",
            leads.c.merged_into.is_(None),
            or_(leads.c.exclusion.is_(None), leads.c.exclusion == "customer"),
        )
        .order_by(outcomes.c.at.desc(), leads.c.id)
        .limit(DEALS_AT_MOST)
    )
    rows: dict[str, Any] = {row.id: row for row in connection.execute(query)}
    for lead, told in read_said(connection, list(rows)).items():
        row = rows[lead]
        traits = traits_of(row.topics, row.employees, row.grade)
        for one in wins(told):
            yield Deal(row.account_id or lead, one.at, one.value, one.currency.upper(), traits)
