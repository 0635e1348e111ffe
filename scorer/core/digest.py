"""What a weekly digest says: its facts, whether there is anything to tell, and the numbers derived from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

EMPTY_WEEKS: Final = 4
"""Weeks without news in a row after which a line says that the service is alive: silence and breakage look the same."""


class Who(msgspec.Struct, frozen=True):
    """A lead as a mail names it."""

    name: str
    """Name or address; empty for somebody not yet known."""
    about: str
    """Job title and company, as far as known."""
    url: str


class HotLead(msgspec.Struct, frozen=True):
    """A lead that became hot in the week and is hot still."""

    who: Who
    score: float
    why: list[str]
    """In words: that it may be made up, where it may; then the reasons that count most."""
    step: str
    """What to do next, in words."""
    step_why: str
    due_ms: int
    """By when: milliseconds since 1970 UTC."""
    owner: str
    """Who has claimed it; empty for nobody."""


class Move(msgspec.Struct, frozen=True):
    """A lead whose score has changed since the beginning of the week."""

    who: Who
    before: float
    now: float
    why: str
    """The newest reason, in words; empty where there is none."""
    owner: str


class Idle(msgspec.Struct, frozen=True):
    """A lead that somebody has claimed, and nothing was heard of since."""

    who: Who
    owner: str
    since_ms: int | None
    """When sales last did something about it; ``None`` where that is too long ago to say."""
    ran_out: bool
    """Whether the claim is over: nobody has the lead now."""


class Back(msgspec.Struct, frozen=True):
    """A lead that was put off and comes back in the days to come."""

    who: Who
    at_ms: int


class Closed(msgspec.Struct, frozen=True):
    """A lead that was won or lost in the week."""

    who: Who
    kind: Literal["won", "lost"]
    value: float | None
    """``None`` where nobody has said."""
    currency: str
    reason: str
    by: str


class Share(msgspec.Struct, frozen=True):
    """How many of the leads that became hot have something in common."""

    label: str
    leads: int


class Part(msgspec.Struct, frozen=True):
    """A list that is cut to what fits on the screen, and how many there are in all."""

    shown: list[HotLead] | list[Move] | list[Idle] | list[Back] | list[Closed]
    count: int

    @property
    def more(self) -> int:
        """How many aren't shown."""
        return self.count - len(self.shown)


class Numbers(msgspec.Struct, frozen=True):
    """Leads to whom it happened in a week, each counted once."""

    entered: int = 0
    identified: int = 0
    left: int = 0
    contacted: int = 0
    won: int = 0
    lost: int = 0


class Facts(msgspec.Struct, frozen=True):
    """All that a digest tells of one week, for one site and segment."""

    numbers: Numbers
    before: Numbers
    """Of the week before."""
    hot: Part
    rising: Part
    cooling: Part
    idle: Part
    back: Part
    closed: Part
    won_value: list[tuple[str, float]]
    """Sums of what was won, by currency, the greatest first."""
    topics: list[Share]
    """What those read about who became hot, the most frequent first."""
    documents: list[Share]
    """What they downloaded."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that a reader would want a mail for."""
        return not any(part.count for part in (self.hot, self.rising, self.cooling, self.idle, self.back, self.closed))


def bar_percent(value: float, greatest: float) -> int:
    """Return the width of a bar in percent of the greatest one's: 2 to 100, so that the smallest still shows.

    >>> bar_percent(5, 10), bar_percent(0.001, 10), bar_percent(0, 0)
    (50, 2, 2)
    """
    return max(2, min(100, round(100 * value / greatest))) if greatest > 0 else 2


def change_text(now: int, before: int) -> str:
    """Return a number's difference to the week before, with its sign; empty for none.

    >>> change_text(5, 3), change_text(1, 4), change_text(2, 2)
    ('+2', '−3', '')
    """
    difference = now - before
    if difference == 0:
        return ""
    return f"+{difference}" if difference > 0 else f"\N{MINUS SIGN}{-difference}"


def is_sign_of_life_due(states: Sequence[str]) -> bool:
    """Decide whether an empty week is the one in which a line is sent all the same.

    *states*: what the ledger says of the weeks before, the latest first.

    >>> is_sign_of_life_due(["empty"] * 3), is_sign_of_life_due(["empty", "sent", "empty"])
    (True, False)
    """
    before = states[: EMPTY_WEEKS - 1]
    return len(before) == EMPTY_WEEKS - 1 and all(state == "empty" for state in before)


def message_id(digest_id: str, week: str, host: str) -> str:
    """Return the id of a digest's mail about a week: the same whenever it is sent.

    >>> message_id("dg_1", "2026-11-16", "leads.example.com")
    '<digest.dg_1.2026-11-16@leads.example.com>'
    """
    return f"<digest.{digest_id}.{week}@{host}>"
