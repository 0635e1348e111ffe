"""What must hold whatever was broken: nothing lost, nothing twice, every sum right."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import func, select

from scorer.changes_feed import read_changes
from scorer.explaining import explain
from scorer.intake import read_accounts
from scorer.models import feed, lead_changes, lead_scores
from scorer.outlet_models import alert_mails, alerts, webhook_deliveries
from scorer.resources import now_ms
from scorer.webhook_outbox import delivery_id
from scorer.webhooks import find_webhook
from tests.chaos.world import World
from tests.service.running import check_sums
from tracker import queue
from tracker.models import dead_letters, events

SETTLE_SECONDS = 60.0
REFOLDED = 20
"""Leads whose heat is folded anew after each fault; at the end all are."""


def settle(world: World) -> float:
    """Wait until all that was acknowledged is processed; return after how many seconds."""
    started = time.monotonic()
    while world.insist(lambda: _waiting(world)):
        if time.monotonic() - started > SETTLE_SECONDS:
            raise AssertionError(f"events still wait after {SETTLE_SECONDS} s: {read_accounts(world.resources)}")
        time.sleep(0.03)
    return time.monotonic() - started


def _waiting(world: World) -> int:
    entries = queue.count_entries(world.resources.streams, list(range(world.resources.settings.partitions)))
    return entries or read_accounts(world.resources).waiting


def check(world: World, chance: random.Random) -> None:
    """Assert what can be looked at quickly, while nothing is sent."""
    accounts = read_accounts(world.resources)
    check_sums(accounts)
    kept, refused = len(world.traffic.kept), len(world.traffic.refused)
    assert accounts.stored + accounts.filtered == kept, f"{accounts} where {kept} were acknowledged"
    with world.resources.database.reading() as connection:
        rows, ids = connection.execute(select(func.count(), func.count(events.c.message_id.distinct()))).one()
        assert (rows, ids) == (kept, kept), f"{rows} rows of {ids} events where {kept} were acknowledged"
        letters = connection.execute(select(func.count()).select_from(dead_letters)).scalar_one()
        assert letters == accounts.dead_lettered >= refused, f"{letters} dead letters of {refused}: {accounts}"
        count, last = connection.execute(select(func.count(), func.max(lead_changes.c.sequence))).one()
        head = connection.execute(select(feed.c.last_sequence)).scalar_one()
        assert count == (last or 0) == head, f"the feed has {count} changes, the last is {last}, the head {head}"
        leads = sorted(connection.execute(select(lead_scores.c.lead_id)).scalars())
        for lead_id in chance.sample(leads, min(REFOLDED, len(leads))):
            _check_heat(connection, lead_id)
    mails = world.mails.ids  # Read once: others may come meanwhile.
    assert len(set(mails)) == len(mails), f"sent twice: {[one for one, times in Counter(mails).items() if times > 1]}"
    _check_hooks(world)


def check_all(world: World) -> dict[str, int]:
    """Assert everything about everybody; return what was counted."""
    mails_before = len(world.mails.ids)
    with world.resources.database.reading() as connection:
        stored = Counter(bytes(one) for one in connection.execute(select(events.c.message_id)).scalars())
        wanted = {_digest(one) for one in world.traffic.kept}
        assert stored.keys() == wanted, f"{len(wanted - stored.keys())} lost, {len(stored.keys() - wanted)} unknown"
        assert max(stored.values(), default=1) == 1
        bodies = [msgspec.json.decode(one) for one in connection.execute(select(dead_letters.c.body)).scalars()]
        assert {one["messageId"] for one in bodies} == world.traffic.refused
        leads = connection.execute(select(lead_scores.c.lead_id)).scalars().all()
        for lead_id in leads:
            _check_heat(connection, lead_id)
        webhook = find_webhook(connection, None, world.webhook.id)
        assert webhook is not None
        assert webhook.disabled_at is None
        changes = read_changes(connection, world.site_id, 0, 10**9)
        told = {delivery_id(webhook.id, one) for one in changes if one.kind in webhook.kinds}
        deliveries = connection.execute(select(webhook_deliveries.c.id, webhook_deliveries.c.state))
        states = {row.id: row.state for row in deliveries}
        of_mail = select(alert_mails.c.alert_id, alert_mails.c.at).distinct()  # Of the leads in one mail both are the same.
        sent = len(connection.execute(of_mail.where(alert_mails.c.state == "sent")).all())
        claimed = len(connection.execute(of_mail.where(alert_mails.c.state == "claimed")).all())
    told_live = world.follower.sequences
    assert told_live == [one.sequence for one in changes], "who followed the feed over the API was not told all, in order"
    came = Counter(one.headers["webhook-id"] for one in world.hook.came)
    assert states.keys() == told, f"{len(told - states.keys())} changes without a delivery"
    delivered = {one for one, state in states.items() if state == "delivered"}
    assert delivered <= came.keys(), "delivered, says the ledger, but it never came"
    assert came.keys() <= told
    mails = len(world.mails.ids)
    assert sent <= mails, f"{sent} mails sent, say the ledgers, but {mails} came"
    assert mails_before <= sent + claimed, f"{mails_before} mails came of {sent} sent and {claimed} uncertain"
    return {
        "leads": len(leads),
        "changes": len(changes),
        "webhook messages": len(came),
        "webhook messages that came again with the same id": sum(came.values()) - len(came),
        "webhook messages still to be sent": len(states) - len(delivered),
        "leads that became hot": sum(one.kind == "entered" for one in changes),
        "mails": mails,
        "mails that came twice": 0,
        "mails given up since nobody knows whether they went out": claimed,
        "of them came": mails - sent,
    }


def outlets_are_done(world: World) -> bool:
    """Whether all changes have been told to webhooks and subscribers."""
    with world.resources.database.reading() as connection:
        head = connection.execute(select(feed.c.last_sequence)).scalar_one()
        webhook = find_webhook(connection, None, world.webhook.id)
        behind = connection.execute(select(func.count()).where(alerts.c.last_sequence < head)).scalar_one()
        open_ones = (
            select(func.count()).select_from(webhook_deliveries).where(webhook_deliveries.c.state != "delivered"),
            select(func.count()).select_from(alert_mails).where(alert_mails.c.state == "waiting"),
        )
        waiting = sum(connection.execute(query).scalar_one() for query in open_ones)
        return webhook is not None and webhook.last_sequence == head and not behind and not waiting


def _check_hooks(world: World) -> None:
    bodies: dict[str, bytes] = {}
    for one in world.hook.came:
        assert bodies.setdefault(one.headers["webhook-id"], one.body) == one.body, "one id, two messages"


def _check_heat(connection: Any, lead_id: str) -> None:
    stored = connection.execute(select(lead_scores.c.heat).where(lead_scores.c.lead_id == lead_id)).scalar_one()
    told = explain(connection, lead_id, now_ms())
    assert told is not None, lead_id
    assert math.isclose(told.heat, stored, rel_tol=1e-9), f"{lead_id}: {stored} stored, {told.heat} by its events"


def _digest(message_id: str) -> bytes:
    return blake2b(message_id.encode(), digest_size=16).digest()
