"""Requests that are sent twice and carried out once: what was answered is kept by the key that the sender gave.

A request takes its key in a transaction of its own, so that another with the same key is told to wait. What it does and what
it answers are then stored in one transaction: after a crash there are both, or neither.
(The Idempotency-Key HTTP Header Field, draft-ietf-httpapi-idempotency-key-header-07.)
"""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, select, text, update

from scorer.core.decay import DAY_MS
from scorer.outlet_models import idempotency_keys
from tracker.db import Database

KEPT_MS: Final = DAY_MS
ABANDONED_MS: Final = 60_000
"""A request that hasn't been answered for so long has died with its process: the next one may have its key."""

_key = idempotency_keys.c


class Taking(msgspec.Struct, frozen=True):
    """A key that is taken for the request under way. ``at`` (ms since 1970 UTC) tells it from a later taker."""

    actor: str
    key: str
    at: int


class Kept(msgspec.Struct, frozen=True):
    """What was answered to a request."""

    status: int
    answer: bytes
    etag: str | None
    """``None`` for an answer without a tag."""


class Reused(Exception):
    """The key belongs to another request."""


class Running(Exception):
    """The request with this key hasn't been answered yet."""


def take(database: Database, actor: str, key: str, fingerprint: str, now_ms: int) -> Taking | Kept:
    """Take a key for a request, or return what was answered to it. Raises ``Reused`` or ``Running``.

    *actor* is who sends it: the keys of one say nothing about those of another. *fingerprint* is the same for the same
    request.
    """
    row = {"actor": actor, "key": key, "fingerprint": fingerprint, "created_at": now_ms}
    new = text(
        "INSERT INTO idempotency_keys (actor, key, fingerprint, created_at) "
        "VALUES (:actor, :key, :fingerprint, :created_at) ON CONFLICT DO NOTHING"
    )
    mine = (_key.actor == actor) & (_key.key == key)
    with database.writing() as connection:
        connection.execute(delete(idempotency_keys).where(mine, _key.created_at <= now_ms - KEPT_MS))
        if connection.execute(new, row).rowcount == 1:
            return Taking(actor, key, now_ms)
        known = connection.execute(select(idempotency_keys).where(mine).with_for_update()).one_or_none()
        if known is None:
            raise Running  # Given back this very moment, by a request that failed.
        if known.fingerprint != fingerprint:
            raise Reused
        if known.status is not None:
            return Kept(known.status, bytes(known.answer), known.etag)
        if known.created_at > now_ms - ABANDONED_MS:
            raise Running
        connection.execute(update(idempotency_keys).where(mine).values(created_at=now_ms))
        return Taking(actor, key, now_ms)


def keep(connection: Connection, taking: Taking, kept: Kept, lead_id: str | None) -> None:
    """Keep what is answered, in the transaction of what was done. *lead_id* is the lead that the answer tells of, if any.

    Raises ``Running`` where somebody else has the key by now: then all that was done is to be undone.
    """
    values = {"status": kept.status, "answer": kept.answer, "etag": kept.etag, "lead_id": lead_id}
    if connection.execute(update(idempotency_keys).where(_mine(taking)).values(values)).rowcount != 1:
        raise Running


def give_back(database: Database, taking: Taking) -> None:
    """Free the key of a request that failed, so that it can be tried again."""
    with database.writing() as connection:
        connection.execute(delete(idempotency_keys).where(_mine(taking)))


def forget_answers(connection: Connection, now_ms: int) -> int:
    """Delete what was answered more than a day ago; return how many.

    Enqueued by cron once a day. Run twice, the second time finds nothing.
    """
    return connection.execute(delete(idempotency_keys).where(_key.created_at <= now_ms - KEPT_MS)).rowcount


def _mine(taking: Taking) -> ColumnElement[bool]:
    return (_key.actor == taking.actor) & (_key.key == taking.key) & (_key.created_at == taking.at) & _key.status.is_(None)
