"""The fold from a visitor's events to visits, engaged time and the facts that the score is made of.

A visitor's visits are a pure function of the *set* of that visitor's events: events are taken in the order
``(at, message_id)``, whatever the order in which they arrived. ``fold`` with ``state=None`` takes them all. ``fold`` with
the state that an earlier call returned continues from there, and then gives exactly what a fold of all events would
have given; where it can't (an event is late, or speaks of a visit that is closed), it returns ``None`` and the caller
folds from scratch.

A visit ends after a gap without activity. Engaged time is cumulative for a page view, so the fold keeps each view's
maximum, and a visit's engaged time is the sum over its views. An engagement message belongs to the visit of its page
view, however late it comes; it prolongs that visit only within the gap, and begins one only if its page view is unknown.
A consent given or withdrawn is part of the latest visit, and neither prolongs nor begins one. Nor does what happened away
from the site, such as a call or a trade fair.

Mail scanners run the pages behind links in mails in browsers of their own. So what a browser never seen before does after
such a link is *held*: it is no visit and tells nothing until there is a sign of a person, five seconds of engaged time or a
deed (a download, a form, a click, a name). Then it is taken as if it had never been held. A link is *confirmed* when five
seconds were spent on the very page that it led to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from tracker.core.events import (
    CONSENT_EVENTS,
    FILE_DOWNLOADED,
    FORM_SUBMITTED,
    LEAD_CREATED,
    LINK_CLICKED,
    PAGE_ENGAGED,
    Event,
    Fact,
)
from tracker.core.form_fields import traits_of_fields
from tracker.core.impossible import Pace, viewed, was_engaged
from tracker.core.mail_links import MailClick, followed_click
from tracker.core.urls import campaign_of

VISIT_GAP_MS: Final = 30 * 60_000
RECENT_PAGES: Final = 5
MAX_VIEWS: Final = 1000
"""Page views of one visit whose engaged time is told apart; no reader gets there, and the state must stay small."""
MAX_TRAITS: Final = 50
MAX_ALIASES: Final = 10
MAX_MAIL_LINKS: Final = 20
MAX_HELD: Final = 20
"""Events held for one browser; of a scanner that goes on and on the last ones."""
CONFIRMING_MS: Final = 5_000
"""Engaged time (visible, focused, with input) that no scanner has and nobody who reads lacks."""
STATE_VERSION: Final = 4

_ON_SITE: Final = frozenset((PAGE_ENGAGED, FILE_DOWNLOADED, FORM_SUBMITTED, LINK_CLICKED))
"""Named events that happen on a website, whatever else is told of them."""

DayOf = Callable[[int], int]
"""Maps a time in ms to the ordinal of its date in the site's time zone."""


class Visit(msgspec.Struct, array_like=True):
    """One visit. Times in ms since 1970 UTC."""

    number: int
    """Counts a visitor's visits from 1."""
    started_at: int
    ended_at: int
    """Time of the last activity in it."""
    day: int
    """Ordinal of the date on which it began, in the site's time zone."""
    events: int = 0
    page_views: int = 0
    downloads: int = 0
    engaged_ms: int = 0
    entry_url: str = ""
    exit_url: str = ""
    referrer: str = ""
    """Referrer of the first page."""
    campaign: dict[str, str] | None = None
    agent: str = ""
    time_zone: str = ""
    locale: str = ""
    country: str = ""
    views: dict[str, int] = {}
    """Engaged time of each page view by its ``view_id``; kept while the visit is the latest."""
    network: str = ""
    """Company whose network the visit came from; a hint."""


class PageSeen(msgspec.Struct, frozen=True, array_like=True):
    """A page view as shown in a list of the latest ones."""

    at: int
    url: str
    title: str


class MailView(msgspec.Struct, frozen=True, array_like=True):
    """A page view that a link in a mail has led to."""

    link: MailClick
    message_id: bytes
    at: int
    url: str
    title: str


