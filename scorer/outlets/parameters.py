"""The parameters of the sales API, as types, and how a query string becomes one."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType
from werkzeug.datastructures import MultiDict

from scorer.core.labels import Language
from scorer.core.next_steps import Status
from scorer.core.scorecard import Stage
from scorer.outlets.problems import PARAMETER_INVALID, Refusal
from scorer.outlets.shapes import Grade, ParameterError

Text = Annotated[str, Meta(max_length=200)]
CursorText = Annotated[str, Meta(max_length=500)]
Limit = Annotated[int, Meta(ge=1, le=200, description="Items a page.")]
Score = Annotated[float, Meta(ge=0, lt=100)]


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """What every request may say."""

    site: Annotated[
        Text | UnsetType, Meta(description="Name or number of the site. Not needed, since a key opens one site only.")
    ] = UNSET
    lang: Annotated[
        Language | UnsetType,
        Meta(description="Language of texts. By default the one that Accept-Language prefers, else the site's."),
    ] = UNSET


class RankedParameters(Parameters, frozen=True, kw_only=True):
    """What a request for a ranked list may say."""

    limit: Limit = 50
    cursor: Annotated[CursorText | UnsetType, Meta(description="next_cursor of the page before.")] = UNSET
    segment: Annotated[
        Text | UnsetType,
        Meta(description="Only leads of the saved segment with this name or number. Not together with others."),
    ] = UNSET
    topic: Annotated[Text | UnsetType, Meta(description="Only leads with this topic among their interests.")] = UNSET
    stage: Annotated[Stage | UnsetType, Meta(description="Only leads at this stage.")] = UNSET
    owner: Annotated[
        Text | UnsetType, Meta(description="Only leads claimed by this owner; empty: those nobody has claimed.")
    ] = UNSET
    grade: Annotated[Grade | UnsetType, Meta(description="Only leads with this fit to the ideal customer.")] = UNSET
    status: Annotated[
        Status | UnsetType,
        Meta(description="Only leads with this status. Given, the hot list has those that are won or at rest, too."),
    ] = UNSET


class HotLeadsParameters(RankedParameters, frozen=True, kw_only=True):
    """What a request for the hot list may say."""

    min_score: Annotated[
        Score | UnsetType,
        Meta(description="All leads with at least this score instead of the hot ones; 0 ranks everyone."),
    ] = UNSET
    explore: Annotated[
        bool,
        Meta(
            description="Whether the exploratory leads of the week follow the hot ones: drawn by lot, not hot, explored is "
            "true. Nothing follows with min_score or segment."
        ),
    ] = False


class LeadsParameters(RankedParameters, frozen=True, kw_only=True):
    """What a request for all leads may say."""

    q: Annotated[
        Text | UnsetType,
        Meta(description="Beginnings of words, all of which the name, e-mail address or company must have; or a lead's id."),
    ] = UNSET


class AccountsParameters(Parameters, frozen=True, kw_only=True):
    """What a request for companies may say."""

    limit: Limit = 50
    cursor: Annotated[CursorText | UnsetType, Meta(description="next_cursor of the page before.")] = UNSET
    q: Annotated[Text | UnsetType, Meta(description="Beginning of a word of the company's name, or of its domain.")] = UNSET


class TimelineParameters(Parameters, frozen=True, kw_only=True):
    """What a request for a timeline may say."""

    limit: Annotated[int, Meta(ge=1, le=200, description="Visits a page.")] = 20
    cursor: Annotated[CursorText | UnsetType, Meta(description="next_cursor of the page before.")] = UNSET


class ChangesParameters(Parameters, frozen=True, kw_only=True):
    """What a request for changes may say."""

    limit: Limit = 50
    cursor: Annotated[
        CursorText | Literal["now"] | UnsetType,
        Meta(
            description="next_cursor of the page before. Left out: from the first change. now: nothing of the past, "
            "only the cursor from which what comes can be read; answered at once."
        ),
    ] = UNSET
    wait: Annotated[
        int, Meta(ge=0, le=60, description="Seconds to wait for a change when there is none; 0 answers at once.")
    ] = 0


Kind = TypeVar("Kind", bound=Parameters)


def read_parameters(given: MultiDict[str, str], kind: type[Kind]) -> Kind:
    """Return the parameters of a request; raise ``Refusal`` that names every one that is wrong or unknown."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    errors: list[ParameterError] = []
    for name, texts in given.lists():
        try:
            if name not in fields:
                raise ValueError("There is no such parameter")
            values[fields[name].name] = _read(texts, fields[name].type)
        except ValueError as error:
            errors.append(ParameterError(name[:200], str(error)))
    if errors:
        raise Refusal(PARAMETER_INVALID, "; ".join(f"{one.parameter}: {one.detail}" for one in errors), errors=errors)
    return kind(**values)


def _read(texts: list[str], kind: Any) -> Any:
    if len(texts) > 1:
        raise ValueError("Given more than once")
    if "\0" in texts[0]:
        raise ValueError("The character NUL is in no text")  # PostgreSQL cannot take it.
    return msgspec.convert(texts[0], kind, strict=False)
