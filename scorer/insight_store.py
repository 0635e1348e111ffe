"""Where what is reckoned from all leads of a site is kept, for whoever looks at one lead."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Literal, TypeVar

import msgspec
from sqlalchemy import Connection, select

from scorer.learning_models import site_insights
from tracker import bulk

InsightKind = Literal["value", "content", "cycle"]
Body = TypeVar("Body", bound=msgspec.Struct)

NOTHING: Final = "null"
"""What is kept where there was nothing to find out."""
_COLUMNS: Final = tuple(column.name for column in site_insights.columns)


def keep_insight(
    connection: Connection, site_id: int, kind: InsightKind, body: msgspec.Struct | None, now_ms: int, basis: str = ""
) -> None:
    """Keep what was found out now in the place of what was kept; ``None``: there is nothing to find out of.

    *basis* stands for what it was found out of.
    """
    rows = [(site_id, name, now_ms, msgspec.json.encode(one).decode()) for name, one in ((kind, body), (_of(kind), basis))]
    bulk.upsert(connection, site_insights, rows, columns=_COLUMNS)


def load_insight(connection: Connection, site_id: int, kind: InsightKind, shape: type[Body]) -> Body | None:
    """Return what is kept; ``None`` for nothing. One row by its key; of the same text the same record, read once."""
    text = insight_text(connection, site_id, kind)
    found: Body | None = _read(text, shape)
    return found


def insight_text(connection: Connection, site_id: int, kind: InsightKind) -> str:
    """Return what is kept as it is stored: the same text as long as it says the same."""
    query = select(site_insights.c.body).where(_mine(site_id, kind))
    return connection.execute(query).scalar() or NOTHING


def insight_at(connection: Connection, site_id: int, kind: InsightKind) -> int | None:
    """Return when it was found out, in milliseconds since 1970 UTC; ``None``: never."""
    return connection.execute(select(site_insights.c.at).where(_mine(site_id, kind))).scalar()


def insight_basis(connection: Connection, site_id: int, kind: InsightKind) -> str:
    """Return what stands for what it was found out of; empty where that isn't known."""
    found = connection.execute(select(site_insights.c.body).where(_mine(site_id, _of(kind)))).scalar()
    return msgspec.json.decode(found, type=str) if found else ""


def _of(kind: InsightKind) -> str:
    return f"{kind}_basis"


def _mine(site_id: int, kind: str) -> Any:
    return (site_insights.c.site_id == site_id) & (site_insights.c.kind == kind)


@lru_cache(maxsize=100)
def _read(text: str, shape: type[Any]) -> Any:
    return msgspec.json.decode(text, type=shape | None)
