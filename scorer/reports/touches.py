"""How many leads at once came: their visits' origins and what they took part in away from the website."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, or_, select

from scorer.core.attribution import Touch
from scorer.lead_sources import created_by
from tracker.core.channels import channel_of, origin_of_event
from tracker.core.events import FILE_DOWNLOADED, FORM_SUBMITTED, LEAD_CREATED, LINK_CLICKED, PAGE_ENGAGED
from tracker.models import events, visitors, visits

VISITS_AT_MOST: Final = 100
"""Latest visits of a browser that are looked at, besides its first."""
_NO_TOUCH: Final = (PAGE_ENGAGED, FILE_DOWNLOADED, FORM_SUBMITTED, LINK_CLICKED)


def read_touches(connection: Connection, lead_of: Mapping[int, str]) -> dict[str, list[Touch]]:
    """Return the touches of leads, given with their visitors, in no particular order.

    As ``lead_sources`` tells them of one lead, but for the visits between a browser's first and its latest hundred. Costs
    two queries by primary key, one of them over all events of these visitors.
    """
    found: dict[str, list[Touch]] = {}
    for visitor_id, touch in [*_visits(connection, list(lead_of)), *_events(connection, list(lead_of))]:
        found.setdefault(lead_of[visitor_id], []).append(touch)
    return found


def _visits(connection: Connection, visitor_ids: Sequence[int]) -> list[tuple[int, Touch]]:
    wanted = or_(visits.c.number == 1, visits.c.number > visitors.c.visits - VISITS_AT_MOST)
    columns = (visits.c.visitor_id, visits.c.started_at, visits.c.referrer, visits.c.campaign, visits.c.entry_url)
    joined = visitors.join(visits, visits.c.visitor_id == visitors.c.id)
    query = select(*columns).select_from(joined).where(visitors.c.id.in_(visitor_ids), wanted, visits.c.page_views > 0)
    found = []
    for visitor_id, at, referrer, packed, entry_url in connection.execute(query):
        campaign: dict[str, str] | None = msgspec.json.decode(packed) if packed else None
        origin = channel_of(referrer, campaign, entry_url)
        touch = Touch(at, origin.channel, origin.name, (campaign or {}).get("name", ""), entry_url)
        found.append((visitor_id, touch))
    return found


def _events(connection: Connection, visitor_ids: Sequence[int]) -> list[tuple[int, Touch]]:
    query = select(events.c.visitor_id, events.c.at, events.c.name, events.c.properties).where(
        events.c.visitor_id.in_(visitor_ids),
        events.c.kind == "track",
        events.c.label.is_(None),
        events.c.name.not_in(_NO_TOUCH),
    )
    found = []
    for visitor_id, at, name, properties in connection.execute(query):
        told = created_by(properties) if name == LEAD_CREATED else origin_of_event(name)
        if told is not None:
            found.append((visitor_id, Touch(at, told.channel, told.name)))
    return found
