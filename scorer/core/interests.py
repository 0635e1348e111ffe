"""What a lead is interested in: the share of heat on each topic."""

from __future__ import annotations

import msgspec

from scorer.core.labels import Language, pick
from scorer.core.rules import Card
from scorer.core.score import Totals

SMALLEST_SHARE = 0.05
"""Interests below this share are passing glances (or what rounding has left of a topic) and aren't shown."""


class Interest(msgspec.Struct, frozen=True):
    """A topic and its share of the heat that has a topic, above 0 up to 1."""

    topic: str
    share: float
    label: str


def topic_names(totals: Totals, limit: int = 5) -> list[str]:
    """Ids of the topics a lead is interested in, greatest share first; equal shares by name."""
    whole = sum(totals.topics.values())
    ranked = sorted(totals.topics.items(), key=lambda item: (-item[1], item[0]))
    return [topic for topic, heat in ranked[:limit] if heat / whole >= SMALLEST_SHARE] if whole > 0 else []


def interests(card: Card, totals: Totals, language: Language = "en", limit: int = 5) -> list[Interest]:
    """The topics a lead is interested in, greatest share first; equal shares by name. Empty when none is known.

    Shares stay as they are while time passes. A topic that a page path named is labelled by that name.
    """
    whole = sum(totals.topics.values())
    return [
        Interest(topic, totals.topics[topic] / whole, topic_label(card, topic, language))
        for topic in topic_names(totals, limit)
    ]


def topic_label(card: Card, topic: str, language: Language = "en") -> str:
    """A topic in words: its label on the card, else its name with spaces."""
    for known in card.scorecard.topics:
        if known.id == topic and known.label is not None:
            return pick(known.label, language)
    return topic.replace("-", " ").replace("_", " ").strip() or topic
