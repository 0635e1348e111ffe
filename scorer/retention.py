"""Forget whom nothing was heard of for as long as the settings allow."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from scorer.announcing import announce
from scorer.core.decay import DAY_MS
from scorer.forgetting import forget_memberships
from tracker import store
from tracker.db import Database

FORGOTTEN_AT_ONCE: Final = 500
"""Visitors forgotten in one transaction: few enough that the drains hardly notice."""
ERASED_KEPT_MS: Final = 30 * DAY_MS
"""How long it is known who was erased: longer than any event waits in the queue."""


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
        store.forget_erased(connection, now_ms - ERASED_KEPT_MS)
    return forgotten


def _forget_some(connection: Connection, before_ms: int, now_ms: int) -> int:
    visitor_ids = store.forget_visitors(connection, before_ms, FORGOTTEN_AT_ONCE)
    news = forget_memberships(connection, visitor_ids, now_ms)
    announce(connection, news)
    return len(visitor_ids)
