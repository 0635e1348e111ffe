"""Forget whom nothing was heard of for as long as the settings allow."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, delete, select

from scorer.models import lead_changes, leads, visitor_scores
from scorer.scoring import Change, announce
from tracker import store
from tracker.db import Database

FORGOTTEN_AT_ONCE: Final = 500
"""Visitors forgotten in one transaction: few enough that the drains hardly notice."""


def forget_old(database: Database, before_ms: int, now_ms: int) -> int:
    """Delete all that is kept of visitors not heard of since *before_ms*; return how many visitors.

    A lead goes with the last of its visitors: its changes are deleted, and ``erased`` is told instead. Run by cron once a
    day; run twice, the second time finds nothing.
    """
    forgotten = 0
    while True:
        with database.writing() as connection:
            gone = _forget_some(connection, before_ms, now_ms)
        forgotten += gone
        if gone < FORGOTTEN_AT_ONCE:
            break
    with database.writing() as connection:
        store.forget_dead_letters(connection, before_ms)
    return forgotten


def _forget_some(connection: Connection, before_ms: int, now_ms: int) -> int:
    visitor_ids = store.forget_visitors(connection, before_ms, FORGOTTEN_AT_ONCE)
    scored = visitor_scores.c.visitor_id.in_(visitor_ids)
    touched = set(connection.execute(select(visitor_scores.c.lead_id).where(scored)).scalars())
    connection.execute(delete(visitor_scores).where(scored))
    still = select(visitor_scores.c.lead_id).where(visitor_scores.c.lead_id.in_(touched))
    empty = sorted(touched - set(connection.execute(still).scalars()))
    query = select(leads.c.id, leads.c.site_id).where(leads.c.id.in_(empty))
    sites = {row.id: row.site_id for row in connection.execute(query)}
    connection.execute(delete(lead_changes).where(lead_changes.c.lead_id.in_(empty)))
    connection.execute(delete(leads).where(leads.c.id.in_(empty)))
    announce(connection, [Change(sites[lead], lead, "erased", now_ms, {}) for lead in empty])
    return len(visitor_ids)
