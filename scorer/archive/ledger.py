"""What the archive reads of the database: events by visitor and by when they were received, and what is still to come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, select

from scorer.archive.format import Row, archived_row, merged
from scorer.archive.keys import key_hash
from scorer.core.decay import DAY_MS
from tracker import bulk, store
from tracker.endpoints import Client
from tracker.models import dead_letters, events, visitors
from tracker.waiting import oldest_waiting

VISITORS_AT_ONCE: Final = 1000
CLOCKS_APART_MS: Final = 3_600_000
"""How far the clocks of collectors, queue and cron may be apart."""
END_OF_TIME: Final = 2**62
_PARTS: Final = tuple(column.name for column in visitors.columns if column.name in ("id", "site_id", "key", "heard_at"))


class Visitor(NamedTuple):
    """Whose events these are."""

    id: int
    site_id: int
    hash: bytes
    heard_at: int


class Span(NamedTuple):
    """Events received from one time to before another, ms since 1970 UTC."""

    since: int
    until: int
    visitors_until: int = END_OF_TIME
    """No visitor numbered higher was there before ``until``."""

    def may_have(self, one: Visitor) -> bool:
        """Return whether any of a visitor's events may be in it: whoever sent one was heard of then, or later."""
        return one.heard_at >= self.since - DAY_MS and one.id <= self.visitors_until


def processed_until(connection: Connection, streams: Client, partitions: int, now_ms: int) -> int:
    """Return the time up to which all that was received is in the ledger, ms since 1970 UTC.

    What waits in the queue was received about when it was put there, which its id tells.
    """
    waiting = oldest_waiting(connection, streams, partitions)
    return (now_ms if waiting is None else min(now_ms, waiting)) - CLOCKS_APART_MS


def replayed(connection: Connection) -> list[tuple[int, int]]:
    """Return the dead letters that were put into the queue once more: when received, when put there.

    They come into the ledger with the time at which they were first received, however long ago that is.
    """
    columns = (dead_letters.c.received_at, dead_letters.c.replayed_at)
    return [tuple(row) for row in connection.execute(select(*columns).where(dead_letters.c.replayed_at.is_not(None)))]


def first_received(connection: Connection) -> int | None:
    """Return when the first event was received that is in the ledger, ms since 1970 UTC; ``None`` for an empty one.

    Reads the whole ledger: for the beginning of an archive.
    """
    found: int | None = connection.execute(select(func.min(events.c.received_at))).scalar()
    return found


def last_visitor(connection: Connection) -> int:
    """Return the highest number that a visitor has."""
    return connection.execute(select(func.max(visitors.c.id))).scalar() or 0


def visitors_heard(connection: Connection, since_ms: int, partition: int, partitions: int, after: int) -> list[Visitor]:
    """Return some visitors of a partition who may have sent anything since then, by number, from behind *after*."""
    mine = (visitors.c.id % partitions == partition) & (visitors.c.id > after) & (visitors.c.heard_at >= since_ms - DAY_MS)
    query = select(*(visitors.c[name] for name in _PARTS)).where(mine).order_by(visitors.c.id).limit(VISITORS_AT_ONCE)
    return [_visitor(row) for row in connection.execute(query)]


def load_visitors(connection: Connection, ids: Iterable[int]) -> dict[int, Visitor]:
    """Return visitors by number."""
    rows = bulk.select_where_in(connection, visitors, _PARTS, "id", sorted(ids))
    return {row[0]: _visitor(row) for row in rows}


def rows_of(connection: Connection, some: Sequence[Visitor], span: Span) -> list[Row]:
    """Return what some visitors sent in a span, in the order of a file."""
    known = {one.id: one for one in some}
    also = f"received_at >= {span.since:d} AND received_at < {span.until:d}"
    found = bulk.select_where_in(connection, events, store.EVENT_COLUMNS, "visitor_id", sorted(known), also)
    return merged(archived_row(row, known[row[0]].site_id, known[row[0]].hash) for row in found)


def rows_in_order(connection: Connection, some: Sequence[Visitor], spans: Sequence[Span]) -> Iterator[list[Row]]:
    """Yield what visitors, given by number, sent in several spans, in the order of a file, some visitors at a time."""
    for start in range(0, len(some), VISITORS_AT_ONCE):
        part = some[start : start + VISITORS_AT_ONCE]
        asked = ((span, [one for one in part if span.may_have(one)]) for span in spans)
        yield merged(*(rows_of(connection, mine, span) for span, mine in asked if mine))


def _visitor(row: Any) -> Visitor:
    return Visitor(row[0], row[1], key_hash(row[2]), row[3])
