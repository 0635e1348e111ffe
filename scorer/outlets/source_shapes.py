"""How a lead came, as the sales API answers it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from scorer.core import attribution
from scorer.outlets.shapes import Channel, Time, time_text

Share = Annotated[float, Meta(ge=0, le=1)]


class Credit(msgspec.Struct, frozen=True):
    """Part in bringing the lead, by three usual models. The parts of all touches sum to 1 in each."""

    linear: Annotated[Share, Meta(description="To every touch the same.")]
    position_based: Annotated[Share, Meta(description="40 % to the first, 40 % to the last, the rest between them.")]
    time_decay: Annotated[Share, Meta(description="Half as much for each week before the last touch.")]


class Touch(msgspec.Struct, frozen=True):
    """One visit, or an event away from the website. Direct visits get no credit where there is any other touch."""

    at: Time
    channel: Channel
    name: Annotated[str | None, Meta(description="The engine, network, assistant, site or event.")]
    campaign: str | None
    entry_url: str | None
    credit: Credit


class ChannelCredit(msgspec.Struct, frozen=True):
    """All touches of one channel."""

    channel: Channel
    count: int
    credit: Credit


class Sources(msgspec.Struct, frozen=True):
    """How a lead came."""

    lead: str
    count: Annotated[int, Meta(description="Touches in all.")]
    first: Touch | None
    last: Touch | None
    last_non_direct: Touch | None
    touches: Annotated[list[Touch], Meta(description="In the order of time; of more than fifty the first and the latest.")]
    unlisted: Annotated[Credit, Meta(description="Of the touches that aren't listed.")]
    channels: list[ChannelCredit]


def sources_of(lead: str, found: attribution.Attribution) -> Sources:
    """Return *found* as the API answers it."""
    listed = {one.touch: one.shares for one in found.touches}

    def shape(touch: attribution.Touch | None) -> Touch | None:
        return None if touch is None else _touch(touch, listed.get(touch, attribution.Shares()))

    return Sources(
        lead=lead,
        count=found.count,
        first=shape(found.first),
        last=shape(found.last),
        last_non_direct=shape(found.last_non_direct),
        touches=[_touch(one.touch, one.shares) for one in found.touches],
        unlisted=_credit(found.unlisted),
        channels=[ChannelCredit(one.channel, one.count, _credit(one.shares)) for one in found.channels],
    )


def _touch(touch: attribution.Touch, shares: attribution.Shares) -> Touch:
    return Touch(
        at=time_text(touch.at),
        channel=touch.channel,
        name=touch.name or None,
        campaign=touch.campaign or None,
        entry_url=touch.entry_url or None,
        credit=_credit(shares),
    )


def _credit(shares: attribution.Shares) -> Credit:
    # Not rounded: the parts are to sum to 1.
    return Credit(min(shares.linear, 1.0), min(shares.position_based, 1.0), min(shares.time_decay, 1.0))
