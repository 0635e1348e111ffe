"""What people decide about leads: that two are one person, or one is two, and who is no lead at all.

Each decision is one transaction with its line in the audit log and its changes in the feed, and can be taken back.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, delete, or_, select, update

from scorer.announcing import Change, announce
from scorer.auditing import note
from scorer.core.exclusions import REASONS
from scorer.core.joining import MAX_VISITORS
from scorer.decision_errors import DecisionError, NoSuchLead, Stale, Taken
from scorer.handling import check_version, checked_name, lock_root
from scorer.memberships import branch_of, lock_leads, merge_lead, separate, surviving
from scorer.models import lead_pairs_apart, leads
from scorer.objections import add_objection
from scorer.scoring import score_anew
from tracker import bulk
from tracker.sites import Site

__all__ = ["NEVER", "DecisionError", "NoSuchLead", "Stale", "Taken", "exclude", "merge", "object_to_scoring", "unmerge"]


def merge(
    connection: Connection,
    site: Site,
    kept: str,
    lost: str,
    actor: str,
    why: str,
    now_ms: int,
    *,
    version: int | None = None,
) -> None:
    """Make *lost* a part of *kept*: one person. A claim on *lost* goes on where *kept* has none.

    Raises ``Stale`` where *version* is given and isn't that of *kept*, else ``DecisionError``; taken back by ``unmerge``.
    """
    if kept == lost:
        raise DecisionError("A lead can't be merged with itself.", "线索不能与自身合并。")
    rows = lock_leads(connection, [_root(connection, site, kept), _root(connection, site, lost)])
    kept, lost = _root(connection, site, kept), _root(connection, site, lost)
    if kept == lost:
        raise DecisionError(f"{lost} is part of {kept} already.", f"{lost} 已并入 {kept}。")
    if not {kept, lost} <= rows.keys():
        raise Stale(rows[kept]["version"] if kept in rows else 0)  # One of them was merged or parted this very moment.
    check_version(rows[kept], version)
    if rows[kept]["visitors"] + rows[lost]["visitors"] > MAX_VISITORS:
        raise DecisionError(
            f"Together they would have more than {MAX_VISITORS} visitors.", f"合并后的访客将超过 {MAX_VISITORS} 个。"
        )
    ours, theirs = branch_of(connection, kept), branch_of(connection, lost)
    pairs = lead_pairs_apart.c
    apart = or_(
        pairs.lead_id.in_(ours) & pairs.other_id.in_(theirs),
        pairs.lead_id.in_(theirs) & pairs.other_id.in_(ours),
    )
    connection.execute(delete(lead_pairs_apart).where(apart))
    merge_lead(connection, lost, kept, kept)
    values = {"visitors": leads.c.visitors + rows[lost]["visitors"], "version": leads.c.version + 1}
    connection.execute(update(leads).where(leads.c.id == kept).values(values))
    news = [Change(site.id, lost, "merged", now_ms, {"into": kept})]
    news += score_anew(connection, {site.id: site}, [kept], now_ms, _accounts(rows, lost))
    note(connection, site.id, actor, "merge", kept, why, {"lost": lost}, now_ms)
    announce(connection, news)


def unmerge(
    connection: Connection, site: Site, lost: str, actor: str, why: str, now_ms: int, *, version: int | None = None
) -> None:
    """Make *lost*, which had become part of another lead, a lead of its own again, with the visitors it would have had.

    Both sides are folded anew. They stay apart whatever name they have in common, until a person merges them. A claim stays
    with the lead it was a part of. Raises ``Stale`` where *version* is given and isn't that of this other lead,
    ``DecisionError`` for a lead that isn't merged.
    """
    rows = lock_leads(connection, [lost, _root(connection, site, lost)])
    root = surviving(connection, site.id, lost)
    if root is None or root == lost:
        raise DecisionError(f"{lost} is no part of another lead.", f"{lost} 没有并入其他线索。")
    if root not in rows:
        raise Stale(0)  # It was joined to another tree this very moment.
    check_version(rows[root], version)
    parent = connection.execute(select(leads.c.merged_into).where(leads.c.id == lost)).scalar_one()
    separate(connection, lost, root)
    pair = (min(lost, parent), max(lost, parent))
    bulk.upsert(connection, lead_pairs_apart, [pair], columns=("lead_id", "other_id"))
    news = [Change(site.id, lost, "unmerged", now_ms, {"from": root})]
    news += score_anew(connection, {site.id: site}, [lost, root], now_ms)
    note(connection, site.id, actor, "unmerge", lost, why, {"from": root}, now_ms)
    announce(connection, news)


NEVER: Final = ""
"""Exclusion of a lead that is to be kept on the lists whatever the scorecard says."""


def exclude(
    connection: Connection,
    site: Site,
    lead: str,
    reason: str | None,
    actor: str,
    why: str,
    now_ms: int,
    *,
    version: int | None = None,
) -> None:
    """Keep a lead off the hot list for a *reason* of ``exclusions.REASONS``; ``NEVER``: keep it on, whatever the card says;
    ``None``: leave it to the card again. Its heat goes on as before. Raises ``Stale`` where *version* is given and isn't
    the lead's, else ``DecisionError``."""
    if reason and reason not in REASONS:
        raise DecisionError(
            f"A reason is one of {', '.join(REASONS)}, not {reason!r}.",
            f"原因须为 {', '.join(REASONS)} 之一，而不是 {reason!r}。",
        )
    row = lock_root(connection, site, lead)
    check_version(row, version)
    root, before = row["id"], row["exclusion_by_hand"]
    connection.execute(update(leads).where(leads.c.id == root).values(exclusion_by_hand=reason, version=leads.c.version + 1))
    news = score_anew(connection, {site.id: site}, [root], now_ms)
    note(connection, site.id, actor, "exclude", root, why, {"from": before, "to": reason}, now_ms)
    announce(connection, news)


def object_to_scoring(
    connection: Connection,
    site: Site,
    lead: str,
    objects: bool,
    actor: str,
    why: str,
    now_ms: int,
    *,
    version: int | None = None,
) -> None:
    """Record that a lead doesn't want to be scored, or (*objects* false) that it may be again.

    Holds for the person: for all browsers that are its own, or turn out to be. Raises ``Stale`` where *version* is given and
    isn't the lead's, else ``DecisionError``.
    """
    by = checked_name(actor)
    row = lock_root(connection, site, lead)
    check_version(row, version)
    root = row["id"]
    add_objection(connection, site.id, root, objects, by, now_ms)
    news = score_anew(connection, {site.id: site}, [root], now_ms)
    note(connection, site.id, actor, "objection", root, why, {"objects": objects}, now_ms)
    announce(connection, news)


def _root(connection: Connection, site: Site, lead: str) -> str:
    root = surviving(connection, site.id, lead)
    if root is None:
        raise NoSuchLead(lead)
    return root


def _accounts(rows: dict[str, dict[str, object]], lead: str) -> set[str]:
    account = rows[lead]["account_id"]
    return {str(account)} if account is not None else set()
