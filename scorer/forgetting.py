"""Forget visitors: what is kept of them as leads goes, and what others share with them stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, or_, select, update

from scorer.accounts import touch_accounts
from scorer.alerts import forget_alert_mails
from scorer.announcing import Change
from scorer.learning_models import explored_leads, lead_classes, lead_groups, lead_labels
from scorer.memberships import lock_leads
from scorer.models import (
    audit,
    identities,
    lead_changes,
    lead_pairs_apart,
    lead_scores,
    lead_visitors,
    leads,
    objections,
    outcomes,
)
from scorer.outlet_models import idempotency_keys, lead_words, notes
from scorer.scoring import score_anew
from scorer.webhook_log import forget_deliveries
from tracker import bulk, store
from tracker.mail_clicks import CLICKER
from tracker.models import visitors
from tracker.sites import load_sites


def forget_memberships(connection: Connection, visitor_ids: Sequence[int], now_ms: int) -> list[Change]:
    """Delete what leads have of these visitors, whose events are gone already; return what is news.

    A lead goes with the last of its visitors, with its changes, outcomes, notes, labels, kept answers and the leads merged
    into it, and ``erased`` is told instead. So do the clicks on links that were mailed to it, and the words that people
    have written beside what they decided about it; that they did stays. A lead with others left is scored anew from what
    they did.

    The caller holds off the drains, as ``store.forget_visitors`` does.
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
    gone_leads = _delete_trees(connection, empty.keys())
    forget_deliveries(connection, gone_leads)
    forget_alert_mails(connection, gone_leads)
    _delete_clicks(connection, set(empty.values()), gone_leads)
    _silence_log(connection, set(empty.values()), gone_leads)
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


def _delete_clicks(connection: Connection, site_ids: Iterable[int], lead_ids: Iterable[str]) -> None:
    """Delete the clicks on links in mails to these leads. They are no visitor's of a lead, and heard of later than it."""
    keys = [CLICKER + lead for lead in lead_ids]
    for site_id in site_ids:
        found = bulk.select_where_in(connection, visitors, ("id",), "key", keys, f"site_id = {site_id}")
        ids = [row[0] for row in found]
        # Senders may use such a key for a visitor of theirs. That one has a lead of its own, and goes with it.
        theirs = set(
            connection.execute(select(lead_visitors.c.visitor_id).where(lead_visitors.c.visitor_id.in_(ids))).scalars()
        )
        store.delete_visitors(connection, [one for one in ids if one not in theirs])


def _silence_log(connection: Connection, site_ids: Iterable[int], lead_ids: Iterable[str]) -> None:
    """Take the words out of what the audit log says of these leads: reasons may name people. Who did what, when, stays.

    With them goes the salt of their hash, without which nobody can try whether they were certain words; the hash stays.
    """
    of_them = audit.c.site_id.in_(site_ids) & audit.c.subject.in_(lead_ids)
    connection.execute(update(audit).where(of_them).values(why="", detail="{}", salt=None))


def _delete_trees(connection: Connection, roots: Iterable[str]) -> set[str]:
    """Delete leads with all that was merged into them; return the ids of all of them."""
    layer = set(roots)
    doomed = set(layer)
    while layer:
        layer = set(connection.execute(select(leads.c.id).where(leads.c.merged_into.in_(layer))).scalars()) - doomed
        doomed |= layer
    for table, column in (
        (lead_scores, lead_scores.c.lead_id),
        (lead_changes, lead_changes.c.lead_id),
        (outcomes, outcomes.c.lead_id),
        (objections, objections.c.lead_id),
        (notes, notes.c.lead_id),
        (lead_words, lead_words.c.lead_id),
        (lead_labels, lead_labels.c.lead_id),
        (lead_classes, lead_classes.c.lead_id),
        (lead_groups, lead_groups.c.lead_id),
        (explored_leads, explored_leads.c.lead_id),
        (idempotency_keys, idempotency_keys.c.lead_id),
        (identities, identities.c.lead_id),
        (leads, leads.c.id),
    ):
        connection.execute(delete(table).where(column.in_(doomed)))
    pair = or_(lead_pairs_apart.c.lead_id.in_(doomed), lead_pairs_apart.c.other_id.in_(doomed))
    connection.execute(delete(lead_pairs_apart).where(pair))
    return doomed
