"""Where in the feed a time lies: the feed is indexed by number, not by time, and both rise together."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, func, select

from scorer.models import lead_changes

DISORDER_MS: Final = 3_600_000
"""By how much a change may be dated later than one with a higher number: a number is given at the end of a transaction, the
time is that of its beginning, by the clock of whichever machine."""


def stretch(connection: Connection, site_id: int, from_ms: int, to_ms: int) -> tuple[int, int]:
    """Return the first number, and the one after the last, between which all changes of a site from *from_ms* up to
    before *to_ms* lie, and few others.

    Found by halving: some twenty probes of an index each, however long the feed.
    """
    # One by one: asked for both at once, SQLite reads the whole feed.
    ends = (func.min(lead_changes.c.sequence), func.max(lead_changes.c.sequence))
    first, last = (connection.execute(select(end).where(lead_changes.c.site_id == site_id)).scalar() for end in ends)
    if first is None or last is None:
        return 0, 0
    begin = _first_since(connection, site_id, from_ms - DISORDER_MS, first, last + 1)
    return begin, _first_since(connection, site_id, to_ms + DISORDER_MS, begin, last + 1)


def _first_since(connection: Connection, site_id: int, at_ms: int, low: int, high: int) -> int:
    """Return the first number from *low* on whose change is of *at_ms* or later; *high* where there is none below."""
    change = lead_changes.c
    following = select(change.sequence, change.at).where(change.site_id == site_id).order_by(change.sequence).limit(1)
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(following.where(change.sequence >= middle)).first()
        if row is None or row.sequence >= high or row.at >= at_ms:
            high = middle
        else:
            low = row.sequence + 1
    return high
