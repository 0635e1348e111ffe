"""Forget whom nothing was heard of for as long as the settings allow."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from scorer.announcing import announce
from scorer.backup_records import forget_backups
from scorer.core.decay import DAY_MS
from scorer.forgetting import forget_memberships
from scorer.log_parts import LOGS, forget_log
from tracker import store
from tracker.db import Database
from tracker.erased import forget_erased
from tracker.models import dead_letters

FORGOTTEN_AT_ONCE: Final = 500
"""Visitors forgotten in one transaction: few enough that the drains hardly notice."""
ERASED_KEPT_MS: Final = 30 * DAY_MS
"""How long it is known who was erased: longer than any event waits in the queue."""


def forget_old(database: Database, before_ms: int, now_ms: int, letters_before_ms: int | None = None) -> int:
    """Delete all that is kept of visitors not heard of since *before_ms*; return how many visitors.

    Refused events go that were received before then, or before *letters_before_ms* where that is given.

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
    for one in LOGS:
        sooner = letters_before_ms if one.table is dead_letters else None
        forget_log(database, one, before_ms if sooner is None else sooner)
    with database.writing() as connection:
        forget_erased(connection, now_ms - ERASED_KEPT_MS)
        forget_backups(connection, now_ms)
    return forgotten


def _forget_some(connection: Connection, before_ms: int, now_ms: int) -> int:
    visitor_ids = store.forget_visitors(connection, before_ms, FORGOTTEN_AT_ONCE)
    news = forget_memberships(connection, visitor_ids, now_ms)
    announce(connection, news)
    return len(visitor_ids)
