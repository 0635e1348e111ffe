"""Digests as the sales API answers them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from scorer.core.labels import Language
from scorer.core.mail_reasons import MailReason
from scorer.outlets.shapes import Time

DIGEST_ID_PATTERN: Final = "^dg_[0-9a-f]{16}$"
MailState = Literal["claimed", "sent", "delayed", "empty", "skipped", "late", "failed"]
WeekName = Annotated[str, Meta(pattern="^20[0-9]{2}-[01][0-9]-[0-3][0-9]$", description="Date of its Monday.")]


class DigestMail(msgspec.Struct, frozen=True):
    """What became of the digest of one week."""

    week: WeekName
    state: Annotated[
        MailState,
        Meta(
            description="claimed: being sent, or (unknown) left by a crash. delayed: tried again. empty: there was nothing "
            "to tell. skipped: not to be sent. late: its time was missed."
        ),
    ]
    unknown: Annotated[bool, Meta(description="Whether nobody can tell if it was sent; it isn't sent again by itself.")]
    at: Time
    reason: MailReason | None
    detail: Annotated[str | None, Meta(description="The reason in words.")]


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

    week: WeekName
    subject: str
    text: str
    html: str
    is_empty: Annotated[bool, Meta(description="There is nothing to tell: no mail would be sent.")]
