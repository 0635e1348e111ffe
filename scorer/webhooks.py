"""Webhooks of a site: who is told of lead changes, where, in which shape, and what became of each message.

Changes become deliveries in ``webhook_outbox``, deliveries are sent in ``webhook_delivery``.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from scorer.auditing import note
from scorer.changes_feed import feed_head
from scorer.core.labels import Label, Language
from scorer.core.webhook_signing import OVERLAP_MS, Secret, rotated
from scorer.core.webhook_types import SECRET_OF_ROBOT, SIGNED, Preset
from scorer.outlet_models import webhook_deliveries, webhooks
from scorer.subscription_checks import checked_language, checked_segment
from scorer.webhook_checks import (
    WebhookError,
    checked_contact,
    checked_host,
    checked_kinds,
    checked_name,
    checked_preset,
    first_secret,
)
from scorer.webhook_log import (
    Attempt,
    Delivery,
    change_deliveries,
    count_waiting,
    delete_deliveries,
    list_attempts,
    list_deliveries,
    not_under_way,
)
from tracker import bulk
from tracker.sites import Site

__all__ = [
    "DISABLED_WHY",
    "MAX_WEBHOOKS",
    "Attempt",
    "Delivery",
    "NewWebhook",
    "Webhook",
    "WebhookError",
    "add_webhook",
    "count_waiting",
    "disable_webhook",
    "due_webhooks",
    "enable_webhook",
    "find_webhook",
    "list_attempts",
    "list_deliveries",
    "list_webhooks",
    "load_secrets",
    "remove_webhook",
    "replay",
    "rotate_secret",
]

MAX_WEBHOOKS: Final = 20
"""Webhooks of a site: each change is turned into a message for every one of them."""
DisabledWhy = Literal["", "gone", "failing", "segment_gone", "by_hand"]


class Webhook(msgspec.Struct, frozen=True):
    """A webhook without its secrets. Times in ms since 1970 UTC."""

    id: str
    site_id: int
    name: str
    url: str
    preset: Preset
    kinds: tuple[str, ...]
    """Kinds of change it is told of."""
    segment: str
    """Name of the segment it is told of; empty: all leads."""
    language: Language
    contact: str
    """Who is told by mail when it is switched off; may be empty."""
    last_sequence: int
    """The last change that has become a delivery, or wasn't for it."""
    failing_since: int | None
    """When the first attempt failed after the last success; ``None`` while all is well."""
    disabled_at: int | None
    """``None`` unless it was switched off."""
    disabled_why: DisabledWhy
    """Empty while it is on."""
    created_at: int


class NewWebhook(msgspec.Struct, frozen=True):
    """A webhook just made or given a new secret; ``secret`` can't be shown again, and is empty where there is none."""

    webhook: Webhook
    secret: str


DISABLED_WHY: Final[dict[DisabledWhy, Label]] = {
    "gone": Label("the receiver says that it is gone (410)", "接收方表示地址已失效（410）"),
    "failing": Label("nothing could be delivered for five days", "连续五天无法投递"),
    "segment_gone": Label("its segment no longer exists", "其分组已不存在"),
    "by_hand": Label("it was switched off by hand", "已被手动停用"),
}
"""Why a webhook was switched off, for people."""

_COLUMNS: Final = tuple(webhooks.c[name] for name in Webhook.__struct_fields__)


def add_webhook(
    connection: Connection,
    site: Site,
    url: str,
    actor: str,
    now_ms: int,
    *,
    name: str = "",
    preset: str = "standard",
    kinds: Sequence[str] = (),
    segment: str = "",
    language: str = "",
    contact: str = "",
    secret: str = "",
) -> NewWebhook:
    """Make a webhook that is told of what happens from now on, and return it with its secret. Raises ``WebhookError``.

    *kinds* empty: those of the preset. *secret* is what DingTalk or Feishu gave out; for other presets it must be empty,
    and those that are signed get one made here. The address is resolved at each attempt, not here.
    """
    told, host = checked_preset(preset), checked_host(url)
    values = {
        "id": f"wh_{secrets.token_hex(8)}",
        "site_id": site.id,
        "name": checked_name(name) or host,
        "url": url,
        "preset": told,
        "kinds": msgspec.json.encode(checked_kinds(kinds, told)).decode(),
        "segment": checked_segment(connection, site.id, segment, WebhookError),
        "language": checked_language(language or site.settings.language, WebhookError),
        "contact": checked_contact(contact),
        "last_sequence": feed_head(connection, site.id).last_sequence,
        "disabled_why": "",
        "created_at": now_ms,
    }
    count = select(func.count()).select_from(webhooks).where(webhooks.c.site_id == site.id)
    if connection.execute(count).scalar_one() >= MAX_WEBHOOKS:
        raise WebhookError(
            "site", f"A site has {MAX_WEBHOOKS} webhooks at most.", f"每个站点最多 {MAX_WEBHOOKS} 个 webhook。"
        )
    made = first_secret(told, secret)
    values["secrets"] = _written([Secret(made)] if made else [])
    connection.execute(insert(webhooks).values(values))
    detail = {"preset": told, "host": host}
    note(connection, site.id, actor, "webhook add", str(values["id"]), "", detail, now_ms)
    found = find_webhook(connection, site.id, str(values["id"]))
    assert found is not None
    return NewWebhook(found, made)


