"""Who gets the weekly digest: subscriptions, and what became of the last mails of each."""

from __future__ import annotations

import secrets
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from scorer.auditing import note
from scorer.core.digest_weeks import next_due
from scorer.core.labels import Language
from scorer.core.mail_reasons import MailReason, told
from scorer.core.one_line import one_line
from scorer.labelled import FieldError
from scorer.outlet_models import digest_mails, digests
from scorer.subscription_checks import checked_language, checked_segment, checked_zone
from scorer.users import UserError, read_email
from tracker import bulk
from tracker.sites import Site

MAX_DIGESTS: Final = 1000
"""Subscriptions of a site that are in force."""
CLAIMED_AT_MOST_MS: Final = 15 * 60_000
"""A mail is handed over within seconds of being claimed. One that was claimed longer ago was left by a crash."""


class DigestError(FieldError):
    """A digest can't be subscribed to as asked."""


class Digest(msgspec.Struct, frozen=True):
    """A subscription. Times in ms since 1970 UTC."""

    id: str
    site_id: int
    email: str
    name: str
    """Of the reader; may be empty."""
    segment: str
    """Name of the segment whose leads it is about; empty for all leads."""
    language: Language
    time_zone: str
    weekday: int
    """On which it comes; 0 is Monday."""
    hour: int
    created_at: int
    next_at: int | None
    """When the next is due; ``None`` after unsubscribing."""
    unsubscribed_at: int | None
    """``None`` while it comes."""

    @property
    def zone(self) -> ZoneInfo:
        """The reader's time zone; UTC where this machine doesn't know it."""
        try:
            return ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            return ZoneInfo("UTC")


class LedgerRow(msgspec.Struct, frozen=True):
    """What became of the digest of one week."""

    digest_id: str
    period: str
    """The local date of the week's Monday."""
    state: str
    """claimed, sent, delayed, empty, skipped, late or failed."""
    at: int
    """When it became so: milliseconds since 1970 UTC."""
    message_id: str
    retry_at: int | None
    """When it is tried again; ``None`` unless it is delayed."""
    reason: MailReason | Literal[""]
    """Empty where there is nothing to say."""
    detail: str
    """What belongs into the words of the reason."""

    def why(self, language: Language) -> str:
        """Return the reason in words; empty where there is nothing to say."""
        return told(self.reason, self.detail, language)

    def is_unknown(self, now_ms: int) -> bool:
        """Whether nobody knows if it was sent: the sender died between claiming and marking it."""
        return self.state == "claimed" and now_ms - self.at > CLAIMED_AT_MOST_MS


DIGEST_COLUMNS: Final = tuple(digests.c[name] for name in Digest.__struct_fields__)
_LEDGER_COLUMNS: Final = tuple(digest_mails.c[name] for name in LedgerRow.__struct_fields__)


def subscribe(
    connection: Connection,
    site: Site,
    email: str,
    actor: str,
    now_ms: int,
    *,
    name: str = "",
    segment: str = "",
    language: str = "",
    time_zone: str = "",
    weekday: int = 0,
    hour: int = 8,
) -> Digest:
    """Subscribe an address to the digest of a site (of a segment of it), from the next due time on.

    *language* and *time_zone* are the site's where they are empty. Raises ``DigestError``.
    """
    try:
        email = read_email(email)
    except UserError as error:
        raise DigestError("email", error.label.en, error.label.zh) from None
    language, time_zone = language or site.settings.language, time_zone or site.settings.time_zone
    segment = checked_segment(connection, site.id, segment, DigestError)
    if _load(connection, (digests.c.site_id == site.id) & _same_mail(email, segment)):
        raise DigestError("email", f"{email} gets this digest already.", f"{email} 已订阅该周报。")
    mine = (digests.c.site_id == site.id) & digests.c.unsubscribed_at.is_(None)
    if connection.execute(select(func.count()).select_from(digests).where(mine)).scalar_one() >= MAX_DIGESTS:
        raise DigestError("site", f"A site has {MAX_DIGESTS} digests at most.", f"每个站点最多 {MAX_DIGESTS} 个周报订阅。")
    if not (0 <= weekday <= 6 and 0 <= hour <= 23):
        raise DigestError(
            "weekday",
            f"A weekday is 0 (Monday) to 6, an hour 0 to 23, not {weekday} and {hour}.",
            f"星期应为 0（周一）至 6，小时应为 0 至 23，而不是 {weekday} 和 {hour}。",
        )
    zone = checked_zone(time_zone, DigestError)
    made = Digest(
        id=f"dg_{secrets.token_hex(8)}",
        site_id=site.id,
        email=email,
        name=one_line(name),
        segment=segment,
        language=checked_language(language, DigestError),
        time_zone=zone.key,
        weekday=weekday,
        hour=hour,
        created_at=now_ms,
        next_at=next_due(now_ms, weekday, hour, zone),
        unsubscribed_at=None,
    )
    connection.execute(insert(digests).values(msgspec.structs.asdict(made)))
    detail = {"email": email, "segment": segment}
    note(connection, site.id, actor, "digest add", made.id, "", detail, now_ms)
    return made


