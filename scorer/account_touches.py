"""What the people of a company did, told together: their visits, what they took part in elsewhere, what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from scorer.lead_sources import created_by
from scorer.models import lead_visitors, outcomes
from scorer.notes import list_notes
from tracker.core.channels import Channel, channel_of, origin_of_event
from tracker.core.events import FILE_DOWNLOADED, FORM_SUBMITTED, LEAD_CREATED, LINK_CLICKED, PAGE_ENGAGED
from tracker.models import events, visits

NOT_TOLD: Final = (PAGE_ENGAGED, FILE_DOWNLOADED, FORM_SUBMITTED, LINK_CLICKED)
"""Events that are part of a visit."""


class Touched(msgspec.Struct, frozen=True):
    """One thing that somebody of the company did, or that sales did with somebody."""

    at: int
    kind: Literal["visit", "event", "outcome", "note"]
    lead_id: str
    page_views: int = 0
    downloads: int = 0
    engaged_seconds: float = 0.0
    page: str = ""
    """Path of the page on which the visit began."""
    channel: Channel | None = None
    name: str = ""
    """Of the engine, site or campaign that a visit came by; of the event; the kind of the outcome."""
    text: str = ""
    """Of the note; the reason of the outcome."""
    by: str = ""


def read_touched(connection: Connection, lead_ids: Iterable[str], limit: int) -> list[Touched]:
    """Return the latest *limit* of what these leads did and what was done, newest first.

    Costs the index entries of their visits and events. No history is folded.
    """
    wanted = sorted(set(lead_ids))
    mine = lead_visitors.c.lead_id.in_(wanted)
    found = [
        *_visits(connection, mine, limit),
        *_events(connection, mine, limit),
        *_outcomes(connection, wanted, limit),
        *(
            Touched(note.at, "note", lead, text=note.text, by=note.by)
            for lead, some in list_notes(connection, wanted).items()
            for note in some
        ),
    ]
    return sorted(found, key=lambda one: (-one.at, one.lead_id, one.kind))[:limit]


def _visits(connection: Connection, mine: ColumnElement[bool], limit: int) -> list[Touched]:
    columns = ("started_at", "page_views", "downloads", "engaged_ms", "entry_url", "referrer", "campaign")
    joined = visits.join(lead_visitors, lead_visitors.c.visitor_id == visits.c.visitor_id)
    query = select(lead_visitors.c.lead_id, *(visits.c[name] for name in columns)).select_from(joined)
    found = []
    for row in connection.execute(
        query.where(mine, visits.c.page_views > 0).order_by(visits.c.started_at.desc()).limit(limit)
    ):
        origin = channel_of(row.referrer, msgspec.json.decode(row.campaign) if row.campaign else None, row.entry_url)
        found.append(
            Touched(
                at=row.started_at,
                kind="visit",
                lead_id=row.lead_id,
                page_views=row.page_views,
                downloads=row.downloads,
                engaged_seconds=row.engaged_ms / 1000,
                page=urlsplit(row.entry_url).path,
                channel=origin.channel,
                name=origin.name,
            )
        )
    return found


def _events(connection: Connection, mine: ColumnElement[bool], limit: int) -> list[Touched]:
    joined = events.join(lead_visitors, lead_visitors.c.visitor_id == events.c.visitor_id)
    columns = (lead_visitors.c.lead_id, events.c.at, events.c.name, events.c.properties)
    told = (events.c.kind == "track") & events.c.label.is_(None) & events.c.name.not_in(NOT_TOLD)
    query = select(*columns).select_from(joined).where(mine, told).order_by(events.c.at.desc()).limit(limit)
    found = []
    for lead, at, name, properties in connection.execute(query):
        origin = created_by(properties) if name == LEAD_CREATED else origin_of_event(name)
        found.append(Touched(at, "event", lead, channel=origin.channel if origin else None, name=name))
    return found


def _outcomes(connection: Connection, wanted: list[str], limit: int) -> list[Touched]:
    columns = (outcomes.c.at, outcomes.c.lead_id, outcomes.c.kind, outcomes.c.reason, outcomes.c.by)
    query = select(*columns).where(outcomes.c.lead_id.in_(wanted)).order_by(outcomes.c.at.desc()).limit(limit)
    return [
        Touched(row.at, "outcome", row.lead_id, name=row.kind, text=row.reason, by=row.by)
        for row in connection.execute(query)
    ]
