"""What to show to a lead next: reckoned for a site once a day, looked up for a lead when somebody looks at it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from scorer.core.content import Item
from scorer.core.objecting import OBJECTION
from scorer.core.one_line import one_line
from scorer.core.periods import MAX_DAYS, Period, period
from scorer.core.recommending import LeadRead, Likeness, Recommendation, Shelf, recommend, shelf
from scorer.core.working_hours import local_time
from scorer.insight_store import load_insight
from scorer.lead_views import SCORED_LEADS, LeadRow
from scorer.memberships import members
from scorer.models import lead_scores, leads
from scorer.reports.asking import Asked, counting, leads_with_outcomes, read_fates
from scorer.reports.reading import Readers, plain_address
from scorer.scorecards import StoredCard
from tracker import bulk
from tracker.core.events import FILE_DOWNLOADED
from tracker.models import events
from tracker.sites import Site

WINNERS_AT_MOST: Final = 1000
LEADS_AT_MOST: Final = 2000
SEEN_AT_MOST: Final = 20_000
"""Events of one lead, the latest, from which is told what it has seen."""


def read_shelf(connection: Connection, site: Site, stored: StoredCard, now_ms: int) -> Shelf:
    """Return what the site's leads have read: the latest thousand won, and so many others, the same each time, that they are
    two thousand. Excluded leads don't count.

    Of a lead that sales have spoken with or decided on counts what it read before. At most 200,000 events are read.
    """
    asked = Asked(site, stored, _years(site, now_ms), now_ms)
    winners, _ = leads_with_outcomes(connection, asked, ("won",), WINNERS_AT_MOST)
    query = select(lead_scores.c.lead_id).select_from(SCORED_LEADS).where(counting(asked))
    # Ids are hashes: the first of them are a fair sample, and the primary key has them in this order.
    sample = connection.execute(query.order_by(lead_scores.c.lead_id).limit(LEADS_AT_MOST)).scalars()
    ids = list(dict.fromkeys([*winners, *sample]))[:LEADS_AT_MOST]
    fates = read_fates(connection, ids)
    likes = _likenesses(connection, stored, ids)
    readers = Readers(connection, stored.card, {lead: told.first_at for lead, told in fates.items()}, 0, now_ms + 1)
    return shelf(
        LeadRead(likes[lead], lead in fates and fates[lead].result == "won", readings)
        for lead, readings in readers.read(ids)
    )


def recommendations(connection: Connection, site_id: int, row: LeadRow) -> list[Recommendation]:
    """Return what to show to a lead, the best first, at most three; none before anything is reckoned of its site, and none
    for who objects to being judged.

    Reads the lead's own events, and no other's.
    """
    kept = load_insight(connection, site_id, "content", Shelf)
    if kept is None or not kept.contexts or row.exclusion == OBJECTION:
        return []
    industry = connection.execute(select(leads.c.industry).where(leads.c.id == row.id)).scalar() or ""
    return recommend(kept, _likeness(row.topics, row.stage, industry), _seen(connection, row.id))


def _likenesses(connection: Connection, stored: StoredCard, ids: list[str]) -> dict[str, Likeness]:
    industries = dict(bulk.select_where_in(connection, leads, ("id", "industry"), "id", ids))
    found = {}
    for start in range(0, len(ids), 500):
        mine = (lead_scores.c.scorecard_id == stored.id) & lead_scores.c.lead_id.in_(ids[start : start + 500])
        for row in connection.execute(select(lead_scores.c.lead_id, lead_scores.c.topics, lead_scores.c.stage).where(mine)):
            found[row.lead_id] = _likeness(row.topics, row.stage, industries.get(row.lead_id, ""))
    return found


def _likeness(topics: str, stage: str | None, industry: str) -> Likeness:
    return Likeness(tuple(topics.split()), stage or "", one_line(industry, 100).casefold())


def _seen(connection: Connection, lead_id: str) -> set[Item]:
    mine = events.c.visitor_id.in_(members(connection, [lead_id]).get(lead_id, []))
    shown = (events.c.kind == "page") | (events.c.name == FILE_DOWNLOADED)
    query = select(events.c.kind, events.c.url).where(mine, shown).order_by(events.c.at.desc()).limit(SEEN_AT_MOST)
    kinds: dict[str, Any] = {"page": "page"}
    return {(kinds.get(kind, "file"), plain_address(url)) for kind, url in connection.execute(query)}


def _years(site: Site, now_ms: int) -> Period:
    """As long ago as outcomes are of use."""
    zone = ZoneInfo(site.settings.time_zone)
    today = local_time(now_ms, zone).date()
    return period(today - timedelta(days=MAX_DAYS - 1), today, now_ms, zone)