def list_digests(connection: Connection, site_id: int | None = None) -> list[Digest]:
    """Return the subscriptions of a site (``None``: of all sites) by address, those that were given up too."""
    return _load(connection, digests.c.site_id == site_id if site_id is not None else None)


def find_digest(connection: Connection, digest_id: str, site_id: int | None = None) -> Digest | None:
    """Return the subscription with this id, of a site if one is named; ``None`` where there is none."""
    found = _load(connection, digests.c.id == digest_id)
    return found[0] if found and site_id in (None, found[0].site_id) else None


def remove_digest(connection: Connection, digest: Digest, actor: str, now_ms: int) -> None:
    """Delete a subscription with its ledger."""
    # Locked first: whoever writes into its ledger waits here and then finds it gone.
    bulk.select_where_in(connection, digests, ("id",), "id", [digest.id], lock=True)
    connection.execute(delete(digest_mails).where(digest_mails.c.digest_id == digest.id))
    connection.execute(delete(digests).where(digests.c.id == digest.id))
    note(connection, digest.site_id, actor, "digest remove", digest.id, "", {"email": digest.email}, now_ms)


def last_rows(connection: Connection, digest_id: str, limit: int) -> list[LedgerRow]:
    """Return what became of the last weeks of one digest, the latest week first."""
    query = select(*_LEDGER_COLUMNS).where(digest_mails.c.digest_id == digest_id)
    return [LedgerRow(*row) for row in connection.execute(query.order_by(digest_mails.c.period.desc()).limit(limit))]


def last_row_of_each(connection: Connection, site_id: int | None = None) -> dict[str, LedgerRow]:
    """Return what became of the last week of each digest of a site (``None``: of all sites), by its id."""
    latest = select(digest_mails.c.digest_id, func.max(digest_mails.c.period).label("period"))
    last = latest.group_by(digest_mails.c.digest_id).subquery()
    same = (digest_mails.c.digest_id == last.c.digest_id) & (digest_mails.c.period == last.c.period)
    query = select(*_LEDGER_COLUMNS).select_from(digest_mails.join(last, same).join(digests))
    if site_id is not None:
        query = query.where(digests.c.site_id == site_id)
    return {row.digest_id: LedgerRow(*row) for row in connection.execute(query)}


def _same_mail(email: str, segment: str) -> ColumnElement[bool]:
    return (digests.c.email == email) & (digests.c.segment == segment) & digests.c.unsubscribed_at.is_(None)


def twin_of(connection: Connection, digest: Digest) -> str | None:
    """Return the id of an older subscription that tells the same address the same; ``None`` where there is none."""
    older = (digests.c.created_at < digest.created_at) | (
        (digests.c.created_at == digest.created_at) & (digests.c.id < digest.id)
    )
    mine = (digests.c.site_id == digest.site_id) & _same_mail(digest.email, digest.segment) & older
    return connection.execute(select(digests.c.id).where(mine).order_by(digests.c.created_at, digests.c.id)).scalar()


def _load(connection: Connection, wanted: ColumnElement[bool] | None) -> list[Digest]:
    query = select(*DIGEST_COLUMNS).order_by(digests.c.email, digests.c.created_at, digests.c.id)
    rows = connection.execute(query if wanted is None else query.where(wanted))
    return [Digest(*row) for row in rows]
