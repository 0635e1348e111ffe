"""Goals: events that a site counts as a win for learning, such as an order or a signed contract that the website sees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.sql.functions import func

from scorer.core.globs import folded
from scorer.models import lead_visitors
from scorer.outcomes import told_value
from tracker import bulk
from tracker.models import events
from tracker.sites import Site

_AT_ONCE: Final = 1000


class Goal(msgspec.Struct, frozen=True):
    """A goal that a lead has reached."""

    at: int
    """Milliseconds since 1970 UTC."""
    name: str
    """As the event is named."""
    value: float | None
    """``None`` where the event tells none."""
    currency: str


def goals_of(connection: Connection, site: Site, lead_ids: Iterable[str]) -> dict[str, list[int]]:
    """Return when these leads reached a goal of the site, ms since 1970 UTC in the order of time; of those that did."""
    return {lead: [goal.at for goal in reached] for lead, reached in valued_goals(connection, site, lead_ids).items()}


def valued_goals(connection: Connection, site: Site, lead_ids: Iterable[str]) -> dict[str, list[Goal]]:
    """Return the goals that these leads have reached, in the order of time; of those that reached any.

    A goal is a ``track`` event whose name is one of the site's ``goal_events``, whatever its case, and that isn't filtered.
    Reads the ledger of the leads' visitors, a stretch each, a thousand visitors at a time; nothing where the site has no
    goals.
    """
    names = {folded(name) for name in site.settings.goal_events}
    wanted = sorted(set(lead_ids))
    if not names or not wanted:
        return {}
    columns = ("visitor_id", "lead_id")
    lead_of = dict(bulk.select_where_in(connection, lead_visitors, columns, "lead_id", wanted, f"site_id = {site.id:d}"))
    # Some databases fold the case of ASCII alone: beside all in lower case, what they make of the usual other spellings.
    spellings = {form for name in names for form in (name, name.upper(), name.title(), name.capitalize())}
    spelt = sorted({form for one in spellings for form in (one.lower(), _ascii_lower(one))})
    event = events.c
    query = select(event.visitor_id, event.at, event.name, event.properties).where(
        event.kind == "track", event.label.is_(None), func.lower(event.name).in_(spelt)
    )
    found: dict[str, list[Goal]] = {}
    visitors = sorted(lead_of)
    for start in range(0, len(visitors), _AT_ONCE):
        for row in connection.execute(query.where(event.visitor_id.in_(visitors[start : start + _AT_ONCE]))):
            if folded(row.name) in names:
                value, currency = told_value(msgspec.json.decode(row.properties) if row.properties else {})
                found.setdefault(lead_of[row.visitor_id], []).append(Goal(row.at, row.name, value, currency))
    return {lead: sorted(reached, key=lambda goal: (goal.at, goal.name)) for lead, reached in sorted(found.items())}


def _ascii_lower(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)
