"""What a report is asked about: whose leads, which of them, of which days."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, select

from scorer.core.fates import OPENED, RESULTS, Fate, Said, fate
from scorer.core.periods import Period
from scorer.core.segment import Segment
from scorer.lead_views import SCORED_LEADS
from scorer.models import lead_scores, leads, outcomes
from scorer.scorecards import StoredCard
from scorer.segment_sql import members_condition
from tracker import bulk
from tracker.sites import Site


class Asked(msgspec.Struct, frozen=True):
    """The question of every report."""

    site: Site
    stored: StoredCard
    period: Period
    now_ms: int
    where: Segment | None = None
    """``None``: all leads."""


def counting(asked: Asked) -> ColumnElement[bool]:
    """Return which rows of ``lead_scores`` joined with ``leads`` a report counts: no merged and no excluded leads."""
    mine = and_(lead_scores.c.scorecard_id == asked.stored.id, leads.c.merged_into.is_(None), leads.c.exclusion.is_(None))
    return mine if asked.where is None else and_(mine, members_condition(asked.stored, asked.where, asked.now_ms))


def came_in_period(asked: Asked) -> ColumnElement[bool]:
    """Return which leads had their first touch in the period."""
    return and_(leads.c.first_at >= asked.period.start_ms, leads.c.first_at < asked.period.end_ms)


def read_fates(connection: Connection, lead_ids: list[str]) -> dict[str, Fate]:
    """Return what became of these leads, of those that anything is known of."""
    return {lead: fate(some) for lead, some in read_said(connection, lead_ids).items()}


def read_said(connection: Connection, lead_ids: list[str]) -> dict[str, list[Said]]:
    """Return all that was said of these leads, of those that anything was said of."""
    told: dict[str, list[Said]] = {}
    columns = ("lead_id", "at", "kind", "value", "currency")
    for lead, *said in bulk.select_where_in(connection, outcomes, columns, "lead_id", lead_ids):
        told.setdefault(lead, []).append(Said(*said))
    return told


def results(site_id: int) -> Select[Any]:
    """Return the query for the results of each lead (``lead_id``, ``kind``), the last word in ``place`` 1, which may be that
    it is ``open`` again. Of several at one moment the last is that of ``fates.fate``."""
    rank = case({OPENED: 0, "junk": 1, "lost": 2, "won": 3}, value=outcomes.c.kind)
    order = (outcomes.c.at.desc(), rank.desc())
    place = func.row_number().over(partition_by=outcomes.c.lead_id, order_by=order).label("place")
    mine = (outcomes.c.site_id == site_id) & outcomes.c.kind.in_((OPENED, *sorted(RESULTS)))
    return select(outcomes.c.lead_id, outcomes.c.kind, place).where(mine)


def leads_with_outcomes(connection: Connection, asked: Asked, kinds: tuple[str, ...], limit: int) -> tuple[list[str], bool]:
    """Return the leads of which one of *kinds* was said in the period, the latest first, and whether these are all.

    At most *limit*. Costs a stretch of the index on outcomes for each kind.
    """
    query = (
        select(outcomes.c.lead_id)
        .select_from(SCORED_LEADS.join(outcomes, outcomes.c.lead_id == leads.c.id))
        .where(counting(asked), outcomes.c.site_id == asked.site.id, outcomes.c.kind.in_(kinds))
        .where(outcomes.c.at >= asked.period.start_ms, outcomes.c.at < asked.period.end_ms)
        .order_by(outcomes.c.at.desc(), outcomes.c.lead_id)
        .limit(4 * limit)  # Of most leads several things are said.
    )
    rows = list(connection.execute(query).scalars())
    found = list(dict.fromkeys(rows))
    return found[:limit], len(rows) < 4 * limit and len(found) <= limit


def lead_rows(connection: Connection, lead_ids: list[str], columns: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return these *columns* of leads by id; the first of the columns is ``id``."""
    rows = bulk.select_where_in(connection, leads, columns, "id", lead_ids)
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
