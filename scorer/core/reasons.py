"""Why a lead has its score: what each rule is worth now, in points and in words."""

from __future__ import annotations

import msgspec

from scorer.core.labels import Language, pick
from scorer.core.phrases import ago, say
from scorer.core.rules import Card
from scorer.core.score import Totals


class Reason(msgspec.Struct, frozen=True):
    """One rule's part in the score."""

    rule: str
    points: float
    """Points left of it now."""
    count: int
    last_at: int
    text: str


def reasons(card: Card, totals: Totals, now_ms: int, language: Language = "en", limit: int | None = None) -> list[Reason]:
    """Each rule's part in the score at ``now_ms``, greatest first; equal parts by rule.

    Without a ``limit`` the points add up to those of the lead (to 1e-9 of them). A rule that has contributed but isn't
    on the card goes by its id.

    Examples
    --------
    >>> from scorer.core.score import RuleTotal
    >>> from scorer.core.labels import Label
    >>> from scorer.core.scorecard import Hot, Rule, Scorecard
    >>> rule = Rule("pricing", Label("Viewed pricing"), on="page_view", points=8)
    >>> card = Card(Scorecard(1, Label("Tiny"), p50=40, hot=Hot(60), warm=20, rules=[rule]), landmark_ms=0)
    >>> totals = Totals(heat=24.0, rules={"pricing": RuleTotal(24.0, count=3, points=24.0, last_at=0)})
    >>> reasons(card, totals, now_ms=7_200_000)[0].text
    'Viewed pricing 3 times, last 2 hours ago'
    """
    ranked = sorted(totals.rules.items(), key=lambda item: (-item[1].heat, item[0]))
    return [
        Reason(
            rule=rule,
            points=card.points(total.heat, now_ms),
            count=total.count,
            last_at=total.last_at,
            text=reason_text(card, rule, total.count, ago(total.last_at, now_ms, language), language),
        )
        for rule, total in ranked[:limit]
    ]


def reason_text(card: Card, rule: str, count: int, passed: str, language: Language) -> str:
    """A rule's part in words: its label, how often, and how long ago (as ``phrases.ago`` says it)."""
    known = card.rules.get(rule)
    label = pick(known.label, language) if known else rule
    if known and known.on == "dwell":
        return say("reason_visit" if count == 1 else "reason_visits", language, label=label, n=count, ago=passed)
    return say("reason_once" if count == 1 else "reason_often", language, label=label, n=count, ago=passed)
