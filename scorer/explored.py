"""Which leads are drawn for now to be called although they aren't hot. See ``exploring`` for the draw."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Select, select

from scorer.learning_models import explored_leads


def explored_among(connection: Connection, site_id: int, lead_ids: Iterable[str], now_ms: int) -> set[str]:
    """Return those of *lead_ids* that are drawn for now, whatever has become of them since."""
    wanted = list(lead_ids)
    if not wanted:
        return set()
    return set(connection.execute(explored_now(site_id, now_ms).where(explored_leads.c.lead_id.in_(wanted))).scalars())


def explored_now(site_id: int, now_ms: int) -> Select[str]:
    """Return the query for the ids of the leads that are drawn for now: a stretch of an index."""
    mine = explored_leads.c.site_id == site_id
    return select(explored_leads.c.lead_id).where(mine, explored_leads.c.until > now_ms, explored_leads.c.since <= now_ms)
