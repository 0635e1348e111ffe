"""What a lead had earned at moments that have passed, told by the trace of one fold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from scorer.core.decay import DAY_MS
from scorer.core.rules import Card
from scorer.core.score import Contribution, Replaced, Streams, fold
from scorer.core.scorecard import Rule, Scorecard


class Held(NamedTuple):
    """A contribution, and how long it held."""

    rule: str
    points: float
    at: int
    """It counts at moments after this one."""
    until: int | None
    """And up to this one, when a higher bucket took its place. ``None``: it still holds."""


def held(card: Card, streams: Streams) -> list[Held]:
    """Return every contribution that a lead has ever had, in no particular order.

    The points of those that held at a moment, faded to it, are what the card would have given for the facts before it.
    """
    trace: list[Contribution] = []
    replaced: list[Replaced] = []
    fold(card, None, streams, trace, replaced)
    return [*map(_held, trace), *(_held(one.contribution, one.until) for one in replaced)]


def points_at(some: Iterable[Held], half_life_days: float, at: int) -> float:
    """Return the points that were left at a moment, of what came strictly before it.

    >>> points_at([Held("visit", 8.0, 0, 5), Held("visit", 9.0, 5, None)], 14, 14 * DAY_MS + 5)
    4.5
    """
    half_life_ms = half_life_days * DAY_MS
    return math.fsum(one.points * math.pow(2.0, (one.at - at) / half_life_ms) for one in some if holds(one, at))


def holds(one: Held, at: int) -> bool:
    """Return whether a contribution counts at a moment: it came before, and so far nothing has taken its place."""
    return one.at < at and (one.until is None or one.until >= at)


def counting_card(card: Scorecard) -> Scorecard:
    """Return a card that counts: 1 point for each time, and for a visit's engaged time the number of the bucket reached.

    Caps are those of *card*; rules of 0 points are counted, too.
    """
    return msgspec.structs.replace(card, rules=[_counting(rule) for rule in card.rules])


def columns_of(card: Scorecard) -> Iterator[tuple[Rule, int | None, float]]:
    """Yield what can be counted by a card: each rule, of a dwell rule each bucket, and what one more of it earns."""
    for rule in card.rules:
        if rule.on != "dwell":
            yield rule, None, rule.points
            continue
        below = 0.0
        for place, (_, points) in enumerate(rule.buckets):
            yield rule, place, points - below
            below = points


def _counting(rule: Rule) -> Rule:
    if rule.on != "dwell":
        return msgspec.structs.replace(rule, points=1.0)
    buckets = [(seconds, place + 1.0) for place, (seconds, _) in enumerate(rule.buckets)]
    return msgspec.structs.replace(rule, buckets=buckets)


def _held(one: Contribution, until: int | None = None) -> Held:
    return Held(one.rule, one.points, one.at, until)
