"""The feed of lead changes, read in the order in which they were committed."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from scorer.models import feed, lead_changes, leads
from tracker.db import Database
from tracker.log import get_logger
from tracker.models import sites

log = get_logger(__name__)


class FeedHead(msgspec.Struct, frozen=True):
    """A site's feed as of now."""

    id: str
    """Tells the feed from those of other sites, and of the same site in another database."""
    last_sequence: int
    """No change has a higher number yet."""


class FeedHeads:
    """How far each site's feed has got, looked up once for all who wait for changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._heads: dict[int, int] | None = None

    def look(self) -> None:
        """Look it up. A database that is away is no news here: whoever asks it is told."""
        last = select(func.max(lead_changes.c.sequence)).where(lead_changes.c.site_id == sites.c.id).scalar_subquery()
        try:
            with self._database.reading() as connection:
                self._heads = {row[0]: row[1] or 0 for row in connection.execute(select(sites.c.id, last))}
        except DBAPIError as error:
            log.warning("feed_heads_unknown", error=type(error).__name__)
            self._heads = None

    def is_beyond(self, site_id: int, sequence: int) -> bool:
        """Whether a site's feed may have changes after *sequence*: ``True`` where that isn't known."""
        return self._heads is None or self._heads.get(site_id, sequence + 1) > sequence


class StoredChange(msgspec.Struct, frozen=True):
    """One line of the feed. ``at`` in ms since 1970 UTC."""

    sequence: int
    lead_id: str
    kind: str
    at: int
    detail: dict[str, Any]


def feed_head(connection: Connection, site_id: int) -> FeedHead:
    """Return the feed of a site; its changes up to ``last_sequence`` are all to be seen."""
    both = sites.join(feed, feed.c.id == 1)
    query = select(sites.c.created_at, feed.c.last_sequence).select_from(both).where(sites.c.id == site_id)
    made_at, last = connection.execute(query).one()
    return FeedHead(blake2b(f"{site_id}:{made_at}".encode(), digest_size=6).hexdigest(), last)


def read_changes(connection: Connection, site_id: int, after: int, limit: int) -> list[StoredChange]:
    """Return up to *limit* changes of a site's leads numbered higher than *after*, in order."""
    columns = [lead_changes.c[name] for name in ("sequence", "lead_id", "kind", "at", "detail")]
    further = (lead_changes.c.site_id == site_id) & (lead_changes.c.sequence > after)
    rows = connection.execute(select(*columns).where(further).order_by(lead_changes.c.sequence).limit(limit))
    return [StoredChange(row.sequence, row.lead_id, row.kind, row.at, msgspec.json.decode(row.detail)) for row in rows]


def standing(connection: Connection, changes: Iterable[StoredChange]) -> set[int]:
    """Return the numbers of those changes that may still be told: neither they nor their leads were erased since.

    Until the transaction ends, whoever erases one of the leads waits: what is written of it meanwhile is found and erased,
    too. That a lead was erased stands without it.
    """
    some = list(changes)
    ids = {one.lead_id for one in some if one.kind != "erased"}
    kept = select(leads.c.id).where(leads.c.id.in_(ids)).order_by(leads.c.id).with_for_update(read=True, key_share=True)
    alive = set(connection.execute(kept).scalars())
    numbers = lead_changes.c.sequence.in_([one.sequence for one in some])
    there = set(connection.execute(select(lead_changes.c.sequence).where(numbers)).scalars())
    return {one.sequence for one in some if one.sequence in there and (one.kind == "erased" or one.lead_id in alive)}
