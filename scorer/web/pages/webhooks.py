"""Settings: webhooks of the site, what was sent to each, and what became of it."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import quote

import msgspec
from flask import Response
from sqlalchemy import Connection, select

from scorer import webhooks
from scorer.core.decay import DAY_MS
from scorer.core.labels import Label, pick
from scorer.core.webhook_types import KINDS, PRESETS, SECRET_OF_ROBOT, SIGNED, Preset, event_type
from scorer.outlet_models import webhooks as webhook_rows
from scorer.segments import list_segments
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.rendering import redirect, render
from scorer.webhook_delivery import queue_test

HERE: Final = "/settings/webhooks"
SHOWN: Final = 30
PRESET_WORDS: Final[dict[Preset, Label]] = {
    "standard": Label("Standard Webhooks (JSON, signed)", "Standard Webhooks（JSON，带签名）"),
    "slack": Label("Slack channel", "Slack 频道"),
    "wecom": Label("WeCom robot", "企业微信群机器人"),
    "dingtalk": Label("DingTalk robot", "钉钉群机器人"),
    "feishu": Label("Feishu robot", "飞书群机器人"),
    "hubspot": Label("HubSpot-shaped JSON", "HubSpot 格式 JSON"),
    "salesforce": Label("Salesforce-shaped JSON", "Salesforce 格式 JSON"),
}
STATES: Final[dict[str, tuple[Label, str]]] = {
    "waiting": (Label("waiting", "等待中"), "info"),
    "sending": (Label("being sent", "发送中"), "info"),
    "delivered": (Label("delivered", "已送达"), "good"),
    "failed": (Label("given up", "已放弃"), "bad"),
    "stopped": (Label("left out", "已略过"), "plain"),
}
"""What became of a message, and the tone of its badge."""


class LogQuery(msgspec.Struct, frozen=True):
    """Which part of the log is read."""

    before: Annotated[str, msgspec.Meta(max_length=80)] | None = None
    """``created_at:id`` of the last one seen."""
    state: Annotated[str, msgspec.Meta(max_length=10)] | None = None


def show_all(call: Call) -> Response:
    """The webhooks of the site, and a form for another."""
    return _list(call)


def show_one(call: Call, webhook_id: str) -> Response:
    """One webhook with its log."""
    return _one(call, webhook_id)


def add(call: Call) -> Response:
    """Make a webhook, and show its secret this once."""
    form = call.form
    kinds = [kind for kind in KINDS if kind in form.getlist("kinds")]
    try:
        made = webhooks.add_webhook(
            call.connection,
            call.here,
            form.get("url", "").strip(),
            call.me.email,
            call.now_ms,
            name=form.get("name", ""),
            preset=form.get("preset", "standard"),
            kinds=kinds,
            segment=form.get("segment", ""),
            language=form.get("language", ""),
            contact=form.get("contact", ""),
            secret=form.get("secret", ""),
        )
    except webhooks.WebhookError as error:
        return _list(call, 422, {error.field: pick(error.label, call.language)})
    shown = made.secret if made.webhook.preset in SIGNED else ""
    return _one(call, made.webhook.id, secret=shown, is_new=True)


def test(call: Call, webhook_id: str) -> Response:
    """Send a test message."""
    queue_test(call.connection, call.here, _find(call, webhook_id), call.now_ms)
    return redirect(
        f"{HERE}/{webhook_id}", toast=call.gettext("The test message is on its way; load the page anew in a moment.")
    )


def rotate(call: Call, webhook_id: str) -> Response:
    """Give a webhook another secret; the old one goes on for a day."""
    found = _find(call, webhook_id)
    try:
        made = webhooks.rotate_secret(call.connection, found, call.me.email, call.now_ms, secret=call.form.get("secret", ""))
    except webhooks.WebhookError as error:
        return _one(call, webhook_id, 422, problem=pick(error.label, call.language))
    if found.preset in SIGNED:
        return _one(call, webhook_id, secret=made.secret)
    return redirect(f"{HERE}/{webhook_id}", toast=call.gettext("Saved."))


def enable(call: Call, webhook_id: str) -> Response:
    """Switch a webhook on again, with or without what it has missed."""
    missed = call.form.get("missed") == "yes"
    webhooks.enable_webhook(call.connection, _find(call, webhook_id), call.me.email, call.now_ms, missed=missed)
    return redirect(f"{HERE}/{webhook_id}", toast=call.gettext("It is switched on."))


def disable(call: Call, webhook_id: str) -> Response:
    """Switch a webhook off."""
    webhooks.disable_webhook(call.connection, _find(call, webhook_id), "by_hand", call.me.email, call.now_ms)
    return redirect(f"{HERE}/{webhook_id}", toast=call.gettext("It is switched off."))


def remove(call: Call, webhook_id: str) -> Response:
    """Delete a webhook with its log."""
    webhooks.remove_webhook(call.connection, _find(call, webhook_id), call.me.email, call.now_ms)
    return redirect(HERE, toast=call.gettext("The webhook is removed."))


def replay(call: Call, webhook_id: str) -> Response:
    """Send one message once more, or all that failed in the last week."""
    found, one = _find(call, webhook_id), call.form.get("delivery", "")[:50]
    count = webhooks.replay(
        call.connection,
        found,
        call.me.email,
        call.now_ms,
        delivery_id=one,
        since_ms=None if one else call.now_ms - 7 * DAY_MS,
        only_failed=not one,
    )
    said = call.ngettext("{n} message is sent once more.", "{n} messages are sent once more.", count)
    return redirect(f"{HERE}/{webhook_id}", toast=said.format(n=count))


def site_of_webhook(connection: Connection, webhook_id: str) -> int | None:
    """Return the site of a webhook; ``None`` if there is none."""
    query = select(webhook_rows.c.site_id).where(webhook_rows.c.id == webhook_id)
    return connection.execute(query).scalar_one_or_none()


def _find(call: Call, webhook_id: str) -> webhooks.Webhook:
    found = webhooks.find_webhook(call.connection, call.here.id, webhook_id)
    if found is None:
        raise PageRefusal(404)
    return found


def _list(call: Call, status: int = 200, problems: dict[str, str] | None = None) -> Response:
    found = webhooks.list_webhooks(call.connection, call.here.id)
    return render(
        call,
        "settings/webhooks.html",
        status,
        hooks=[(one, _preset(call, one.preset), _why_off(call, one)) for one in found],
        presets=[(name, _preset(call, name)) for name in PRESETS],
        kinds=[(kind, event_type(kind)) for kind in KINDS],
        chosen=call.form.getlist("kinds"),
        segments=[(one.name, one.name) for one in list_segments(call.connection, call.here.id)],
        problems=problems or {},
    )


def _one(
    call: Call, webhook_id: str, status: int = 200, *, secret: str = "", is_new: bool = False, problem: str = ""
) -> Response:
    asked, found = call.read(LogQuery), _find(call, webhook_id)
    state = asked.state if asked.state in STATES else ""
    log = webhooks.list_deliveries(
        call.connection, found.id, before=_place(asked.before), limit=SHOWN + 1, state=state or ""
    )
    page = log[:SHOWN]
    later = ""
    if len(log) > SHOWN:
        later = f"{HERE}/{found.id}?before={page[-1].created_at}:{quote(page[-1].id)}" + (f"&state={state}" if state else "")
    return render(
        call,
        "settings/webhook.html",
        status,
        hook=found,
        preset=_preset(call, found.preset),
        off_because=_why_off(call, found),
        waiting=webhooks.count_waiting(call.connection, found.id),
        log=[(one, pick(STATES[one.state][0], call.language), STATES[one.state][1]) for one in page],
        tries=webhooks.list_attempts(call.connection, [one.id for one in page], call.language),
        types={one.id: event_type(one.kind) for one in page},
        states=[(name, pick(label, call.language)) for name, (label, _) in STATES.items()],
        state=state,
        later=later,
        secret=secret,
        is_new=is_new,
        problem=problem,
        has_secret=found.preset in SIGNED,
        takes_secret=found.preset in SECRET_OF_ROBOT,
    )


def _place(text: str | None) -> tuple[int, str] | None:
    at, _, name = (text or "").partition(":")
    return (int(at), name) if at.isascii() and at.isdigit() and len(at) < 18 and name else None


def _preset(call: Call, name: Preset) -> str:
    return pick(PRESET_WORDS[name], call.language)


def _why_off(call: Call, one: webhooks.Webhook) -> str:
    return pick(webhooks.DISABLED_WHY[one.disabled_why], call.language) if one.disabled_why else ""


_ONE: Final = f"{HERE}/<webhook_id>"
ROUTES: Final = (
    Route("GET", HERE, "webhooks", show_all, "admin"),
    Route("POST", HERE, "webhooks_add", add, "admin"),
    Route("GET", _ONE, "webhook", show_one, "admin", site_of=site_of_webhook),
    Route("POST", f"{_ONE}/test", "webhook_test", test, "admin", site_of=site_of_webhook),
    Route("POST", f"{_ONE}/rotate", "webhook_rotate", rotate, "admin", site_of=site_of_webhook),
    Route("POST", f"{_ONE}/enable", "webhook_enable", enable, "admin", site_of=site_of_webhook),
    Route("POST", f"{_ONE}/disable", "webhook_disable", disable, "admin", site_of=site_of_webhook),
    Route("POST", f"{_ONE}/remove", "webhook_remove", remove, "admin", site_of=site_of_webhook),
    Route("POST", f"{_ONE}/replay", "webhook_replay", replay, "admin", site_of=site_of_webhook),
)
