"""How soon the leads that became hot in the period were spoken with."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, or_, select

from scorer.core.contact_speed import HotLead, contact_speed
from scorer.core.fates import OPEN
from scorer.lead_views import SCORED_LEADS
from scorer.models import lead_scores, leads
from scorer.outlets.report_shapes import ContactReport
from scorer.reports.asking import Asked, counting, read_fates
from scorer.reports.hot_times import entered

LEADS_AT_MOST: Final = 20_000


def read_contact(connection: Connection, asked: Asked) -> ContactReport:
    """Return how soon the leads were spoken with that became hot in the period.

    A lead counts once, from the first time in the period that sales were told of it, or from the beginning of its present
    hot spell where that is earlier (history that was imported later). Reads the feed since the period's beginning, and the
    outcomes of at most 20,000 leads. No events.
    """
    end_ms = asked.period.end_ms
    hot = entered(connection, asked.site.id, asked.period.start_ms).subquery()
    query = (
        select(leads.c.id, hot.c.hot_at, lead_scores.c.hot_since)
        .select_from(SCORED_LEADS.join(hot, hot.c.lead_id == leads.c.id))
        .where(counting(asked), or_(hot.c.hot_at < end_ms, lead_scores.c.hot_since < end_ms))
        .order_by(hot.c.hot_at.desc(), leads.c.id)
        .limit(LEADS_AT_MOST + 1)
    )
    rows = connection.execute(query).all()
    hot_at = {
        row.id: row.hot_at if row.hot_since is None else min(row.hot_at, row.hot_since) for row in rows[:LEADS_AT_MOST]
    }
    inside = {lead: at for lead, at in hot_at.items() if asked.period.start_ms <= at < end_ms}
    fates = read_fates(connection, sorted(inside))
    judged = [HotLead(at, (told := fates.get(lead, OPEN)).contacted_at, told.result) for lead, at in sorted(inside.items())]
    return ContactReport(contact_speed(judged, asked.now_ms), len(rows) <= LEADS_AT_MOST)
