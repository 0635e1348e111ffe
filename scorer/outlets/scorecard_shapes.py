"""Scorecards and the log of decisions as the sales API takes and answers them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from scorer.core.scorecard import Hot
from scorer.core.simulation import Simulation
from scorer.outlets.shapes import Time

State = Literal["current", "filling", "proposed", "past", "dropped"]


class CardName(msgspec.Struct, frozen=True):
    """A scorecard's name."""

    en: str
    zh: Annotated[str, Meta(description="Empty: as in English.")]


class Scorecard(msgspec.Struct, frozen=True):
    """One numbered scorecard of a site. It never changes."""

    number: int
    name: CardName
    state: Annotated[
        State,
        Meta(
            description="filling: its scores are being made, then it becomes current. proposed: it came of learning and "
            "waits for a decision. dropped: another was published before that, or the proposal was refused."
        ),
    ]
    created_at: Time
    published_at: Annotated[Time | None, Meta(description="When it last became current; null if it never was.")]
    scored: Annotated[int, Meta(description="Leads that have a score by it.")]
    leads: Annotated[int, Meta(description="Leads that are to have one.")]


class ScorecardList(msgspec.Struct, frozen=True):
    """The scorecards of a site, the latest first."""

    data: list[Scorecard]
    next_cursor: None


class ScorecardDetail(msgspec.Struct, frozen=True):
    """A scorecard with its rules."""

    scorecard: Scorecard
    body: Annotated[dict[str, Any], Meta(description="The rules, as `warmtrail scorecard show` prints them.")]


class Simulated(msgspec.Struct, frozen=True):
    """What publishing a scorecard would change."""

    hot: Annotated[Hot, Meta(description="As it would be stored: with per_week, enter is the one that was found.")]
    warm: float
    simulation: Simulation


class AuditEntry(msgspec.Struct, frozen=True):
    """One thing that somebody did by hand."""

    id: int
    at: Time
    actor: Annotated[str, Meta(description="An e-mail address, or an API key's id.")]
    action: str
    subject: Annotated[str, Meta(description="A lead's id, or `scorecard 3`.")]
    why: str
    detail: dict[str, Any]
    number: Annotated[
        int | None, Meta(description="Its place in the site's chain, counted without a gap; null where it isn't in it yet.")
    ]
    chain: Annotated[str | None, Meta(description="Hash of the line and of all before it: 32 bytes in hexadecimal digits.")]
    emptied: Annotated[bool, Meta(description="Whether its words were taken out, with those of a person who is forgotten.")]


class AuditPage(msgspec.Struct, frozen=True):
    """A part of the log of decisions, newest first."""

    data: list[AuditEntry]
    next_cursor: Annotated[str | None, Meta(description="Ask with it for earlier ones; null at the first.")]
