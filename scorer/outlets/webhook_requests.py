"""What requests about webhooks say."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from msgspec import UNSET, Meta, UnsetType

from scorer.core.labels import Language
from scorer.core.webhook_types import FeedKind, Preset
from scorer.outlets.parameters import CursorText, Limit, Parameters
from scorer.outlets.request_shapes import LINE, Request
from scorer.outlets.webhook_shapes import State

_DELIVERY_ID: Final = "^msg_[a-z0-9]{24}$"


class DeliveriesParameters(Parameters, frozen=True, kw_only=True):
    """What a request for deliveries may say."""

    limit: Limit = 50
    cursor: Annotated[CursorText | UnsetType, Meta(description="next_cursor of the page before.")] = UNSET
    state: Annotated[State | UnsetType, Meta(description="Only deliveries in this state.")] = UNSET


class AddWebhookRequest(Request, frozen=True, kw_only=True):
    """A webhook is to be made."""

    url: Annotated[str, Meta(max_length=2000, description="Where to send: http or https, without credentials.")]
    name: Annotated[str, Meta(max_length=100, pattern=LINE, description="Left out: the host.")] = ""
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

    delivery: Annotated[Annotated[str, Meta(pattern=_DELIVERY_ID)] | None, Meta(description="The id of one.")] = None
    since: Annotated[
        Annotated[datetime, Meta(tz=True)] | None, Meta(description="All made from then on; RFC 3339 with a time zone.")
    ] = None
    only_failed: Annotated[bool, Meta(description="Of those since a time, not the ones that were delivered.")] = False
