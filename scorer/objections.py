"""Who doesn't want to be scored, as stored: told by events of a site's server, or recorded by hand. The last word holds.

Who objects keeps its events and visits, and loses every judgement of them: heat, stage, interests, fit, class and group.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete

from scorer.learning_models import explored_leads, lead_classes, lead_groups
from scorer.models import objections
from tracker import bulk
from tracker.batch import VisitorUpdate
from tracker.core.events import SCORING_EVENTS

_COLUMNS: Final = tuple(column.name for column in objections.columns)


class Said(msgspec.Struct, frozen=True):
    """What was said of a lead's being scored. ``at`` in ms since 1970 UTC."""

    at: int
    objects: bool
    by: str
    """Who recorded it by hand; empty for an event."""


def note_objections(
    connection: Connection, updates: Sequence[VisitorUpdate], root_of: Mapping[int, str], home_of: Mapping[int, str]
) -> set[str]:
    """Store what the updates' events say, and return of which leads. Told again, the same event changes nothing."""
    rows: dict[tuple[str, bytes], tuple[Any, ...]] = {}
    for update in updates:
        home, root = home_of[update.visitor_id], root_of[update.visitor_id]
        for fact in update.facts:
            event = fact.event
            objects = SCORING_EVENTS.get(event.name.lower()) if fact.kind == "track" and event is not None else None
            if objects is not None and event is not None:
                rows[home, event.message_id] = (home, event.message_id, update.key[0], root, objects, event.at, "")
    bulk.upsert(connection, objections, [rows[key] for key in sorted(rows)], columns=_COLUMNS)
    return {root for _, _, _, root, *_ in rows.values()}


def add_objection(connection: Connection, site_id: int, root: str, objects: bool, by: str, now_ms: int) -> None:
    """Store a word recorded by hand: the last one, whatever an event of this very moment says."""
    before = objections_of(connection, [root]).get(root)
    at = max(now_ms, before[-1].at + 1) if before else now_ms
    bulk.append(connection, objections, [(root, secrets.token_bytes(16), site_id, root, objects, at, by)], columns=_COLUMNS)


def objections_of(connection: Connection, lead_ids: Iterable[str]) -> dict[str, list[Said]]:
    """Return what was said of leads' being scored, in the order of time."""
    columns = ("lead_id", "at", "message_id", "objects", "by")
    rows = bulk.select_where_in(connection, objections, columns, "lead_id", sorted(set(lead_ids)))
    found: dict[str, list[Said]] = {}
    for lead, at, _, objects, by in sorted((row[0], row[1], bytes(row[2]), bool(row[3]), row[4]) for row in rows):
        found.setdefault(lead, []).append(Said(at, objects, by))
    return found


def objecting(connection: Connection, lead_ids: Iterable[str]) -> set[str]:
    """Return those of these leads that aren't to be scored."""
    return {lead for lead, said in objections_of(connection, lead_ids).items() if said[-1].objects}


def forget_judgements(connection: Connection, lead_ids: Iterable[str]) -> None:
    """Delete what models have taken these leads for."""
    ids = sorted(lead_ids)
    for table in (lead_classes, lead_groups, explored_leads) if ids else ():
        connection.execute(delete(table).where(table.c.lead_id.in_(ids)))
