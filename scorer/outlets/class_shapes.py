"""Classes and groups as the sales API answers them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from scorer.core.classifying import Verdict
from scorer.core.grouping import GroupsVerdict
from scorer.core.proportions import Rate
from scorer.outlets.shapes import Time


class ClassLabel(msgspec.Struct, frozen=True):
    """A label of a scheme, and how many leads have it."""

    label: str
    people: Annotated[int, Meta(description="Leads of which a person says so.")]
    learned: Annotated[int, Meta(description="Other leads that are taken to be it.")]


class Learned(msgspec.Struct, frozen=True):
    """How far a scheme can be told, found out on leads that were left out of learning in turn."""

    at: Time
    verdict: Annotated[
        Verdict,
        Meta(
            description="tells; no_better than always saying the commonest label, so nothing is told; unsure: better, but "
            "never right in four of five cases, so nothing is told either."
        ),
    ]
    text: Annotated[str, Meta(description="The same in a sentence.")]
    examples: int
    accuracy: Annotated[Rate, Meta(description="Right, if every lead were told of.")]
    majority: Annotated[Rate, Meta(description="Right, by always saying the commonest label.")]
    told: Annotated[Rate, Meta(description="Right among those it tells of; of is how many of the examples these are.")]
    left_out: Annotated[list[str], Meta(description="Labels that too few leads have to be learned.")]


class ClassScheme(msgspec.Struct, frozen=True):
    """One of the company's own schemes."""

    scheme: str
    labels: Annotated[list[ClassLabel], Meta(description="The commonest first.")]
    untold: Annotated[int, Meta(description="Other leads of which it is unsure.")]
    learned: Annotated[Learned | None, Meta(description="Null until it was learned.")]


class LeadGroup(msgspec.Struct, frozen=True):
    """Leads that behave alike."""

    group: Annotated[int, Meta(description="Stays with it from one time to the next, and is never given again.")]
    leads: int
    won: Rate
    text: Annotated[str, Meta(description="What makes it different from the others.")]


class Groups(msgspec.Struct, frozen=True):
    """What came of looking for groups."""

    at: Time
    verdict: GroupsVerdict
    text: str
    data: Annotated[list[LeadGroup], Meta(description="The largest first; empty unless the verdict is groups.")]


class ClassList(msgspec.Struct, frozen=True):
    """The schemes of a site, by name, and its groups."""

    data: list[ClassScheme]
    groups: Annotated[Groups | None, Meta(description="Null until they were looked for.")]
    next_cursor: None
