"""Forget visitors: what is kept of them as leads goes, and what others share with them stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, or_, select, update

from scorer.accounts import touch_accounts
from scorer.announcing import Change
from scorer.memberships import lock_leads
from scorer.models import identities, lead_changes, lead_pairs_apart, lead_scores, lead_visitors, leads, outcomes
from scorer.scoring import score_anew
from tracker.sites import load_sites


def forget_memberships(connection: Connection, visitor_ids: Sequence[int], now_ms: int) -> list[Change]:
    """Delete what leads have of these visitors, whose events are gone already; return what is news.

    A lead goes with the last of its visitors, with its changes, its outcomes and the leads merged into it, and ``erased`` is
    told instead. A lead with others left is scored anew from what they did.
    """
    gone = lead_visitors.c.visitor_id.in_(visitor_ids)
    roots = set(connection.execute(select(lead_visitors.c.lead_id).where(gone)).scalars())
    rows = lock_leads(connection, roots)
    homes = set(connection.execute(select(lead_visitors.c.home_id).where(gone)).scalars())
    connection.execute(delete(lead_visitors).where(gone))
    left = select(lead_visitors.c.lead_id, lead_visitors.c.home_id, lead_visitors.c.claims)
    staying = connection.execute(left.where(lead_visitors.c.lead_id.in_(roots))).all()
    alive = {row.lead_id for row in staying}
    empty = {lead: row["site_id"] for lead, row in rows.items() if lead not in alive}
    _repoint(connection, homes, {row.home_id for row in staying}, staying)
    _delete_trees(connection, empty.keys())
    touch_accounts(connection, {row["account_id"]: None for row in rows.values() if row["account_id"] is not None})
    news = score_anew(connection, load_sites(connection), alive, now_ms) if alive else []
    return news + [Change(site_id, lead, "erased", now_ms, {}) for lead, site_id in sorted(empty.items())]


def _repoint(connection: Connection, homes: set[str], living: set[str], staying: Sequence[Any]) -> None:
    """Give names that forgotten visitors bore first to those who bear them too; forget the others."""
    bearers = {claim: row.home_id for row in staying for claim in msgspec.json.decode(row.claims)}
    dead = homes - living
    for claim in connection.execute(select(identities.c.claim).where(identities.c.lead_id.in_(dead))).scalars().all():
        mine = (identities.c.claim == claim) & identities.c.lead_id.in_(dead)
        if claim in bearers:
            connection.execute(update(identities).where(mine).values(lead_id=bearers[claim]))
        else:
            connection.execute(delete(identities).where(mine))


def _delete_trees(connection: Connection, roots: Iterable[str]) -> None:
    """Delete leads with all that was merged into them."""
    layer = set(roots)
    doomed = set(layer)
    while layer:
        layer = set(connection.execute(select(leads.c.id).where(leads.c.merged_into.in_(layer))).scalars()) - doomed
        doomed |= layer
    for table, column in (
        (lead_scores, lead_scores.c.lead_id),
        (lead_changes, lead_changes.c.lead_id),
        (outcomes, outcomes.c.lead_id),
        (identities, identities.c.lead_id),
        (leads, leads.c.id),
    ):
        connection.execute(delete(table).where(column.in_(doomed)))
    pair = or_(lead_pairs_apart.c.lead_id.in_(doomed), lead_pairs_apart.c.other_id.in_(doomed))
    connection.execute(delete(lead_pairs_apart).where(pair))
