"""What a request for a report may say."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from scorer.outlets.parameters import Parameters, Text
from scorer.outlets.report_shapes import Moment


class ReportParameters(Parameters, frozen=True, kw_only=True):
    """What a request for a report may say."""

    first: Annotated[
        date | UnsetType,
        Meta(description="First day of the period, in the site's time zone. By default 90 days up to the last."),
    ] = msgspec.field(default=UNSET, name="from")
    until: Annotated[date | UnsetType, Meta(description="Last day of the period, itself included. By default today.")] = (
        UNSET
    )
    segment: Annotated[
        Text | UnsetType,
        Meta(description="Only leads that are in the saved segment with this name or number now."),
    ] = UNSET


class ScoresParameters(ReportParameters, frozen=True, kw_only=True):
    """What a request for the report on scores may say."""

    at: Annotated[
        Moment,
        Meta(description="When the score is taken: right before the first outcome, or at the end of the period."),
    ] = "contact"
