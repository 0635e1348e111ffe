"""Digests as the sales API answers them, and what requests about them say."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from scorer.core.labels import Language
from scorer.outlets.parameters import Parameters
from scorer.outlets.request_shapes import Request
from scorer.outlets.shapes import Time

DIGEST_ID_PATTERN: Final = "^dg_[0-9a-f]{16}$"
MailState = Literal["claimed", "sent", "delayed", "empty", "skipped", "late", "failed"]
_LINE: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
_WeekName = Annotated[str, Meta(pattern="^20[0-9]{2}-[01][0-9]-[0-3][0-9]$", description="Date of its Monday.")]


class DigestMail(msgspec.Struct, frozen=True):
    """What became of the digest of one week."""

    week: _WeekName
    state: Annotated[
        MailState,
        Meta(
            description="claimed: being sent, or (unknown) left by a crash. delayed: tried again. empty: there was nothing "
            "to tell. skipped: not to be sent. late: its time was missed."
        ),
    ]
    unknown: Annotated[bool, Meta(description="Whether nobody can tell if it was sent; it isn't sent again by itself.")]
    at: Time
    detail: Annotated[str | None, Meta(description="Why, in English.")]


class Digest(msgspec.Struct, frozen=True):
    """Somebody who gets the weekly digest."""

    id: str
    email: str
    name: str | None
    segment: Annotated[str | None, Meta(description="Name of the segment whose leads it tells of; null: all leads.")]
    language: Language
    time_zone: str
    weekday: Annotated[int, Meta(ge=0, le=6, description="0 is Monday.")]
    hour: Annotated[int, Meta(ge=0, le=23)]
    created_at: Time
    next_at: Annotated[Time | None, Meta(description="When the next is due; null after unsubscribing.")]
    unsubscribed_at: Time | None
    last_mail: Annotated[DigestMail | None, Meta(description="Null before the first.")]


class DigestList(msgspec.Struct, frozen=True):
    """The digests of a site, by address."""

    data: list[Digest]
    next_cursor: None


class RemovedDigest(msgspec.Struct, frozen=True):
    """A subscription that is gone."""

    id: str


class DigestPreview(msgspec.Struct, frozen=True):
    """A digest as it would be sent now, but for the address."""

    week: _WeekName
    subject: str
    text: str
    html: str
    is_empty: Annotated[bool, Meta(description="There is nothing to tell: no mail would be sent.")]


class PreviewParameters(Parameters, frozen=True, kw_only=True):
    """What a request for a preview may say."""

    week: Annotated[
        _WeekName | UnsetType, Meta(description="Date of the Monday of a week that is over; left out: the last one.")
    ] = UNSET


class AddDigestRequest(Request, frozen=True, kw_only=True):
    """Somebody is to get the weekly digest."""

    email: Annotated[str, Meta(max_length=320, pattern=_LINE)]
    name: Annotated[str, Meta(max_length=200, pattern=_LINE)] = ""
    segment: Annotated[str, Meta(max_length=100, pattern=_LINE, description="Only leads of this segment.")] = ""
    language: Annotated[Language | None, Meta(description="Left out: the site's.")] = None
    time_zone: Annotated[str, Meta(max_length=60, pattern=_LINE, description="Left out: the site's.")] = ""
    weekday: Annotated[int, Meta(ge=0, le=6, description="0 is Monday.")] = 0
    hour: Annotated[int, Meta(ge=0, le=23)] = 8


class RemoveDigestRequest(Request, frozen=True, kw_only=True):
    """A subscription is to be removed with its ledger."""
