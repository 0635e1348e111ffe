"""A lead's score as a sum: what each rule has earned, when and for what, and what is left of it now."""

from __future__ import annotations

import msgspec

from scorer.core.rules import Card
from scorer.core.score_line import Earned
from scorer.outlets.history_shapes import History
from scorer.web.rendering import as_ms

SHOWN_AT_MOST = 30
"""Single contributions listed of a rule, the latest; the sums are of all."""


class Part(msgspec.Struct, frozen=True):
    """Points earned once. ``at`` in ms since 1970 UTC."""

    at: int
    detail: str
    """The page, file, form or event behind it; empty for a visit."""
    points: float
    left: float
    """What is left of them now."""


class RuleSum(msgspec.Struct, frozen=True):
    """All that one rule has earned."""

    rule: str
    text: str
    """The rule in words."""
    count: int
    points: float
    left: float
    parts: tuple[Part, ...]
    """Latest first."""

    @property
    def unlisted(self) -> int:
        """How many contributions ``parts`` doesn't list."""
        return self.count - len(self.parts)


def sums(card: Card, told: History, now_ms: int) -> list[RuleSum]:
    """Return the rules' sums, the greatest left first. What is left of all is the points behind the score."""
    by_rule: dict[str, list[Part]] = {}
    texts: dict[str, str] = {}
    for event in told.events:
        for one in event.contributions:
            at = as_ms(one.at)
            left = card.points(card.decay.heat(one.points, at), now_ms)
            by_rule.setdefault(one.rule, []).append(Part(at, one.detail, one.points, left))
            texts[one.rule] = one.text
    found = [
        RuleSum(
            rule,
            texts[rule],
            len(parts),
            sum(part.points for part in parts),
            sum(part.left for part in parts),
            tuple(sorted(parts, key=lambda part: -part.at)[:SHOWN_AT_MOST]),
        )
        for rule, parts in by_rule.items()
    ]
    return sorted(found, key=lambda one: -one.left)


def earned(card: Card, told: History) -> list[Earned]:
    """Return when points were earned, for the line of the score."""
    found = []
    for event in told.events:
        at = as_ms(event.at)
        # Points that were merged into this moment have faded a little until it.
        points = sum(card.points(card.decay.heat(one.points, as_ms(one.at)), at) for one in event.contributions)
        texts = tuple(dict.fromkeys(one.text for one in event.contributions))
        found.append(Earned(at, points, event.points, texts))
    return found
