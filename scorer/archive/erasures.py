"""Erasure reaches the archive: files that hold an erased visitor are written anew without it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, func, select

from scorer.archive.keys import key_hash
from scorer.archive.models import archive_erasures
from scorer.core.decay import DAY_MS
from tracker import bulk
from tracker.models import visitors

KEPT_MS: Final = 30 * DAY_MS
"""How long it is known who was erased where there is no archive: one may be set up again."""


def ask(connection: Connection, visitor_ids: Iterable[int], now_ms: int) -> None:
    """Ask for what an archive may hold of visitors who are about to be deleted, in the transaction that deletes them."""
    found = bulk.select_where_in(connection, visitors, ("id", "key", "site_id"), "id", visitor_ids)
    rows = [(number, key_hash(key), site_id, now_ms) for number, key, site_id in found]
    bulk.upsert(connection, archive_erasures, rows, columns=tuple(column.name for column in archive_erasures.columns))


class Erasure(msgspec.Struct, frozen=True):
    """A visitor who is to be found no more among what was received up to then."""

    visitor_id: int
    key_hash: bytes
    asked_at: int


def waiting(connection: Connection) -> list[Erasure]:
    """Return whom the archive still has to forget."""
    columns = (archive_erasures.c.visitor_id, archive_erasures.c.key_hash, archive_erasures.c.asked_at)
    return [Erasure(row[0], bytes(row[1]), row[2]) for row in connection.execute(select(*columns).order_by(columns[0]))]


def count_waiting(connection: Connection) -> int:
    """Return how many visitors the archive still has to forget."""
    return connection.execute(select(func.count()).select_from(archive_erasures)).scalar_one()


def done(connection: Connection, some: Iterable[Erasure]) -> None:
    """Strike off visitors whom the archive has forgotten; one who was erased once more meanwhile stays."""
    for one in some:
        mine = (archive_erasures.c.visitor_id == one.visitor_id) & (archive_erasures.c.key_hash == one.key_hash)
        connection.execute(delete(archive_erasures).where(mine, archive_erasures.c.asked_at == one.asked_at))


def forget_asked(connection: Connection, before_ms: int) -> None:
    """Where there is no archive: forget what was asked of one before then."""
    connection.execute(delete(archive_erasures).where(archive_erasures.c.asked_at < before_ms))