class VisitorState(msgspec.Struct, array_like=True):
    """All that is needed to go on folding one visitor's events, and what is shown of the visitor as a whole."""

    version: int
    first_at: int
    last_at: int
    last_id: bytes
    """``message_id`` of the last event: with ``last_at``, the place from which the fold goes on."""
    closed_visits: int = 0
    """Sums over all visits but the latest."""
    closed_page_views: int = 0
    closed_downloads: int = 0
    closed_engaged_ms: int = 0
    active_days: int = 0
    retired: int = 0
    """Holds a place: a state is stored by position, and a program of the version before must be able to read it."""
    visit: Visit | None = None
    """The latest visit, open or not."""
    first_referrer: str = ""
    first_url: str = ""
    first_campaign: dict[str, str] | None = None
    recent: list[PageSeen] = []
    user_id: str = ""
    traits: dict[str, Any] = {}
    company: dict[str, Any] = {}
    identified_at: int = 0
    """Time of the last word on ``traits``; 0 for none. Of several browsers of one person the latest word counts."""
    grouped_at: int = 0
    """The same of ``company``."""
    aliases: list[str] = []
    """Ids that ``alias`` events told to be this person's, old and new; the last few, sorted."""
    active_at: int = 0
    """Time of the last sign of life on the site, from its first visit on."""
    told_source: str = ""
    """How it came by a CRM's word; empty where there is none."""
    mail_links: list[tuple[str, str]] = []
    """Confirmed links in mails, as lead and link id; the last few, in the order in which they were confirmed."""
    mail_views: dict[str, MailView] = {}
    """Views of the latest visit by ``view_id`` that may yet confirm a link."""
    held: list[Event] = []
    """What waits for a sign of a person."""
    pace: Pace = Pace()
    """Whether it does what no person does."""

    @property
    def visits(self) -> int:
        """Visits so far."""
        return self.closed_visits + (self.visit is not None)

    @property
    def page_views(self) -> int:
        """Page views so far."""
        return self.closed_page_views + (self.visit.page_views if self.visit else 0)

    @property
    def downloads(self) -> int:
        """Downloads so far."""
        return self.closed_downloads + (self.visit.downloads if self.visit else 0)

    @property
    def engaged_ms(self) -> int:
        """Engaged time so far, in milliseconds."""
        return self.closed_engaged_ms + (self.visit.engaged_ms if self.visit else 0)


class Folded(msgspec.Struct, frozen=True):
    """The outcome of a fold."""

    state: VisitorState
    visits: list[Visit]
    """Visits that this fold touched (from scratch: all), by number."""
    facts: list[Fact]
    """What happened, in order; from the events of this call, and those held until it, only."""
    from_scratch: bool


_state_encoder = msgspec.msgpack.Encoder()
_state_decoder = msgspec.msgpack.Decoder(VisitorState)
pack_state = _state_encoder.encode
unpack_state = _state_decoder.decode


class _CannotContinue(Exception):
    """An event reaches back before the state that the fold continues from."""


def fold(events: Iterable[Event], state: VisitorState | None, day_of: DayOf, gap_ms: int = VISIT_GAP_MS) -> Folded | None:
    """Fold *events* of one visitor onto *state*.

    *events* may come in any order but without repeats: no two with one ``message_id``, none that *state* has seen.
    *state* is owned by the call (it is changed). Returns ``None`` where the fold can't be continued from *state*.
    Raises ``ValueError`` for no events at all from scratch.
    """
    ordered = sorted(events, key=lambda event: event.order)
    if state is not None:
        if state.version != STATE_VERSION or (ordered and ordered[0].order <= (state.last_at, state.last_id)):
            return None
        run = _Run(state, day_of, gap_ms, from_scratch=False)
    else:
        if not ordered:
            raise ValueError("a fold from scratch needs at least one event")
        first = ordered[0]
        run = _Run(VisitorState(STATE_VERSION, first.at, first.at, first.message_id), day_of, gap_ms, from_scratch=True)
    try:
        for event in ordered:
            run.take(event)
    except _CannotContinue:
        return None
    return run.result()


