"""Who gets a mail when a lead becomes hot: subscriptions, and what became of the last mails of each."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from scorer.auditing import note
from scorer.changes_feed import feed_head
from scorer.core.labels import Language
from scorer.core.quiet_hours import QuietHours
from scorer.labelled import FieldError
from scorer.outlet_models import alert_mails, alerts
from scorer.subscription_checks import checked_language, checked_segment, checked_zone
from scorer.users import UserError, read_email
from tracker import bulk
from tracker.sites import Site

DEFAULT_PER_DAY: Final = 10
MAX_PER_DAY: Final = 100
MAX_ALERTS: Final = 500
"""Subscriptions of a site."""


class AlertError(FieldError):
    """An alert can't be as it is asked for."""


class Alert(msgspec.Struct, frozen=True):
    """A subscription. Times in ms since 1970 UTC."""

    id: str
    site_id: int
    email: str
    segment: str
    """Name of the segment whose leads it is about; empty: all leads."""
    language: Language
    time_zone: str
    quiet_from: int
    quiet_until: int
    """Minutes since local midnight; no quiet hours where both are equal."""
    max_per_day: int
    """Mails a local day."""
    last_sequence: int
    """The last change looked at."""
    hold_until: int | None
    """Not before then, since the mail server asked to wait; ``None`` mostly."""
    created_at: int
    unsubscribed_at: int | None
    """``None`` while mails come."""

    @property
    def zone(self) -> ZoneInfo:
        """The reader's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def quiet(self) -> QuietHours:
        """When the reader isn't to be disturbed."""
        return QuietHours(self.quiet_from, self.quiet_until)


class Told(msgspec.Struct, frozen=True):
    """A lead's becoming hot, in the ledger of an alert."""

    sequence: int
    """Of the change."""
    lead_id: str
    state: str
    """waiting, claimed, sent, cooled or failed."""
    at: int
    """When it became so, in ms since 1970 UTC; of the leads in one mail the same."""


_COLUMNS: Final = tuple(alerts.c[name] for name in Alert.__struct_fields__)
_LEDGER: Final = tuple(alert_mails.c[name] for name in Told.__struct_fields__)


def add_alert(
    connection: Connection,
    site: Site,
    email: str,
    actor: str,
    now_ms: int,
    *,
    segment: str = "",
    language: str = "",
    time_zone: str = "",
    quiet: QuietHours = QuietHours(),  # noqa: B008  (frozen)
    max_per_day: int = DEFAULT_PER_DAY,
) -> Alert:
    """Subscribe an address to what becomes hot from now on, on a site or in a segment of it. Raises ``AlertError``.

    *language* and *time_zone* are the site's where they are empty.
    """
    try:
        address = read_email(email)
    except UserError as error:
        raise AlertError("email", error.label.en, error.label.zh) from None
    chosen = checked_segment(connection, site.id, segment, AlertError)
    known = [one for one in list_alerts(connection, site.id) if one.unsubscribed_at is None]
    _check_new(known, address, chosen)
    if len(known) >= MAX_ALERTS:
        raise AlertError("site", f"A site has {MAX_ALERTS} alerts at most.", f"每个站点最多 {MAX_ALERTS} 个提醒。")
    made = Alert(
        id=f"al_{secrets.token_hex(8)}",
        site_id=site.id,
        email=address,
        segment=chosen,
        language=checked_language(language or site.settings.language, AlertError),
        time_zone=checked_zone(time_zone or site.settings.time_zone, AlertError).key,
        quiet_from=quiet.begin,
        quiet_until=quiet.end,
        max_per_day=_checked_per_day(max_per_day),
        last_sequence=feed_head(connection, site.id).last_sequence,
        hold_until=None,
        created_at=now_ms,
        unsubscribed_at=None,
    )
    connection.execute(insert(alerts).values(msgspec.structs.asdict(made)))
    note(connection, site.id, actor, "alert add", made.id, "", {"email": address, "segment": chosen}, now_ms)
    return made


