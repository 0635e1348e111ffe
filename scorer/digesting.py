"""Sending digests: take one that is due, write it, hand it over, mark it. Each reader gets 0 or 1 mails a week.

A row of the ledger is taken before anything is sent, in the transaction that sets the next due time; whoever comes second
finds it taken. If the sender dies between taking and marking, the row stays ``claimed``: nobody knows whether the mail
went out, and it is not sent again by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final, Literal

import msgspec
from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import OperationalError

from scorer.core.digest import Facts, is_sign_of_life_due, message_id
from scorer.core.digest_weeks import Slot, Week, due_ms, next_due, owed, week_of
from scorer.core.mail_reasons import MAX_DETAIL, MailReason
from scorer.core.one_line import one_line
from scorer.core.phrases import HOUR_MS, MINUTE_MS
from scorer.digest_facts import read_facts
from scorer.digests import DIGEST_COLUMNS, Digest, find_digest, last_rows, twin_of
from scorer.lead_views import Viewpoint
from scorer.mail.digest_mail import address_to, write, write_sign_of_life
from scorer.mail.letters import Sender, Written
from scorer.mailing import MailDelayed, Mailer, MailRefused, ServerAway
from scorer.outlet_models import digest_mails, digests
from scorer.scorecards import current_cards
from scorer.segments import find_segment
from scorer.users import find_user
from tracker.db import Database
from tracker.log import get_logger
from tracker.sites import load_sites

RETRY_AFTER_MS: Final = 15 * MINUTE_MS
RETRY_WITHIN_MS: Final = 24 * HOUR_MS
"""After its due time, within which a delayed mail is tried again."""
_REMEMBERED: Final = 50
"""Digests that are kept as written, for the next reader who gets the same."""

_DATABASE: Final[MailReason] = "database"

State = Literal["sent", "empty", "skipped", "late", "delayed", "failed"]
log = get_logger(__name__)


class Decision(msgspec.Struct, frozen=True):
    """What is to be done about a digest: send what is written, or record why not."""

    state: State
    reason: MailReason | Literal[""] = ""
    detail: str = ""
    """What belongs into the words of the reason."""
    written: Written | None = None
    """``None`` unless it is to be sent."""
    site_name: str = ""


class Tally(msgspec.Struct):
    """What became of the digests that were due."""

    sent: int = 0
    empty: int = 0
    skipped: int = 0
    late: int = 0
    delayed: int = 0
    failed: int = 0
    server_away: bool = False
    """Whether it was given up since the mail server takes no mails now; the others stay due."""


class _Taken(msgspec.Struct, frozen=True):
    """A digest whose row in the ledger is ours."""

    digest: Digest
    week: Week


class Content(msgspec.Struct, frozen=True):
    """What a digest says to all who read the same leads, language and time zone."""

    site_name: str
    facts: Facts
    written: Written


class Writer:
    """Decides what digests say; what is the same for several readers is read and written once."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._known: dict[tuple[int, str, str, str, str], Content | None] = {}

    def decide(self, connection: Connection, digest: Digest, week: Week, now_ms: int) -> Decision:
        """Return what is to be done about the digest of a week, as of now."""
        user = find_user(connection, digest.email)
        if user is not None and (user.disabled_at is not None or digest.site_id not in user.roles):
            return Decision("skipped", "no_access")
        twin = twin_of(connection, digest)
        if twin is not None:
            return Decision("skipped", "twin", twin)
        content = self.read(connection, digest, week, now_ms)
        if content is None:
            return Decision("skipped", "segment_gone", digest.segment)
        if not content.facts.is_empty:
            return Decision("sent", written=content.written, site_name=content.site_name)
        before = [row.state for row in last_rows(connection, digest.id, 10) if row.period < week.name]
        if is_sign_of_life_due(before):
            written = write_sign_of_life(digest, content.site_name)
            return Decision("sent", "sign_of_life", "", written, content.site_name)
        return Decision("empty")

    def read(self, connection: Connection, digest: Digest, week: Week, now_ms: int) -> Content | None:
        """Return what the digest says of a week; ``None`` where its segment doesn't exist."""
        key = (digest.site_id, digest.segment, digest.language, digest.time_zone, week.name)
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = self._read(connection, digest, week, now_ms)
        return self._known[key]

    def _read(self, connection: Connection, digest: Digest, week: Week, now_ms: int) -> Content | None:
        site = load_sites(connection)[digest.site_id]
        saved = find_segment(connection, site.id, digest.segment) if digest.segment else None
        if digest.segment and saved is None:
            return None
        view = Viewpoint(site, current_cards(connection)[site.id], now_ms, digest.language, self._base_url)
        facts = read_facts(connection, view, saved.where if saved else None, week, digest.zone)
        return Content(site.name, facts, write(digest, site.name, week, facts, self._base_url))


