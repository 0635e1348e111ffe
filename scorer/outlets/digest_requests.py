"""What requests about digests say."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from scorer.core.labels import Language
from scorer.outlets.digest_shapes import WeekName
from scorer.outlets.parameters import Parameters
from scorer.outlets.request_shapes import LINE, Request


class PreviewParameters(Parameters, frozen=True, kw_only=True):
    """What a request for a preview may say."""

    week: Annotated[
        WeekName | UnsetType, Meta(description="Date of the Monday of a week that is over; left out: the last one.")
    ] = UNSET


class AddDigestRequest(Request, frozen=True, kw_only=True):
    """Somebody is to get the weekly digest."""

    email: Annotated[str, Meta(max_length=320, pattern=LINE)]
    name: Annotated[str, Meta(max_length=200, pattern=LINE)] = ""
    segment: Annotated[str, Meta(max_length=100, pattern=LINE, description="Only leads of this segment.")] = ""
    language: Annotated[Language | None, Meta(description="Left out: the site's.")] = None
    time_zone: Annotated[str, Meta(max_length=60, pattern=LINE, description="Left out: the site's.")] = ""
    weekday: Annotated[int, Meta(ge=0, le=6, description="0 is Monday.")] = 0
    hour: Annotated[int, Meta(ge=0, le=23)] = 8


class RemoveDigestRequest(Request, frozen=True, kw_only=True):
    """A subscription is to be removed with its ledger."""
