"""Mails are sent the moment a lead becomes hot, or when the reader may be disturbed again.

Two steps, each safe in any number of processes at once: what has become hot goes into the ledger of every alert, by the
order of the feed; then an alert's waiting rows are claimed together, and told in one mail. Rows are claimed before anything
is sent: a process that dies in between leaves them claimed, and that mail isn't sent again, since nobody knows whether it
went out.

In quiet hours, and when the day's mails are used up, rows wait. They are told together as soon as that is over, those of
leads that are still hot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, select, update

from scorer.alerts import Alert, Told, find_alert
from scorer.changes_feed import StoredChange, read_changes, standing
from scorer.core.quiet_hours import day_begin, may_send
from scorer.core.webhook_messages import ToldLead
from scorer.hot_list import awake
from scorer.lead_views import Viewpoint
from scorer.mail.alert_mail import alert_mail
from scorer.mail.letters import Sender
from scorer.mailing import MailDelayed, Mailer, MailRefused, ServerAway
from scorer.memberships import surviving
from scorer.models import feed, leads
from scorer.outlet_models import alert_mails, alerts
from scorer.scorecards import current_cards
from scorer.segment_sql import members_condition
from scorer.segments import find_segment
from scorer.webhook_outbox import members_among, tell_leads
from tracker import bulk
from tracker.db import Database
from tracker.log import get_logger
from tracker.sites import Site, load_sites

CHANGES_AT_ONCE: Final = 500
DELAY_MS: Final = 5 * 60_000
"""Until the next try, when the mail server asks to wait."""
_SENT: Final = ("claimed", "sent", "failed")
"""States of rows that a mail was made of."""
_COLUMNS: Final = ("alert_id", "sequence", "lead_id", "state", "at")

log = get_logger(__name__)


class _Claim(msgspec.Struct, frozen=True):
    """Rows of one alert that are ours to tell of."""

    alert: Alert
    rows: list[Told]
    sent_today: int
    """Mails before this one."""
    held_since: int | None
    """When the first of them became hot, where that was on an earlier day that had no mail left; ``None`` mostly."""


def send_alerts(database: Database, mailer: Mailer, sender: Sender, now_ms: int) -> int:
    """Note what has become hot, and send the mails that may go out now; return how many were sent.

    Without a mail server nothing is done, nor noted.
    """
    if not mailer.available:
        return 0
    _note_all(database, now_ms)
    with database.reading() as connection:
        due = _waiting_alerts(connection, now_ms)
    sent = 0
    for alert_id in due:
        with database.writing() as connection:
            claim = _claim(connection, alert_id, now_ms)
        if claim is None:
            continue
        try:
            sent += _tell(database, mailer, sender, claim, now_ms)
        except ServerAway as error:
            log.warning("alerts_delayed", error=type(error).__name__)
            break
    return sent


def _note_all(database: Database, now_ms: int) -> None:
    with database.reading() as connection:
        head = connection.execute(select(feed.c.last_sequence).where(feed.c.id == 1)).scalar_one()
        behind = alerts.c.unsubscribed_at.is_(None) & (alerts.c.last_sequence < head)
        ids = connection.execute(select(alerts.c.id).where(behind).order_by(alerts.c.id)).scalars().all()
    for alert_id in ids:
        while _note_some(database, alert_id, now_ms):
            pass


def _note_some(database: Database, alert_id: str, now_ms: int) -> bool:
    """Put the next changes into the ledger of an alert; return whether there are more."""
    with database.reading() as connection:
        alert = find_alert(connection, alert_id)
        if alert is None or alert.unsubscribed_at is not None:
            return False
        head = connection.execute(select(feed.c.last_sequence).where(feed.c.id == 1)).scalar_one()
        found = read_changes(connection, alert.site_id, alert.last_sequence, CHANGES_AT_ONCE)
        hot = _wanted(connection, alert, [one for one in found if one.kind == "entered"], now_ms)
    complete = len(found) < CHANGES_AT_ONCE
    upto = head if complete else found[-1].sequence
    with database.writing() as connection:
        _write(connection, alert, hot, upto, now_ms)
    return not complete


def _wanted(connection: Connection, alert: Alert, changes: list[StoredChange], now_ms: int) -> list[StoredChange]:
    if not alert.segment or not changes:
        return changes
    saved = find_segment(connection, alert.site_id, alert.segment)
    if saved is None:
        log.warning("alert_segment_gone", alert=alert.id)
        return []
    stored = current_cards(connection)[alert.site_id]
    inside = members_among(connection, members_condition(stored, saved.where, now_ms), [one.lead_id for one in changes])
    return [one for one in changes if one.lead_id in inside]


def _write(connection: Connection, alert: Alert, hot: Sequence[StoredChange], upto: int, now_ms: int) -> None:
    still = standing(connection, hot)
    # First the place, which only one of many moves from where it was.
    mine = (alerts.c.id == alert.id) & (alerts.c.last_sequence == alert.last_sequence)
    if connection.execute(update(alerts).where(mine).values(last_sequence=max(upto, alert.last_sequence))).rowcount == 0:
        return
    rows = [
        (alert.id, one.sequence, one.lead_id, "waiting", now_ms)
        for one in hot
        if one.sequence in still and one.sequence <= upto
    ]
    bulk.upsert(connection, alert_mails, rows, columns=_COLUMNS, keep=_COLUMNS)


def _waiting_alerts(connection: Connection, now_ms: int) -> list[str]:
    waiting = select(alert_mails.c.alert_id).where(alert_mails.c.alert_id == alerts.c.id, alert_mails.c.state == "waiting")
    free = alerts.c.hold_until.is_(None) | (alerts.c.hold_until <= now_ms)
    query = select(alerts.c.id).where(alerts.c.unsubscribed_at.is_(None), free, waiting.exists()).order_by(alerts.c.id)
    return list(connection.execute(query).scalars())


def _claim(connection: Connection, alert_id: str, now_ms: int) -> _Claim | None:
    """Take the waiting rows of an alert; ``None`` where it may not be told now, or somebody else has just told."""
    bulk.select_where_in(connection, alerts, ("id",), "id", [alert_id], lock=True)
    alert = find_alert(connection, alert_id)
    if alert is None or alert.unsubscribed_at is not None or (alert.hold_until or 0) > now_ms:
        return None
    today = day_begin(now_ms, alert.zone)
    sent_today = _count_mails(connection, alert_id, today, None)
    if not may_send(alert.quiet, sent_today, alert.max_per_day, now_ms, alert.zone):
        return None
    mine = (alert_mails.c.alert_id == alert_id) & (alert_mails.c.state == "waiting")
    columns = [alert_mails.c[name] for name in Told.__struct_fields__]
    # Locked in one order with whoever erases leads.
    query = select(*columns).where(mine).order_by(alert_mails.c.sequence).with_for_update()
    rows = [Told(*row) for row in connection.execute(query)]
    if not rows:
        return None
    held_since = None
    first = min(row.at for row in rows)
    if max(row.at for row in rows) < today:
        begun = day_begin(first, alert.zone)
        held_since = first if _count_mails(connection, alert_id, begun, today) >= alert.max_per_day else None
    # Of two mails each has a time of its own: that is what they are counted by.
    made = (alert_mails.c.alert_id == alert_id) & alert_mails.c.state.in_(_SENT)
    last = connection.execute(select(func.coalesce(func.max(alert_mails.c.at), 0)).where(made)).scalar_one()
    connection.execute(update(alert_mails).where(mine).values(state="claimed", at=max(now_ms, last + 1)))
    return _Claim(alert, rows, sent_today, held_since)


def _count_mails(connection: Connection, alert_id: str, from_ms: int, before_ms: int | None) -> int:
    made = (alert_mails.c.alert_id == alert_id) & alert_mails.c.state.in_(_SENT) & (alert_mails.c.at >= from_ms)
    if before_ms is not None:
        made &= alert_mails.c.at < before_ms
    return connection.execute(select(func.count(alert_mails.c.at.distinct())).where(made)).scalar_one()


def _tell(database: Database, mailer: Mailer, sender: Sender, claim: _Claim, now_ms: int) -> bool:
    """Send the mail of a claim, if any of its leads is still hot; return whether one was sent. Raises ``ServerAway``."""
    alert = claim.alert
    with database.reading() as connection:
        site = load_sites(connection)[alert.site_id]
        hot = _still_hot(connection, site, alert, claim.rows, sender.base_url, now_ms)
    told = list({lead.id: lead for lead in sorted(hot.values(), key=lambda lead: (-lead.score, lead.id))}.values())
    state = "sent"
    try:
        if told:
            last = claim.sent_today + 1 >= alert.max_per_day
            number = max(hot)
            mailer.send(alert_mail(alert, site.name, told, number, sender, now_ms, last=last, day_ms=claim.held_since))
    except MailDelayed as error:
        with database.writing() as connection:
            _give_back(connection, claim, now_ms)
        if isinstance(error, ServerAway):
            raise
        return False
    except MailRefused as error:
        log.warning("alert_refused", alert=alert.id, error=type(error).__name__)
        state = "failed"
    with database.writing() as connection:
        connection.execute(update(alerts).where(alerts.c.id == alert.id).values(hold_until=None))
        for row in claim.rows:
            _mark(connection, alert.id, row.sequence, state=state if row.sequence in hot else "cooled")
    return bool(told) and state == "sent"


def _still_hot(
    connection: Connection, site: Site, alert: Alert, rows: Sequence[Told], base_url: str, now_ms: int
) -> dict[int, ToldLead]:
    """Return the leads that are on the hot list now, by the sequence of the change; a merged one as what it is part of."""
    roots: dict[int, str] = {}
    for row in rows:
        root = surviving(connection, site.id, row.lead_id)
        if root is not None:
            roots[row.sequence] = root
    view = Viewpoint(site, current_cards(connection)[site.id], now_ms, alert.language, base_url)
    shown = tell_leads(connection, view, sorted(set(roots.values())))
    wanted = select(leads.c.id).where(leads.c.id.in_(list(shown)), awake())
    on_list = set(connection.execute(wanted).scalars())
    hot = {name: lead for name, lead in shown.items() if lead.tier == "hot" and name in on_list}
    return {sequence: hot[root] for sequence, root in roots.items() if root in hot}


def _mark(connection: Connection, alert_id: str, sequence: int, **values: Any) -> None:
    """Change a row that we have claimed; to be called in the order of the sequence."""
    mine = (alert_mails.c.alert_id == alert_id) & (alert_mails.c.sequence == sequence)
    connection.execute(update(alert_mails).where(mine, alert_mails.c.state == "claimed").values(**values))


def _give_back(connection: Connection, claim: _Claim, now_ms: int) -> None:
    """Let the rows wait as before: the mail server certainly doesn't have the mail."""
    held = update(alerts).where(alerts.c.id == claim.alert.id)
    connection.execute(held.values(hold_until=now_ms + DELAY_MS))
    for row in claim.rows:
        _mark(connection, claim.alert.id, row.sequence, state="waiting", at=row.at)
