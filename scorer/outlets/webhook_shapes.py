"""Webhooks and their deliveries as the sales API answers them, and what requests about them say."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from scorer.core.labels import Language
from scorer.core.webhook_types import FeedKind, Preset
from scorer.outlets.parameters import CursorText, Limit, Parameters
from scorer.outlets.request_shapes import Request
from scorer.outlets.shapes import Time

WEBHOOK_ID_PATTERN: Final = "^wh_[0-9a-f]{16}$"
DELIVERY_ID_PATTERN: Final = "^msg_[a-z0-9]{24}$"
State = Literal["waiting", "sending", "delivered", "failed", "stopped"]
_LINE: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"


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
    error: Annotated[str | None, Meta(description="Why it was no success; null where it was one.")]


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


class DeliveriesParameters(Parameters, frozen=True, kw_only=True):
    """What a request for deliveries may say."""

    limit: Limit = 50
    cursor: Annotated[CursorText | UnsetType, Meta(description="next_cursor of the page before.")] = UNSET
    state: Annotated[State | UnsetType, Meta(description="Only deliveries in this state.")] = UNSET


class AddWebhookRequest(Request, frozen=True, kw_only=True):
    """A webhook is to be made."""

    url: Annotated[str, Meta(max_length=2000, description="Where to send: http or https, without credentials.")]
    name: Annotated[str, Meta(max_length=100, pattern=_LINE, description="Left out: the host.")] = ""
    preset: Annotated[Preset, Meta(description="The shape of messages.")] = "standard"
    kinds: Annotated[list[FeedKind] | None, Meta(description="Left out: those usual for the preset.")] = None
    segment: Annotated[str, Meta(max_length=100, description="Only leads of the segment with this name.")] = ""
    language: Annotated[Language | None, Meta(description="Of texts; left out: the site's.")] = None
    contact: Annotated[str, Meta(max_length=320, description="E-mail address that is told when it is switched off.")] = ""
    secret: Annotated[str, Meta(max_length=200, description="Only for dingtalk and feishu: what they gave out.")] = ""


class RemoveWebhookRequest(Request, frozen=True, kw_only=True):
    """A webhook is to be removed with its deliveries."""


class PingWebhookRequest(Request, frozen=True, kw_only=True):
    """A test message is to be sent."""


class RotateSecretRequest(Request, frozen=True, kw_only=True):
    """A webhook is to get a new secret."""

    overlap_hours: Annotated[
        int, Meta(ge=0, le=168, description="For how long messages are signed by the old one as well.")
    ] = 24
    secret: Annotated[str, Meta(max_length=200, description="Only for dingtalk and feishu: what they gave out.")] = ""


class EnableWebhookRequest(Request, frozen=True, kw_only=True):
    """A webhook that was switched off is to be switched on."""

    missed: Annotated[bool, Meta(description="Whether to send what has happened meanwhile, too.")] = False


class ReplayRequest(Request, frozen=True, kw_only=True):
    """Deliveries are to be sent once more: either one, or all made since a time."""

    delivery: Annotated[Annotated[str, Meta(pattern=DELIVERY_ID_PATTERN)] | None, Meta(description="The id of one.")] = None
    since: Annotated[
        Annotated[datetime, Meta(tz=True)] | None, Meta(description="All made from then on; RFC 3339 with a time zone.")
    ] = None
    only_failed: Annotated[bool, Meta(description="Of those since a time, not the ones that were delivered.")] = False
