"""When leads became hot: read off the feed of changes, which has told sales of each."""

from __future__ import annotations

from sqlalchemy import Connection, Select, func, select

from scorer.change_times import stretch
from scorer.models import lead_changes, lead_visitors


def entered(connection: Connection, site_id: int, since_ms: int) -> Select[tuple[str, int]]:
    """Return the query for the leads of a site that became hot since then (``lead_id``, as they are now), and when for the
    first time since (``hot_at``).

    Reads the feed from there on.
    """
    first, _ = stretch(connection, site_id, since_ms, since_ms)
    mine = (lead_changes.c.site_id == site_id) & (lead_changes.c.sequence >= first)
    told = mine & (lead_changes.c.kind == "entered") & (lead_changes.c.at >= since_ms)
    # The lead of then may have become part of another. Every lead is the home of a visitor, which knows where it is now.
    joined = lead_changes.join(lead_visitors, lead_visitors.c.home_id == lead_changes.c.lead_id)
    query = select(lead_visitors.c.lead_id, func.min(lead_changes.c.at).label("hot_at")).select_from(joined)
    return query.where(told).group_by(lead_visitors.c.lead_id)
