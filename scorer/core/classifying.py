"""To which class of a scheme a lead belongs, by a model that was learned before: plain data, kept as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from scorer.core.lead_features import BASICS, subject_of
from scorer.core.proportions import Rate

MIN_EXAMPLES: Final = 5
"""Labelled leads that a class needs to be learned."""
MIN_CLASSES: Final = 2
TARGET: Final = 0.8
"""Share right that what is told must reach on leads it wasn't learned from; below that nothing is told."""
REASONS: Final = 3
_LEAST_WEIGHT: Final = 0.02
"""Added log odds below which a feature is no reason."""

Verdict = Literal["tells", "no_better", "unsure"]
"""``no_better``: not better than always saying the commonest class, so nothing is told. ``unsure``: better, but no part of
the leads can be told rightly in four of five cases, so nothing is told either."""


class ClassJudgement(msgspec.Struct, frozen=True):
    """What came out on labelled leads that each were left out of learning in turn, no company on both sides."""

    verdict: Verdict
    examples: int
    folds: int
    counts: dict[str, int]
    """Examples of each class that was learned."""
    left_out: dict[str, int]
    """Examples of the labels that are too rare to be learned."""
    commonest: str
    accuracy: Rate
    """Right, where a class is told of every lead."""
    majority: Rate
    """Right, by always saying the commonest."""
    told: Rate
    """Right among those told of; of none where nothing is."""
    told_majority: Rate
    """Right among the same, by always saying the commonest."""
    p_value: float
    """Chance that leads whose labels have nothing to do with them do as well, by the likelihood."""
    calibration_error: float
    """Mean distance between confidence and share right, over five parts of the examples."""


class ClassModel(msgspec.Struct, frozen=True):
    """Multinomial logistic regression on standardised features, and from which confidence on it is to be believed.

    Parallel tuples: ``labels``, ``shares``, ``intercepts`` and the rows of ``coefficients`` by class; the others, and the
    coefficients of a row, by feature.
    """

    trained_at: int
    """Milliseconds since 1970 UTC."""
    seed: int
    labels: tuple[str, ...]
    shares: tuple[float, ...]
    """Of the examples; they sum to 1."""
    intercepts: tuple[float, ...]
    coefficients: tuple[tuple[float, ...], ...]
    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    lows: tuple[float, ...]
    """Least and greatest value among the examples: of what lies beyond nothing was learned, and it counts as these."""
    highs: tuple[float, ...]
    trust: float
    """At least 0. By how much the log odds move away from those of the shares: 0 leaves the shares."""
    threshold: float | None
    """Confidence from which a class is told; ``None``: never."""
    judgement: ClassJudgement


class Reason(msgspec.Struct, frozen=True):
    """A feature that speaks for a class."""

    feature: str
    value: float
    weight: float
    """Log odds that it adds, against the mean of the other classes."""
    low: bool = False
    """It speaks for the class by being little."""


class Classified(msgspec.Struct, frozen=True):
    """What a lead is taken to be."""

    label: str | None
    """``None`` where that is unsure."""
    guess: str
    """The likeliest class, told or not."""
    confidence: float
    """Chance that the guess is right, as calibrated on leads left out."""
    margin: float
    """By how much that is more than the chance of the second."""
    reasons: tuple[Reason, ...]
    """The features that speak most for the guess, the greatest first."""


def learnable(counts: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Split labels with their numbers of examples into those that can be learned and those that are too rare.

    >>> learnable({"pumps": 9, "valves": 5, "hoses": 2})
    ({'pumps': 9, 'valves': 5}, {'hoses': 2})
    """
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    kept = {label: count for label, count in ranked if count >= MIN_EXAMPLES}
    return kept, {label: count for label, count in ranked if count < MIN_EXAMPLES}


class Classifier:
    """A model made ready for many leads: what it says of a lead without any feature is summed up once."""

    def __init__(self, model: ClassModel) -> None:
        self.model = model
        self._log_shares = [math.log(share) for share in model.shares]
        self._place = {name: place for place, name in enumerate(model.features)}
        columns = list(zip(*model.coefficients, strict=True))
        self._columns: Sequence[tuple[float, ...]] = columns
        self._absent = [self._standard(place, 0.0) for place in range(len(model.features))]
        self._base = [
            intercept + sum(weight * absent for weight, absent in zip(row, self._absent, strict=True))
            for intercept, row in zip(model.intercepts, model.coefficients, strict=True)
        ]

    def classify(self, features: Mapping[str, float]) -> Classified:
        """Return what a lead with these features is taken to be.

        Of a lead of which nothing is known but how much it did, nothing is told: such leads are hardly ever labelled, so
        that how right a guess would be is not known either.
        """
        logits, known = list(self._base), False
        present: list[tuple[int, str, float]] = []
        for name, value in features.items():
            place = self._place.get(name)
            if place is None:
                continue
            present.append((place, name, value))
            known = known or name not in BASICS
            moved = self._standard(place, value) - self._absent[place]
            if moved:
                for number, weight in enumerate(self._columns[place]):
                    logits[number] += weight * moved
        chances = calibrated(logits, self._log_shares, self.model.trust)
        order = sorted(range(len(chances)), key=lambda number: (-chances[number], number))
        best, second = order[0], order[1]
        threshold = self.model.threshold
        tells = known and threshold is not None and chances[best] >= threshold
        guess = self.model.labels[best]
        return Classified(
            guess if tells else None,
            guess,
            chances[best],
            chances[best] - chances[second],
            self._reasons(best, present),
        )

    def _standard(self, place: int, value: float) -> float:
        model = self.model
        kept = min(max(value, model.lows[place]), model.highs[place])
        return (kept - model.means[place]) / model.scales[place]

    def _reasons(self, best: int, present: list[tuple[int, str, float]]) -> tuple[Reason, ...]:
        others = len(self.model.labels) - 1
        found: list[Reason] = []
        for place, name, value in present:
            column = self._columns[place]
            distance = self._standard(place, value)
            weight = (column[best] - (sum(column) - column[best]) / others) * distance * self.model.trust
            # That something rare wasn't done says little to a reader: only of what every lead has, little is told.
            if weight >= _LEAST_WEIGHT and (value > 0 or name in BASICS):
                found.append(Reason(name, value, weight, low=name in BASICS and distance < 0))
        # Of reasons of the same weight, what a reader can look up comes first.
        found.sort(key=lambda one: (-round(one.weight, 3), one.low, one.feature.startswith("heat:"), one.feature))
        told: dict[str, Reason] = {}
        for reason in found:
            told.setdefault(subject_of(reason.feature), reason)
        return tuple(told.values())[:REASONS]


def calibrated(logits: Sequence[float], log_shares: Sequence[float], trust: float) -> list[float]:
    """Return the chances of the classes: the softmax of the shares' log odds, moved towards the model's by *trust*.

    A form of temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017) that cools down to the
    shares of the classes instead of to equal chances.

    >>> [round(chance, 3) for chance in calibrated([3.0, 0.0], [math.log(0.75), math.log(0.25)], 0.0)]
    [0.75, 0.25]
    """
    moved = [share + trust * (logit - share) for logit, share in zip(logits, log_shares, strict=True)]
    greatest = max(moved)
    raised = [math.exp(one - greatest) for one in moved]
    whole = sum(raised)
    return [one / whole for one in raised]
