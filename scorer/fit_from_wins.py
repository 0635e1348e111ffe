"""Whom a site should look for, learned from its won and lost leads; and how many of these there are."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, case, func, select

from scorer.browsers import browsers_of
from scorer.core.decay import DAY_MS
from scorer.core.fit import IdealCustomer
from scorer.core.fit_evidence import Decided
from scorer.core.fit_learning import FitLearned, learn_fit
from scorer.core.objecting import OBJECTION
from scorer.models import leads, outcomes
from scorer.portrait import portrait
from tracker import bulk
from tracker.sites import Site

LEADS_AT_MOST: Final = 2000
"""Won leads, and as many of the others, that are looked at while somebody waits: the latest."""
_LOST: Final = ("lost", "junk")


class Known(msgspec.Struct, frozen=True):
    """Of how many leads it is known whether they bought, by the last word on each."""

    wins: int
    losses: int
    """Lost, no leads at all, or not won within the site's horizon."""
    young: int
    """Too young to tell."""


class FitFromWins(msgspec.Struct, frozen=True):
    """What was found, and what it was found in."""

    learned: FitLearned
    late: int
    """Leads left out because something was said of who they are after sales had spoken with them: it may not have been known
    before, and may be known only because they bought."""
    complete: bool
    """Whether all leads were looked at."""


def count_known(connection: Connection, site: Site, now_ms: int) -> Known:
    """Return of how many leads it is known whether they bought. One pass over the leads of the site."""
    won, old = leads.c.status == "won", leads.c.first_at <= _old(site, now_ms)
    fate = case((won, "won"), (leads.c.status.in_(_LOST) | old, "lost"), else_="young")
    query = select(fate, func.count()).where(_counts(site)).group_by(fate)
    found = {row[0]: int(row[1]) for row in connection.execute(query)}
    return Known(found.get("won", 0), found.get("lost", 0), found.get("young", 0))


def read_fit(connection: Connection, site: Site, ideal: IdealCustomer | None, now_ms: int) -> FitFromWins:
    """Return what won and lost leads say of *ideal*, by what was known of each before sales first spoke with it."""
    won = _latest(connection, site, leads.c.status == "won")
    is_lost = (leads.c.status != "won") & (leads.c.status.in_(_LOST) | (leads.c.first_at <= _old(site, now_ms)))
    lost = _latest(connection, site, is_lost)
    complete = max(len(won), len(lost)) <= LEADS_AT_MOST
    fates = [(lead, True) for lead in won[:LEADS_AT_MOST]] + [(lead, False) for lead in lost[:LEADS_AT_MOST]]
    browsers = browsers_of(connection, [lead for lead, _ in fates])
    contacts = _first_words(connection, [lead for lead, _ in fates])
    decided, late = [], 0
    for lead, is_won in fates:
        mine = browsers.get(lead, [])
        told_at = max((at for one in mine for at in (one.state.identified_at, one.state.grouped_at)), default=0)
        if told_at > contacts.get(lead, now_ms):
            late += 1
        elif mine:
            decided.append(Decided(portrait(mine).profile, is_won))
    return FitFromWins(learn_fit(ideal, decided), late, complete)


def _counts(site: Site) -> Any:
    may_be = leads.c.exclusion.is_distinct_from(OBJECTION)
    return (leads.c.site_id == site.id) & leads.c.merged_into.is_(None) & may_be


def _old(site: Site, now_ms: int) -> int:
    """Leads first seen by then have had their time to buy."""
    return now_ms - site.settings.learning_horizon_days * DAY_MS


def _latest(connection: Connection, site: Site, which: Any) -> list[str]:
    mine = select(leads.c.id).where(_counts(site), which)
    ordered = mine.order_by(leads.c.first_at.desc(), leads.c.id).limit(LEADS_AT_MOST + 1)
    return list(connection.execute(ordered).scalars())


def _first_words(connection: Connection, lead_ids: list[str]) -> dict[str, int]:
    """When the first outcome of each lead was said: nobody says one without having looked into the lead."""
    rows = bulk.select_where_in(connection, outcomes, ("lead_id", "at"), "lead_id", lead_ids)
    found: dict[str, int] = {}
    for lead, at in rows:
        found[lead] = min(at, found.get(lead, at))
    return found
