"""A lead's score over time, as the API gives it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from scorer.outlets.shapes import Time


class HistoryContribution(msgspec.Struct, frozen=True):
    """Points earned once."""

    rule: str
    at: Time
    points: Annotated[float, Meta(description="As earned, before any fading.")]
    text: Annotated[str, Meta(description="The rule in words.")]
    detail: Annotated[str, Meta(description="The page's address, the file's, form's or event's name.")]


class HistoryPoint(msgspec.Struct, frozen=True):
    """The score right after something moved it."""

    at: Time
    score: float
    points: float
    contributions: Annotated[
        list[HistoryContribution], Meta(description="What has been earned since the point before, in the order of time.")
    ]


class HistoryDay(msgspec.Struct, frozen=True):
    """The score at one moment of the curve."""

    at: Time
    score: float
    points: float


class History(msgspec.Struct, frozen=True):
    """How a lead's score came about and faded, by the site's current scorecard."""

    lead: str
    as_of: Time
    scorecard: int
    score: float
    points: Annotated[float, Meta(description="What is left of all contributions now.")]
    heat: float
    merged_points: Annotated[int, Meta(description="Points that were merged into the one after, being the least changes.")]
    events: Annotated[list[HistoryPoint], Meta(description="At most 200, in the order of time.")]
    curve: Annotated[
        list[HistoryDay], Meta(description="Day by day from the first contribution (at most the last 1,000 days) to now.")
    ]