def list_webhooks(connection: Connection, site_id: int | None = None) -> list[Webhook]:
    """Return the webhooks of a site, or of all sites, the oldest first."""
    query = select(*_COLUMNS).order_by(webhooks.c.created_at, webhooks.c.id)
    return [_webhook(row) for row in connection.execute(query if site_id is None else query.where(_of(site_id)))]


def due_webhooks(connection: Connection, now_ms: int) -> list[Webhook]:
    """Return the webhooks that have something to be sent now; those that fail come last."""
    column = webhook_deliveries.c
    due = select(column.id).where(column.webhook_id == webhooks.c.id, column.next_at <= now_ms).exists()
    query = select(*_COLUMNS).where(webhooks.c.disabled_at.is_(None), due)
    rows = connection.execute(query.order_by(webhooks.c.failing_since.is_not(None), webhooks.c.id))
    return [_webhook(row) for row in rows]


def find_webhook(connection: Connection, site_id: int | None, webhook_id: str) -> Webhook | None:
    """Return the webhook with this id; ``None`` where the site (``None``: any) has none."""
    query = select(*_COLUMNS).where(webhooks.c.id == webhook_id)
    row = connection.execute(query if site_id is None else query.where(_of(site_id))).first()
    return None if row is None else _webhook(row)


def remove_webhook(connection: Connection, webhook: Webhook, actor: str, now_ms: int) -> None:
    """Delete a webhook with its deliveries."""
    # Locked first: what turns changes into deliveries, or sends them, waits here and then finds it gone.
    bulk.select_where_in(connection, webhooks, ("id",), "id", [webhook.id], lock=True)
    delete_deliveries(connection, webhook.id)
    connection.execute(delete(webhooks).where(webhooks.c.id == webhook.id))
    note(connection, webhook.site_id, actor, "webhook remove", webhook.id, "", {"name": webhook.name}, now_ms)


def rotate_secret(
    connection: Connection, webhook: Webhook, actor: str, now_ms: int, *, secret: str = "", overlap_ms: int = OVERLAP_MS
) -> NewWebhook:
    """Give a webhook a new secret and return it. The old one goes on being signed by for *overlap_ms*, at most a week.

    Robots take their own *secret* at once: they check one only. Raises ``WebhookError``.
    """
    if not 0 <= overlap_ms <= 7 * 86_400_000:
        raise WebhookError("overlap", "The old secret can go on for 7 days at most.", "旧密钥最多再保留 7 天。")
    if webhook.preset not in SIGNED | SECRET_OF_ROBOT:
        raise WebhookError(
            "secret",
            f"A webhook for {webhook.preset} has no secret: its address is one.",
            f"{webhook.preset} 的 webhook 没有密钥：地址本身即为密钥。",
        )
    made = first_secret(webhook.preset, secret)
    if not made:
        raise WebhookError(
            "secret", f"Say the secret that {webhook.preset} has given out.", f"请填写 {webhook.preset} 提供的密钥。"
        )
    row = bulk.select_where_in(connection, webhooks, ("secrets",), "id", [webhook.id], lock=True)[0]
    before = _read(row[0])
    after = rotated(before, made, now_ms, overlap_ms) if webhook.preset in SIGNED else [Secret(made)]
    connection.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(secrets=_written(after)))
    note(connection, webhook.site_id, actor, "webhook rotate", webhook.id, "", {}, now_ms)
    return NewWebhook(webhook, made)


