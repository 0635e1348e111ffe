"""Webhooks and their deliveries as the sales API answers them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from scorer.core.labels import Language
from scorer.core.webhook_troubles import Reason
from scorer.core.webhook_types import FeedKind, Preset
from scorer.outlets.shapes import Time

WEBHOOK_ID_PATTERN: Final = "^wh_[0-9a-f]{16}$"
State = Literal["waiting", "sending", "delivered", "failed", "stopped"]


class Webhook(msgspec.Struct, frozen=True):
    """An address that is told of lead changes."""

    id: str
    name: str
    url: str
    preset: Preset
    kinds: Annotated[list[FeedKind], Meta(description="Kinds of change it is told of.")]
    segment: Annotated[str | None, Meta(description="Name of the segment it is told of; null: all leads.")]
    language: Language
    contact: Annotated[str | None, Meta(description="Who is told by mail when it is switched off.")]
    failing_since: Annotated[Time | None, Meta(description="Null while all is well.")]
    disabled_at: Annotated[Time | None, Meta(description="Null unless it was switched off.")]
    disabled_why: Annotated[str | None, Meta(description="In words.")]
    waiting: Annotated[int, Meta(description="Deliveries that wait to be sent.")]
    created_at: Time


class WebhookList(msgspec.Struct, frozen=True):
    """The webhooks of a site, the oldest first."""

    data: list[Webhook]
    next_cursor: None


class NewWebhook(msgspec.Struct, frozen=True):
    """A webhook just made or given a new secret."""

    webhook: Webhook
    secret: Annotated[str | None, Meta(description="To verify signatures by. Shown this once; null where there is none.")]


class Attempt(msgspec.Struct, frozen=True):
    """One try of a delivery."""

    at: Time
    status: Annotated[int | None, Meta(description="Null where nobody answered.")]
    took_ms: int
    reason: Annotated[Reason | None, Meta(description="Why it was no success; null where it was one.")]
    error: Annotated[str | None, Meta(description="The same in words.")]


class Delivery(msgspec.Struct, frozen=True):
    """One message to a webhook, with the tries to deliver it."""

    id: Annotated[str, Meta(description="The header webhook-id; the same in every try.")]
    type: Annotated[str, Meta(description="As in the message: lead.entered, test.ping, ….")]
    lead_id: str | None
    state: State
    created_at: Time
    next_at: Annotated[Time | None, Meta(description="When it is tried next; null once it has come to an end.")]
    attempts: list[Attempt]


class DeliveryPage(msgspec.Struct, frozen=True):
    """A part of a webhook's deliveries, newest first."""

    data: list[Delivery]
    next_cursor: str | None


class Replayed(msgspec.Struct, frozen=True):
    """How many deliveries are sent once more."""

    deliveries: int


class Removed(msgspec.Struct, frozen=True):
    """What is gone."""

    id: str
