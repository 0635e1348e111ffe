"""How a lead came: every visit's origin, and the events away from the website that it took part in."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, select

from scorer.core.attribution import Touch, attribution
from scorer.memberships import members
from scorer.outlets import source_shapes
from tracker.core.channels import Origin, channel_of, origin_of_event, told_origin
from tracker.core.events import LEAD_CREATED
from tracker.models import events, visits

TOUCHES_AT_MOST: Final = 5000
"""Latest visits, and as many events, that are looked at."""


def read_sources(connection: Connection, lead_id: str) -> source_shapes.Sources:
    """Return how a lead came. Visits without a page (a server's word about somebody) are no touches."""
    mine = members(connection, [lead_id]).get(lead_id, [])
    columns = (visits.c.started_at, visits.c.referrer, visits.c.campaign, visits.c.entry_url)
    seen = select(*columns).where(visits.c.visitor_id.in_(mine), visits.c.page_views > 0)
    touches = []
    for at, referrer, packed, entry_url in connection.execute(
        seen.order_by(visits.c.started_at.desc()).limit(TOUCHES_AT_MOST)
    ):
        campaign: dict[str, str] | None = msgspec.json.decode(packed) if packed else None
        origin = channel_of(referrer, campaign, entry_url)
        touches.append(Touch(at, origin.channel, origin.name, (campaign or {}).get("name", ""), entry_url))
    named = select(events.c.at, events.c.name, events.c.properties).where(
        events.c.visitor_id.in_(mine), events.c.kind == "track", events.c.label.is_(None)
    )
    for at, name, properties in connection.execute(named.order_by(events.c.at.desc()).limit(TOUCHES_AT_MOST)):
        told = created_by(properties) if name == LEAD_CREATED else origin_of_event(name)
        if told is not None:
            touches.append(Touch(at, told.channel, told.name))
    return source_shapes.sources_of(lead_id, attribution(touches))


def created_by(properties: str | None) -> Origin | None:
    """Return how a lead came that a CRM has told of, from the properties of that event; ``None`` where they don't say."""
    told = msgspec.json.decode(properties) if properties else {}
    source = next((value for name in ("channel", "source") if isinstance(value := told.get(name), str) and value), "")
    return told_origin(source)