class _Run:
    """One pass over ordered events."""

    def __init__(self, state: VisitorState, day_of: DayOf, gap_ms: int, *, from_scratch: bool) -> None:
        self.state = state
        self.day_of = day_of
        self.gap_ms = gap_ms
        self.from_scratch = from_scratch
        self.facts: list[Fact] = []
        self.visits: dict[int, Visit] = {}
        self.visit_of_view: dict[str, Visit] = {}
        if state.visit is not None:
            self.visits[state.visit.number] = state.visit
            self.visit_of_view = {view_id: state.visit for view_id in state.visit.views if view_id}

    def take(self, event: Event) -> None:
        """Take one event; it comes after all taken before."""
        state = self.state
        if self._must_wait(event):
            state.held = [*state.held[1 - MAX_HELD :], event]
        else:
            if state.held and event.name not in CONSENT_EVENTS:
                held, state.held = state.held, []
                for one in held:
                    self._place(one)
            self._place(event)
        if event.user_id and event.kind not in ("group", "alias"):
            state.user_id = event.user_id
        state.last_at = event.at
        state.last_id = event.message_id

    def _must_wait(self, event: Event) -> bool:
        """Decide whether *event* may be a mail scanner's: see the head of this module."""
        state = self.state
        if state.visit is not None or event.user_id:
            return False
        if event.kind == "page":
            return bool(state.held) or followed_click(event.properties) is not None
        if not state.held or event.name != PAGE_ENGAGED or event.kind != "track":
            return False
        engaged: dict[str, int] = {}
        for one in (*state.held, event):
            engaged[one.view_id] = max(one.engaged_ms, engaged.get(one.view_id, 0))
        return sum(engaged.values()) < CONFIRMING_MS

    def _place(self, event: Event) -> None:
        if event.kind == "track" and event.name == PAGE_ENGAGED:
            self._take_engaged(event)
        elif event.kind == "track" and event.name in CONSENT_EVENTS:
            # Not told as a fact: whoever gives or takes back a consent has done nothing that may be scored. It belongs to
            # the latest visit, however long ago that was, neither prolongs it nor begins one.
            if self.state.visit is not None:
                self.state.visit.events += 1
        elif _is_away(event):
            if event.kind == "track":
                if event.name == LEAD_CREATED and not self.state.told_source:
                    self.state.told_source = _source(event.properties or {})
                self._tell("track", event, None)
            else:
                self._take_person(event, None)
        else:
            visit = self._visit_for(event)
            if event.kind == "page":
                self._take_page(event, visit)
            elif event.kind == "track":
                visit.downloads += event.name == FILE_DOWNLOADED
                if event.name == FORM_SUBMITTED:
                    self._take_form(event)
                self._tell("track", event, visit)
            else:
                self._take_person(event, visit)
        if self.state.visit is not None and not _is_away(event):
            self.state.active_at = event.at

    def result(self) -> Folded:
        """Close the pass: from scratch, sum up all visits but the latest, some of which late messages have raised."""
        state = self.state
        if self.from_scratch:
            closed = [visit for visit in self.visits.values() if visit is not state.visit]
            state.closed_page_views = sum(visit.page_views for visit in closed)
            state.closed_downloads = sum(visit.downloads for visit in closed)
            state.closed_engaged_ms = sum(visit.engaged_ms for visit in closed)
        for visit in self.visits.values():
            if visit is not state.visit:
                visit.views = {}
        views = state.visit.views if state.visit is not None else {}
        state.mail_views = {view_id: seen for view_id, seen in state.mail_views.items() if view_id in views}
        return Folded(state, list(self.visits.values()), self.facts, self.from_scratch)

    def _visit_for(self, event: Event) -> Visit:
        """Return the visit that *event* is part of: the latest, prolonged, or a new one."""
        visit = self.state.visit
        if visit is None or event.at - visit.ended_at > self.gap_ms:
            visit = self._begin_visit(event)
        visit.ended_at = event.at
        visit.events += 1
        if event.agent and not visit.agent:
            visit.agent = event.agent
        if event.context is not None:
            self._take_context(event.context, visit)
        return visit

    def _begin_visit(self, event: Event) -> Visit:
        state, before, day = self.state, self.state.visit, self.day_of(event.at)
        if before is not None:
            state.closed_visits += 1
            if not self.from_scratch:
                state.closed_page_views += before.page_views
                state.closed_downloads += before.downloads
                state.closed_engaged_ms += before.engaged_ms
        state.active_days += before is None or before.day != day
        visit = Visit(number=state.closed_visits + 1, started_at=event.at, ended_at=event.at, day=day, views={})
        state.visit = self.visits[visit.number] = visit
        silence = event.at - state.active_at if before is not None else -1
        late_day = self._late_day(event)
        self.facts.append(Fact("visit", event.at, day, visit.number, None, silence_ms=silence, late_day=late_day))
        return visit

    def _take_page(self, event: Event, visit: Visit) -> None:
        state = self.state
        link = followed_click(event.properties) if event.properties else None
        visit.page_views += 1
        visit.exit_url = event.url
        if event.view_id:
            state.pace = viewed(state.pace, event.at)
        if visit.page_views == 1:
            visit.entry_url = event.url
            visit.referrer = event.referrer
            visit.campaign = dict(campaign_of(event.url)) or _mail_campaign(link) or visit.campaign
            if visit.number == 1:
                state.first_url, state.first_referrer, state.first_campaign = event.url, event.referrer, visit.campaign
        self._register(event.view_id, visit)
        state.recent = [*state.recent[1 - RECENT_PAGES :], PageSeen(event.at, event.url, event.title)]
        self._tell("page", event, visit)
        if link is not None and event.view_id:
            seen = MailView(link, event.message_id, event.at, event.url, event.title)
            state.mail_views = {**state.mail_views, event.view_id: seen}
            self._confirm(event, visit)
        elif event.view_id in state.mail_views:
            state.mail_views = {view_id: one for view_id, one in state.mail_views.items() if view_id != event.view_id}

    def _confirm(self, event: Event, visit: Visit) -> None:
        """Confirm the link that led to the view of *event*, once that was read for long enough."""
        state, view_id = self.state, event.view_id
        seen = state.mail_views.get(view_id)
        if seen is None or visit.views.get(view_id, 0) < CONFIRMING_MS:
            return
        state.mail_views = {other: one for other, one in state.mail_views.items() if other != view_id}
        named = (seen.link.lead_id, seen.link.link_id)
        if named in state.mail_links:
            return
        state.mail_links = [*state.mail_links[1 - MAX_MAIL_LINKS :], named]
        # Made anew, since the page view itself may have been taken long ago. The same from the ledger as from the state.
        page = Event(
            seen.message_id,
            seen.at,
            "page",
            url=seen.url,
            title=seen.title,
            view_id=view_id,
            properties={"mail_link": seen.link.as_property()},
        )
        late_day = self._late_day(event)
        self.facts.append(Fact("mail_click", event.at, self.day_of(event.at), visit.number, page, late_day=late_day))

    def _take_engaged(self, event: Event) -> None:
        visit = self.visit_of_view.get(event.view_id)
        if visit is None:
            # Its page may stand in a visit that is closed and no longer in the state.
            if event.view_id and not self.from_scratch and self.state.visits > 1:
                raise _CannotContinue
            visit = self._visit_for(event)
            self._register(event.view_id, visit)
        else:
            if visit is not self.state.visit and not self.from_scratch:
                raise _CannotContinue
            visit.events += 1
            if visit is self.state.visit and event.at - visit.ended_at <= self.gap_ms:
                visit.ended_at = event.at
        known = visit.views.get(event.view_id)
        grown = 0 if known is None else event.engaged_ms - known
        if grown > 0:
            visit.views[event.view_id] = event.engaged_ms
            visit.engaged_ms += grown
            self.state.pace = was_engaged(self.state.pace)
            self._tell("engaged", event, visit, visit.engaged_ms)
            if event.view_id in self.state.mail_views:
                self._confirm(event, visit)

    def _register(self, view_id: str, visit: Visit) -> None:
        """Let engagement of this view find its visit. Views without an id share one entry, by visit."""
        if len(visit.views) < MAX_VIEWS:
            visit.views.setdefault(view_id, 0)
            if view_id:
                self.visit_of_view[view_id] = visit

    def _take_person(self, event: Event, visit: Visit | None) -> None:
        given = event.properties or {}
        if event.kind == "identify":
            self.state.traits = _merged(self.state.traits, given)
            self.state.identified_at = event.at
            self._tell("identify", event, visit)
        elif event.kind == "group":
            self.state.company = _merged(self.state.company, given)
            self.state.grouped_at = event.at
            self._tell("group", event, visit)
        elif event.user_id and isinstance(before := given.get("previous_id"), str | int):
            known = dict.fromkeys([*self.state.aliases, str(before)[:200], event.user_id])
            self.state.aliases = sorted(list(known)[-MAX_ALIASES:])

    def _take_form(self, event: Event) -> None:
        """Learn who somebody is from the fields of a form that the site has marked for it."""
        told = traits_of_fields((event.properties or {}).get("fields"))
        if told:
            self.state.traits = _merged(self.state.traits, told)
            self.state.identified_at = event.at

    def _take_context(self, context: dict[str, Any], visit: Visit) -> None:
        campaign = context.get("campaign")
        if visit.campaign is None and isinstance(campaign, dict):
            visit.campaign = {key: str(value)[:200] for key, value in sorted(campaign.items())[:10] if value} or None
        location = context.get("location")
        if not visit.country and isinstance(location, dict) and isinstance(location.get("country"), str):
            visit.country = location["country"][:60]
        network = context.get("network")
        if not visit.network and isinstance(network, str):
            visit.network = network[:120]
        for field, key in (("time_zone", "timezone"), ("locale", "locale")):
            value = context.get(key)
            if isinstance(value, str) and not getattr(visit, field):
                setattr(visit, field, value[:60])

    def _tell(self, kind: Any, event: Event, visit: Visit | None, engaged_ms: int = 0) -> None:
        number = visit.number if visit is not None else 0
        late_day = self._late_day(event)
        day = self.day_of(event.at)
        self.facts.append(Fact(kind, event.at, day, number, event, engaged_ms=engaged_ms, late_day=late_day))

    def _late_day(self, event: Event) -> int:
        """Return the date on which an event was received that was told late, else 0."""
        received_at = event.context.get("received_at") if event.context is not None else None
        return self.day_of(received_at) if isinstance(received_at, int) else 0


def _mail_campaign(link: MailClick | None) -> dict[str, str] | None:
    """Return the campaign of a visit that a link in a mail has begun, ``None`` for any other."""
    if link is None:
        return None
    return {"medium": "email"} | ({"name": link.campaign} if link.campaign else {})


def _source(told: dict[str, Any]) -> str:
    return next((value.strip()[:100] for name in ("channel", "source") if isinstance(value := told.get(name), str)), "")


def _is_away(event: Event) -> bool:
    """Decide whether *event* happened away from the site: a server's word about somebody, a call, a trade fair, an import.

    It names no page and no browser. It counts, but is no visit: it neither begins nor prolongs one.
    """
    if event.kind == "page" or event.name in _ON_SITE:
        return False
    return not (event.url or event.view_id or event.agent)


def _merged(known: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return *known* with what *given* says; what is empty says nothing. Bounded, since anyone may send traits."""
    merged = known | {key[:60]: value for key, value in given.items() if value not in (None, "", [], {})}
    return dict(list(merged.items())[-MAX_TRAITS:])
