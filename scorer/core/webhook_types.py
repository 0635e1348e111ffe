"""What webhooks may be told of, and in which shapes."""

from __future__ import annotations

from typing import Final, Literal, get_args

FeedKind = Literal[
    "entered",
    "rose",
    "left",
    "stage",
    "identified",
    "merged",
    "unmerged",
    "claimed",
    "released",
    "snoozed",
    "woken",
    "outcome",
    "noted",
    "erased",
]
KINDS: Final[tuple[FeedKind, ...]] = get_args(FeedKind)
"""The kinds of change in the feed, each of which is an event type ``lead.<kind>``."""
PING: Final = "ping"
"""Not a change: the message that the test button sends."""

Preset = Literal["standard", "slack", "wecom", "dingtalk", "feishu", "hubspot", "salesforce"]
PRESETS: Final[tuple[Preset, ...]] = get_args(Preset)
ROBOTS: Final[frozenset[Preset]] = frozenset({"slack", "wecom", "dingtalk", "feishu"})
"""Presets that put a message into a chat, where people read it."""
SIGNED: Final[frozenset[Preset]] = frozenset({"standard", "hubspot", "salesforce"})
"""Presets that are signed as Standard Webhooks are, with secrets made here."""
SECRET_OF_ROBOT: Final[frozenset[Preset]] = frozenset({"dingtalk", "feishu"})
"""Presets whose receiver may give out a secret to sign by."""

_NEWS: Final[tuple[FeedKind, ...]] = ("entered", "stage", "outcome")
"""What is worth a word in a chat."""
_RECORDS: Final[tuple[FeedKind, ...]] = tuple(
    kind for kind in KINDS if kind not in ("merged", "unmerged", "noted", "erased", "woken")
)
"""What changes a CRM's record of a person."""


def event_type(kind: str) -> str:
    """Return the type that a message about this kind of change has.

    >>> event_type("entered"), event_type("ping")
    ('lead.entered', 'test.ping')
    """
    return "test.ping" if kind == PING else f"lead.{kind}"


TYPES: Final = tuple(event_type(kind) for kind in (*KINDS, PING))


def default_kinds(preset: Preset) -> tuple[FeedKind, ...]:
    """Return the kinds of change that a webhook of this preset is told of unless it says which."""
    if preset in ROBOTS:
        return _NEWS
    return KINDS if preset == "standard" else _RECORDS
