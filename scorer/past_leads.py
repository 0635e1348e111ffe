"""The leads of a site with their whole past, one after the other: what they did and reached, what was said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from scorer.core.fates import Said
from scorer.core.labelling import Course, course
from scorer.core.lead_folds import FoldedPast, times_of_pages, times_seen
from scorer.goals import goals_of
from scorer.memberships import members
from scorer.models import lead_scores, lead_visitors, leads, outcomes
from scorer.scorecards import current_cards
from scorer.scoring import facts_of
from tracker import bulk, store
from tracker.core.events import Fact
from tracker.sites import Site

AT_ONCE: Final = 250
"""Leads whose histories are in memory."""

Progress = Callable[[int, int], None]
"""Told how many leads have been read, and of how many."""


class PastLead(msgspec.Struct, frozen=True):
    """One lead that was ever on the site."""

    id: str
    account_id: str | None
    known: Course
    streams: dict[int, list[Fact]]
    """What each of its browsers did, as ``score.fold`` takes it."""
    seen: list[int]
    """When it did anything on the site, rising; at least once."""
    pages: list[int]
    """When it viewed pages, rising."""


def past_leads(
    connection: Connection,
    site: Site,
    now_ms: int,
    progress: Progress | None = None,
    active_since: int | None = None,
    folded: Mapping[str, FoldedPast] | None = None,
) -> Iterator[list[PastLead]]:
    """Yield the leads of *site*, some at a time, each with what happened up to *now_ms*; all, or those that did anything
    since *active_since*.

    Left out: merged leads, whose visitors are others' now, leads that are kept off the hot list, and leads that were never
    on the site. Of those nothing is known, which doesn't make them cold.

    With *folded*, which has all of them, no events are read, and their streams are empty.
    """
    accounts = find_past_leads(connection, site, active_since)
    ids = list(accounts)
    for start in range(0, len(ids), AT_ONCE):
        part = {lead: accounts[lead] for lead in ids[start : start + AT_ONCE]}
        yield list(_read(connection, site, part, now_ms, folded))
        if progress:
            progress(min(start + AT_ONCE, len(ids)), len(ids))


def find_past_leads(connection: Connection, site: Site, active_since: int | None = None) -> dict[str, str | None]:
    """Return those leads of a site that have a past to look at, in the order of their ids, each with its account."""
    has_visitors = select(lead_visitors.c.visitor_id).where(lead_visitors.c.lead_id == leads.c.id).exists()
    wanted = (leads.c.site_id == site.id) & leads.c.merged_into.is_(None) & leads.c.exclusion.is_(None) & has_visitors
    if active_since is not None:
        mine = lead_scores.c.scorecard_id == current_cards(connection)[site.id].id
        wanted &= leads.c.id.in_(select(lead_scores.c.lead_id).where(mine, lead_scores.c.last_at >= active_since))
    rows = connection.execute(select(leads.c.id, leads.c.account_id).where(wanted).order_by(leads.c.id)).all()
    return {row.id: row.account_id for row in rows}


def _read(
    connection: Connection,
    site: Site,
    accounts: dict[str, str | None],
    now_ms: int,
    folded: Mapping[str, FoldedPast] | None,
) -> Iterator[PastLead]:
    told: dict[str, list[Said]] = {}
    for lead, at, kind in bulk.select_where_in(connection, outcomes, ("lead_id", "at", "kind"), "lead_id", accounts):
        told.setdefault(lead, []).append(Said(at, kind))
    mine, goals = members(connection, accounts), goals_of(connection, site, accounts)
    if folded is not None:
        for lead in sorted(mine):
            if (past := folded[lead]).seen:
                known = course(told.get(lead, ()), goals.get(lead, ()), now_ms)
                yield PastLead(lead, accounts[lead], known, {}, past.seen, past.pages)
        return
    histories = store.load_histories(connection, [number for some in mine.values() for number in some])
    for lead, some in sorted(mine.items()):
        streams = {
            place: facts_of(events, site)
            for place, number in enumerate(some)
            if (events := [event for event in histories.get(number, ()) if event.at <= now_ms])
        }
        seen = times_seen(streams)
        if not seen:
            continue
        known = course(told.get(lead, ()), goals.get(lead, ()), now_ms)
        yield PastLead(lead, accounts[lead], known, streams, seen, times_of_pages(streams))
