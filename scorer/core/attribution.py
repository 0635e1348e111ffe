"""Which touches brought a lead: the first, the last, and each one's share of the credit by three models.

A *touch* is one visit's origin, or an event away from the website. Shares say how credit is divided by a convention; none of
the models knows what caused a purchase, and they are shown side by side because they disagree.

Sources: that direct touches get no credit beside others is the "last non-direct click" of Google Analytics. The three models
are defined in the Google Ads API (``AttributionModelEnum.AttributionModel``):

linear
    Every touch the same: ``GOOGLE_SEARCH_ATTRIBUTION_LINEAR``.
position-based
    40 % for the first, 40 % for the last, 20 % spread evenly over those between:
    ``GOOGLE_SEARCH_ATTRIBUTION_POSITION_BASED``. Of two touches each gets half.
time decay
    A touch weighs half as much for every 7 days it lies before the last: ``GOOGLE_SEARCH_ATTRIBUTION_TIME_DECAY``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from scorer.core.decay import DAY_MS
from tracker.core.channels import Channel

MAX_TOUCHES: Final = 50
"""Touches that are listed one by one."""
HALF_LIFE_DAYS: Final = 7.0
END_SHARE: Final = 0.4
"""Share of the first and of the last touch in the position-based model."""


class Touch(msgspec.Struct, frozen=True, order=True):
    """How one visit came, or an event away from the website."""

    at: int
    """Milliseconds since 1970 UTC."""
    channel: Channel
    name: str = ""
    """Of the engine, network, assistant, site or event; empty where there is none."""
    campaign: str = ""
    """The campaign's name; empty outside of one."""
    entry_url: str = ""
    """Where the visit began; empty for an event."""


class Shares(msgspec.Struct, frozen=True):
    """Parts of the credit, each from 0 to 1, by model."""

    linear: float = 0.0
    position_based: float = 0.0
    time_decay: float = 0.0


class Credited(msgspec.Struct, frozen=True):
    """A touch and its shares."""

    touch: Touch
    shares: Shares


class ChannelShares(msgspec.Struct, frozen=True):
    """All touches of one channel together."""

    channel: Channel
    count: int
    shares: Shares


class Attribution(msgspec.Struct, frozen=True):
    """Who gets the credit. Without any touch all is empty and ``first`` and ``last`` are ``None``."""

    first: Touch | None
    last: Touch | None
    last_non_direct: Touch | None
    """``None`` when every touch was direct."""
    count: int
    """Of all touches."""
    touches: tuple[Credited, ...]
    """In order of time: all, or of more than ``MAX_TOUCHES`` the first and the latest."""
    unlisted: Shares
    """The shares of those that aren't listed, so that the sum over list and rest is always 1."""
    channels: tuple[ChannelShares, ...]
    """Over all touches, listed or not; the greatest time-decay share first."""


def attribution(touches: Sequence[Touch]) -> Attribution:
    """Return first, last and last non-direct touch, and everybody's share by each model.

    Direct touches get no credit beside others; where all are direct they share it. The shares of each model sum to 1
    (within 1e-9). The order of *touches* doesn't matter.

    >>> visit = Touch(0, "search", "Google")
    >>> found = attribution([Touch(7 * DAY_MS, "mail"), visit, Touch(9 * DAY_MS, "direct")])
    >>> [round(one.shares.time_decay, 3) for one in found.touches]
    [0.333, 0.667, 0.0]
    """
    ordered = sorted(touches)
    if not ordered:
        return Attribution(None, None, None, 0, (), Shares(), ())
    others = [touch for touch in ordered if touch.channel != "direct"]
    credited = [Credited(touch, shares) for touch, shares in zip(ordered, shares_of(ordered), strict=True)]
    hidden = max(0, len(credited) - MAX_TOUCHES)
    return Attribution(
        first=ordered[0],
        last=ordered[-1],
        last_non_direct=others[-1] if others else None,
        count=len(ordered),
        touches=(credited[0], *credited[1 + hidden :]),
        unlisted=_sum(credited[1 : 1 + hidden]),
        channels=_by_channel(credited),
    )


def shares_of(ordered: Sequence[Touch]) -> list[Shares]:
    """Return the shares of each of these touches, at least one, given and returned in the order of time."""
    others = [touch for touch in ordered if touch.channel != "direct"]
    shares = iter(_shares(others or ordered))
    none = Shares()
    return [none if others and touch.channel == "direct" else next(shares) for touch in ordered]


def _shares(touches: Sequence[Touch]) -> list[Shares]:
    """Return the shares of touches that are in order and all get credit; at least one."""
    count = len(touches)
    last_at = touches[-1].at
    weights = [math.pow(2.0, (touch.at - last_at) / (HALF_LIFE_DAYS * DAY_MS)) for touch in touches]
    whole = math.fsum(weights)  # At least the last one's 1, however old the others are.
    return [Shares(1 / count, _position_share(number, count), weight / whole) for number, weight in enumerate(weights)]


def _position_share(number: int, count: int) -> float:
    if count <= 2:
        return 1 / count
    return END_SHARE if number in (0, count - 1) else (1 - 2 * END_SHARE) / (count - 2)


def _sum(credited: Sequence[Credited]) -> Shares:
    return Shares(
        math.fsum(one.shares.linear for one in credited),
        math.fsum(one.shares.position_based for one in credited),
        math.fsum(one.shares.time_decay for one in credited),
    )


def _by_channel(credited: Sequence[Credited]) -> tuple[ChannelShares, ...]:
    groups: dict[Channel, list[Credited]] = {}
    for one in credited:
        groups.setdefault(one.touch.channel, []).append(one)
    summed = [ChannelShares(channel, len(some), _sum(some)) for channel, some in groups.items()]
    return tuple(sorted(summed, key=lambda one: (-one.shares.time_decay, -one.count, one.channel)))
