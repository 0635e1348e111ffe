"""Claims: a salesperson takes a lead for a time, so that nobody else calls it too. Of many at once, one gets it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from scorer.announcing import Change, announce
from scorer.auditing import note
from scorer.core import handling as core
from scorer.handling import checked_name, clear, due, put, settled, take_up
from scorer.outlets.shapes import time_text
from tracker.sites import Site

EXPIRED_AT_ONCE: Final = 1000


def claim(
    connection: Connection,
    site: Site,
    lead: str,
    owner: str,
    actor: str,
    now_ms: int,
    *,
    lease_ms: int = core.DEFAULT_LEASE_MS,
    version: int | None = None,
) -> None:
    """Give a lead to *owner* for *lease_ms* (an hour to 90 days), or prolong the claim that is *owner*'s already.

    Raises ``Taken`` where somebody else holds it, ``Stale`` where *version* is given and isn't the lead's, else
    ``DecisionError``. A snoozed lead that is taken up anew is snoozed no longer.
    """
    owner = checked_name(owner)
    worked = take_up(connection, site, lead, version)
    before = worked.handling
    after = settled(worked, core.claim(before, owner, now_ms, lease_ms))
    put(connection, worked, after)
    assert after.claimed_until is not None
    detail = {"owner": owner, "until": time_text(after.claimed_until)}
    news = [Change(site.id, worked.id, "claimed", now_ms, detail)]
    if before.owner not in (None, owner):
        news.insert(0, Change(site.id, worked.id, "released", now_ms, {"owner": before.owner, "why": "expired"}))
    note(connection, site.id, actor, "claim", worked.id, "", detail, now_ms)
    announce(connection, news)


def release(
    connection: Connection,
    site: Site,
    lead: str,
    actor: str,
    now_ms: int,
    *,
    owner: str | None = None,
    version: int | None = None,
) -> None:
    """End the claim of *owner* (``None``: of *actor*). Raises ``Taken`` where it is somebody else's, ``Stale``, else
    ``DecisionError``."""
    owner = checked_name(actor if owner is None else owner)
    worked = take_up(connection, site, lead, version)
    put(connection, worked, settled(worked, core.release(worked.handling, owner, now_ms)))
    note(connection, site.id, actor, "release", worked.id, "", {"owner": owner}, now_ms)
    announce(connection, [Change(site.id, worked.id, "released", now_ms, {"owner": owner, "why": "by_hand"})])


def expire(connection: Connection, now_ms: int) -> int:
    """End the claims whose time is up; return how many.

    Enqueued by cron every few seconds. Run twice, the second time finds nothing. At most ``EXPIRED_AT_ONCE``: the next
    tick ends the rest.
    """
    news = [
        clear(
            connection,
            site_id,
            lead,
            "released",
            {"owner": one.owner, "why": "expired"},
            core.expire(one, now_ms),
            now_ms,
        )
        for site_id, lead, one in due(connection, "claimed_until", now_ms, EXPIRED_AT_ONCE)
    ]
    announce(connection, news)
    return len(news)
