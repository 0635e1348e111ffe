"""What people did by hand: who, what, why."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from scorer.models import audit
from tracker import bulk

_COLUMNS: Final = ("site_id", "at", "actor", "action", "subject", "why", "detail")


class Entry(msgspec.Struct, frozen=True):
    """One line of the audit log. ``at`` in ms since 1970 UTC."""

    id: int
    at: int
    actor: str
    action: str
    subject: str
    why: str
    detail: dict[str, Any]


def note(
    connection: Connection,
    site_id: int,
    actor: str,
    action: str,
    subject: str,
    why: str,
    detail: dict[str, Any],
    now_ms: int,
) -> None:
    """Write a line, in the transaction of what it tells of."""
    row = (site_id, now_ms, actor[:200], action, subject, why[:500], msgspec.json.encode(detail).decode())
    bulk.append(connection, audit, [row], columns=_COLUMNS)


def read_log(
    connection: Connection, site_id: int, subject: str | None = None, limit: int = 100, before: int | None = None
) -> list[Entry]:
    """Return the latest lines of a site, or of one subject (a lead's id, ``scorecard 3``), newest first; with *before* those
    ahead of the one with this id."""
    wanted = audit.c.site_id == site_id
    if subject is not None:
        wanted &= audit.c.subject == subject
    if before is not None:
        wanted &= audit.c.id < before
    columns = [audit.c[name] for name in Entry.__struct_fields__]
    rows = connection.execute(select(*columns).where(wanted).order_by(audit.c.id.desc()).limit(limit))
    return [
        Entry(row.id, row.at, row.actor, row.action, row.subject, row.why, msgspec.json.decode(row.detail)) for row in rows
    ]