def send_due(
    database: Database, mailer: Mailer, sender: Sender, now: Callable[[], int], stopping: Callable[[], bool] = lambda: False
) -> Tally:
    """Send the digests that are due, one after the other, until there are none left or it is to stop.

    Several may do so at once. *now* tells the time in ms since 1970 UTC. Without a mail server nothing is taken.
    """
    tally, writer = Tally(), Writer(sender.base_url)
    while mailer.available and not stopping() and not tally.server_away:
        found = _take(database, sender, now(), tally)
        if found is None:
            break
        if isinstance(found, _Taken):
            _deliver(database, mailer, sender, writer, found, now, tally)
    return tally


def send_again(
    database: Database, mailer: Mailer, sender: Sender, digest: Digest, week: Week, now: Callable[[], int]
) -> Tally:
    """Send the digest of a week whatever the ledger says of it, since a person wants so: by the same ``Message-ID``."""
    tally = Tally()
    with database.writing() as connection:
        _insert(connection, digest, week, "claimed", sender, now())
        _mark(connection, digest, week, "claimed", now())
    _deliver(database, mailer, sender, Writer(sender.base_url), _Taken(digest, week), now, tally)
    return tally


def due_digests(connection: Connection, now_ms: int) -> list[tuple[Digest, Slot]]:
    """Return the digests that are due at *now_ms*, each with the last week that it owes; nothing is taken."""
    query = select(*DIGEST_COLUMNS).where(digests.c.next_at <= now_ms).order_by(digests.c.next_at, digests.c.id)
    found = []
    for digest in (Digest(*row) for row in connection.execute(query)):
        slots = _owed(digest, now_ms)
        if slots:
            found.append((digest, slots[-1]))
    return found


def _take(database: Database, sender: Sender, now_ms: int, tally: Tally) -> _Taken | Literal["nothing to send"] | None:
    """Take one digest that is due or is to be tried again; ``None`` where there is none left."""
    with database.writing() as connection:
        return _take_due(connection, sender, now_ms, tally) or _take_delayed(connection, now_ms, tally)


