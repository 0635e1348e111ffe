"""How far a purchase has come, read off the share of heat on awareness, consideration and decision behaviour."""

from __future__ import annotations

import msgspec

from scorer.core.rules import Card
from scorer.core.score import Totals
from scorer.core.scorecard import STAGES, Stage

DECISION_SHARE = 0.35
"""Share of the staged heat on decision behaviour from which a lead is deciding. Prices are looked at late and seldom,
products often: a third of the weight on price, quote and contact is already a purchase."""
CONSIDERATION_SHARE = 0.40
"""Share on consideration *and* decision behaviour from which a lead is past awareness."""


def stage_shares(totals: Totals) -> tuple[float, float, float] | None:
    """Shares of heat on awareness, consideration and decision, which sum to 1; ``None`` when none of it has a stage."""
    whole = sum(totals.stages)
    if whole <= 0:
        return None
    awareness, consideration, decision = totals.stages
    return (awareness / whole, consideration / whole, decision / whole)


def stage(totals: Totals) -> Stage | None:
    """Stage of the purchase; ``None`` when nothing seen so far speaks of one (unknown is not early).

    The same at every time until something happens, because all heat fades in step.

    >>> stage(Totals(stages=(1.0, 4.0, 5.0)))
    'decision'
    """
    shares = stage_shares(totals)
    if shares is None:
        return None
    _, consideration, decision = shares
    if decision >= DECISION_SHARE:
        return "decision"
    return "consideration" if consideration + decision >= CONSIDERATION_SHARE else "awareness"


class Evidence(msgspec.Struct, frozen=True):
    """What speaks for one stage."""

    stage: Stage
    share: float
    """Of the heat that has a stage, from 0 to 1."""
    rules: tuple[str, ...]
    """Ids of the rules that speak for it, the greatest first."""


def evidence(card: Card, totals: Totals, limit: int = 3) -> tuple[Evidence, ...]:
    """What speaks for each stage, in the order of ``STAGES``; empty when nothing does. The shares sum to 1."""
    shares = stage_shares(totals)
    if shares is None:
        return ()
    told = []
    for number, name in enumerate(STAGES):
        speaking = [
            (-total.heat, rule)
            for rule, total in totals.rules.items()
            if rule in card.rules and card.rules[rule].stage == name and total.heat > 0
        ]
        told.append(Evidence(name, shares[number], tuple(rule for _, rule in sorted(speaking)[:limit])))
    return tuple(told)
