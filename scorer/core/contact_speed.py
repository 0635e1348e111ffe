"""How soon hot leads were spoken with, and whether being quick paid.

Speed is judged only of leads that have had the time: one that became hot ten minutes ago says nothing about the first hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from scorer.core.durations import Quantiles, spread
from scorer.core.fates import Result
from scorer.core.proportions import Rate, rate

MINUTE_MS: Final = 60_000
WINDOWS_MS: Final = (5 * MINUTE_MS, 60 * MINUTE_MS, 24 * 60 * MINUTE_MS)
"""Five minutes, an hour, a day: the spans in which web-lead studies see the odds fall (Oldroyd, McElheran, Elkington, "The
Short Life of Online Sales Leads", Harvard Business Review, March 2011)."""


class HotLead(msgspec.Struct, frozen=True):
    """A lead that became hot. Times in ms since 1970 UTC."""

    hot_at: int
    contacted_at: int | None
    """``None``: nobody has spoken with it."""
    result: Result | None


class Window(msgspec.Struct, frozen=True):
    """Who was spoken with in time."""

    seconds: int
    contacted: Annotated[Rate, Meta(description="Of the leads that became hot so long ago, or were contacted within it.")]


class SpeedBand(msgspec.Struct, frozen=True):
    """What became of those who were spoken with so soon."""

    from_seconds: int
    to_seconds: Annotated[int | None, Meta(description="Null: no bound.")]
    leads: int
    won: int
    lost: int
    won_rate: Annotated[Rate, Meta(description="Won, of those won or lost.")]


class ContactSpeed(msgspec.Struct, frozen=True):
    """How soon hot leads were spoken with."""

    hot: Annotated[int, Meta(description="Leads that became hot.")]
    contacted: Annotated[int, Meta(description="Of them, after that.")]
    contacted_before: Annotated[int, Meta(description="Of them, before they became hot: left out of all that follows.")]
    waiting: Annotated[int, Meta(description="Of them, not yet.")]
    seconds: Annotated[Quantiles, Meta(description="From becoming hot to first contact, in seconds, of those contacted.")]
    windows: list[Window]
    bands: list[SpeedBand]
    never_contacted: Annotated[
        SpeedBand | None, Meta(description="Of those who became hot more than a day ago; null when there is none.")
    ]


def contact_speed(leads: Iterable[HotLead], now_ms: int) -> ContactSpeed:
    """Return how soon these leads were spoken with, as of *now_ms*."""
    known = list(leads)
    before = [one for one in known if one.contacted_at is not None and one.contacted_at < one.hot_at]
    after = [one for one in known if one.contacted_at is not None and one.contacted_at >= one.hot_at]
    waiting = [one for one in known if one.contacted_at is None]
    windows = []
    for span in WINDOWS_MS:
        in_time = sum(_waited(one) <= span for one in after)
        # Whoever is still waiting counts only once the span is over for it; whoever waited longer has had it.
        missed = len(after) - in_time + sum(now_ms - one.hot_at > span for one in waiting)
        windows.append(Window(span // 1000, rate(in_time, in_time + missed)))
    # Bounds belong to the quicker band, as they do to the windows.
    ends = (*WINDOWS_MS, None)
    bands = [
        _band(low, high, [one for one in after if low < _waited(one) and (high is None or _waited(one) <= high)])
        for low, high in zip((-1, *WINDOWS_MS), ends, strict=True)
    ]
    ignored = [one for one in waiting if now_ms - one.hot_at > WINDOWS_MS[-1]]
    return ContactSpeed(
        hot=len(known),
        contacted=len(after),
        contacted_before=len(before),
        waiting=len(waiting),
        seconds=spread([_waited(one) / 1000 for one in after]),
        windows=windows,
        bands=bands,
        never_contacted=_band(WINDOWS_MS[-1], None, ignored) if ignored else None,
    )


def _waited(one: HotLead) -> int:
    assert one.contacted_at is not None
    return one.contacted_at - one.hot_at


def _band(low: int, high: int | None, some: Sequence[HotLead]) -> SpeedBand:
    won, lost = (sum(one.result == result for one in some) for result in ("won", "lost"))
    return SpeedBand(
        max(0, low) // 1000, None if high is None else high // 1000, len(some), won, lost, rate(won, won + lost)
    )
