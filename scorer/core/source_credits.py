"""Which channels and campaigns brought leads, hot leads, customers and money, by five ways to share the credit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from scorer.core.attribution import Touch, shares_of
from scorer.core.proportions import Rate, rate
from tracker.core.channels import Channel

Key = tuple[Channel, str]
"""Channel and campaign."""


class Brought(msgspec.Struct, frozen=True):
    """A lead with how it came."""

    touches: Sequence[Touch]
    """In any order; of a won lead those up to winning."""
    hot: bool = False
    won: bool = False
    decided: bool = False
    """Whether it was won, lost or junk."""
    value: float | None = None
    currency: str = ""


class Credits(msgspec.Struct, frozen=True):
    """The same number shared out in five ways; over all sources each adds up to the whole."""

    first: Annotated[float, Meta(description="All to the first touch.")]
    last: Annotated[float, Meta(description="All to the last touch that wasn't direct, if there is one.")]
    linear: Annotated[float, Meta(description="To every touch the same.")]
    position_based: Annotated[float, Meta(description="40 % to the first, 40 % to the last, the rest between them.")]
    time_decay: Annotated[float, Meta(description="Half as much for each week before the last touch.")]


class Money(msgspec.Struct, frozen=True):
    """The value of won leads in one currency."""

    currency: Annotated[str, Meta(description="As it was told; empty where it wasn't.")]
    value: Credits


class SourceCredits(msgspec.Struct, frozen=True):
    """What one channel, or one campaign in it, has brought."""

    channel: Channel
    campaign: Annotated[str | None, Meta(description="Null: visits of this channel outside of any campaign.")]
    leads: Credits
    hot: Credits
    won: Credits
    value: list[Money]
    won_rate: Annotated[Rate, Meta(description="Won, of those decided, among the leads whose first touch this was.")]


class _Sums:
    """What one source has been credited with, model by model."""

    def __init__(self) -> None:
        self.leads: list[Sequence[float]] = []
        self.hot: list[Sequence[float]] = []
        self.won: list[Sequence[float]] = []
        self.value: dict[str, list[Sequence[float]]] = {}
        self.decided = 0
        self.decided_won = 0


def source_credits(leads: Iterable[Brought]) -> list[SourceCredits]:
    """Return what each source has brought, by the credit for leads with time decay, the greatest first.

    Leads without any touch have no part in it. How credit is shared: ``scorer.core.attribution``.

    >>> came = Brought([Touch(0, "search"), Touch(1, "direct")], won=True, decided=True)
    >>> [(one.channel, one.won.last) for one in source_credits([came])]
    [('search', 1.0), ('direct', 0.0)]
    """
    sums: dict[Key, _Sums] = {}
    for one in leads:
        ordered = sorted(one.touches)
        if not ordered:
            continue
        for key, parts in _parts(ordered).items():
            mine = sums.setdefault(key, _Sums())
            mine.leads.append(parts)
            if one.hot:
                mine.hot.append(parts)
            if one.won:
                mine.won.append(parts)
                if one.value is not None:
                    worth = one.value
                    mine.value.setdefault(one.currency, []).append([part * worth for part in parts])
        first = sums[_key(ordered[0])]
        first.decided += one.decided
        first.decided_won += one.won and one.decided
    rows = [_row(key, mine) for key, mine in sums.items()]
    return sorted(rows, key=lambda row: (-row.leads.time_decay, row.channel, row.campaign or ""))


def _parts(ordered: Sequence[Touch]) -> dict[Key, list[float]]:
    """The parts of each source in one lead, in the order of ``Credits``; *ordered* by time, at least one."""
    parts: dict[Key, list[float]] = {}
    last = next((touch for touch in reversed(ordered) if touch.channel != "direct"), ordered[-1])
    for touch, shares in zip(ordered, shares_of(ordered), strict=True):
        mine = parts.setdefault(_key(touch), [0.0] * 5)
        mine[0] += touch is ordered[0]
        mine[1] += touch is last
        for place, share in enumerate((shares.linear, shares.position_based, shares.time_decay), start=2):
            mine[place] += share
    return parts


def _key(touch: Touch) -> Key:
    return touch.channel, touch.campaign


def _row(key: Key, mine: _Sums) -> SourceCredits:
    return SourceCredits(
        channel=key[0],
        campaign=key[1] or None,
        leads=_added(mine.leads),
        hot=_added(mine.hot),
        won=_added(mine.won),
        value=[Money(currency, _added(parts)) for currency, parts in sorted(mine.value.items())],
        won_rate=rate(mine.decided_won, mine.decided),
    )


def _added(parts: Sequence[Sequence[float]]) -> Credits:
    return Credits(*(math.fsum(column) for column in zip(*parts, strict=True))) if parts else Credits(0, 0, 0, 0, 0)
