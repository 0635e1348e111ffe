"""What writing requests to the sales API say, as types: bodies are read by them, and the description is made from them.

Times are taken in any time zone. Texts are limited in length and have no control characters.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from scorer.core.exclusions import ExclusionReason
from scorer.core.handling import DEFAULT_LEASE_MS, LONGEST_LEASE_MS, SHORTEST_LEASE_MS
from scorer.core.handling import Outcome as OutcomeKind
from scorer.core.phrases import HOUR_MS
from scorer.handling import LONGEST_NAME
from scorer.notes import LONGEST_NOTE
from scorer.outcomes import VALUE_BELOW
from scorer.outlets.shapes import LEAD_ID_PATTERN

_NO: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
LINE: Final = rf"^[^{_NO}]*$"
"""One line without control characters."""
_NO_BUT_LINES: Final = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029"

Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME, pattern=rf"^[^{_NO}]*[^{_NO}\s][^{_NO}]*$")]
Reason = Annotated[str, Meta(max_length=500, pattern=LINE)]
Why = Annotated[
    str,
    Meta(min_length=1, max_length=500, pattern=rf"^[^{_NO}]*[^{_NO}\s][^{_NO}]*$", description="The reason, for the log."),
]
By = Annotated[Name | None, Meta(description="Who does this, best an e-mail address; left out: the key itself.")]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every body is: a JSON object without unknown fields."""


class ClaimRequest(Request, frozen=True, kw_only=True):
    """A lead is to be somebody's for a time."""

    owner: Annotated[Name | None, Meta(description="For whom, best an e-mail address; left out: the key itself.")] = None
    lease_hours: Annotated[
        int,
        Meta(
            ge=SHORTEST_LEASE_MS // HOUR_MS,
            le=LONGEST_LEASE_MS // HOUR_MS,
            description="For how long. Claimed again by the same owner, it counts from then.",
        ),
    ] = DEFAULT_LEASE_MS // HOUR_MS


class ReleaseRequest(Request, frozen=True, kw_only=True):
    """A claim is to end."""

    owner: Annotated[Name | None, Meta(description="Whose claim; left out: that of the key itself.")] = None


class SnoozeRequest(Request, frozen=True, kw_only=True):
    """A lead is to leave the hot list until a time."""

    until: Annotated[
        datetime, Meta(tz=True, description="A time to come, 366 days from now at most; RFC 3339 with a time zone.")
    ]
    why: Annotated[Reason, Meta(description="For the log and the changes.")] = ""
    by: By = None


class OutcomeRequest(Request, frozen=True, kw_only=True):
    """It is to be said what became of a lead."""

    kind: Annotated[OutcomeKind, Meta(description="open takes back what was said before.")]
    value: Annotated[
        Annotated[float, Meta(ge=0, lt=VALUE_BELOW)] | None, Meta(description="Of the deal, where one is won.")
    ] = None
    currency: Annotated[
        Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None, Meta(description="Of the value, by ISO 4217: EUR, CNY.")
    ] = None
    reason: Reason = ""
    by: By = None


class NoteRequest(Request, frozen=True, kw_only=True):
    """Something is to be noted about a lead."""

    text: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=LONGEST_NOTE,
            pattern=rf"^[^{_NO_BUT_LINES}]*[^{_NO_BUT_LINES}\s][^{_NO_BUT_LINES}]*$",
            description="Plain text; it may have several lines.",
        ),
    ]
    by: By = None


class MergeRequest(Request, frozen=True, kw_only=True):
    """Another lead is to become a part of this one: they are one person."""

    lost: Annotated[str, Meta(pattern=LEAD_ID_PATTERN, description="The id that is to answer with this lead from now on.")]
    why: Why
    by: By = None


class UnmergeRequest(Request, frozen=True, kw_only=True):
    """A lead that has become part of another is to be a lead of its own again."""

    why: Why
    by: By = None


class ExcludeRequest(Request, frozen=True, kw_only=True):
    """A lead is to be kept off the hot list, or on it."""

    reason: Annotated[
        ExclusionReason | Literal["never"] | None,
        Meta(description="never: keep it on, whatever the scorecard says. null: leave it to the scorecard again."),
    ]
    why: Why
    by: By = None
