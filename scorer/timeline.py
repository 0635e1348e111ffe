"""What a lead did, visit by visit: the ledger of its browsers' events, told by the same fold that counts them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from scorer.lead_views import device, location, source
from scorer.memberships import members
from scorer.outlets import shapes
from scorer.outlets.shapes import time_text
from scorer.scoring import folded_visits
from tracker import store
from tracker.core.events import FILE_DOWNLOADED, FORM_SUBMITTED, LINK_CLICKED, PAGE_ENGAGED, Event
from tracker.core.visits import Visit
from tracker.sites import Site

_TRACK_KINDS: Final[dict[str, Any]] = {FILE_DOWNLOADED: "download", FORM_SUBMITTED: "form", LINK_CLICKED: "link"}

VisitPlace = tuple[int, int]
"""When a visit began, and its visitor: the place of a visit among those of a lead."""


class Timeline(msgspec.Struct, frozen=True):
    """Some of a lead's visits, newest first."""

    visits: list[shapes.TimelineVisit]
    next: VisitPlace | None
    """Where to go on; ``None`` at the first visit."""


class _Told(msgspec.Struct, frozen=True):
    """A visit with its events."""

    place: VisitPlace
    visit: Visit
    events: list[Event]


def read_timeline(connection: Connection, site: Site, lead_id: str, before: VisitPlace | None, limit: int) -> Timeline:
    """Return up to *limit* visits of a lead before a place in its timeline. Costs a fold of the lead's history."""
    histories = store.load_histories(connection, members(connection, [lead_id]).get(lead_id, []))
    told = [one for visitor_id, history in histories.items() for one in _tell(visitor_id, history, site)]
    told.sort(key=lambda one: one.place, reverse=True)
    left = [one for one in told if before is None or one.place < before]
    read = _Reading(event for history in histories.values() for event in history)
    page = left[:limit]
    return Timeline([read.shape(one) for one in page], page[-1].place if len(left) > limit else None)


def _tell(visitor_id: int, history: list[Event], site: Site) -> list[_Told]:
    folded = folded_visits(history, site)
    told = {visit.number: _Told((visit.started_at, visitor_id), visit, []) for visit in folded.visits}
    away: dict[int, _Told] = {}
    """What happened away from the site, by day."""
    for fact in folded.facts:
        if fact.event is None or fact.kind == "engaged":
            continue
        if fact.visit:
            told[fact.visit].events.append(fact.event)
            continue
        if fact.day not in away:
            away[fact.day] = _Told((fact.at, visitor_id), Visit(0, fact.at, fact.at, fact.day), [])
        away[fact.day].events.append(fact.event)
        away[fact.day].visit.ended_at = fact.at
    return [*told.values(), *away.values()]


class _Reading:
    """How long and how far each page view was read: maxima, as the visit fold takes them."""

    def __init__(self, history: Iterable[Event]) -> None:
        self.engaged_ms: dict[str, int] = {}
        self.scroll_percent: dict[str, int] = {}
        for event in history:
            if event.name == PAGE_ENGAGED and event.kind == "track" and event.view_id:
                view = event.view_id
                self.engaged_ms[view] = max(event.engaged_ms, self.engaged_ms.get(view, 0))
                self.scroll_percent[view] = max(event.scroll_percent, self.scroll_percent.get(view, 0))

    def shape(self, told: _Told) -> shapes.TimelineVisit:
        """Return a visit as the API shows it."""
        visit = told.visit
        return shapes.TimelineVisit(
            number=visit.number,
            started_at=time_text(visit.started_at),
            ended_at=time_text(visit.ended_at),
            page_views=visit.page_views,
            downloads=visit.downloads,
            engaged_seconds=visit.engaged_ms / 1000,
            entry_url=visit.entry_url,
            exit_url=visit.exit_url,
            source=source(visit.referrer, visit.campaign, visit.entry_url) if visit.number else None,
            device=device(visit.agent),
            location=location(visit.country, visit.time_zone, visit.locale),
            moments=[self._moment(event) for event in told.events],
        )

    def _moment(self, event: Event) -> shapes.Moment:
        engaged_ms = self.engaged_ms.get(event.view_id) if event.kind == "page" else None
        kind: Any = _TRACK_KINDS.get(event.name, "event") if event.kind == "track" else event.kind
        return shapes.Moment(
            at=time_text(event.at),
            kind=kind,
            name=event.name,
            url=event.url,
            title=event.title if event.kind == "page" else "",
            engaged_seconds=None if engaged_ms is None else engaged_ms / 1000,
            scroll_percent=self.scroll_percent.get(event.view_id) if event.kind == "page" else None,
            detail=event.properties or {},
        )
