"""What goes from the ledgers of mails: of alerts after 90 days, of digests after two years."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, delete, select, tuple_

from scorer.core.decay import DAY_MS
from scorer.outlet_models import alert_mails, alerts, digest_mails

ALERTS_KEPT_MS: Final = 90 * DAY_MS
DIGESTS_KEPT_MS: Final = 730 * DAY_MS
CLEANED_AT_ONCE: Final = 1000
"""Rows of each ledger deleted in one transaction: few enough that senders hardly notice."""


def clean_ledgers(connection: Connection, now_ms: int) -> bool:
    """Delete up to ``CLEANED_AT_ONCE`` old rows of each ledger; return whether there may be more.

    What still waits to be told stays, but for alerts that were given up: there is nobody to tell.
    """
    alert, digest = alert_mails.c, digest_mails.c
    given_up = alert.alert_id.in_(select(alerts.c.id).where(alerts.c.unsubscribed_at.is_not(None)))
    old = (alert.at < now_ms - ALERTS_KEPT_MS) & ((alert.state != "waiting") | given_up)
    # In one order with those who claim several rows or erase leads.
    doomed = select(alert.alert_id, alert.sequence).where(old).order_by(alert.alert_id, alert.sequence)
    rows = connection.execute(doomed.limit(CLEANED_AT_ONCE).with_for_update()).all()
    for start in range(0, len(rows), 250):
        mine = tuple_(alert.alert_id, alert.sequence).in_([tuple(row) for row in rows[start : start + 250]])
        connection.execute(delete(alert_mails).where(mine))
    # One that is delayed has a time at which it is tried again: its sender decides what becomes of it.
    past = (digest.at < now_ms - DIGESTS_KEPT_MS) & digest.retry_at.is_(None)
    weeks = select(digest.digest_id, digest.period).where(past).order_by(digest.digest_id, digest.period)
    mails = connection.execute(weeks.limit(CLEANED_AT_ONCE).with_for_update()).all()
    for start in range(0, len(mails), 250):
        those = tuple_(digest.digest_id, digest.period).in_([tuple(row) for row in mails[start : start + 250]])
        connection.execute(delete(digest_mails).where(those))
    return CLEANED_AT_ONCE in (len(rows), len(mails))
