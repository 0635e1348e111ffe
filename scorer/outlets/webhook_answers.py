"""What the sales API does and answers to requests about webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from msgspec import UNSET

from scorer import webhooks
from scorer.core.labels import pick
from scorer.core.webhook_types import event_type
from scorer.outlets import webhook_requests as requests
from scorer.outlets import webhook_shapes as shapes
from scorer.outlets.answers import Call, Reply, read_place
from scorer.outlets.cursors import DeliveryCursor, write_cursor
from scorer.outlets.problems import BODY_INVALID, NOT_FOUND, NOT_POSSIBLE, Refusal
from scorer.outlets.shapes import ParameterError, time_text
from scorer.webhook_delivery import queue_test

_HOUR_MS: Final = 3_600_000
_OF_STATE: Final = ("webhook", "site")
"""What is wrong with these isn't wrong with the body."""


def all_webhooks(call: Call) -> Reply:
    """The webhooks of the site."""
    found = webhooks.list_webhooks(call.connection, call.site_id)
    return Reply(shapes.WebhookList([_webhook(call, one) for one in found], None))


def one_webhook(call: Call, webhook_id: str) -> Reply:
    """One webhook."""
    return Reply(_webhook(call, _find(call, webhook_id)))


def add_webhook(call: Call) -> Reply:
    """A webhook is made."""
    body: requests.AddWebhookRequest = call.body
    with _refusing(call):
        made = webhooks.add_webhook(
            call.connection,
            call.view.site,
            body.url,
            call.actor,
            call.view.now_ms,
            name=body.name,
            preset=body.preset,
            kinds=body.kinds or (),
            segment=body.segment,
            language=body.language or "",
            contact=body.contact,
            secret=body.secret,
        )
    return _new(call, made, shown=not body.secret)


def remove_webhook(call: Call, webhook_id: str) -> Reply:
    """A webhook is removed."""
    webhooks.remove_webhook(call.connection, _find(call, webhook_id), call.actor, call.view.now_ms)
    return Reply(shapes.Removed(webhook_id))


def ping_webhook(call: Call, webhook_id: str) -> Reply:
    """A test message is queued."""
    with _refusing(call):
        made = queue_test(call.connection, call.view.site, _find(call, webhook_id), call.view.now_ms)
    return Reply(_delivery(made, []))


def rotate_secret(call: Call, webhook_id: str) -> Reply:
    """A webhook gets a new secret."""
    body: requests.RotateSecretRequest = call.body
    found, now_ms, overlap_ms = _find(call, webhook_id), call.view.now_ms, body.overlap_hours * _HOUR_MS
    with _refusing(call):
        made = webhooks.rotate_secret(call.connection, found, call.actor, now_ms, secret=body.secret, overlap_ms=overlap_ms)
    return _new(call, made, shown=not body.secret)


def enable_webhook(call: Call, webhook_id: str) -> Reply:
    """A webhook is switched on again."""
    body: requests.EnableWebhookRequest = call.body
    found = _find(call, webhook_id)
    after = webhooks.enable_webhook(call.connection, found, call.actor, call.view.now_ms, missed=body.missed)
    return Reply(_webhook(call, after))


def deliveries(call: Call, webhook_id: str) -> Reply:
    """What was sent to a webhook, newest first."""
    asked: requests.DeliveriesParameters = call.parameters
    cursor = read_place(asked.cursor, DeliveryCursor)
    before = (cursor.created_at, cursor.delivery_id) if cursor else None
    state = "" if asked.state is UNSET else asked.state
    mine = _find(call, webhook_id).id
    found = webhooks.list_deliveries(call.connection, mine, before=before, limit=asked.limit + 1, state=state)
    page = found[: asked.limit]
    tries = webhooks.list_attempts(call.connection, [one.id for one in page], call.view.language)
    further = write_cursor(DeliveryCursor(page[-1].created_at, page[-1].id)) if len(found) > asked.limit else None
    return Reply(shapes.DeliveryPage([_delivery(one, tries.get(one.id, [])) for one in page], further))


def replay(call: Call, webhook_id: str) -> Reply:
    """Deliveries are sent once more."""
    body: requests.ReplayRequest = call.body
    since_ms = None if body.since is None else int(body.since.timestamp() * 1000)
    found = _find(call, webhook_id)
    with _refusing(call):
        count = webhooks.replay(
            call.connection,
            found,
            call.actor,
            call.view.now_ms,
            delivery_id=body.delivery or "",
            since_ms=since_ms,
            only_failed=body.only_failed,
        )
    return Reply(shapes.Replayed(count))


def _find(call: Call, webhook_id: str) -> webhooks.Webhook:
    found = webhooks.find_webhook(call.connection, call.site_id, webhook_id) if "\0" not in webhook_id else None
    if found is None:
        raise Refusal(NOT_FOUND, "There is no such webhook on the key's site.")
    return found


@contextmanager
def _refusing(call: Call) -> Iterator[None]:
    """What can't be done with a webhook becomes a refusal."""
    try:
        yield
    except webhooks.WebhookError as error:
        said = pick(error.label, call.view.language)
        if error.field in _OF_STATE:
            raise Refusal(NOT_POSSIBLE, said) from None
        raise Refusal(BODY_INVALID, f"{error.field}: {said}", errors=[ParameterError(error.field, said)]) from None


def _new(call: Call, made: webhooks.NewWebhook, *, shown: bool) -> Reply:
    # A secret that the asker has sent isn't repeated.
    return Reply(shapes.NewWebhook(_webhook(call, made.webhook), (made.secret or None) if shown else None))


def _webhook(call: Call, one: webhooks.Webhook) -> shapes.Webhook:
    kinds: Any = list(one.kinds)
    return shapes.Webhook(
        id=one.id,
        name=one.name,
        url=one.url,
        preset=one.preset,
        kinds=kinds,
        segment=one.segment or None,
        language=one.language,
        contact=one.contact or None,
        failing_since=_time(one.failing_since),
        disabled_at=_time(one.disabled_at),
        disabled_why=pick(webhooks.DISABLED_WHY[one.disabled_why], call.view.language) if one.disabled_why else None,
        waiting=webhooks.count_waiting(call.connection, one.id),
        created_at=time_text(one.created_at),
    )


def _delivery(one: webhooks.Delivery, tries: list[webhooks.Attempt]) -> shapes.Delivery:
    state: Any = one.state
    return shapes.Delivery(
        id=one.id,
        type=event_type(one.kind),
        lead_id=one.lead_id or None,
        state=state,
        created_at=time_text(one.created_at),
        next_at=_time(one.next_at),
        attempts=[
            shapes.Attempt(time_text(each.at), each.status, each.took_ms, each.reason, each.error or None) for each in tries
        ],
    )


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else time_text(at_ms)
