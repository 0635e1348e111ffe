"""What a lead did, visit by visit: the ledger of its browsers' events, told by the same fold that counts them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from scorer.core.labels import Language
from scorer.lead_views import device, location, source
from scorer.mail_clicks import ToldClick, clicks_of
from scorer.memberships import members
from scorer.outlets import shapes
from scorer.outlets.shapes import time_text
from scorer.scoring import folded_visits
from tracker import store
from tracker.core.events import (
    FILE_DOWNLOADED,
    FORM_SUBMITTED,
    LINK_CLICKED,
    MAIL_LINK_CLICKED,
    PAGE_ENGAGED,
    Event,
)
from tracker.core.visits import Visit
from tracker.days import day_of
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
    clicks: list[ToldClick] = []


def read_timeline(
    connection: Connection, site: Site, lead_id: str, before: VisitPlace | None, limit: int, language: Language = "en"
) -> Timeline:
    """Return up to *limit* visits of a lead before a place in its timeline. Costs a fold of the lead's history.

    What happened away from the site, clicks on links in mails among it, stands between the visits, day by day. *language* is
    that of the words about such clicks.
    """
    histories = store.load_histories(connection, members(connection, [lead_id]).get(lead_id, []))
    told = [one for visitor_id, history in histories.items() for one in _tell(visitor_id, history, site)]
    everything = [event for history in histories.values() for event in history]
    told += _tell_clicks(clicks_of(connection, site.id, lead_id, everything, language), site)
    told.sort(key=lambda one: one.place, reverse=True)
    left = [one for one in told if before is None or one.place < before]
    read = _Reading(everything)
    page = left[:limit]
    return Timeline([read.shape(one) for one in page], page[-1].place if len(left) > limit else None)


def _tell(visitor_id: int, history: list[Event], site: Site) -> list[_Told]:
    folded = folded_visits(history, site)
    told = {visit.number: _Told((visit.started_at, visitor_id), visit, []) for visit in folded.visits}
    away: dict[int, _Told] = {}
    """What happened away from the site, by day."""
    for fact in folded.facts:
        if fact.event is None or fact.kind in ("engaged", "mail_click"):
            continue
        if fact.visit:
            told[fact.visit].events.append(fact.event)
            continue
        if fact.day not in away:
            away[fact.day] = _Told((fact.at, visitor_id), Visit(0, fact.at, fact.at, fact.day), [])
        away[fact.day].events.append(fact.event)
        away[fact.day].visit.ended_at = fact.at
    return [*told.values(), *away.values()]


def _tell_clicks(clicks: list[ToldClick], site: Site) -> list[_Told]:
    """Return the clicks of each day as one."""
    days: dict[tuple[int, int], _Told] = {}
    for one in clicks:
        day = day_of(site.settings.time_zone)(one.at)
        place = (one.visitor_id, day)
        if place not in days:
            days[place] = _Told((one.at, one.visitor_id), Visit(0, one.at, one.at, day), [], [])
        days[place].clicks.append(one)
        days[place].visit.ended_at = one.at
    return list(days.values())


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
            moments=[self._moment(event) for event in told.events] + [_click_moment(one) for one in told.clicks],
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


def _click_moment(one: ToldClick) -> shapes.Moment:
    detail = {"confirmed": one.confirmed, "why": one.why, "campaign": one.click.campaign, "link_id": one.click.link_id}
    return shapes.Moment(
        at=time_text(one.at),
        kind="mail",
        name=MAIL_LINK_CLICKED,
        url=one.url,
        title="",
        engaged_seconds=None,
        scroll_percent=None,
        detail={**detail, "method": one.method, "agent": one.agent},
    )
