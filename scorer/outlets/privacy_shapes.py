"""What is told of a person's own data."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from scorer.outlets import shapes


class PersonExport(msgspec.Struct, frozen=True):
    """All that is kept of one person on one site."""

    site: str
    exported_at: shapes.Time
    names: list[str]
    """What the person goes by."""
    tables: dict[str, list[dict[str, Any]]]
    """Rows by table, as they are kept: columns by name, times in ISO 8601, ids of events as hexadecimal digits."""
    explanations: list[shapes.Explanation]
    """How the score of each lead comes about."""
    refused_events: list[dict[str, Any]]
    """Events that were refused, in which one of the names stands."""


class Consent(msgspec.Struct, frozen=True):
    """A consent given or taken back."""

    at: shapes.Time
    purpose: str
    given: bool
    version: Annotated[str, Meta(description="Of the text that was shown; empty where nobody said.")]
    source: Annotated[str, Meta(description="Where it was said: a banner, a form, a telephone call.")]
    by: Annotated[str, Meta(description="Who recorded it by hand; empty for an event.")]


class Objection(msgspec.Struct, frozen=True):
    """What was said of being scored."""

    at: shapes.Time
    objects: bool
    by: str


class Choices(msgspec.Struct, frozen=True):
    """What the person behind a lead has chosen. Lists are in the order of time; the last word holds."""

    lead: str
    scored: Annotated[bool, Meta(description="False: the person objects to being scored.")]
    objections: list[Objection]
    consents: list[Consent]


class HeldBackup(msgspec.Struct, frozen=True):
    """A backup that still holds the person."""

    file: str
    made_at: shapes.Time
    goes_at: Annotated[shapes.Time | None, Meta(description="When it is to be deleted; null where nobody has said.")]


class Certificate(msgspec.Struct, frozen=True):
    """The record of an erasure. It names nobody: it may be kept."""

    id: Annotated[str, Meta(pattern="^er_[0-9a-f]{16}$")]
    site: str
    erased_at: shapes.Time
    by: str
    leads: Annotated[list[str], Meta(description="Ids of the leads that are gone; they are told of as erased in the feed.")]
    removed: Annotated[dict[str, int], Meta(description="Rows deleted, by table.")]
    emptied: Annotated[
        dict[str, int],
        Meta(description="Rows that stay, without what they said: that something was done, by whom and when."),
    ]
    refused_events: Annotated[int, Meta(description="Refused events deleted in which one of the person's names stood.")]
    backups: Annotated[
        list[HeldBackup],
        Meta(description="Backups made by this program before that, and not known to be gone: they hold the person still."),
    ]
    outside: Annotated[
        list[str], Meta(description="Where copies may be that no service can reach: to be dealt with by people.")
    ]