def enable_webhook(connection: Connection, webhook: Webhook, actor: str, now_ms: int, *, missed: bool = False) -> Webhook:
    """Switch a webhook on again and return it. It is told of what happens from now on; *missed*: also of what has happened
    since it was switched off, and what was waiting then is tried again."""
    values: dict[str, Any] = {"disabled_at": None, "disabled_why": "", "failing_since": None, "tell_at": None}
    was_off = webhook.disabled_at is not None
    if was_off and not missed:
        values["last_sequence"] = feed_head(connection, webhook.site_id).last_sequence
    connection.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(values))
    if was_off:
        waiting = (webhook_deliveries.c.webhook_id == webhook.id) & webhook_deliveries.c.next_at.is_not(None)
        if missed:
            again = {"state": "waiting", "next_at": now_ms, "attempts": 0}
            change_deliveries(connection, waiting & not_under_way(now_ms), again)
        else:
            change_deliveries(connection, waiting, {"state": "stopped", "next_at": None})
    note(connection, webhook.site_id, actor, "webhook enable", webhook.id, "", {"missed": missed}, now_ms)
    found = find_webhook(connection, webhook.site_id, webhook.id)
    assert found is not None
    return found


def disable_webhook(connection: Connection, webhook: Webhook, why: DisabledWhy, actor: str, now_ms: int) -> None:
    """Switch a webhook off: nothing becomes a delivery or is sent until it is switched on again. Its contact is told.

    What waits stays as it is: ``enable_webhook`` decides about it.
    """
    mine = (webhooks.c.id == webhook.id) & webhooks.c.disabled_at.is_(None)
    values = {"disabled_at": now_ms, "disabled_why": why, "tell_at": now_ms if webhook.contact else None}
    if connection.execute(update(webhooks).where(mine).values(values)).rowcount:
        note(connection, webhook.site_id, actor, "webhook disable", webhook.id, why, {}, now_ms)


def replay(
    connection: Connection,
    webhook: Webhook,
    actor: str,
    now_ms: int,
    *,
    delivery_id: str = "",
    since_ms: int | None = None,
    only_failed: bool = False,
) -> int:
    """Send a delivery once more, or all made since a time; return how many. Raises ``WebhookError``.

    They keep their ids: who has them already can tell. Those still waiting are tried now, those under way left to their
    sender. *only_failed*: not what was delivered.
    """
    if webhook.disabled_at is not None:
        raise WebhookError("webhook", "It is switched off; switch it on first.", "该 webhook 已停用，请先启用。")
    if bool(delivery_id) == (since_ms is not None):
        raise WebhookError("delivery", "Say either one delivery or a time.", "请指定一条投递或一个时间，二者选一。")
    column = webhook_deliveries.c
    wanted = (column.webhook_id == webhook.id) & (column.kind != "ping") & not_under_way(now_ms)
    wanted &= column.id == delivery_id if delivery_id else column.created_at >= since_ms
    if only_failed:
        wanted &= column.state != "delivered"
    # Attempts count anew; in the log they go on being numbered.
    count = change_deliveries(connection, wanted, {"state": "waiting", "next_at": now_ms, "attempts": 0})
    if delivery_id and count == 0 and not only_failed:
        raise WebhookError(
            "delivery",
            f"This webhook has no delivery {delivery_id[:50]!r} that can be sent again.",
            f"该 webhook 没有可重发的投递 {delivery_id[:50]!r}。",
        )
    detail = {"delivery": delivery_id, "since": since_ms, "count": count}
    note(connection, webhook.site_id, actor, "webhook replay", webhook.id, "", detail, now_ms)
    return count


def load_secrets(connection: Connection, webhook_id: str) -> list[Secret]:
    """Return the secrets of a webhook, the newest first."""
    return _read(connection.execute(select(webhooks.c.secrets).where(webhooks.c.id == webhook_id)).scalar_one())


def _of(site_id: int) -> Any:
    return webhooks.c.site_id == site_id


def _webhook(row: Any) -> Webhook:
    values = row._asdict()
    return Webhook(**{**values, "kinds": tuple(msgspec.json.decode(values["kinds"]))})


def _read(text: str) -> list[Secret]:
    return msgspec.json.decode(text, type=list[Secret])


def _written(some: list[Secret]) -> str:
    return msgspec.json.encode(some).decode()
