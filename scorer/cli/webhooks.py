"""Commands for webhooks: who is told of lead changes, what was sent, and what became of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection

from scorer import webhooks
from scorer.cli.common import by_option, console, json_option, listing, print_json, service, the_site
from scorer.cli.language import Mistake, language_option
from scorer.cli.webhook_words import word
from scorer.core.labels import Language, pick
from scorer.core.webhook_types import KINDS, PRESETS, SIGNED, event_type
from scorer.outlets.shapes import time_text
from scorer.resources import now_ms
from scorer.webhook_delivery import send_test, transport_of
from tracker.sites import load_sites

_HOUR_MS = 3_600_000
_SPAN = re.compile(r"(\d{1,6})([mhd])")
_SPAN_MS = {"m": 60_000, "h": _HOUR_MS, "d": 24 * _HOUR_MS}

_site_option = click.option("--site", "site_name", help="Site it is of; may be left out while there is only one.")
_secret_option = click.option("--secret", default="", help="Only for dingtalk and feishu: what they gave out to sign by.")


@click.group()
def webhook() -> None:
    """Addresses that are told of what happens to leads."""


@webhook.command("add")
@click.argument("url")
@_site_option
@click.option("--name", default="", help="Default: the host.")
@click.option("--preset", type=click.Choice(PRESETS), default="standard", show_default=True, help="Shape of the messages.")
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Repeat for several. Default: the preset's.")
@click.option("--segment", default="", help="Only of leads in this segment.")
@click.option("--contact", default="", metavar="EMAIL", help="Who is told when it is switched off.")
@click.option("--texts", type=click.Choice(["en", "zh"]), default=None, help="Language of messages. Default: the site's.")
@_secret_option
@by_option
@language_option
@json_option
def webhook_add(
    url: str,
    site_name: str | None,
    name: str,
    preset: str,
    kinds: tuple[str, ...],
    segment: str,
    contact: str,
    texts: str | None,
    secret: str,
    by: str,
    language: Language,
    as_json: bool,
) -> None:
    """Make a webhook. Its secret, if it has one made here, is shown once."""
    with service() as resources, resources.database.writing() as connection:
        made = webhooks.add_webhook(
            connection,
            the_site(connection, site_name),
            url,
            by,
            now_ms(),
            name=name,
            preset=preset,
            kinds=kinds,
            segment=segment,
            language=texts or "",
            contact=contact,
            secret=secret,
        )
    shown = "" if secret else made.secret
    if as_json:
        print_json({**_told(made.webhook), "secret": shown})
        return
    click.echo(word("is webhook", language, name=made.webhook.name, id=made.webhook.id))
    if shown:
        click.echo(word("secret", language, secret=shown))
    click.echo(word("try it", language, id=made.webhook.id))


@webhook.command("list")
@_site_option
@language_option
@json_option
def webhook_list(site_name: str | None, language: Language, as_json: bool) -> None:
    """List webhooks and how they do."""
    with service() as resources, resources.database.reading() as connection:
        site_id = the_site(connection, site_name).id if site_name else None
        known = webhooks.list_webhooks(connection, site_id)
        waiting = {one.id: webhooks.count_waiting(connection, one.id) for one in known}
    if as_json:
        print_json([{**_told(one), "waiting": waiting[one.id]} for one in known])
        return
    if not known:
        console.print(word("no webhook", language))
        return
    titles = ("id", "name", "preset", "segment", "waiting", "state")
    table = listing(*(word(title, language) for title in titles))
    for one in known:
        segment = one.segment or word("all leads", language)
        cells = (one.name, one.preset, segment, f"{waiting[one.id]:,}", _state(one, language))
        table.add_row(one.id, *(Text(cell) for cell in cells))
    console.print(table)


@webhook.command("show")
@click.argument("webhook_id")
@language_option
@json_option
def webhook_show(webhook_id: str, language: Language, as_json: bool) -> None:
    """Show one webhook. Its address is shown in full: that of a chat robot is a secret."""
    with service() as resources, resources.database.reading() as connection:
        one = _find(connection, webhook_id)
        waiting = webhooks.count_waiting(connection, one.id)
    if as_json:
        print_json({**_told(one), "waiting": waiting})
        return
    table = Table(box=None, show_header=False)
    rows = {
        "id": one.id,
        "name": one.name,
        "address": one.url,
        "preset": one.preset,
        "kinds": ", ".join(one.kinds),
        "segment": one.segment or word("all leads", language),
        "language": one.language,
        "contact": one.contact,
        "made": time_text(one.created_at),
        "waiting": f"{waiting:,}",
        "state": _state(one, language),
    }
    for title, cell in rows.items():
        table.add_row(word(title, language), Text(cell))
    console.print(table)


@webhook.command("test")
@click.argument("webhook_id")
@language_option
@json_option
def webhook_test(webhook_id: str, language: Language, as_json: bool) -> None:
    """Send a test message now and say what came back. Exit 1 if it was not taken."""
    with service() as resources:
        transport = transport_of(resources.settings)
        with resources.database.reading() as connection:
            one = _find(connection, webhook_id)
            site = load_sites(connection)[one.site_id]
        attempt = send_test(resources.database, transport, site, one, now_ms, language)
    if as_json:
        print_json(attempt)
    elif attempt.error:
        click.echo(word("test bad", language, error=attempt.error))
    else:
        click.echo(word("test good", language, status=attempt.status, ms=attempt.took_ms))
    if attempt.error:
        raise SystemExit(1)


@webhook.command("rotate")
@click.argument("webhook_id")
@click.option("--overlap", "hours", default=24, show_default=True, help="Hours for which the old secret still counts.")
@_secret_option
@by_option
@language_option
@json_option
def webhook_rotate(webhook_id: str, hours: int, secret: str, by: str, language: Language, as_json: bool) -> None:
    """Give a webhook a new secret. It is shown once."""
    with service() as resources, resources.database.writing() as connection:
        one = _find(connection, webhook_id)
        made = webhooks.rotate_secret(connection, one, by, now_ms(), secret=secret, overlap_ms=hours * _HOUR_MS)
    shown = "" if secret else made.secret
    if as_json:
        print_json({"id": one.id, "secret": shown})
        return
    if shown:
        click.echo(word("secret", language, secret=shown))
    signed_by_both = one.preset in SIGNED and hours > 0
    click.echo(word("rotated" if signed_by_both else "rotated at once", language, hours=hours))


@webhook.command("enable")
@click.argument("webhook_id")
@click.option("--missed", is_flag=True, help="Send what has happened since it was switched off, too.")
@by_option
@language_option
def webhook_enable(webhook_id: str, missed: bool, by: str, language: Language) -> None:
    """Switch a webhook on again."""
    with service() as resources:
        with resources.database.writing() as connection:
            one = webhooks.enable_webhook(connection, _find(connection, webhook_id), by, now_ms(), missed=missed)
        resources.tell_committed()
    click.echo(word("on with missed" if missed else "on", language, name=one.name))


@webhook.command("remove")
@click.argument("webhook_id")
@by_option
@language_option
def webhook_remove(webhook_id: str, by: str, language: Language) -> None:
    """Remove a webhook with all that was sent to it."""
    with service() as resources, resources.database.writing() as connection:
        one = _find(connection, webhook_id)
        webhooks.remove_webhook(connection, one, by, now_ms())
    click.echo(word("removed", language, name=one.name))


@webhook.command("log")
@click.argument("webhook_id")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--failed", is_flag=True, help="Only those given up.")
@language_option
@json_option
def webhook_log(webhook_id: str, limit: int, failed: bool, language: Language, as_json: bool) -> None:
    """Show what was sent, newest first, and what came back."""
    with service() as resources, resources.database.reading() as connection:
        one = _find(connection, webhook_id)
        sent = webhooks.list_deliveries(connection, one.id, limit=limit, state="failed" if failed else "")
        tries = webhooks.list_attempts(connection, [each.id for each in sent], language)
    if as_json:
        print_json([{**msgspec.to_builtins(each), "tries": tries.get(each.id, [])} for each in sent])
        return
    if not sent:
        console.print(word("no delivery", language))
        return
    titles = ("at", "type", "lead", "state", "tries", "last", "id")
    table = listing(*(word(title, language) for title in titles))
    for each in sent:
        mine = tries.get(each.id, [])
        last = (mine[-1].error or str(mine[-1].status)) if mine else ""
        state = word(f"state {each.state}", language)
        cells = (event_type(each.kind), each.lead_id, state, str(len(mine)), last, each.id)
        table.add_row(time_text(each.created_at), *(Text(cell) for cell in cells))
    console.print(table)


@webhook.command("replay")
@click.argument("webhook_id")
@click.option("--delivery", default="", help="Id of one delivery.")
@click.option("--since", metavar="TIME", help="All made from then on: 2026-11-19T10:30:00Z, or 90m, 36h, 3d ago.")
@click.option("--only-failed", is_flag=True, help="Of those since a time, not what was delivered.")
@by_option
@language_option
@json_option
def webhook_replay(
    webhook_id: str, delivery: str, since: str | None, only_failed: bool, by: str, language: Language, as_json: bool
) -> None:
    """Send one delivery once more, or all since a time. They keep their ids."""
    now = now_ms()
    since_ms = None if since is None else _time(since, now)
    with service() as resources:
        with resources.database.writing() as connection:
            one = _find(connection, webhook_id)
            count = webhooks.replay(
                connection, one, by, now, delivery_id=delivery, since_ms=since_ms, only_failed=only_failed
            )
        resources.tell_committed()
    if as_json:
        print_json({"deliveries": count})
    else:
        click.echo(word("replayed", language, count=count))


def _find(connection: Connection, webhook_id: str) -> webhooks.Webhook:
    found = webhooks.find_webhook(connection, None, webhook_id)
    if found is None:
        raise Mistake(f"There is no webhook {webhook_id!r}.", f"没有 webhook {webhook_id!r}。")
    return found


def _time(text: str, now: int) -> int:
    """Return a time in ms since 1970 UTC: said as such (without a zone: UTC), or as a span before *now*."""
    if (span := _SPAN.fullmatch(text)) is not None:
        return now - int(span[1]) * _SPAN_MS[span[2]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Mistake(
            f"{text!r} is no time; say 2026-11-19T10:30:00Z or 36h.",
            f"{text!r} 不是时间，例如 2026-11-19T10:30:00Z 或 36h。",
        ) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _state(one: webhooks.Webhook, language: Language) -> str:
    if one.disabled_at is not None:
        why = pick(webhooks.DISABLED_WHY[one.disabled_why], language)
        return word("off", language, since=time_text(one.disabled_at), why=why)
    if one.failing_since is not None:
        return word("failing", language, since=time_text(one.failing_since))
    return word("good", language)


def _told(one: webhooks.Webhook) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(one)
    return told


COMMANDS = (webhook,)
