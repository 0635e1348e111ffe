"""What visitors agreed to and took back, as it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlalchemy import Connection

from tracker import bulk
from tracker.core.events import TRACKING
from tracker.models import consents

CONSENT_COLUMNS: Final = tuple(column.name for column in consents.columns)


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
