"""What became of leads: told by events from a CRM or an import, or by people. The last word by time is a lead's status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, func, select

from scorer.core.decay import DAY_MS
from scorer.models import leads, outcomes
from tracker import bulk
from tracker.batch import VisitorUpdate
from tracker.core.events import Event

OUTCOME_EVENTS: Final = {
    "lead contacted": "contacted",
    "lead won": "won",
    "lead lost": "lost",
    "lead disqualified": "junk",
    "lead postponed": "not_now",
}
"""Names of ``track`` events (whatever their case) that say what became of a lead, and the status each gives."""

_COLUMNS: Final = tuple(column.name for column in outcomes.columns)


def note_outcomes(
    connection: Connection, updates: Sequence[VisitorUpdate], root_of: Mapping[int, str], home_of: Mapping[int, str]
) -> dict[str, str]:
    """Store what the updates' events say of outcomes; return the status of each lead that they speak of.

    Told again, the same event changes nothing.
    """
    rows = {}
    for update in updates:
        for fact in update.facts:
            if fact.kind == "track" and fact.event is not None:
                kind = OUTCOME_EVENTS.get(fact.event.name.lower())
                if kind is not None:
                    home, root = home_of[update.visitor_id], root_of[update.visitor_id]
                    rows[home, fact.event.message_id] = _row(home, root, update.key[0], kind, fact.event)
    bulk.upsert(connection, outcomes, [rows[key] for key in sorted(rows)], columns=_COLUMNS)
    return latest(connection, {row[3] for row in rows.values()})


def latest(connection: Connection, lead_ids: set[str]) -> dict[str, str]:
    """Return the status that the last outcome gives each of these leads, where there is any."""
    columns = ("lead_id", "at", "message_id", "kind")
    found: dict[str, tuple[int, bytes, str]] = {}
    for lead, at, message_id, kind in bulk.select_where_in(connection, outcomes, columns, "lead_id", sorted(lead_ids)):
        found[lead] = max(found.get(lead, (at, bytes(message_id), kind)), (at, bytes(message_id), kind))
    return {lead: kind for lead, (_, _, kind) in found.items()}


def decision_days(connection: Connection, site_id: int) -> list[float]:
    """Return the days from first touch to winning, of each won lead of which something was known before."""
    won = (
        select(leads.c.first_at, func.min(outcomes.c.at))
        .select_from(outcomes.join(leads, leads.c.id == outcomes.c.lead_id))
        .where(outcomes.c.site_id == site_id, outcomes.c.kind == "won")
        .group_by(leads.c.id, leads.c.first_at)
    )
    return [(at - first_at) / DAY_MS for first_at, at in connection.execute(won) if at > first_at]


def _row(home: str, root: str, site_id: int, kind: str, event: Event) -> tuple[Any, ...]:
    told = event.properties or {}
    value = told.get("value")
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return (
        home,
        event.message_id,
        site_id,
        root,
        kind,
        event.at,
        number if number is not None and abs(number) < 1e15 else None,
        _text(told.get("currency"), 10),
        _text(told.get("reason"), 500),
        _text(told.get("by") or told.get("owner"), 200),
    )


def _text(value: object, limit: int) -> str:
    return value.strip()[:limit] if isinstance(value, str) else ""
