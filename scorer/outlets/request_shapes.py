"""What writing requests to the sales API say, as types: bodies are read by them, and the description is made from them.

Times are taken in any time zone. Texts are limited in length and have no control characters.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal, Self

import msgspec
from msgspec import Meta

from scorer.core.crm_in import ROWS_AT_MOST, rows_of
from scorer.core.exclusions import ExclusionReason
from scorer.core.handling import DEFAULT_LEASE_MS, LONGEST_LEASE_MS, SHORTEST_LEASE_MS
from scorer.core.handling import Outcome as OutcomeKind
from scorer.core.phrases import HOUR_MS
from scorer.handling import LONGEST_NAME
from scorer.labelling_by_hand import LONGEST
from scorer.notes import LONGEST_NOTE
from scorer.outcomes import VALUE_BELOW
from scorer.outlets.shapes import LEAD_ID_PATTERN

_NO: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
LINE: Final = rf"^[^{_NO}]*$"
"""One line without control characters."""
_NO_BUT_LINES: Final = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029"

ONE_WORD: Final = rf"^[^{_NO}]*[^{_NO}\s][^{_NO}]*$"
"""The same, not blank."""

Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME, pattern=rf"^[^{_NO}]*[^{_NO}\s][^{_NO}]*$")]
Reason = Annotated[str, Meta(max_length=500, pattern=LINE)]
Why = Annotated[
    str,
    Meta(min_length=1, max_length=500, pattern=rf"^[^{_NO}]*[^{_NO}\s][^{_NO}]*$", description="The reason, for the log."),
]
By = Annotated[Name | None, Meta(description="Who does this, best an e-mail address; left out: the key itself.")]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every body is: a JSON object without unknown fields. But for those that others decide upon."""

    described: ClassVar[dict[str, Any] | None] = None
    """The schema of a body that isn't an object of this type's fields; ``None``: it is."""

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Return the body; an empty one is an empty object. Raises what ``msgspec.json.decode`` does."""
        return msgspec.json.decode(content or b"{}", type=cls)


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


class CrmDelivery(Request, frozen=True, kw_only=True):
    """What a CRM tells of deals, in its own shape."""

    described: ClassVar[dict[str, Any] | None] = {
        "anyOf": [
            {"type": "array", "items": {}, "maxItems": ROWS_AT_MOST, "description": "Rows, each an object."},
            {"type": "object", "description": "One row; or rows under outcomes, records, rows or data."},
        ]
    }
    rows: Annotated[list[Any], Meta(max_length=ROWS_AT_MOST)]

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Return the rows. What is wrong with one of them is for the answer to say."""
        rows = rows_of(msgspec.json.decode(content))
        if rows is None:
            raise msgspec.ValidationError("Expected `array` or `object`")
        return msgspec.convert({"rows": rows}, cls)


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


class LabelRequest(Request, frozen=True, kw_only=True):
    """It is to be said what a lead is in one of the company's own schemes."""

    scheme: Annotated[
        str, Meta(min_length=1, max_length=LONGEST, pattern=ONE_WORD, description="Exists once a label in it does.")
    ]
    label: Annotated[
        Annotated[str, Meta(min_length=1, max_length=LONGEST, pattern=ONE_WORD)] | None,
        Meta(description="null takes back what was said."),
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
