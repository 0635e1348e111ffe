"""Refused events: kept, looked at, and sent through again once the cause is mended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from tracker import bulk, queue
from tracker.core.admission import OLDEST_MS, Admission, Body, Caller
from tracker.core.entries import Entry, RequestInfo, split, take_in
from tracker.core.minimising import minimal_body
from tracker.endpoints import Client
from tracker.models import dead_letters


class DeadLetter(msgspec.Struct, frozen=True):
    """A refused event (or line) on its way into the table."""

    site_id: int
    received_at: int
    reason: str
    source: str
    trusted: bool
    body: bytes


class KeptLetter(DeadLetter, frozen=True):
    """A dead letter as stored."""

    id: int


_WRITTEN: Final = DeadLetter.__struct_fields__
_COLUMNS: Final = tuple(dead_letters.c[name] for name in KeptLetter.__struct_fields__)


class LetterCount(msgspec.Struct, frozen=True):
    """How many dead letters of a site wait that were refused for one reason. Times in ms since 1970 UTC."""

    reason: str
    letters: int
    first_at: int
    last_at: int


class Replayed(msgspec.Struct):
    """What a replay did."""

    accepted: int = 0
    refused_again: int = 0
    not_events: int = 0
    """Lines of imported files: import the mended file instead."""


def save_dead_letters(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Store refused events."""
    rows = [msgspec.structs.astuple(msgspec.structs.replace(one, body=_kept_body(one))) for one in letters]
    bulk.append(connection, dead_letters, rows, columns=_WRITTEN)


def save_dead_letter_once(connection: Connection, letter: DeadLetter) -> None:
    """Store a refused line of an imported file, unless the same line is there already: files are imported again."""
    same = (
        dead_letters.c.site_id == letter.site_id,
        dead_letters.c.source == letter.source,
        dead_letters.c.reason == letter.reason,
        dead_letters.c.body == _kept_body(letter),
    )
    if connection.execute(select(dead_letters.c.id).where(*same)).first() is None:
        save_dead_letters(connection, [letter])


def count_dead_letters(connection: Connection) -> dict[tuple[int, str], int]:
    """Return how many dead letters wait for a decision, by site and reason."""
    columns = (dead_letters.c.site_id, dead_letters.c.reason, func.count().label("letters"))
    query = select(*columns).where(dead_letters.c.replayed_at.is_(None)).group_by(*columns[:2])
    return {(row.site_id, row.reason): row.letters for row in connection.execute(query)}


def _kept_body(letter: DeadLetter) -> bytes:
    # What is no entry of ours is bytes of whoever wrote them: they are kept as a trace.
    return letter.body if letter.reason == "entry_unreadable" else minimal_body(letter.body)


def read_letters(
    connection: Connection, site_id: int | None, reason: str | None, *, limit: int, after: int = 0
) -> list[KeptLetter]:
    """Return the oldest dead letters that have not been replayed, numbered beyond *after*."""
    query = select(*_COLUMNS).where(dead_letters.c.replayed_at.is_(None), dead_letters.c.id > after)
    if site_id is not None:
        query = query.where(dead_letters.c.site_id == site_id)
    if reason is not None:
        query = query.where(dead_letters.c.reason == reason)
    return [KeptLetter(*row) for row in connection.execute(query.order_by(dead_letters.c.id).limit(limit))]


def count_letters(connection: Connection, site_id: int) -> list[LetterCount]:
    """Return how many dead letters of a site have not been replayed, by reason, the most first."""
    at = dead_letters.c.received_at
    columns = (dead_letters.c.reason, func.count().label("letters"), func.min(at), func.max(at))
    waiting = (dead_letters.c.site_id == site_id) & dead_letters.c.replayed_at.is_(None)
    rows = connection.execute(select(*columns).where(waiting).group_by(dead_letters.c.reason))
    return sorted((LetterCount(*row) for row in rows), key=lambda one: (-one.letters, one.reason))


def latest_letters(connection: Connection, site_id: int, reason: str, *, limit: int) -> list[KeptLetter]:
    """Return the dead letters of a site and a reason that were received last and have not been replayed."""
    wanted = (dead_letters.c.site_id == site_id) & (dead_letters.c.reason == reason)
    query = select(*_COLUMNS).where(wanted, dead_letters.c.replayed_at.is_(None))
    return [KeptLetter(*row) for row in connection.execute(query.order_by(dead_letters.c.id.desc()).limit(limit))]


def find_letter(connection: Connection, site_id: int, letter_id: int) -> KeptLetter | None:
    """Return a dead letter of a site that has not been replayed; ``None`` if there is none of this id."""
    mine = (dead_letters.c.id == letter_id) & (dead_letters.c.site_id == site_id)
    row = connection.execute(select(*_COLUMNS).where(mine, dead_letters.c.replayed_at.is_(None))).one_or_none()
    return KeptLetter(*row) if row is not None else None


def delete_letters(connection: Connection, site_id: int, *, reason: str = "", letter_id: int | None = None) -> int:
    """Delete dead letters of a site that have not been replayed: those of a reason, or one; return how many."""
    which = dead_letters.c.reason == reason if letter_id is None else dead_letters.c.id == letter_id
    wanted = (dead_letters.c.site_id == site_id) & dead_letters.c.replayed_at.is_(None) & which
    return connection.execute(delete(dead_letters).where(wanted)).rowcount


def replay(
    connection: Connection, streams: Client, letters: Iterator[KeptLetter], partitions: int, late_ms: int, now_ms: int
) -> Replayed:
    """Send *letters* through admission again, as of when they came; those admitted now go into the queue.

    A letter is marked as replayed in the caller's transaction after its event is in the queue. Should that transaction
    fail, it can be replayed again: the event's id keeps it from counting twice.
    """
    done = Replayed()
    for letter in letters:
        if letter.source == "import":
            done.not_events += 1
            continue
        packed = _queue_form(letter, partitions, late_ms)
        if packed is None:
            done.refused_again += 1
            continue
        queue.append(streams, letter.site_id, packed)
        connection.execute(update(dead_letters).where(dead_letters.c.id == letter.id).values(replayed_at=now_ms))
        done.accepted += 1
    return done


def _queue_form(letter: KeptLetter, partitions: int, late_ms: int) -> list[tuple[int, int, bytes]] | None:
    """Return what goes into the queue for a letter; ``None`` if it is refused again."""
    if letter.source == "worker":
        try:
            entry = msgspec.json.decode(letter.body, type=Entry)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return split(Admission(entry.events, []), entry.site_id, entry.received_ms, entry.info, partitions)
    oldest_ms = OLDEST_MS if letter.trusted else letter.received_at - late_ms
    body = Body(raw=b"", batch=[msgspec.Raw(letter.body)], sent_at=None, write_key=None)
    caller, info = Caller(letter.site_id, letter.trusted, oldest_ms), RequestInfo(trusted=letter.trusted)
    admission, packed = take_in(body, None, caller, letter.received_at, info, partitions)
    return None if admission.rejected else packed
