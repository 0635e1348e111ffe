"""Segments as the sales API answers them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from scorer.core.segment import Level


class Segment(msgspec.Struct, frozen=True):
    """A saved filter over leads, and how many are in it now."""

    id: int
    name: str
    where: Annotated[dict[str, Any], Meta(description="The filter, as it was saved.")]
    level: Annotated[Level, Meta(description="What its leads have in common.")]
    leads: int
    hot: int
    warm: int


class SegmentList(msgspec.Struct, frozen=True):
    """The segments of a site, by name."""

    data: list[Segment]
    next_cursor: None
