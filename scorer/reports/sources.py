"""Which channels and campaigns brought the leads whose first touch lies in the period."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Select, case, func, select

from scorer.core.fates import OPEN
from scorer.core.source_credits import Brought, source_credits
from scorer.lead_views import SCORED_LEADS
from scorer.memberships import members
from scorer.models import lead_scores, leads
from scorer.outlets.report_shapes import ChannelCount, SourcesReport
from scorer.reports.asking import Asked, came_in_period, counting, read_fates, results
from scorer.reports.hot_times import entered
from scorer.reports.touches import read_touches

LEADS_AT_MOST: Final = 5000
AT_ONCE: Final = 500
ROWS_LISTED: Final = 200


def read_sources(connection: Connection, asked: Asked) -> SourcesReport:
    """Return what brought the leads that were first seen in the period.

    ``first_touch`` is counted in the database in a pass over the site's leads. ``sources`` needs each lead's visits and
    events: those of at most 5,000 leads are read, in chunks. Of won leads touches up to winning count.
    """
    every = _cohort(connection, asked).subquery()
    chosen = select(every).order_by(every.c.won.desc(), every.c.hot.desc(), every.c.first_at.desc(), every.c.id)
    rows = connection.execute(chosen.limit(LEADS_AT_MOST)).all()
    counted = [ChannelCount(row[0] or None, *map(int, row[1:])) for row in connection.execute(_by_channel(every))]
    whole = sum(one.leads for one in counted)
    brought: list[Brought] = []
    for start in range(0, len(rows), AT_ONCE):
        brought += _brought(connection, rows[start : start + AT_ONCE])
    return SourcesReport(
        leads=whole,
        first_touch=sorted(counted, key=lambda one: (-one.leads, one.channel or "")),
        looked_at=len(rows),
        without_touch=sum(1 for one in brought if not one.touches),
        sources=source_credits(brought)[:ROWS_LISTED],
        complete=len(rows) == whole,
    )


def _cohort(connection: Connection, asked: Asked) -> Select[Any]:
    hot = entered(connection, asked.site.id, asked.period.start_ms).subquery()
    result = results(asked.site.id).subquery()
    was_hot = hot.c.lead_id.is_not(None) | lead_scores.c.hot_since.is_not(None)
    is_last = (result.c.lead_id == leads.c.id) & (result.c.place == 1)
    joined = SCORED_LEADS.outerjoin(hot, hot.c.lead_id == leads.c.id).outerjoin(result, is_last)
    flags = (case((was_hot, 1), else_=0).label("hot"), case((result.c.kind == "won", 1), else_=0).label("won"))
    columns = (leads.c.id, leads.c.channel, leads.c.first_at, *flags)
    return select(*columns).select_from(joined).where(counting(asked), came_in_period(asked))


def _by_channel(every: Any) -> Select[Any]:
    sums = (func.count(), func.sum(every.c.hot), func.sum(every.c.won))
    return select(every.c.channel, *sums).group_by(every.c.channel)


def _brought(connection: Connection, rows: Any) -> list[Brought]:
    ids = [row.id for row in rows]
    lead_of = {number: lead for lead, numbers in members(connection, ids).items() for number in numbers}
    touches, fates = read_touches(connection, lead_of), read_fates(connection, ids)
    found = []
    for row in rows:
        told = fates.get(row.id, OPEN)
        until = told.won_at
        found.append(
            Brought(
                touches=[one for one in touches.get(row.id, []) if until is None or one.at <= until],
                hot=bool(row.hot),
                won=told.result == "won",
                decided=told.result is not None,
                value=told.value,
                currency=told.currency,
            )
        )
    return found
