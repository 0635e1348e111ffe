"""Deliveries are sent: taken by a lease, posted, and written down, several at once and none twice at the same time.

Taking is a conditional update of ``next_at``: whoever moves it from a moment that has come to the end of the lease has the
delivery. A sender that is killed lets the lease run out, and the message is sent again with the same id. Nothing is lost,
and a receiver that remembers ids does nothing twice.

One webhook's trouble is its own: so many of its messages are under way at once, one while it fails, and the failing ones
together leave half of the threads to the others.
"""

from __future__ import annotations

import random
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from scorer.core.labels import Language
from scorer.core.webhook_addresses import UrlError, read_allowed
from scorer.core.webhook_backoff import (
    Answer,
    Verdict,
    is_long_failing,
    judge,
    next_delay_ms,
    retry_after_ms,
)
from scorer.core.webhook_presets import body
from scorer.core.webhook_signing import seal, valid
from scorer.core.webhook_troubles import MAX_DETAIL
from scorer.core.webhook_types import PING, ROBOTS
from scorer.outlet_models import webhook_attempts, webhook_deliveries, webhooks
from scorer.robot_pace import RobotPace
from scorer.webhook_log import Attempt, Delivery, hurry, list_attempts
from scorer.webhook_outbox import ping
from scorer.webhook_transport import Transport
from scorer.webhooks import Webhook, WebhookError, disable_webhook, due_webhooks, load_secrets
from tracker.db import Database
from tracker.log import get_logger
from tracker.settings import SettingError, Settings
from tracker.sites import Site

THREADS: Final = 16
AT_ONCE: Final = 4
"""Messages of one webhook under way in one process."""
LEASE_MS: Final = 60_000
"""More than the ten seconds of a request and the time that a slow resolver may take before."""

log = get_logger(__name__)


class _Taken(msgspec.Struct, frozen=True):
    """A delivery that this process has the lease of."""

    id: str
    kind: str
    body: bytes
    lease: int
    """``next_at`` while we have it."""
    webhook: Webhook
    keys: list[str]
    """Secrets to sign by."""


