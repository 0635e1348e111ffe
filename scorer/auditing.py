"""What people did by hand: who, what, why; as a chain of hashes, in which nothing can be changed unseen."""

from __future__ import annotations

import secrets
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, select, text, update

from scorer.core.audit_chain import SALT_BYTES, before_first, hash_words, link
from scorer.models import audit, audit_heads
from tracker import bulk

_WRITTEN: Final = ("at", "actor", "action", "subject", "why", "detail")
_HASHED: Final = ("number", "salt", "words_hash", "chain")
_COLUMNS: Final = ("site_id", *_WRITTEN, *_HASHED)


class Entry(msgspec.Struct, frozen=True):
    """One line of the audit log. ``at`` in ms since 1970 UTC."""

    id: int
    at: int
    actor: str
    action: str
    subject: str
    why: str
    detail: dict[str, Any]
    number: int | None
    """Its place in the site's chain; ``None`` where it isn't in it yet."""
    chain: str | None
    """Its hash, in hexadecimal digits."""
    emptied: bool
    """Whether its words were taken out because they were about a person who is forgotten."""


class Chained(msgspec.Struct, frozen=True):
    """What a line gets from the chain."""

    number: int
    salt: bytes
    words_hash: bytes
    chain: bytes


def note(
    connection: Connection,
    site_id: int,
    actor: str,
    action: str,
    subject: str,
    why: str,
    detail: dict[str, Any],
    now_ms: int,
) -> None:
    """Write a line, in the transaction of what it tells of.

    To be called when that has all its locks but the feed's (``announcing.announce``): from here to its end, others who write
    into the log of this site wait.
    """
    written = (now_ms, actor[:200], action, subject, why[:500], msgspec.json.encode(detail).decode())
    hashed = extend_chain(connection, site_id, *written)
    bulk.append(connection, audit, [(site_id, *written, *msgspec.structs.astuple(hashed))], columns=_COLUMNS)


def extend_chain(
    connection: Connection, site_id: int, at: int, actor: str, action: str, subject: str, why: str, detail: str
) -> Chained:
    """Return what a line gets as the next of a site's chain, whose head it is from now on.

    The head's row is locked until the transaction ends: so numbers are without a gap, and a line knows the one before.
    """
    # Where there is a row it comes back with the number of the new line, and still with the chain of the one before.
    take = (
        "INSERT INTO audit_heads (site_id, number, chain) VALUES (:site_id, 1, :chain) "
        "ON CONFLICT (site_id) DO UPDATE SET number = audit_heads.number + 1 RETURNING number, chain"
    )
    row = connection.execute(text(take), {"site_id": site_id, "chain": before_first(site_id).chain}).one()
    salt = secrets.token_bytes(SALT_BYTES)
    words_hash = hash_words(salt, why, detail)
    chain = link(bytes(row.chain), row.number, at, actor, action, subject, words_hash)
    connection.execute(update(audit_heads).where(audit_heads.c.site_id == site_id).values(chain=chain))
    return Chained(row.number, salt, words_hash, chain)


def read_log(
    connection: Connection, site_id: int, subject: str | None = None, limit: int = 100, before: int | None = None
) -> list[Entry]:
    """Return the latest lines of a site, or of one subject (a lead's id, ``scorecard 3``), newest first; with *before* those
    ahead of the one with this id."""
    wanted = audit.c.site_id == site_id
    if subject is not None:
        wanted &= audit.c.subject == subject
    if before is not None:
        wanted &= audit.c.id < before
    rows = connection.execute(select(audit).where(wanted).order_by(audit.c.id.desc()).limit(limit))
    return [_entry(row) for row in rows]


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        why=row.why,
        detail=msgspec.json.decode(row.detail),
        number=row.number,
        chain=None if row.chain is None else row.chain.hex(),
        emptied=row.number is not None and row.salt is None,
    )
