"""What was sent to webhooks, every try, and what goes from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from scorer.core.labels import Language
from scorer.core.webhook_troubles import Reason, Trouble, told
from scorer.outlet_models import webhook_attempts, webhook_deliveries, webhooks
from tracker import bulk

KEPT_MS: Final = 30 * 86_400_000
"""For how long deliveries are kept that have come to an end."""
CLEANED_AT_ONCE: Final = 1000


class Delivery(msgspec.Struct, frozen=True):
    """One message to a webhook. Times in ms since 1970 UTC."""

    id: str
    webhook_id: str
    lead_id: str
    kind: str
    state: str
    """waiting, sending, delivered, failed or stopped."""
    attempts: int
    created_at: int
    next_at: int | None
    """When it is tried next; ``None`` once it has come to an end."""


class Attempt(msgspec.Struct, frozen=True):
    """One try of a delivery."""

    delivery_id: str
    number: int
    at: int
    status: int | None
    """``None`` where nobody answered."""
    took_ms: int
    reason: Reason | None
    """Why it was no success; ``None`` where it was one."""
    error: str
    """The same in words; empty where it was a success."""


_DELIVERY: Final = tuple(webhook_deliveries.c[name] for name in Delivery.__struct_fields__)


def list_deliveries(
    connection: Connection, webhook_id: str, *, before: tuple[int, str] | None = None, limit: int = 50, state: str = ""
) -> list[Delivery]:
    """Return deliveries of a webhook, newest first; only those before *before*: ``created_at`` and id of the last seen."""
    column = webhook_deliveries.c
    query = select(*_DELIVERY).where(column.webhook_id == webhook_id)
    if state:
        query = query.where(column.state == state)
    if before is not None:
        at, name = before
        query = query.where((column.created_at < at) | ((column.created_at == at) & (column.id < name)))
    rows = connection.execute(query.order_by(column.created_at.desc(), column.id.desc()).limit(limit))
    return [Delivery(*row) for row in rows]


def list_attempts(
    connection: Connection, delivery_ids: Iterable[str], language: Language = "en"
) -> dict[str, list[Attempt]]:
    """Return the attempts of each of these deliveries, the first one first; errors are told in *language*."""
    mine = webhook_attempts.c.delivery_id.in_(list(delivery_ids))
    found: dict[str, list[Attempt]] = {}
    for row in connection.execute(select(webhook_attempts).where(mine).order_by(webhook_attempts.c.number)):
        error = told(Trouble(row.reason, row.detail), row.status, language) if row.reason else ""
        one = Attempt(row.delivery_id, row.number, row.at, row.status, row.took_ms, row.reason or None, error)
        found.setdefault(row.delivery_id, []).append(one)
    return found


def count_waiting(connection: Connection, webhook_id: str) -> int:
    """Return how many deliveries of a webhook wait."""
    mine = (webhook_deliveries.c.webhook_id == webhook_id) & webhook_deliveries.c.next_at.is_not(None)
    return connection.execute(select(func.count()).where(mine)).scalar_one()


def forget_deliveries(connection: Connection, lead_ids: Iterable[str]) -> None:
    """Delete all messages that speak of these leads, also those still waiting. To be called after the leads are deleted."""
    doomed = bulk.select_where_in(connection, webhook_deliveries, ("id",), "lead_id", sorted(set(lead_ids)))
    ids = sorted(row[0] for row in doomed)
    # Locked before their attempts go: a sender that has just come back would else add one meanwhile.
    bulk.select_where_in(connection, webhook_deliveries, ("id",), "id", ids, lock=True)
    bulk.delete_where_in(connection, webhook_attempts, "delivery_id", ids)
    bulk.delete_where_in(connection, webhook_deliveries, "id", ids)


def clean_deliveries(connection: Connection, now_ms: int) -> int:
    """Delete up to ``CLEANED_AT_ONCE`` deliveries that came to an end and are older than 30 days; return how many."""
    column = webhook_deliveries.c
    off = column.webhook_id.in_(select(webhooks.c.id).where(webhooks.c.disabled_at.is_not(None)))
    ended = column.next_at.is_(None) | off
    old = select(column.id).where(column.created_at < now_ms - KEPT_MS, ended).limit(CLEANED_AT_ONCE)
    ids = sorted(connection.execute(old).scalars())
    bulk.select_where_in(connection, webhook_deliveries, ("id",), "id", ids, lock=True)
    bulk.delete_where_in(connection, webhook_attempts, "delivery_id", ids)
    bulk.delete_where_in(connection, webhook_deliveries, "id", ids)
    return len(ids)


def hurry(connection: Connection, webhook_id: str, now_ms: int) -> None:
    """Try now what waits for its next try: the webhook has come back."""
    waiting = (webhook_deliveries.c.webhook_id == webhook_id) & (webhook_deliveries.c.state == "waiting")
    change_deliveries(connection, waiting, {"next_at": now_ms})


def change_deliveries(connection: Connection, wanted: Any, values: dict[str, Any]) -> int:
    """Change the deliveries *wanted*; return how many."""
    ids = connection.execute(select(webhook_deliveries.c.id).where(wanted).order_by(webhook_deliveries.c.id)).scalars().all()
    # In one order with all who want several of them.
    bulk.select_where_in(connection, webhook_deliveries, ("id",), "id", ids, lock=True)
    count = 0
    for start in range(0, len(ids), 500):
        some = webhook_deliveries.c.id.in_(ids[start : start + 500])
        # Asked once more, now that they are locked: a sender may have taken or delivered one meanwhile.
        count += connection.execute(update(webhook_deliveries).where(some, wanted).values(values)).rowcount
    return count


def not_under_way(now_ms: int) -> ColumnElement[bool]:
    """The condition that no sender has the delivery: whoever changed it then would have it sent by two at the same time."""
    column = webhook_deliveries.c
    return (column.state != "sending") | (column.next_at <= now_ms)


def delete_deliveries(connection: Connection, webhook_id: str) -> None:
    """Delete the deliveries of a webhook, which the caller has locked."""
    mine = select(webhook_deliveries.c.id).where(webhook_deliveries.c.webhook_id == webhook_id)
    connection.execute(delete(webhook_attempts).where(webhook_attempts.c.delivery_id.in_(mine)))
    connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.webhook_id == webhook_id))
