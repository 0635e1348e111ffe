"""Let labelled events count after all: somebody vouches that they were filtered wrongly.

They go through the queue once more, and the drain puts each in the place of the row with the label, in the transaction that
folds it. So nothing is lost or counted twice wherever this is cut off: what was not sent keeps its label, and what was sent
twice is a duplicate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from sqlalchemy import select

from tracker import bulk, queue
from tracker.core.admission import Admission
from tracker.core.entries import RequestInfo, split
from tracker.core.events import Event
from tracker.core.labels import LabelledError
from tracker.core.refusals import FilterLabel
from tracker.db import Database
from tracker.endpoints import Client
from tracker.models import events, visitors
from tracker.store import HISTORY_COLUMNS, event_from

VISITORS_AT_ONCE: Final = 200
EVENTS_AT_ONCE: Final = 200
_DAY_MS: Final = 86_400_000


class NotCounted(LabelledError):
    """Events with this label can't be counted after all."""


_NEVER: Final = {
    "opt_out": (
        "Events of people who opted out were not kept: there is nothing that could count.",
        "选择退出者的事件未被保存：没有可计入的内容。",
    ),
    "mail_click": (
        "A request for a link in a mail never counts: what happens on the page counts by itself.",
        "邮件链接请求从不计入：页面上的行为会自行计入。",
    ),
}


class Wanted(msgspec.Struct, frozen=True):
    """Which events are meant: those of a site with a label. Raises ``NotCounted`` for a label that stands for good."""

    site_id: int
    label: FilterLabel
    visitor: str | None = None
    """Key of the only visitor whose they are: an ``anonymousId``, or ``user:`` and a ``userId``."""
    since_ms: int = 0
    """They happened then or later."""

    def __post_init__(self) -> None:
        if self.label in _NEVER:
            raise NotCounted(*_NEVER[self.label])


def count_labelled(database: Database, wanted: Wanted) -> tuple[int, int]:
    """Return how many visitors and events *wanted* names at present."""
    senders, found = 0, 0
    for some in _pages(database, wanted):
        senders += len({key for key, _ in some})
        found += len(some)
    return senders, found


def recount(
    database: Database, streams: Client, wanted: Wanted, partitions: int, now_ms: int, hold: Callable[[], None]
) -> int:
    """Send what *wanted* names through the queue again, received now; return how many events.

    *hold* is called before each part, and waits while the queue is too full.
    """
    sent, info = 0, RequestInfo(vouched=wanted.label)
    for some in _pages(database, wanted):
        for start in range(0, len(some), EVENTS_AT_ONCE):
            part = some[start : start + EVENTS_AT_ONCE]
            hold()
            queue.append(streams, wanted.site_id, split(Admission(part, []), wanted.site_id, now_ms, info, partitions))
            sent += len(part)
    return sent


def _pages(database: Database, wanted: Wanted) -> Iterator[list[tuple[str, Event]]]:
    """Visitor key and event, some visitors at a time and each one's in order: the ledger is read by visitor."""
    query = select(visitors.c.id, visitors.c.key).where(
        # Who did something then was heard of then or later, but for clocks that are fast.
        visitors.c.site_id == wanted.site_id,
        visitors.c.heard_at >= wanted.since_ms - _DAY_MS,
    )
    if wanted.visitor is not None:
        query = query.where(visitors.c.key == wanted.visitor)
    also, last = f"label = '{wanted.label}' AND at >= {wanted.since_ms:d}", 0
    while True:
        with database.reading() as connection:
            page = query.where(visitors.c.id > last).order_by(visitors.c.id).limit(VISITORS_AT_ONCE)
            keys: dict[int, str] = {row.id: row.key for row in connection.execute(page)}
            rows = bulk.select_where_in(connection, events, HISTORY_COLUMNS, "visitor_id", keys, also)
        if not keys:
            return
        last = max(keys)
        found = sorted(((row[0], event_from(row)) for row in rows), key=lambda one: (one[0], one[1].order))
        yield [(keys[visitor_id], event) for visitor_id, event in found]
