"""What requests about alerts say."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from scorer.core.labels import Language
from scorer.outlets.request_shapes import LINE, Request

Quiet = Annotated[str, Meta(max_length=20, pattern=LINE, description="Like 19:00-08:00, in the time zone; empty: none.")]
PerDay = Annotated[int, Meta(ge=1, le=100, description="Mails a local day.")]
SegmentName = Annotated[str, Meta(max_length=100, pattern=LINE, description="Only leads of this segment; empty: all.")]
ZoneName = Annotated[str, Meta(max_length=60, pattern=LINE)]


class AddAlertRequest(Request, frozen=True, kw_only=True):
    """Somebody is to be mailed when a lead becomes hot."""

    email: Annotated[str, Meta(max_length=320, pattern=LINE)]
    segment: SegmentName = ""
    language: Annotated[Language | None, Meta(description="Left out: the site's.")] = None
    time_zone: Annotated[ZoneName, Meta(description="Left out: the site's.")] = ""
    quiet: Quiet = ""
    max_per_day: PerDay = 10


class ChangeAlertRequest(Request, frozen=True, kw_only=True):
    """An alert is to be another from now on. What is left out stays."""

    segment: SegmentName | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    time_zone: ZoneName | UnsetType = UNSET
    quiet: Quiet | UnsetType = UNSET
    max_per_day: PerDay | UnsetType = UNSET


class RemoveAlertRequest(Request, frozen=True, kw_only=True):
    """An alert is to be removed with its ledger."""