def _take_due(
    connection: Connection, sender: Sender, now_ms: int, tally: Tally
) -> _Taken | Literal["nothing to send"] | None:
    # Readers of the same follow each other, so that it is written once.
    order = (digests.c.next_at, digests.c.site_id, digests.c.segment, digests.c.language, digests.c.id)
    query = select(*DIGEST_COLUMNS).where(digests.c.next_at <= now_ms).order_by(*order).limit(1)
    row = connection.execute(query.with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    digest = Digest(*row)
    slots = _owed(digest, now_ms)
    following = next_due(now_ms, digest.weekday, digest.hour, digest.zone)
    connection.execute(update(digests).where(digests.c.id == digest.id).values(next_at=following))
    taken: _Taken | None = None
    for place, slot in enumerate(slots, start=1):
        if place < len(slots) or slot.is_late(now_ms):
            tally.late += _insert(connection, digest, slot.week, "late", sender, now_ms)
        elif _insert(connection, digest, slot.week, "claimed", sender, now_ms):
            taken = _Taken(digest, slot.week)
    return taken or "nothing to send"


def _take_delayed(connection: Connection, now_ms: int, tally: Tally) -> _Taken | Literal["nothing to send"] | None:
    mail = digest_mails.c
    query = select(mail.digest_id, mail.period).where(mail.retry_at <= now_ms).order_by(mail.retry_at).limit(1)
    row = connection.execute(query.with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    digest = find_digest(connection, row.digest_id)
    assert digest is not None  # the ledger goes with its digest
    week = week_of(date.fromisoformat(row.period), digest.zone)
    if digest.unsubscribed_at is not None:
        tally.skipped += _mark(connection, digest, week, "skipped", now_ms, "unsubscribed")
        return "nothing to send"
    if Slot(week, due_ms(week.first, digest.weekday, digest.hour, digest.zone)).is_late(now_ms):
        tally.late += _mark(connection, digest, week, "late", now_ms)
        return "nothing to send"
    _mark(connection, digest, week, "claimed", now_ms)
    return _Taken(digest, week)


def _deliver(
    database: Database,
    mailer: Mailer,
    sender: Sender,
    writer: Writer,
    taken: _Taken,
    now: Callable[[], int],
    tally: Tally,
) -> None:
    """Write, hand over and mark a digest that is ours."""
    digest, week = taken.digest, taken.week
    retry_at: int | None = None
    try:
        with database.reading() as connection:
            decision = writer.decide(connection, digest, week, now())
        if decision.written is not None:
            mailer.send(address_to(digest, decision.site_name, week, decision.written, sender, now()))
    except (MailDelayed, OperationalError) as error:
        tally.server_away = isinstance(error, ServerAway)
        reason, detail = (error.reason, error.detail) if isinstance(error, MailDelayed) else (_DATABASE, "")
        again, due = now() + RETRY_AFTER_MS, due_ms(week.first, digest.weekday, digest.hour, digest.zone)
        if again <= due + RETRY_WITHIN_MS:
            decision, retry_at = Decision("delayed", reason, detail), again
        else:
            decision = Decision("failed", reason, detail)
    except MailRefused as error:
        decision = Decision("failed", error.reason, error.detail)
    except Exception as error:
        # One digest that can't be written must not keep the others from being sent.
        log.exception("digest_failed", digest=digest.id, week=week.name)
        decision = Decision("failed", "fault", type(error).__name__)
    with database.writing() as connection:
        _mark(connection, digest, week, decision.state, now(), decision.reason, decision.detail, retry_at)
    setattr(tally, decision.state, getattr(tally, decision.state) + 1)


def _owed(digest: Digest, now_ms: int) -> list[Slot]:
    assert digest.next_at is not None  # it is due
    return owed(digest.next_at, now_ms, digest.weekday, digest.hour, digest.zone)


_INSERT: Final = text(
    "INSERT INTO digest_mails (digest_id, period, state, at, message_id, reason, detail) "
    "VALUES (:digest_id, :period, :state, :at, :message_id, '', '') ON CONFLICT (digest_id, period) DO NOTHING"
)


def _insert(connection: Connection, digest: Digest, week: Week, state: str, sender: Sender, now_ms: int) -> int:
    """Write a row of the ledger; return 1, or 0 where there is one already."""
    name = message_id(digest.id, week.name, sender.host)
    values = {"digest_id": digest.id, "period": week.name, "state": state, "at": now_ms, "message_id": name}
    return connection.execute(_INSERT, values).rowcount


def _mark(
    connection: Connection,
    digest: Digest,
    week: Week,
    state: str,
    now_ms: int,
    reason: MailReason | Literal[""] = "",
    detail: str = "",
    retry_at: int | None = None,
) -> int:
    """Change a row of the ledger; return how many there were: 1, or 0 where the digest was removed meanwhile."""
    mine = (digest_mails.c.digest_id == digest.id) & (digest_mails.c.period == week.name)
    values = {"state": state, "at": now_ms, "retry_at": retry_at, "reason": reason, "detail": one_line(detail, MAX_DETAIL)}
    return connection.execute(update(digest_mails).where(mine).values(values)).rowcount