def change_alert(
    connection: Connection,
    alert: Alert,
    actor: str,
    now_ms: int,
    *,
    segment: str | None = None,
    language: str | None = None,
    time_zone: str | None = None,
    quiet: QuietHours | None = None,
    max_per_day: int | None = None,
) -> Alert:
    """Change a subscription, ``None`` leaving things as they are, and return it. Raises ``AlertError``.

    What waits in its ledger is told by the new hours and limit.
    """
    changed: dict[str, object] = {}
    if segment is not None:
        changed["segment"] = checked_segment(connection, alert.site_id, segment, AlertError)
        others = [one for one in list_alerts(connection, alert.site_id) if one.id != alert.id]
        _check_new([one for one in others if one.unsubscribed_at is None], alert.email, segment)
    if language is not None:
        changed["language"] = checked_language(language, AlertError)
    if time_zone is not None:
        changed["time_zone"] = checked_zone(time_zone, AlertError).key
    if quiet is not None:
        changed |= {"quiet_from": quiet.begin, "quiet_until": quiet.end}
    if max_per_day is not None:
        changed["max_per_day"] = _checked_per_day(max_per_day)
    if changed:
        connection.execute(update(alerts).where(alerts.c.id == alert.id).values(changed))
        detail = {name: {"from": getattr(alert, name), "to": value} for name, value in changed.items()}
        note(connection, alert.site_id, actor, "alert change", alert.id, "", detail, now_ms)
    return msgspec.structs.replace(alert, **changed)


def _check_new(known: Iterable[Alert], email: str, segment: str) -> None:
    if any(one.email == email and one.segment == segment for one in known):
        raise AlertError("email", f"{email} gets these alerts already.", f"{email} 已订阅该提醒。")


def _checked_per_day(count: int) -> int:
    if not 1 <= count <= MAX_PER_DAY:
        raise AlertError("max_per_day", f"Mails a day are 1 to {MAX_PER_DAY}.", f"每日上限须为 1 至 {MAX_PER_DAY} 封邮件。")
    return count


def list_alerts(connection: Connection, site_id: int | None = None) -> list[Alert]:
    """Return the subscriptions of a site (``None``: of all sites) by address, those that were given up too."""
    query = select(*_COLUMNS).order_by(alerts.c.email, alerts.c.created_at, alerts.c.id)
    return [
        Alert(*row) for row in connection.execute(query if site_id is None else query.where(alerts.c.site_id == site_id))
    ]


def find_alert(connection: Connection, alert_id: str, site_id: int | None = None) -> Alert | None:
    """Return the subscription with this id, of a site if one is named; ``None`` where there is none."""
    row = connection.execute(select(*_COLUMNS).where(alerts.c.id == alert_id)).first()
    return None if row is None or site_id not in (None, row.site_id) else Alert(*row)


def remove_alert(connection: Connection, alert: Alert, actor: str, now_ms: int) -> None:
    """Delete a subscription with its ledger."""
    # Locked first: whoever writes into its ledger waits here and then finds it gone.
    bulk.select_where_in(connection, alerts, ("id",), "id", [alert.id], lock=True)
    connection.execute(delete(alert_mails).where(alert_mails.c.alert_id == alert.id))
    connection.execute(delete(alerts).where(alerts.c.id == alert.id))
    note(connection, alert.site_id, actor, "alert remove", alert.id, "", {"email": alert.email}, now_ms)


def read_ledger(connection: Connection, alert_id: str, limit: int = 50) -> list[Told]:
    """Return what an alert told of last, the latest first."""
    query = select(*_LEDGER).where(alert_mails.c.alert_id == alert_id).order_by(alert_mails.c.sequence.desc())
    return [Told(*row) for row in connection.execute(query.limit(limit))]


def forget_alert_mails(connection: Connection, lead_ids: Iterable[str]) -> None:
    """Delete what the ledgers have of these leads. To be called after the leads are deleted."""
    doomed = alert_mails.c.lead_id.in_(sorted(set(lead_ids)))
    query = select(alert_mails.c.alert_id, alert_mails.c.sequence).where(doomed)
    # In one order with those who claim several rows.
    rows = connection.execute(query.order_by(alert_mails.c.alert_id, alert_mails.c.sequence).with_for_update()).all()
    for row in rows:
        mine = (alert_mails.c.alert_id == row.alert_id) & (alert_mails.c.sequence == row.sequence)
        connection.execute(delete(alert_mails).where(mine))
