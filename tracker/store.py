"""Every query on the tracker's tables that the drain and the readers of a visitor's history need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, select

from tracker import bulk
from tracker.core.events import TRACKING, Event
from tracker.core.minimising import minimal_body, words_of
from tracker.core.visits import Visit, VisitorState, pack_state, unpack_state
from tracker.models import consents, dead_letters, erased_visitors, events, intake, partitions, sites, visitors, visits

EVENT_COLUMNS: Final = tuple(column.name for column in events.columns)
HISTORY_COLUMNS: Final = EVENT_COLUMNS[:3] + EVENT_COLUMNS[4:-1]
"""What a fold reads of an event: not when it was received, nor its label."""
_VISIT_COLUMNS: Final = tuple(column.name for column in visits.columns)
CONSENT_COLUMNS: Final = tuple(column.name for column in consents.columns)
_VISITOR_COLUMNS: Final = tuple(column.name for column in visitors.columns if column.computed is None)
_DEAD_LETTER_COLUMNS: Final = ("site_id", "received_at", "reason", "source", "trusted", "body")
_DAY_MS: Final = 86_400_000
_COUNTS: Final = ("appended", "received", "stored", "duplicate", "filtered", "dead_lettered")

VisitorKey = tuple[int, str]
"""Site and key, by which events name their visitor."""


class KnownVisitor(msgspec.Struct, frozen=True):
    """A visitor as stored. ``state`` is ``None`` while all of its events were filtered."""

    id: int
    key: VisitorKey
    visits: int
    state: VisitorState | None


class Counts(msgspec.Struct):
    """The accounts of some part of the intake."""

    appended: int = 0
    received: int = 0
    stored: int = 0
    duplicate: int = 0
    filtered: int = 0
    dead_lettered: int = 0

    def add(self, other: Counts) -> None:
        """Add *other* to this."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class DeadLetter(msgspec.Struct, frozen=True):
    """A refused event (or line) on its way into the table."""

    site_id: int
    received_at: int
    reason: str
    source: str
    trusted: bool
    body: bytes