class Courier:
    """Sends what is due, in threads. ``turn`` is called from one thread only."""

    def __init__(
        self,
        database: Database,
        transport: Transport,
        now: Callable[[], int],
        *,
        threads: int = THREADS,
        chance: Callable[[], float] = random.random,
        wake: Callable[[], object] = lambda: None,
        pace: RobotPace | None = None,
    ) -> None:
        """*now* tells the time in ms since 1970 UTC; *wake* is called when a sender has become free; *pace* is kept with all
        other processes (``None``: in this one only)."""
        self._database = database
        self._transport = transport
        self._now = now
        self._chance = chance
        self._wake = wake
        self._threads = threads
        self._lock = threading.Condition()
        self._under_way: Counter[str] = Counter()
        self._in_trouble = 0
        self._pace = pace or RobotPace()

    def turn(self) -> int:
        """Begin to send what is due and may be sent now; return how many messages."""
        with self._lock:
            free = self._threads - sum(self._under_way.values())
        if free <= 0:
            return 0
        with self._database.reading() as connection:
            due = due_webhooks(connection, self._now())
        begun = 0
        for webhook in due:
            allowed = min(self._allowance(webhook), free - begun)
            if allowed > 0:
                begun += self._begin(webhook, allowed)
        return begun

    def settle(self, seconds: float) -> bool:
        """Wait *seconds* at most for the messages under way; return whether they have all come to an end."""
        with self._lock:
            return self._lock.wait_for(lambda: not any(self._under_way.values()), seconds)

    def _allowance(self, webhook: Webhook) -> int:
        with self._lock:
            mine = self._under_way[webhook.id]
            if webhook.failing_since is not None:
                return 0 if mine or self._in_trouble >= max(1, self._threads // 2) else 1
        if webhook.preset in ROBOTS:
            return 1 if not mine and self._pace.may_send(webhook.id) else 0
        return AT_ONCE - mine

    def _begin(self, webhook: Webhook, count: int) -> int:
        with self._database.writing() as connection:
            taken = _take(connection, webhook, count, self._now())
        trouble = webhook.failing_since is not None
        for one in taken:
            with self._lock:
                self._under_way[webhook.id] += 1
                self._in_trouble += trouble
            # No pool: its threads would keep a process that is asked to stop waiting for a receiver that hangs.
            threading.Thread(target=self._run, args=(one, trouble), name="webhook", daemon=True).start()
        return len(taken)

    def _run(self, taken: _Taken, trouble: bool) -> None:
        try:
            self._send(taken)
        except Exception as error:
            # The lease runs out, and the message is sent again.
            log.warning("webhook_sender_failed", webhook=taken.webhook.id, error=type(error).__name__)
        finally:
            with self._lock:
                self._under_way[taken.webhook.id] -= 1
                self._in_trouble -= trouble
                self._lock.notify_all()
            self._wake()

    def _send(self, taken: _Taken) -> None:
        begun_ms = self._now()
        answer = self._transport.post(
            seal(taken.webhook.preset, taken.webhook.url, taken.id, taken.body, taken.keys, begun_ms)
        )
        with self._database.writing() as connection:
            recovered = _finish(connection, taken, answer, begun_ms, self._now(), self._chance())
        if recovered:
            # In a transaction of its own, which locks many deliveries in one order with those who erase.
            with self._database.writing() as connection:
                hurry(connection, taken.webhook.id, self._now())


def transport_of(settings: Settings) -> Transport:
    """Return the way to receivers that the settings allow. Raises ``SettingError``."""
    try:
        return Transport(read_allowed(settings.webhook_allow or ""))
    except UrlError as error:
        variable = "WARMTRAIL_WEBHOOK_ALLOW"
        raise SettingError(f"{variable}: {error}", f"{variable}：{error.label.zh}") from None


def queue_test(connection: Connection, site: Site, webhook: Webhook, now_ms: int) -> Delivery:
    """Put a test message among the deliveries, to be sent within moments, and return it. It is tried once.

    Raises ``WebhookError`` for a webhook that is switched off.
    """
    if webhook.disabled_at is not None:
        raise WebhookError("webhook", "It is switched off; switch it on first.", "该 webhook 已停用，请先启用。")
    name, _ = _insert_test(connection, site, webhook, "waiting", now_ms, now_ms)
    return Delivery(name, webhook.id, "", PING, "waiting", 0, now_ms, now_ms)


def send_test(
    database: Database,
    transport: Transport,
    site: Site,
    webhook: Webhook,
    now: Callable[[], int],
    language: Language = "en",
) -> Attempt:
    """Send a test message at once and return what came of it, told in *language*. It is tried once, and is in the log like
    any other.

    Works for a webhook that is switched off, too, and neither helps nor harms it.
    """
    begun_ms = now()
    lease = begun_ms + LEASE_MS
    with database.writing() as connection:
        name, content = _insert_test(connection, site, webhook, "sending", begun_ms, lease)
        keys = valid(load_secrets(connection, webhook.id), begun_ms)
    taken = _Taken(name, PING, content, lease, webhook, keys)
    answer = transport.post(seal(webhook.preset, webhook.url, name, content, keys, begun_ms))
    with database.writing() as connection:
        _finish(connection, taken, answer, begun_ms, now(), 0.0)
        return list_attempts(connection, [taken.id], language)[taken.id][0]


def _insert_test(
    connection: Connection, site: Site, webhook: Webhook, state: str, now_ms: int, next_at: int
) -> tuple[str, bytes]:
    """Add a test message to the deliveries; return its id and body."""
    content = body(webhook.preset, ping(site, now_ms), webhook.language)
    assert content is not None  # Every preset has one.
    name = f"msg_{secrets.token_hex(12)}"
    values = {"id": name, "webhook_id": webhook.id, "lead_id": "", "kind": PING, "body": content.decode(), "attempts": 0}
    values |= {"state": state, "created_at": now_ms, "next_at": next_at}
    connection.execute(insert(webhook_deliveries).values(values))
    return name, content


def _take(connection: Connection, webhook: Webhook, count: int, now_ms: int) -> list[_Taken]:
    """Take up to *count* due deliveries, the longest due first."""
    column = webhook_deliveries.c
    due = select(column.id, column.kind, column.body, column.next_at).where(
        column.webhook_id == webhook.id, column.next_at <= now_ms
    )
    rows = connection.execute(due.order_by(column.next_at, column.id).limit(count)).all()
    if not rows:
        return []
    keys = valid(load_secrets(connection, webhook.id), now_ms)
    lease = now_ms + LEASE_MS
    taken = []
    for row in sorted(rows, key=lambda row: str(row.id)):
        mine = (column.id == row.id) & (column.next_at == row.next_at)
        if connection.execute(update(webhook_deliveries).where(mine).values(state="sending", next_at=lease)).rowcount:
            taken.append(_Taken(row.id, row.kind, row.body.encode(), lease, webhook, keys))
    return taken


def _finish(connection: Connection, taken: _Taken, answer: Answer, begun_ms: int, now_ms: int, chance: float) -> bool:
    """Write down what came of an attempt, and what follows for the delivery and its webhook; return whether that has
    failed before and works again.

    The webhook is locked before the delivery, as by all who lock both.
    """
    locked = select(webhooks.c.failing_since).where(webhooks.c.id == taken.webhook.id)
    webhook_row = connection.execute(locked.with_for_update(key_share=True)).first()
    column = webhook_deliveries.c
    kept = select(column.attempts, column.next_at).where(column.id == taken.id).with_for_update()
    row = connection.execute(kept).first()
    if webhook_row is None or row is None:
        return False  # Removed or erased meanwhile.
    if row.next_at != taken.lease:
        return False  # We were too slow, and somebody else has taken it over: theirs counts.
    verdict = judge(taken.webhook.preset, answer)
    _log_attempt(connection, taken, answer, verdict, begun_ms)
    state, next_at = _next_state(taken, answer, verdict, row.attempts + 1, now_ms, chance)
    values = {"state": state, "next_at": next_at, "attempts": row.attempts + 1}
    connection.execute(update(webhook_deliveries).where(column.id == taken.id).values(values))
    if taken.kind == PING:
        return False
    failing_since = webhook_row.failing_since
    if verdict.outcome != "delivered":
        _note_failure(connection, taken, verdict, failing_since, begun_ms, now_ms)
    elif failing_since is not None:
        connection.execute(update(webhooks).where(webhooks.c.id == taken.webhook.id).values(failing_since=None))
        log.info("webhook_recovered", webhook=taken.webhook.id)
        return True
    return False


def _log_attempt(connection: Connection, taken: _Taken, answer: Answer, verdict: Verdict, begun_ms: int) -> None:
    count = select(func.coalesce(func.max(webhook_attempts.c.number), 0)).where(webhook_attempts.c.delivery_id == taken.id)
    values: dict[str, Any] = {
        "delivery_id": taken.id,
        "number": connection.execute(count).scalar_one() + 1,
        "at": begun_ms,
        "status": answer.status,
        "took_ms": answer.took_ms,
        "reason": verdict.trouble.reason if verdict.trouble else "",
        "detail": verdict.trouble.detail[:MAX_DETAIL] if verdict.trouble else "",
    }
    connection.execute(insert(webhook_attempts).values(values))


def _next_state(
    taken: _Taken, answer: Answer, verdict: Verdict, attempts: int, now_ms: int, chance: float
) -> tuple[str, int | None]:
    if verdict.outcome == "delivered":
        return "delivered", None
    if verdict.outcome == "gone" or taken.kind == PING:
        return "failed", None
    asked = retry_after_ms(answer.retry_after, now_ms) if answer.retry_after else None
    delay = next_delay_ms(attempts, chance, asked)
    return ("failed", None) if delay is None else ("waiting", now_ms + delay)


def _note_failure(
    connection: Connection, taken: _Taken, verdict: Verdict, failing_since: int | None, begun_ms: int, now_ms: int
) -> None:
    """Note that the webhook fails; switch it off when it is gone, or has failed for days."""
    if failing_since is None:
        failing_since = begun_ms
        connection.execute(update(webhooks).where(webhooks.c.id == taken.webhook.id).values(failing_since=begun_ms))
        log.warning("webhook_failing", webhook=taken.webhook.id)
    if verdict.outcome == "gone" or is_long_failing(failing_since, now_ms):
        why: Any = "gone" if verdict.outcome == "gone" else "failing"
        disable_webhook(connection, taken.webhook, why, "warmtrail", now_ms)
        log.warning("webhook_disabled", webhook=taken.webhook.id, why=why)
