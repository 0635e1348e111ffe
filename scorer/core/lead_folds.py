"""What a lead's whole history comes to, folded from its first event: for scoring it, trying a card on it, learning from it.

Read from the database, from files in some processes or on many machines, it is these functions that fold it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from scorer.core.capacity import HeatPath, path_of
from scorer.core.past_points import Held, held
from scorer.core.rules import Card
from scorer.core.score import Contribution, ScoreState, Streams, fold
from scorer.core.scorecard import Scorecard
from tracker.core.events import Fact


class Landmarked(msgspec.Struct, frozen=True):
    """What a ``Card`` is made of."""

    scorecard: Scorecard
    landmark_ms: int

    @property
    def card(self) -> Card:
        """The card, made ready to score."""
        return Card(self.scorecard, self.landmark_ms)


class FoldedScore(msgspec.Struct, frozen=True, array_like=True):
    """A lead by one card."""

    state: ScoreState
    path: HeatPath | None
    """``None`` where it wasn't asked for."""


class FoldedPast(msgspec.Struct, frozen=True, array_like=True):
    """What is learned from a lead."""

    seen: list[int]
    """When it did anything on the site, rising."""
    pages: list[int]
    """When it viewed pages, rising."""
    held: list[Held]
    """Each contribution that it has ever had, by the card that counts."""


class ScoreWork(msgspec.Struct, frozen=True, tag="score"):
    """Fold leads by some cards."""

    cards: tuple[Landmarked, ...]
    with_paths: bool


class PastWork(msgspec.Struct, frozen=True, tag="past"):
    """Fold leads for what is learned from them, from what they did up to a time."""

    counting: Landmarked
    until_ms: int


Work: TypeAlias = ScoreWork | PastWork
"""What is to be found out about each lead."""
Folded: TypeAlias = list[FoldedScore] | FoldedPast


def folder(work: Work) -> Callable[[dict[int, list[Fact]]], Folded]:
    """Return the function that does *work* on a lead's streams."""
    if isinstance(work, PastWork):
        counting = work.counting.card
        return lambda streams: fold_past(counting, streams)
    cards = [one.card for one in work.cards]
    return lambda streams: fold_scores(cards, streams, work.with_paths)


def fold_scores(cards: Sequence[Card], streams: Streams, with_paths: bool) -> list[FoldedScore]:
    """Return a lead by each card, with the path of its heat where that is wanted."""
    found = []
    for card in cards:
        trace: list[Contribution] | None = [] if with_paths else None
        state = fold(card, None, streams, trace)
        found.append(FoldedScore(state, None if trace is None else path_of(card.decay, trace)))
    return found


def fold_past(counting: Card, streams: dict[int, list[Fact]]) -> FoldedPast:
    """Return what is learned from a lead, by a card that counts (see ``past_points.counting_card``)."""
    return FoldedPast(times_seen(streams), times_of_pages(streams), held(counting, streams))


def times_seen(streams: dict[int, list[Fact]]) -> list[int]:
    """Return when a lead did anything on the site, rising: ms since 1970 UTC."""
    return sorted(fact.at for facts in streams.values() for fact in facts if fact.visit > 0)


def times_of_pages(streams: dict[int, list[Fact]]) -> list[int]:
    """Return when a lead viewed pages, rising: ms since 1970 UTC."""
    return sorted(fact.at for facts in streams.values() for fact in facts if fact.kind == "page")
