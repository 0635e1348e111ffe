"""What won and lost leads say about whom a site looks for: the weights of its criteria, and values to ask for besides.

Leads of which a criterion isn't known are a bucket of their own, shown and used for neither side.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

import msgspec

from scorer.core.fit import Criterion, IdealCustomer, judge
from scorer.core.fit_evidence import LEAST_LEADS, Bucket, Decided, as_weight, log_odds
from scorer.core.fit_suggestions import Suggestion, suggest
from scorer.core.learned import Z_95, Figure

LEAST_PART: Final = 0.1
"""Part of the hand-made weight that is left to a criterion which wins don't bear out."""
Finding = Literal["few", "unclear", "bears_out", "speaks_against"]
"""``few``: too few leads to learn from. ``unclear``: the interval has 0 in it."""


class LearnedCriterion(msgspec.Struct, frozen=True):
    """A criterion of the hand-made ideal customer, and what wins say of it."""

    criterion: Criterion
    match: Bucket
    mismatch: Bucket
    unknown: Bucket
    log_odds: Figure
    """Of a win with a match against one without, shrunk; empty where there are too few leads."""
    finding: Finding
    weight: float
    """Proposed; the hand-made one where there are too few leads."""


class FitLearned(msgspec.Struct, frozen=True):
    """Whom a site should look for, by its wins and losses."""

    wins: int
    losses: int
    criteria: tuple[LearnedCriterion, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    tried: int = 0
    """Values that were common enough to be looked at."""


def learn_fit(ideal: IdealCustomer | None, leads: Sequence[Decided]) -> FitLearned:
    """Return what *leads* say of the criteria of *ideal*, and of values that it doesn't ask for. The order of leads decides
    nothing.

    Proposed weights are in proportion to the log odds, and of those learned the sum stays that of the hand-made ones; a
    criterion that isn't borne out keeps ``LEAST_PART`` of its own, since a weight can't be 0: to remove it is for people.
    """
    wins = sum(one.won for one in leads)
    criteria = _weighed(list(_criteria(ideal, leads))) if ideal is not None else ()
    per_unit = _scale([one for one in criteria if one.finding != "few"]) or 1.0
    suggestions, tried = suggest(ideal, leads, per_unit)
    return FitLearned(wins, len(leads) - wins, criteria, suggestions, tried)


def with_learned(fit: dict[str, Any] | None, learned: FitLearned) -> dict[str, Any] | None:
    """Return the section ``fit`` of a card with the proposed weights and the suggested criteria; the rest as it was.

    ``None`` where there is neither a section nor a suggestion.
    """
    if fit is None and not learned.suggestions:
        return None
    weights = {one.criterion.id: one.weight for one in learned.criteria}
    kept = [one | {"weight": weights[one["id"]]} if one["id"] in weights else one for one in (fit or {}).get("criteria", [])]
    added = [msgspec.to_builtins(one.criterion) for one in learned.suggestions]
    return (fit or {}) | {"criteria": kept + added}


def is_changed(learned: FitLearned) -> bool:
    """Whether the proposal differs from what is on the card."""
    return bool(learned.suggestions) or any(one.weight != one.criterion.weight for one in learned.criteria)


def _criteria(ideal: IdealCustomer, leads: Sequence[Decided]) -> Iterator[LearnedCriterion]:
    counts = [{"match": [0, 0], "mismatch": [0, 0], "unknown": [0, 0]} for _ in ideal.criteria]
    for lead in leads:
        for mine, reason in zip(counts, judge(ideal, lead.profile).reasons, strict=True):
            mine[reason.verdict][not lead.won] += 1
    for criterion, mine in zip(ideal.criteria, counts, strict=True):
        match, mismatch, unknown = (Bucket(*mine[name]) for name in ("match", "mismatch", "unknown"))
        enough = min(match.won + match.lost, mismatch.won + mismatch.lost) >= LEAST_LEADS
        odds = log_odds(match, mismatch, Z_95) if enough else Figure()
        yield LearnedCriterion(criterion, match, mismatch, unknown, odds, _finding(odds), criterion.weight)


def _weighed(found: list[LearnedCriterion]) -> tuple[LearnedCriterion, ...]:
    learned = [one for one in found if one.finding != "few"]
    scale = _scale(learned)
    if not scale:
        return tuple(found)  # Nothing is borne out: there is nothing to share the weight out by.
    return tuple(
        one
        if one.finding == "few"
        else msgspec.structs.replace(
            one, weight=as_weight(max(LEAST_PART * one.criterion.weight, scale * (one.log_odds.value or 0.0)))
        )
        for one in found
    )


def _scale(learned: Sequence[LearnedCriterion]) -> float:
    """Weight for each unit of log odds, so that learned weights add up to what they were; 0 where none is above 0."""
    gained = math.fsum(max(0.0, one.log_odds.value or 0.0) for one in learned)
    return math.fsum(one.criterion.weight for one in learned) / gained if gained > 0 else 0.0


def _finding(odds: Figure) -> Finding:
    if odds.low is None or odds.high is None:
        return "few"
    return "bears_out" if odds.low > 0 else "speaks_against" if odds.high < 0 else "unclear"
