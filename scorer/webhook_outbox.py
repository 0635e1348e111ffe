"""Lead changes become deliveries: for each webhook the changes after the last one that did, in the order of the feed.

Any number of processes may do this at once, and be killed at any moment. The deliveries of some changes and the webhook's
place in the feed are written in one transaction, the place only if it is still where the reading began; and a delivery's id
follows from webhook and change. So of two at the same work one writes, and nothing is missed or made twice.

The queue is bounded: a webhook with ``MAX_WAITING`` deliveries waiting gets no more until some are gone. Its changes wait in
the feed meanwhile, which is kept anyway.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, select, update

from scorer.changes_feed import StoredChange, read_changes, standing
from scorer.core.webhook_messages import REASONS_TOLD, Told, ToldLead
from scorer.core.webhook_presets import body
from scorer.lead_views import SCORED_LEADS, Viewpoint, find_leads, view_leads
from scorer.models import feed, lead_scores
from scorer.outlet_models import webhook_deliveries, webhooks
from scorer.outlets import shapes
from scorer.outlets.shapes import time_text
from scorer.scorecards import current_cards
from scorer.segment_sql import members_condition
from scorer.segments import find_segment
from scorer.users import owner_names
from scorer.webhooks import Webhook, count_waiting, disable_webhook, find_webhook
from tracker import bulk
from tracker.db import Database
from tracker.log import get_logger
from tracker.sites import Site, load_sites

CHANGES_AT_ONCE: Final = 100
MAX_WAITING: Final = 10_000
"""Deliveries of one webhook that may wait."""
_COLUMNS: Final = ("id", "webhook_id", "lead_id", "kind", "body", "state", "attempts", "created_at", "next_at")
_ALL_SEGMENTS: Final = ("erased", "merged")
"""Told whatever the segment: a lead that is gone is in none, and who had heard of it must hear that, too."""

log = get_logger(__name__)


class _Overtaken(Exception):
    """The webhook isn't where it was any more: somebody else is at the same work, and what is left is theirs."""


class _Batch(msgspec.Struct, frozen=True):
    """What some changes come to for one webhook."""

    webhook: Webhook
    upto: int
    """Its place in the feed afterwards."""
    changes: list[StoredChange]
    rows: list[tuple[Any, ...]]
    complete: bool
    """Whether there are no further changes now."""


def fan_out(database: Database, now_ms: int, base_url: str) -> int:
    """Make the deliveries of all changes that haven't any yet; return how many."""
    with database.reading() as connection:
        head = connection.execute(select(feed.c.last_sequence).where(feed.c.id == 1)).scalar_one()
        behind = webhooks.c.disabled_at.is_(None) & (webhooks.c.last_sequence < head)
        ids = connection.execute(select(webhooks.c.id).where(behind).order_by(webhooks.c.id)).scalars().all()
    return sum(_catch_up(database, webhook_id, now_ms, base_url) for webhook_id in ids)


def _catch_up(database: Database, webhook_id: str, now_ms: int, base_url: str) -> int:
    made = 0
    while True:
        with database.reading() as connection:
            webhook = find_webhook(connection, None, webhook_id)
            if webhook is None or webhook.disabled_at is not None:
                return made
            room = MAX_WAITING - count_waiting(connection, webhook_id)
            if room <= 0:
                log.warning("webhook_queue_full", webhook=webhook_id, waiting=MAX_WAITING)
                return made
            site = load_sites(connection)[webhook.site_id]
            batch = _read(connection, webhook, site, min(room, CHANGES_AT_ONCE), now_ms, base_url)
        try:
            with database.writing() as connection:
                if batch is None:
                    disable_webhook(connection, webhook, "segment_gone", "warmtrail", now_ms)
                    return made
                made += _write(connection, batch)
        except _Overtaken:
            return made
        if batch.complete:
            return made


def _read(connection: Connection, webhook: Webhook, site: Site, limit: int, now_ms: int, base_url: str) -> _Batch | None:
    """Return what the next changes come to; ``None`` where the webhook's segment is gone."""
    head = connection.execute(select(feed.c.last_sequence).where(feed.c.id == 1)).scalar_one()
    found = [one for one in read_changes(connection, site.id, webhook.last_sequence, limit) if one.sequence <= head]
    complete = len(found) < limit
    wanted = [one for one in found if one.kind in webhook.kinds]
    stored = current_cards(connection)[site.id]
    if webhook.segment:
        saved = find_segment(connection, site.id, webhook.segment)
        if saved is None:
            return None
        inside = members_among(connection, members_condition(stored, saved.where, now_ms), [one.lead_id for one in wanted])
        wanted = [one for one in wanted if one.kind in _ALL_SEGMENTS or one.lead_id in inside]
    rows = _rows(connection, webhook, Viewpoint(site, stored, now_ms, webhook.language, base_url), wanted)
    return _Batch(webhook, head if complete else found[-1].sequence, wanted, rows, complete)


