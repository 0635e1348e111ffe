"""What the leads of a company say of it together: how warm, keener or cooler than last week, who plays which part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from math import fsum, sqrt
from typing import Literal

import msgspec

from scorer.core.rules import Tier
from scorer.core.score import Totals
from scorer.core.titles import BUYING_ROLES, BuyingRole

Trend = Literal["rising", "steady", "fading"]
WEEK = 7
RISING, FADING = 1.5, 2 / 3
"""Points of this week against those of the week before, from which a company rises or fades; between them it is steady."""


class Momentum(msgspec.Struct, frozen=True):
    """Points earned in the last seven days and in the seven before, and what that makes."""

    this_week: float
    last_week: float
    trend: Trend | None
    """``None`` when nothing was earned in either."""


def account_heat(heats: Sequence[float]) -> float:
    """Heat of a company: ``(Σ √heatᵢ)²``, at least the sum of the heats.

    Of degree one, so it fades in step with them. Another engaged person never lowers it, and of two companies with the same
    sum the one with more people is ahead: buying is done in groups.

    >>> account_heat([4.0, 9.0])
    25.0
    """
    return fsum(sqrt(heat) for heat in heats) ** 2


def account_tier(tiers: Collection[Tier]) -> Tier:
    """How warm a company is: as warm as the warmest of its people (*tiers*); cold with nobody.

    Not made of the company's points: with the square in the heat, two people who have hardly read would be hot together, and
    nobody of them could be called as one who is.

    >>> account_tier(["cold", "hot", "warm"]), account_tier([])
    ('hot', 'cold')
    """
    return next((tier for tier in ("hot", "warm") if tier in tiers), "cold")


def parts(heats: Sequence[float]) -> list[float]:
    """Each lead's part of a company's heat: ``√heatᵢ / Σ √heatⱼ``. They sum to 1; all 0 for a company without heat."""
    roots = [sqrt(heat) for heat in heats]
    whole = fsum(roots)
    return [root / whole if whole else 0.0 for root in roots]


def momentum(totals: Sequence[Totals], today: int) -> Momentum:
    """Points that all leads earned in the seven days up to *today* (a date's ordinal), against the seven before.

    Points as earned, before any fading: a week in which nothing happens is a week without points.
    """
    this_week = fsum(points for one in totals for day, points in one.days.items() if today - WEEK < day <= today)
    last_week = fsum(points for one in totals for day, points in one.days.items() if today - 2 * WEEK < day <= today - WEEK)
    trend: Trend | None = None
    if this_week or last_week:
        trend = "rising" if this_week > RISING * last_week else "fading" if this_week < FADING * last_week else "steady"
    return Momentum(this_week, last_week, trend)


def together(totals: Sequence[Totals]) -> Totals:
    """Heat by topic and stage of all leads, as one: what interests and stage of a company are read from."""
    topics: dict[str, list[float]] = {}
    for one in totals:
        for topic, heat in one.topics.items():
            topics.setdefault(topic, []).append(heat)
    return Totals(
        heat=fsum(one.heat for one in totals),
        topics={topic: fsum(heats) for topic, heats in sorted(topics.items())},
        stages=(
            fsum(one.stages[0] for one in totals),
            fsum(one.stages[1] for one in totals),
            fsum(one.stages[2] for one in totals),
        ),
        last_at=max((one.last_at for one in totals), default=0),
    )


def roles(known: Sequence[BuyingRole]) -> Mapping[BuyingRole, int]:
    """How many people of a company have each part in a purchase; all four are given."""
    counted = Counter(known)
    return {role: counted[role] for role in BUYING_ROLES}
