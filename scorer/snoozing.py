"""Snoozing: a lead leaves the hot list until a time, and comes back by itself."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from scorer.announcing import Change, announce
from scorer.auditing import note
from scorer.core import handling as core
from scorer.handling import clear, due, put, settled, take_up
from scorer.outlets.shapes import time_text
from tracker.sites import Site

WOKEN_AT_ONCE: Final = 1000


def snooze(
    connection: Connection,
    site: Site,
    lead: str,
    until_ms: int,
    actor: str,
    why: str,
    now_ms: int,
    *,
    version: int | None = None,
) -> None:
    """Put a lead off until *until_ms*, 366 days from now at most; snoozed again, the new time counts.

    Raises ``Taken`` where somebody else than *actor* has claimed it, ``Stale`` where *version* is given and isn't the
    lead's, else ``DecisionError``.
    """
    worked = take_up(connection, site, lead, version)
    put(connection, worked, settled(worked, core.snooze(worked.handling, actor, until_ms, now_ms)))
    detail = {"until": time_text(until_ms), "by": actor}
    note(connection, site.id, actor, "snooze", worked.id, why, {"until": detail["until"]}, now_ms)
    announce(connection, [Change(site.id, worked.id, "snoozed", now_ms, detail | ({"why": why[:500]} if why else {}))])


def wake(connection: Connection, now_ms: int) -> int:
    """Bring back the leads whose rest is over: snoozed ones, and those of which it was said long enough ago that nothing
    comes of it; return how many.

    Enqueued by cron every few seconds. Run twice, the second time finds nothing. At most ``WOKEN_AT_ONCE``: the next tick
    wakes the rest.
    """
    news = [
        clear(connection, site_id, lead, "woken", {"after": core.status(one)}, core.wake(one, now_ms), now_ms)
        for site_id, lead, one in due(connection, "snoozed_until", now_ms, WOKEN_AT_ONCE)
    ]
    announce(connection, news)
    return len(news)
