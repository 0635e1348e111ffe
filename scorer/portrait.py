"""Who a lead is: what the visitors of one person have said of themselves, as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from scorer.core.observing import observed_seconds
from scorer.core.people import Person, person_of
from scorer.core.profile import Profile, profile_of
from scorer.countries import country_of
from tracker.core.channels import channel_of, told_origin
from tracker.core.heard import Heard
from tracker.core.visits import VisitorState


class Browser(NamedTuple):
    """One visitor of a lead."""

    state: VisitorState
    heard: Heard


class Portrait(msgspec.Struct, frozen=True):
    """Who a lead is, and how much it has done."""

    person: Person
    profile: Profile
    told: bool
    """Whether anything has been said of the person or the company."""
    first_at: int
    last_at: int
    visits: int
    page_views: int
    downloads: int
    engaged_ms: int
    channel: str
    """How its first visit came; empty for who was never on the site."""
    robot: bool = False
    """Whether all its visitors do what no person does. If one were enough, anybody could have a lead struck off by going mad
    under its name."""
    heard: Sequence[Heard] = ()
    """When each of its visitors was heard."""

    @property
    def observed_seconds(self) -> float | None:
        """From the first to the last that came of it, as ``observing.observed_seconds``."""
        return observed_seconds(self.heard)


def portrait(browsers: Sequence[Browser]) -> Portrait:
    """Return the portrait of the lead with these browsers, at least one, in any order.

    What was said last counts, field by field. The country is the one told, else that of the latest visit, else that of the
    browser's time zone.
    """
    states = [one.state for one in browsers]
    if len(states) == 1:
        traits, company, first = states[0].traits, states[0].company, states[0]
    else:
        first = min(states, key=lambda state: (state.first_at, state.last_id))
        traits = _together((state.identified_at, state.last_id, state.traits) for state in states)
        company = _together((state.grouped_at, state.last_id, state.company) for state in states)
    country = _country(states)
    person, profile = _read(_encode(traits), _encode(company), country)
    return Portrait(
        person=person,
        profile=profile,
        told=bool(traits or company),
        first_at=first.first_at,
        last_at=max(state.last_at for state in states),
        visits=sum(state.visits for state in states),
        page_views=sum(state.page_views for state in states),
        downloads=sum(state.downloads for state in states),
        engaged_ms=sum(state.engaged_ms for state in states),
        channel=_channel(states),
        robot=all(state.pace.suspicion for state in states),
        heard=[one.heard for one in browsers],
    )


def _together(told: Iterable[tuple[int, bytes, dict[str, Any]]]) -> dict[str, Any]:
    """What was said at several times as one: the last word counts."""
    whole: dict[str, Any] = {}
    for _, _, said in sorted(told, key=lambda one: one[:2]):
        whole |= said
    return whole


def _country(states: Sequence[VisitorState]) -> str:
    latest = sorted((state.visit for state in states if state.visit is not None), key=lambda visit: -visit.started_at)
    for visit in latest:
        if visit.country:
            return visit.country
    for visit in latest:
        if visit.time_zone and (country := country_of(visit.time_zone)):
            return country
    return ""


def _channel(states: Sequence[VisitorState]) -> str:
    seen = [state for state in states if state.visit is not None]
    if not seen:
        in_order = sorted(states, key=lambda state: (state.first_at, state.last_id))
        told = (told_origin(state.told_source) for state in in_order)
        return next((origin.channel for origin in told if origin is not None), "")
    first = min(seen, key=lambda state: (state.first_at, state.last_id))
    return channel_of(first.first_referrer, first.first_campaign, first.first_url).channel


@lru_cache(maxsize=20_000)
def _read(traits: bytes, company: bytes, country: str) -> tuple[Person, Profile]:
    """Read traits, once for what is said again and again: by far most leads have said nothing."""
    told, of_company = msgspec.json.decode(traits), msgspec.json.decode(company)
    return person_of(told, of_company), profile_of(told, of_company, country)


_encode: Final = msgspec.json.Encoder().encode
