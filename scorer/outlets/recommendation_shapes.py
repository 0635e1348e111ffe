"""What to show to a lead next, as the sales API answers it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from scorer.core.insight_words import why_recommended
from scorer.core.interests import topic_label
from scorer.core.labels import Language
from scorer.core.recommending import Recommendation
from scorer.core.rules import Card


class Recommended(msgspec.Struct, frozen=True):
    """A page or document to show to the lead."""

    content: Recommendation
    why: Annotated[str, Meta(description="The reason in words, in the language asked for.")]


class RecommendationList(msgspec.Struct, frozen=True):
    """The best first, at most three; empty where nothing can be told yet."""

    data: list[Recommended]
    next_cursor: Annotated[None, Meta(description="These are all.")] = None


def recommended(card: Card, found: list[Recommendation], name: str, language: Language) -> list[Recommended]:
    """Return *found* with its reasons in words; *name* is the lead's, empty where it isn't known."""
    return [
        Recommended(one, why_recommended(one, topic_label(card, one.topic, language) if one.topic else "", name, language))
        for one in found
    ]