def _rows(
    connection: Connection, webhook: Webhook, view: Viewpoint, changes: Sequence[StoredChange]
) -> list[tuple[Any, ...]]:
    told_leads = tell_leads(connection, view, [one.lead_id for one in changes])
    rows = []
    for one in changes:
        told = Told(
            kind=one.kind,
            sequence=one.sequence,
            at=time_text(one.at),
            site_id=view.site.id,
            site=view.site.name,
            lead_id=one.lead_id,
            detail=one.detail,
            lead=told_leads.get(one.lead_id),
        )
        content = body(webhook.preset, told, webhook.language)
        if content is not None:
            now_ms = view.now_ms
            name = delivery_id(webhook.id, one)
            rows.append((name, webhook.id, one.lead_id, one.kind, content.decode(), "waiting", 0, now_ms, now_ms))
    return rows


def _write(connection: Connection, batch: _Batch) -> int:
    """Write the new place and the deliveries; return how many. Raises ``_Overtaken``."""
    still = standing(connection, batch.changes)
    # Before the deliveries: those of a webhook that was removed meanwhile can't be written, and whoever locks both locks it
    # first.
    mine = (webhooks.c.id == batch.webhook.id) & (webhooks.c.last_sequence == batch.webhook.last_sequence)
    moved = update(webhooks).where(mine, webhooks.c.disabled_at.is_(None)).values(last_sequence=batch.upto)
    if connection.execute(moved).rowcount == 0:
        raise _Overtaken
    good = {delivery_id(batch.webhook.id, one) for one in batch.changes if one.sequence in still}
    rows = [row for row in batch.rows if row[0] in good]
    # Keeping what is there already, should the place ever be set back by hand.
    bulk.upsert(connection, webhook_deliveries, rows, columns=_COLUMNS, keep=_COLUMNS)
    return len(rows)


def members_among(connection: Connection, condition: ColumnElement[bool], lead_ids: Sequence[str]) -> set[str]:
    """Return those of the leads that *condition* holds for, one on leads with their scores."""
    mine = select(lead_scores.c.lead_id).select_from(SCORED_LEADS).where(condition, lead_scores.c.lead_id.in_(lead_ids))
    return set(connection.execute(mine).scalars())


def tell_leads(connection: Connection, view: Viewpoint, lead_ids: Sequence[str]) -> dict[str, ToldLead]:
    """Return those of the leads that have a score, as messages tell of them."""
    rows = find_leads(connection, view.stored.id, set(lead_ids))
    names = owner_names(connection, view.site.id) if rows else {}
    return {lead.id: _told_lead(lead, names) for lead in view_leads(connection, view, list(rows.values()))}


def ping(site: Site, now_ms: int) -> Told:
    """Return what the test button tells."""
    return Told("ping", 0, time_text(now_ms), site.id, site.name, "", {}, None)


def delivery_id(webhook_id: str, change: StoredChange) -> str:
    """Return the id of the message about a change to a webhook: always the same, in another database another."""
    digest = blake2b(f"{webhook_id}:{change.sequence}:{change.lead_id}:{change.at}".encode(), digest_size=15).digest()
    return "msg_" + base64.b32encode(digest).decode().lower()


def _told_lead(lead: shapes.Lead, names: dict[str, str]) -> ToldLead:
    return ToldLead(
        id=lead.id,
        name=lead.name or "",
        email=lead.email or "",
        title=lead.title or "",
        phone=lead.phone or "",
        company=(lead.company.name if lead.company else "") or "",
        domain=(lead.company.domain if lead.company else "") or "",
        country=(lead.location.country if lead.location else "") or "",
        score=lead.score,
        tier=lead.tier,
        stage=lead.stage or "",
        status=lead.status,
        owner=lead.owner or "",
        owner_name=names.get(lead.owner, lead.owner) if lead.owner else "",
        reasons=tuple(reason.text for reason in lead.reasons[:REASONS_TOLD]),
        # Not why: that may name a colleague, of whom then something would be left in a message about somebody else.
        next_step=lead.next_step.label,
        url=lead.url,
    )
