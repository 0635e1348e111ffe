"""Whoever answers for a webhook is told by mail when it was switched off."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Final

from sqlalchemy import Connection, select, update

from scorer.core.labels import Label, Language, pick
from scorer.core.one_line import one_line
from scorer.mailing import MailDelayed, Mailer, MailRefused
from scorer.outlet_models import webhooks
from scorer.webhooks import DISABLED_WHY, Webhook, find_webhook
from tracker.db import Database
from tracker.log import get_logger

AGAIN_MS: Final = 10 * 60_000
"""Until another try, and for how long nobody else tries."""
_SUBJECT: Final = Label("Webhook “{name}” was switched off", "Webhook“{name}”已停用")
_TEXT: Final = Label(
    "Warmtrail has switched off the webhook “{name}” ({id}), since {why}.\n\n"
    "Nothing is sent to it any more. Once it is in order again, switch it on:\n"
    "  warmtrail webhook enable {id}\n"
    "With --missed, what has happened meanwhile is sent, too.\n\n"
    "What was tried, and what came back:\n"
    "  warmtrail webhook log {id}\n\n{url}\n",
    "Warmtrail 已停用 webhook“{name}”（{id}），原因：{why}。\n\n"
    "此后不再向其发送任何内容。恢复正常后，请重新启用：\n"
    "  warmtrail webhook enable {id}\n"
    "加上 --missed 可补发停用期间的变化。\n\n"
    "查看投递记录：\n"
    "  warmtrail webhook log {id}\n\n{url}\n",
)

log = get_logger(__name__)


def tell_contacts(database: Database, mailer: Mailer, now_ms: int, base_url: str) -> int:
    """Mail the contacts of webhooks that were switched off; return how many mails were sent.

    Each is claimed before it is sent. A process that is killed in between leaves it to another after ten minutes: one mail
    too many does less harm here than none.
    """
    if not mailer.available:
        return 0
    sent = 0
    while (webhook := _claim(database, now_ms)) is not None:
        try:
            mailer.send(_mail(webhook, base_url))
            sent += 1
        except MailDelayed as error:
            log.warning("webhook_notice_delayed", webhook=webhook.id, error=type(error).__name__)
            continue
        except MailRefused as error:
            log.warning("webhook_notice_refused", webhook=webhook.id, error=type(error).__name__)
        with database.writing() as connection:
            connection.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(tell_at=None))
    return sent


def _claim(database: Database, now_ms: int) -> Webhook | None:
    with database.reading() as connection:
        if _next(connection, now_ms) is None:
            return None
    with database.writing() as connection:
        found = _next(connection, now_ms)
        if found is None:
            return None
        name, tell_at = found
        mine = (webhooks.c.id == name) & (webhooks.c.tell_at == tell_at)
        if connection.execute(update(webhooks).where(mine).values(tell_at=now_ms + AGAIN_MS)).rowcount == 0:
            return None  # Somebody else tells it.
        return find_webhook(connection, None, name)


def _next(connection: Connection, now_ms: int) -> tuple[str, int] | None:
    due = select(webhooks.c.id, webhooks.c.tell_at).where(webhooks.c.tell_at <= now_ms)
    row = connection.execute(due.order_by(webhooks.c.tell_at, webhooks.c.id).limit(1)).first()
    return None if row is None else (row.id, row.tell_at)


def _mail(webhook: Webhook, base_url: str) -> EmailMessage:
    language: Language = webhook.language
    words = {
        "name": one_line(webhook.name, 100),
        "id": webhook.id,
        "why": pick(DISABLED_WHY[webhook.disabled_why], language) if webhook.disabled_why else "",
        "url": f"{base_url}/webhooks",
    }
    message = EmailMessage()
    message["To"] = webhook.contact
    message["Subject"] = pick(_SUBJECT, language).format(**words)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(pick(_TEXT, language).format(**words))
    return message
