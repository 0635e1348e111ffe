"""The feed of lead changes, read in the order in which they were committed."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from scorer.models import feed, lead_changes
from tracker.models import sites


class FeedHead(msgspec.Struct, frozen=True):
    """A site's feed as of now."""

    id: str
    """Tells the feed from those of other sites, and of the same site in another database."""
    last_sequence: int
    """No change has a higher number yet."""


class StoredChange(msgspec.Struct, frozen=True):
    """One line of the feed. ``at`` in ms since 1970 UTC."""

    sequence: int
    lead_id: str
    kind: str
    at: int
    detail: dict[str, Any]


def feed_head(connection: Connection, site_id: int) -> FeedHead:
    """Return the feed of a site; its changes up to ``last_sequence`` are all to be seen."""
    made_at = connection.execute(select(sites.c.created_at).where(sites.c.id == site_id)).scalar_one()
    last = connection.execute(select(feed.c.last_sequence).where(feed.c.id == 1)).scalar_one()
    return FeedHead(blake2b(f"{site_id}:{made_at}".encode(), digest_size=6).hexdigest(), last)


def read_changes(connection: Connection, site_id: int, after: int, limit: int) -> list[StoredChange]:
    """Return up to *limit* changes of a site's leads numbered higher than *after*, in order."""
    columns = [lead_changes.c[name] for name in ("sequence", "lead_id", "kind", "at", "detail")]
    further = (lead_changes.c.site_id == site_id) & (lead_changes.c.sequence > after)
    rows = connection.execute(select(*columns).where(further).order_by(lead_changes.c.sequence).limit(limit))
    return [StoredChange(row.sequence, row.lead_id, row.kind, row.at, msgspec.json.decode(row.detail)) for row in rows]
