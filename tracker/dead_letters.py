"""Look at what was refused, and send it through again once the cause is mended."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import redis
from sqlalchemy import Connection, select, update

from tracker import queue
from tracker.core.admission import OLDEST_MS, Admission, Body, Caller
from tracker.core.entries import Entry, RequestInfo, split, take_in
from tracker.models import dead_letters


class KeptLetter(msgspec.Struct, frozen=True):
    """A dead letter as stored."""

    id: int
    site_id: int
    received_at: int
    reason: str
    source: str
    trusted: bool
    body: bytes


class Replayed(msgspec.Struct):
    """What a replay did."""

    accepted: int = 0
    refused_again: int = 0
    not_events: int = 0
    """Lines of imported files: import the mended file instead."""


def read_letters(
    connection: Connection, site_id: int | None, reason: str | None, *, limit: int, after: int = 0
) -> list[KeptLetter]:
    """Return the oldest dead letters that have not been replayed, numbered beyond *after*."""
    columns = [dead_letters.c[name] for name in KeptLetter.__struct_fields__]
    query = select(*columns).where(dead_letters.c.replayed_at.is_(None), dead_letters.c.id > after)
    if site_id is not None:
        query = query.where(dead_letters.c.site_id == site_id)
    if reason is not None:
        query = query.where(dead_letters.c.reason == reason)
    return [KeptLetter(*row) for row in connection.execute(query.order_by(dead_letters.c.id).limit(limit))]


def replay(
    connection: Connection, streams: redis.Redis, letters: Iterator[KeptLetter], partitions: int, late_ms: int, now_ms: int
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
