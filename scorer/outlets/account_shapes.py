"""Companies as the sales API answers them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from scorer.core.deal_value import ExpectedSum
from scorer.core.exclusions import Excluded
from scorer.core.rules import Tier
from scorer.core.scorecard import Stage
from scorer.core.titles import BuyingRole
from scorer.outlets.shapes import Interest, Time

ACCOUNT_ID_PATTERN: Final = "^co_[0-9a-f]{16}$"


class Trend(msgspec.Struct, frozen=True):
    """Whether a company is getting keener: points that its people earned, before any fading."""

    trend: Annotated[
        Literal["rising", "steady", "fading"] | None, Meta(description="Null when nothing happened in two weeks.")
    ]
    points_this_week: float
    points_last_week: float


class Roles(msgspec.Struct, frozen=True):
    """How many people have each part in a purchase, by their job titles. Excluded people don't count."""

    decider: int
    influencer: int
    user: int
    unknown: int


class Colleague(msgspec.Struct, frozen=True):
    """A person of a company, or a visitor known to be of it."""

    lead: str
    name: str | None
    email: str | None
    title: str | None
    role: BuyingRole
    score: float
    tier: Tier
    part: Annotated[float, Meta(ge=0, le=1, description="Part of the company's heat; 0 for who is excluded.")]
    exclusion: Excluded | None
    last_seen: Time


class Account(msgspec.Struct, frozen=True):
    """A company with its people, as of one moment."""

    id: str
    name: str | None
    domain: str | None
    industry: str | None
    employees: Annotated[int | None, Meta(description="At least so many.")]
    country: str | None
    region: str | None
    score: Annotated[float, Meta(ge=0, le=100, description="Of its hottest person; to one decimal.")]
    tier: Annotated[Tier, Meta(description="Of its warmest person.")]
    points: Annotated[float, Meta(description="(Σ √points)² of its people, by which companies are ranked.")]
    as_of: Time
    leads: Annotated[int, Meta(description="People and visitors of it, excluded ones included.")]
    hot_leads: int
    first_seen: Time
    last_seen: Time
    trend: Trend
    stage: Stage | None
    interests: list[Interest]
    roles: Roles
    expected_value: Annotated[
        ExpectedSum | None,
        Meta(
            description="What may come of its people together, of the keenest hundred; who is excluded or closed has no "
            "part. Null while no chance, or no value, can be told."
        ),
    ]
    people: Annotated[list[Colleague], Meta(description="The keenest hundred at most, hottest first.")]
    url: str


class AccountPage(msgspec.Struct, frozen=True):
    """A part of the ranked list of companies."""

    data: list[Account]
    next_cursor: Annotated[str | None, Meta(description="Ask with it for what follows; null at the end of the list.")]