def lock_positions(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Return the positions of those partitions that no other drain holds, and hold them until the transaction ends.

    A partition that is not in the table yet starts at ``0-0``.
    """
    held = _take_positions(connection, numbers)
    if len(held) == len(numbers):
        return held
    known = {row[0] for row in connection.execute(select(partitions.c.number))}
    added = [(number, "0-0") for number in numbers if number not in known]
    bulk.upsert(connection, partitions, added, columns=("number", "position"), keep=("position",))
    return held | _take_positions(connection, [number for number, _ in added])


def _take_positions(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Lock those of these partitions that are in the table and free, and return their positions."""
    # SQLite has one writer at a time: there the transaction itself is the lock.
    ending = "" if connection.dialect.name == "sqlite" else " ORDER BY number FOR UPDATE SKIP LOCKED"
    listed = ", ".join(f"{number:d}" for number in numbers)
    sql = f"SELECT number, position FROM partitions WHERE number IN ({listed}){ending}"  # noqa: S608
    return {row[0]: row[1] for row in connection.exec_driver_sql(sql)} if listed else {}


def read_positions(connection: Connection) -> dict[int, str]:
    """Return how far each partition has been processed."""
    return {row.number: row.position for row in connection.execute(select(partitions))}


def save_positions(connection: Connection, positions: dict[int, str]) -> None:
    """Store how far partitions have been processed."""
    bulk.upsert(connection, partitions, list(positions.items()), columns=("number", "position"))


def load_visitors(connection: Connection, keys: Iterable[VisitorKey]) -> dict[VisitorKey, KnownVisitor]:
    """Return those visitors of *keys* that exist."""
    by_site: dict[int, list[str]] = {}
    for site_id, key in keys:
        by_site.setdefault(site_id, []).append(key)
    found: dict[VisitorKey, KnownVisitor] = {}
    for site_id, names in by_site.items():
        rows = bulk.select_where_in(
            connection, visitors, ("id", "key", "visits", "state"), "key", names, f"site_id = {site_id}"
        )
        for visitor_id, key, count, state in rows:
            known = KnownVisitor(visitor_id, (site_id, key), count, unpack_state(state) if state is not None else None)
            found[known.key] = known
    return found


def known_messages(connection: Connection, pairs: Iterable[tuple[int, bytes]]) -> set[tuple[int, bytes]]:
    """Return those of *pairs* (visitor, message id) that the ledger has."""
    return bulk.existing_pairs(connection, events, ("visitor_id", "message_id"), pairs)


def labels_of(connection: Connection, pairs: Iterable[tuple[int, bytes]]) -> dict[tuple[int, bytes], str | None]:
    """Return the labels of those of *pairs* (visitor, message id) that the ledger has; ``None`` of what counts."""
    return {
        (visitor_id, bytes(message_id)): label
        for visitor_id, wanted in _by_visitor(pairs).items()
        for message_id, label in bulk.select_where_in(
            connection, events, ("message_id", "label"), "message_id", wanted, f"visitor_id = {visitor_id:d}"
        )
    }


def take_out(connection: Connection, pairs: Iterable[tuple[int, bytes]]) -> None:
    """Take *pairs* (visitor, message id) out of the ledger, which is about to get the same events without their labels."""
    for visitor_id, wanted in _by_visitor(pairs).items():
        bulk.delete_where_in(connection, events, "message_id", wanted, f"visitor_id = {visitor_id:d}")


def _by_visitor(pairs: Iterable[tuple[int, bytes]]) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for visitor_id, message_id in pairs:
        found.setdefault(visitor_id, []).append(message_id)
    return found


def load_histories(connection: Connection, visitor_ids: Iterable[int]) -> dict[int, list[Event]]:
    """Return all events that count of each of these visitors, in no particular order."""
    histories: dict[int, list[Event]] = {}
    for row in bulk.select_where_in(connection, events, HISTORY_COLUMNS, "visitor_id", visitor_ids, "label IS NULL"):
        histories.setdefault(row[0], []).append(event_from(row))
    return histories


def event_from(row: Sequence[Any]) -> Event:
    """Return the event of a row with the columns of ``HISTORY_COLUMNS``."""
    (
        _,
        message_id,
        at,
        kind,
        name,
        url,
        title,
        referrer,
        view_id,
        engaged_ms,
        scroll,
        properties,
        context,
        user,
        agent,
    ) = row
    return Event(
        message_id=bytes(message_id),
        at=at,
        kind=kind,
        name=name,
        url=url,
        title=title,
        referrer=referrer,
        view_id=view_id,
        engaged_ms=engaged_ms,
        scroll_percent=scroll,
        properties=msgspec.json.decode(properties) if properties else None,
        context=msgspec.json.decode(context) if context else None,
        user_id=user,
        agent=agent,
    )


def event_row(visitor_id: int, event: Event, received_at: int, label: str | None) -> tuple[Any, ...]:
    """Return the ledger's row for *event*."""
    return (
        visitor_id,
        event.message_id,
        event.at,
        received_at,
        event.kind,
        event.name,
        event.url,
        event.title,
        event.referrer,
        event.view_id,
        event.engaged_ms,
        event.scroll_percent,
        _json(event.properties),
        _json(event.context),
        event.user_id,
        event.agent,
        label,
    )


def append_events(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add rows of ``event_row`` to the ledger; they are known to be new."""
    bulk.append(connection, events, rows, columns=EVENT_COLUMNS)


def save_visits(connection: Connection, touched: Iterable[tuple[int, int, Visit]]) -> None:
    """Store visits, each given with its visitor and site."""
    rows = [
        (
            visitor_id,
            visit.number,
            site_id,
            visit.started_at,
            visit.ended_at,
            visit.day,
            visit.events,
            visit.page_views,
            visit.downloads,
            visit.engaged_ms,
            visit.entry_url,
            visit.exit_url,
            visit.referrer,
            _json(visit.campaign),
            visit.agent,
            visit.time_zone,
            visit.locale,
            visit.country,
            visit.network,
        )
        for visitor_id, site_id, visit in touched
    ]
    bulk.upsert(connection, visits, rows, columns=_VISIT_COLUMNS)


def drop_visits_beyond(connection: Connection, last_numbers: dict[int, int]) -> None:
    """Delete the visits of each visitor numbered higher than given: a late event has joined visits to one."""
    for visitor_id, number in last_numbers.items():
        connection.execute(visits.delete().where(visits.c.visitor_id == visitor_id, visits.c.number > number))


def save_visitors(
    connection: Connection, states: Iterable[tuple[int, VisitorKey, VisitorState | None, int, int | None]], now_ms: int
) -> None:
    """Store visitors heard of now: id, key, state, the time to show where there is no state, and when a browser first sent
    something, which is stored only of a visitor that is new.
    """
    rows = [
        (
            visitor_id,
            site_id,
            key,
            state.first_at if state else seen_at,
            state.last_at if state else seen_at,
            state.visits if state else 0,
            state.page_views if state else 0,
            state.downloads if state else 0,
            state.engaged_ms if state else 0,
            now_ms,
            pack_state(state) if state else None,
            received_at,
        )
        for visitor_id, (site_id, key), state, seen_at, received_at in states
    ]
    bulk.upsert(connection, visitors, rows, columns=_VISITOR_COLUMNS, keep=("site_id", "key", "first_received_at"))


def hold_off_drains(connection: Connection) -> None:
    """Wait for the drains that are at work, and hold off others until the transaction ends.

    One that has read a visitor would store again what is deleted meanwhile. On SQLite the transaction itself does this.
    """
    connection.execute(select(partitions.c.number).order_by(partitions.c.number).with_for_update())


class Consent(msgspec.Struct, frozen=True, array_like=True):
    """A row of ``consents``."""

    visitor_id: int
    message_id: bytes
    site_id: int
    purpose: str
    given: bool
    at: int
    version: str
    source: str
    by: str = ""
    """Who recorded it by hand; empty for an event."""


def add_consents(connection: Connection, rows: Iterable[Consent]) -> None:
    """Record consents given and taken back; what is recorded already stays as it is."""
    values = sorted({(one.visitor_id, one.message_id): msgspec.structs.astuple(one) for one in rows}.values())
    bulk.upsert(connection, consents, values, columns=CONSENT_COLUMNS, keep=CONSENT_COLUMNS[2:])


def read_consents(connection: Connection, visitor_ids: Iterable[int]) -> list[Consent]:
    """Return what these visitors agreed to and took back, in the order of time."""
    found = bulk.select_where_in(connection, consents, CONSENT_COLUMNS, "visitor_id", visitor_ids)
    rows = (
        Consent(visitor_id, bytes(message_id), site_id, purpose, bool(given), *rest)
        for visitor_id, message_id, site_id, purpose, given, *rest in found
    )
    return sorted(rows, key=lambda one: (one.at, one.message_id))


def consenting(connection: Connection, visitor_ids: Iterable[int]) -> dict[int, tuple[int, bool]]:
    """Return the last word on being measured of those visitors that have said one: its time, and whether it was "no more".

    Of two words at one moment that is the last.
    """
    found: dict[int, tuple[int, bool]] = {}
    for one in read_consents(connection, visitor_ids):
        if one.purpose == TRACKING:
            word = (one.at, not one.given)
            found[one.visitor_id] = max(found.get(one.visitor_id, word), word)
    return found


def note_erased(connection: Connection, site_id: int, keys: Iterable[str], names: Iterable[str], now_ms: int) -> None:
    """Note that visitors were erased, so that what waits of them in the queue isn't stored.

    *names* are what refused events are searched for: none that may stand in anybody's by chance.
    """
    hashes = {_key_hash(key) for key in keys} | {_name_hash(name) for name in names}
    rows = [(site_id, one, now_ms) for one in sorted(hashes)]
    bulk.upsert(connection, erased_visitors, rows, columns=("site_id", "key_hash", "erased_at"))


def erased_among(connection: Connection, keys: Iterable[VisitorKey]) -> dict[VisitorKey, int]:
    """Return when those of *keys* were erased that were, lately."""
    by_site: dict[int, dict[bytes, VisitorKey]] = {}
    for key in keys:
        by_site.setdefault(key[0], {})[_key_hash(key[1])] = key
    found: dict[VisitorKey, int] = {}
    for site_id, names in by_site.items():
        rows = bulk.select_where_in(
            connection, erased_visitors, ("key_hash", "erased_at"), "key_hash", names, f"site_id = {site_id}"
        )
        found |= {names[bytes(key_hash)]: erased_at for key_hash, erased_at in rows}
    return found


def load_erased(connection: Connection, site_id: int) -> dict[bytes, int]:
    """Return who of a site was erased lately, as hashes of ids and names, and when."""
    rows = select(erased_visitors.c.key_hash, erased_visitors.c.erased_at).where(erased_visitors.c.site_id == site_id)
    return {bytes(row.key_hash): row.erased_at for row in connection.execute(rows)}


def erased_at(erased: Mapping[bytes, int], body: bytes) -> int:
    """Return when somebody whom a refused event names was erased, by ``load_erased``; -1 for nobody."""
    if not erased:
        return -1
    return max((at for word in words_of(body) if (at := erased.get(_name_hash(word))) is not None), default=-1)


def forget_erased(connection: Connection, before_ms: int) -> int:
    """Forget who was erased before *before_ms*: nothing of theirs can wait any more; return how many."""
    return connection.execute(erased_visitors.delete().where(erased_visitors.c.erased_at < before_ms)).rowcount


def _name_hash(name: str) -> bytes:
    """The hash of a name, whatever its case; never that of a visitor's key."""
    return blake2b(name.lower().encode(errors="surrogatepass"), digest_size=16, person=b"name").digest()


def _key_hash(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=16).digest()


def forget_visitors(connection: Connection, before_ms: int, limit: int) -> list[int]:
    """Delete up to *limit* visitors of whom nothing was received since *before_ms*, with visits and events; return ids.

    Holds off the drains, see ``hold_off_drains``.
    """
    hold_off_drains(connection)
    ids: list[int] = []
    for site_id in connection.execute(select(sites.c.id).order_by(sites.c.id)).scalars().all():
        # Site by site and by the day, which is a stretch of an index; of the last day some are younger.
        old = visitors.c.heard_day <= before_ms // _DAY_MS, visitors.c.heard_at < before_ms
        quiet = select(visitors.c.id).where(visitors.c.site_id == site_id, *old)
        ids += connection.execute(quiet.order_by(visitors.c.heard_day).limit(limit - len(ids))).scalars()
    delete_visitors(connection, ids)
    return ids


def delete_visitors(connection: Connection, ids: Sequence[int]) -> None:
    """Delete visitors with their visits and events. The caller holds off the drains, as ``forget_visitors`` does."""
    connection.execute(intake.update().where(intake.c.heard_of.in_(ids)).values(heard_of=None))
    mine = ((table, table.c.visitor_id) for table in (events, visits, consents))
    for table, column in (*mine, (visitors, visitors.c.id)):
        connection.execute(table.delete().where(column.in_(ids)))


def new_visitor_ids(connection: Connection, count: int) -> list[int]:
    """Return ids for *count* new visitors."""
    return bulk.reserve_ids(connection, visitors, count)


def save_dead_letters(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Store refused events."""
    rows = [(one.site_id, one.received_at, one.reason, one.source, one.trusted, _kept_body(one)) for one in letters]
    bulk.append(connection, dead_letters, rows, columns=_DEAD_LETTER_COLUMNS)


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


def add_counts(
    connection: Connection,
    counts: Mapping[tuple[int, int], Counts],
    heard_of: Mapping[tuple[int, int], int],
    now_ms: int,
) -> None:
    """Add to the accounts of each (partition, site), heard of now; of the visitors given, where there is any.

    The caller holds the partitions.
    """
    columns = ("partition", "site_id", *_COUNTS, "heard_at", "heard_of")
    rows = [
        (*place, *(getattr(more, name) for name in _COUNTS), now_ms, heard_of.get(place)) for place, more in counts.items()
    ]
    told = [row for row in rows if row[-1] is not None]
    bulk.upsert(connection, intake, told, columns=columns, add=_COUNTS)
    # Of no visitor: the one that is there stays.
    untold = [row for row in rows if row[-1] is None]
    bulk.upsert(connection, intake, untold, columns=columns, keep=("heard_of",), add=_COUNTS)


def read_counts(connection: Connection) -> dict[tuple[int, int], Counts]:
    """Return the accounts of each (partition, site)."""
    rows = connection.execute(select(intake))
    return {(row.partition, row.site_id): Counts(*(getattr(row, name) for name in _COUNTS)) for row in rows}


def count_dead_letters(connection: Connection) -> dict[tuple[int, str], int]:
    """Return how many dead letters wait for a decision, by site and reason."""
    columns = (dead_letters.c.site_id, dead_letters.c.reason, func.count().label("letters"))
    query = select(*columns).where(dead_letters.c.replayed_at.is_(None)).group_by(*columns[:2])
    return {(row.site_id, row.reason): row.letters for row in connection.execute(query)}


def _kept_body(letter: DeadLetter) -> bytes:
    # What is no entry of ours is bytes of whoever wrote them: they are kept as a trace.
    return letter.body if letter.reason == "entry_unreadable" else minimal_body(letter.body)


def _json(value: Any) -> str | None:
    return msgspec.json.encode(value).decode() if value else None
