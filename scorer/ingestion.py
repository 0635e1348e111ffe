"""What has come in lately, hour by hour: how much of it counts, and why the rest doesn't."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, case, func, select

from tracker.models import events, intake, visitors

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
HOURS: Final = 48
_BOTS: Final = 8
_AUTOMATIC: Final = ("bot", "automation")
_LATELY: Final = visitors.join(events, events.c.visitor_id == visitors.c.id)


class Hour(msgspec.Struct, frozen=True):
    """What was received in one hour."""

    at: int
    """Its beginning: milliseconds since 1970 UTC."""
    counted: int
    filtered: int


class Ingestion(msgspec.Struct, frozen=True):
    """What was received lately of one site."""

    hours: list[Hour]
    """One each, also of hours in which nothing came; the last one isn't over."""
    labels: list[tuple[str, int]]
    """How many events were filtered for each reason, the most first."""
    bots: list[tuple[str, int]]
    """The automatic visitors that sent most, by their user agent as it was read."""


class Seen(msgspec.Struct, frozen=True):
    """One of the last events of a site."""

    received_at: int
    """Milliseconds since 1970 UTC."""
    kind: str
    name: str
    """Of a ``track`` event; else empty."""
    url: str
    """Of the page; empty where the event has none."""
    label: str | None
    """Why it doesn't count; ``None`` for one that does."""


class Totals(msgspec.Struct, frozen=True):
    """What became of all that was ever received of a site and has been processed."""

    received: int
    stored: int
    duplicate: int
    filtered: int
    dead_lettered: int


def read_ingestion(connection: Connection, site_id: int, now_ms: int) -> Ingestion:
    """Return what was received of a site in the last 48 hours, the present one included.

    Reads the events of every visitor heard of since: about a second for a million of them.
    """
    first = now_ms // HOUR_MS - HOURS + 1
    hour: ColumnElement[int] = events.c.received_at // HOUR_MS
    counted = func.sum(case((events.c.label.is_(None), 1), else_=0))
    rows = connection.execute(
        select(hour.label("hour"), counted, func.count())
        .select_from(_LATELY)
        .where(*_since(site_id, first * HOUR_MS))
        .group_by(hour)
    )
    found = {int(at): (int(good), int(every)) for at, good, every in rows}
    hours = [
        Hour(at * HOUR_MS, good, every - good)
        for at in range(first, first + HOURS)
        for good, every in [found.get(at, (0, 0))]
    ]
    return Ingestion(
        hours=hours,
        labels=_most(connection, site_id, first * HOUR_MS, events.c.label, events.c.label.is_not(None), None),
        bots=_most(connection, site_id, first * HOUR_MS, events.c.agent, events.c.label.in_(_AUTOMATIC), _BOTS),
    )


def read_totals(connection: Connection, site_id: int) -> Totals:
    """Return the accounts of a site over all partitions."""
    sums = [func.coalesce(func.sum(intake.c[name]), 0) for name in Totals.__struct_fields__]
    return Totals(*(int(one) for one in connection.execute(select(*sums).where(intake.c.site_id == site_id)).one()))


def last_heard(connection: Connection, site_id: int) -> int | None:
    """Return when something of a site was last received, in ms since 1970 UTC; ``None`` if nothing ever was."""
    return heard_of_each(connection).get(site_id)


def last_seen(connection: Connection, site_id: int, limit: int) -> list[Seen]:
    """Return the last events of the visitor of a site who was heard of last, the latest first."""
    visitor_id = heard_of_last(connection, site_id)
    if visitor_id is None:
        return []
    columns = [events.c[name] for name in Seen.__struct_fields__]
    mine = select(*columns).where(events.c.visitor_id == visitor_id)
    return [
        Seen(*row) for row in connection.execute(mine.order_by(events.c.received_at.desc(), events.c.at.desc()).limit(limit))
    ]


def heard_of_last(connection: Connection, site_id: int) -> int | None:
    """Return the visitor of a site who was heard of last; ``None`` where it has none, or has forgotten that one."""
    known = select(intake.c.heard_of).where(intake.c.site_id == site_id, intake.c.heard_of.is_not(None))
    found: int | None = connection.execute(known.order_by(intake.c.heard_at.desc()).limit(1)).scalar()
    return found


def count_since(connection: Connection, site_id: int, since_ms: int) -> int:
    """Return how many events of a site were received since, filtered ones too."""
    query = select(func.count()).select_from(_LATELY).where(*_since(site_id, since_ms))
    return connection.execute(query).scalar_one()


def heard_of_each(connection: Connection) -> dict[int, int]:
    """Return when something was last received of each site that was ever heard of, in ms since 1970 UTC."""
    query = select(intake.c.site_id, func.max(intake.c.heard_at)).group_by(intake.c.site_id)
    return {site_id: at for site_id, at in connection.execute(query) if at}


def _since(site_id: int, since_ms: int) -> tuple[ColumnElement[bool], ...]:
    # By way of the visitors: the ledger has no index by time.
    heard = visitors.c.heard_day >= since_ms // DAY_MS, visitors.c.heard_at >= since_ms
    return visitors.c.site_id == site_id, *heard, events.c.received_at >= since_ms


def _most(
    connection: Connection, site_id: int, since_ms: int, column: Any, wanted: ColumnElement[bool], limit: int | None
) -> list[tuple[str, int]]:
    query = (
        select(column, func.count())
        .select_from(_LATELY)
        .where(*_since(site_id, since_ms), wanted)
        .group_by(column)
        .order_by(func.count().desc(), column)
        .limit(limit)
    )
    return [(str(name), int(count)) for name, count in connection.execute(query)]
