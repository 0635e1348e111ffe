"""How far the leads came whose first touch lies in the period."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, case, func, select

from scorer.core import funnel as core
from scorer.core.fates import CONTACT, OPENED
from scorer.lead_views import SCORED_LEADS
from scorer.models import lead_scores, leads, outcomes
from scorer.reports.asking import Asked, came_in_period, counting, results
from scorer.reports.hot_times import entered

_NEVER: Final = -(2**62)


def read_funnel(connection: Connection, asked: Asked) -> core.Funnel:
    """Return how far the leads came that were first seen in the period, whatever happened since.

    One query that counts in the database: a pass over the site's leads and outcomes, and over the feed since the period's
    beginning. No events are read, and the answer is of a fixed size.
    """
    # A lead can't have become hot before its first touch.
    hot = entered(connection, asked.site.id, asked.period.start_ms).subquery()
    contacted, result = _contacted(asked.site.id).subquery(), results(asked.site.id).subquery()
    joined = (
        SCORED_LEADS.outerjoin(hot, hot.c.lead_id == leads.c.id)
        .outerjoin(contacted, contacted.c.lead_id == leads.c.id)
        .outerjoin(result, (result.c.lead_id == leads.c.id) & (result.c.place == 1))
    )
    alike = (
        select(
            (leads.c.kind == "person").label("identified"),
            (hot.c.lead_id.is_not(None) | lead_scores.c.hot_since.is_not(None)).label("hot"),
            contacted.c.lead_id.is_not(None).label("contacted"),
            result.c.kind.label("result"),
            lead_scores.c.stage.label("stage"),
        )
        .select_from(joined)
        .where(counting(asked), came_in_period(asked))
        .subquery()
    )
    rows = connection.execute(select(func.count(), *alike.c).group_by(*alike.c))
    return core.funnel(
        core.Counted(number, bool(identified), bool(was_hot), bool(spoken), None if last == OPENED else last, stage)
        for number, identified, was_hot, spoken, last, stage in rows
    )


def _contacted(site_id: int) -> Select[Any]:
    """The leads that were spoken with and of which that wasn't taken back since."""

    def last(*kinds: str) -> ColumnElement[int]:
        return func.coalesce(func.max(case((outcomes.c.kind.in_(kinds), outcomes.c.at))), _NEVER)

    query = select(outcomes.c.lead_id).where(outcomes.c.site_id == site_id).group_by(outcomes.c.lead_id)
    spoken = last(*sorted(CONTACT))
    return query.having(spoken > _NEVER, spoken >= last(OPENED))
