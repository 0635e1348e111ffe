"""Telling sales: lines of the changes feed, numbered in the order of commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, text

from scorer.models import lead_changes
from tracker import bulk

_COLUMNS: Final = tuple(column.name for column in lead_changes.columns)


class Change(msgspec.Struct, frozen=True):
    """One line of the changes feed before it is numbered."""

    site_id: int
    lead_id: str
    kind: str
    at: int
    detail: dict[str, Any]


def announce(connection: Connection, news: Sequence[Change]) -> None:
    """Write *news* to the feed, numbered in the order of commit.

    To be called last in a transaction: from here to its end, other transactions with news wait.
    """
    if not news:
        return
    take = "UPDATE feed SET last_sequence = last_sequence + :count WHERE id = 1 RETURNING last_sequence"
    last = connection.execute(text(take), {"count": len(news)}).scalar_one()
    rows = [
        (last - len(news) + place, one.site_id, one.lead_id, one.kind, one.at, msgspec.json.encode(one.detail).decode())
        for place, one in enumerate(news, start=1)
    ]
    bulk.append(connection, lead_changes, rows, columns=_COLUMNS)
