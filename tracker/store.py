"""Visitors with their visits and events, as they are kept: every query of the drain, and of those who read a history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from tracker import bulk
from tracker.core.events import Event
from tracker.core.heard import Heard
from tracker.core.visits import Visit, VisitorState, pack_state, unpack_state
from tracker.models import consents, events, intake, partitions, sites, visitors, visits

EVENT_COLUMNS: Final = tuple(column.name for column in events.columns)
HISTORY_COLUMNS: Final = EVENT_COLUMNS[:3] + EVENT_COLUMNS[4:-1]
"""What a fold reads of an event: not when it was received, nor its label."""
_VISIT_COLUMNS: Final = tuple(column.name for column in visits.columns)
_VISITOR_COLUMNS: Final = tuple(column.name for column in visitors.columns if column.computed is None)
_DAY_MS: Final = 86_400_000

VisitorKey = tuple[int, str]
"""Site and key, by which events name their visitor."""


class KnownVisitor(msgspec.Struct, frozen=True):
    """A visitor as stored. ``state`` is ``None`` while all of its events were filtered."""

    id: int
    key: VisitorKey
    visits: int
    state: VisitorState | None
    heard: Heard | None = None
    """``None`` only of one that isn't stored yet."""


def load_visitors(connection: Connection, keys: Iterable[VisitorKey]) -> dict[VisitorKey, KnownVisitor]:
    """Return those visitors of *keys* that exist."""
    by_site: dict[int, list[str]] = {}
    for site_id, key in keys:
        by_site.setdefault(site_id, []).append(key)
    found: dict[VisitorKey, KnownVisitor] = {}
    for site_id, names in by_site.items():
        columns = ("id", "key", "visits", "state", "first_received_at", "heard_at")
        for row in bulk.select_where_in(connection, visitors, columns, "key", names, f"site_id = {site_id}"):
            visitor_id, key, count, state, *heard = row
            read = unpack_state(state) if state is not None else None
            found[site_id, key] = KnownVisitor(visitor_id, (site_id, key), count, read, Heard(*heard))
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


def save_visitors(connection: Connection, states: Iterable[tuple[int, VisitorKey, VisitorState | None, int, Heard]]) -> None:
    """Store visitors: id, key, state, the time to show where there is no state, and when they were heard."""
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
            heard.last,
            pack_state(state) if state else None,
            heard.first,
        )
        for visitor_id, (site_id, key), state, seen_at, heard in states
    ]
    bulk.upsert(connection, visitors, rows, columns=_VISITOR_COLUMNS, keep=("site_id", "key"))


def hold_off_drains(connection: Connection) -> None:
    """Wait for the drains that are at work, and hold off others until the transaction ends.

    One that has read a visitor would store again what is deleted meanwhile. On SQLite the transaction itself does this.
    """
    connection.execute(select(partitions.c.number).order_by(partitions.c.number).with_for_update())


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


def _json(value: Any) -> str | None:
    return msgspec.json.encode(value).decode() if value else None
