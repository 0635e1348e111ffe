"""Cursors: where a list goes on, as text that only this program reads."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from scorer.outlets.shapes import LEAD_ID_PATTERN


class LeadCursor(msgspec.Struct, frozen=True, array_like=True, tag="l"):
    """The last lead taken from a ranked list. Priorities by another scorecard don't compare."""

    scorecard_id: int
    priority: Annotated[float, Meta(ge=0)]
    lead_id: Annotated[str, Meta(pattern=LEAD_ID_PATTERN)]


class ExploredCursor(msgspec.Struct, frozen=True, array_like=True, tag="e"):
    """The last exploratory lead taken, below the hot ones; empty before the first."""

    scorecard_id: int
    lead_id: Annotated[str, Meta(pattern=f"{LEAD_ID_PATTERN}|^$")]


class AccountCursor(msgspec.Struct, frozen=True, array_like=True, tag="a"):
    """The last company taken from the ranked list. Heats by another scorecard don't compare."""

    scorecard_id: int
    heat: Annotated[float, Meta(ge=0)]
    account_id: Annotated[str, Meta(max_length=20)]


class TimelineCursor(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """The last visit shown of a timeline."""

    started_at: int
    visitor_id: int


class ChangesCursor(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """The last change read of a feed. ``feed`` tells it from the feeds of other sites and other databases."""

    feed: str
    sequence: Annotated[int, Meta(ge=0)]


class AuditCursor(msgspec.Struct, frozen=True, array_like=True, tag="d"):
    """The last line taken from the log of decisions."""

    before: Annotated[int, Meta(ge=0, le=2**53)]


class DeliveryCursor(msgspec.Struct, frozen=True, array_like=True, tag="w"):
    """The last delivery taken from a webhook's log."""

    created_at: Annotated[int, Meta(ge=0, le=2**53)]
    delivery_id: Annotated[str, Meta(pattern="^msg_[a-z0-9]{24}$")]


Cursor = TypeVar(
    "Cursor",
    LeadCursor,
    ExploredCursor,
    AccountCursor,
    TimelineCursor,
    ChangesCursor,
    AuditCursor,
    DeliveryCursor,
)


def write_cursor(cursor: msgspec.Struct) -> str:
    """Return *cursor* as text; numbers keep every bit."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(cursor)).rstrip(b"=").decode()


def read_cursor(text: str, kind: type[Cursor]) -> Cursor | None:
    """Return the cursor behind *text*; ``None`` when it is none of this kind."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.msgpack.decode(packed, type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
