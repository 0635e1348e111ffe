"""What the demonstration has no use for, and pictures want: a webhook with a log, a digest with a ledger, a proposal."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection, insert

from scorer.core.digest_weeks import last_week
from scorer.demo.run import SALESPERSON, STORY_SITE
from scorer.digests import Digest, list_digests, subscribe
from scorer.outlet_models import digest_mails, webhook_attempts, webhook_deliveries
from scorer.proposals import list_proposals, propose
from scorer.resources import now_ms
from scorer.scorecards import body_of
from scorer.trainings import latest
from scorer.webhooks import Webhook, add_webhook, list_webhooks
from tests.factories import DAY, HOUR, MINUTE
from tests.proposal_samples import much
from tracker.db import Database
from tracker.settings import Settings
from tracker.sites import find_site

TRAINED_SECONDS: Final = 60
_MAILS: Final = (
    ("sent", "", ""),
    ("failed", "answer", "552 5.2.2 mailbox full"),
    ("sent", "sign_of_life", ""),
    ("empty", "", ""),
    ("sent", "", ""),
)
"""State, reason and detail of the last weeks' mails, the latest first."""
_TRIES: Final = (
    ("entered", "delivered", ((200, 84, ""),)),
    ("claimed", "delivered", ((503, 410, "status"), (None, 10_000, "timeout"), (200, 96, ""))),
    ("outcome", "failed", ((410, 71, "gone"),)),
)
"""Kind and state of deliveries, and each of their attempts: status, milliseconds, reason."""


def add_outlets(data_dir: Path) -> None:
    """Give the demonstration in this folder a webhook, a digest and a proposal, as if they had been at work for weeks.

    Nothing is sent: the webhook is told of nothing that happens there, and there is no mail server. Twice is once.
    """
    database = Database(Settings(data_dir=data_dir).effective_database_url)
    try:
        with database.writing() as connection:
            site, now = find_site(connection, STORY_SITE), now_ms()
            assert site is not None
            if not list_digests(connection, site.id):
                _keep_mails(connection, subscribe(connection, site, SALESPERSON, SALESPERSON, now), now)
            if not list_webhooks(connection, site.id):
                url = "https://crm.nordwind.example/hooks/warmtrail"
                made = add_webhook(connection, site, url, SALESPERSON, now, name="CRM", kinds=["unmerged"])
                _keep_deliveries(connection, made.webhook, now)
        _await_training(database, site.id)
        with database.writing() as connection:
            if all(one.learned.judgement is None for one in list_proposals(connection, site.id)):
                body = msgspec.json.decode(body_of(connection, site.id) or "")
                propose(connection, site, body, much(now_ms=now - DAY), SALESPERSON, now - DAY)
    finally:
        database.close()


def _await_training(database: Database, site_id: int) -> None:
    """Let the demonstration learn from its own story first: what it proposes takes the place of what waits."""
    until = time.monotonic() + TRAINED_SECONDS
    while time.monotonic() < until:
        with database.reading() as connection:
            training = latest(connection, site_id)
        if training is None or training.state in ("done", "failed"):
            return
        time.sleep(0.5)


def _keep_mails(connection: Connection, digest: Digest, now: int) -> None:
    week = last_week(now, digest.zone).first
    for back, (state, reason, detail) in enumerate(_MAILS):
        row = {"digest_id": digest.id, "period": (week - timedelta(weeks=back)).isoformat(), "message_id": f"<{back}>"}
        row |= {"state": state, "reason": reason, "detail": detail}
        connection.execute(insert(digest_mails).values(row | {"at": now - 7 * back * DAY - 3 * HOUR}))


def _keep_deliveries(connection: Connection, webhook: Webhook, now: int) -> None:
    for number, (kind, state, tries) in enumerate(_TRIES):
        at, name = now - (2 * number + 1) * HOUR, f"msg_{webhook.id}_{number}"
        row = {"id": name, "webhook_id": webhook.id, "lead_id": "ld_aaaaaaaaaaaaaaaa", "kind": kind, "body": "{}"}
        row |= {"state": state, "attempts": len(tries), "created_at": at}
        connection.execute(insert(webhook_deliveries).values(row))
        for count, (status, took, reason) in enumerate(tries, start=1):
            detail = "10" if reason == "timeout" else ""
            tried = {"delivery_id": name, "number": count, "at": at + count * 5 * MINUTE, "status": status}
            connection.execute(
                insert(webhook_attempts).values(tried | {"took_ms": took, "reason": reason, "detail": detail})
            )
