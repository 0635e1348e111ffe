"""Learn the classes of a scheme from few labelled leads, and judge honestly how far they can be told.

Every figure is of leads that were left out: stratified folds with no company on both sides.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest, chi2
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from scorer.core.classifying import MIN_CLASSES, TARGET, ClassJudgement, ClassModel, Verdict, learnable
from scorer.core.proportions import rate
from scorer.learning.lead_features import Told, chosen_features, table
from scorer.learning.snapshots import Floats, Integers, Truths

MAX_EXAMPLES: Final = 5_000
"""Examples that are learned from; of more, as many drawn by the seed."""
MAX_FEATURES: Final = 300
MIN_LEADS: Final = 3
"""Examples that must have a feature; of one or two it would tell nothing but them."""
MIN_TOLD: Final = 10
"""Left-out examples above a threshold, before what is right among them means anything."""
SIGNIFICANT: Final = 0.05
_FOLDS: Final = 5
_FEW: Final = 200
"""Examples up to which ten folds are made: each then learns from nearly all."""
_STRENGTHS: Final = (0.01, 0.1, 1.0)
"""Of the penalty: scikit-learn's C, the strongest first."""
_INNER: Final = 3
_CHOSEN_ON: Final = 1_000
"""Examples at most on which the strength is chosen."""
_MAX_TRUST: Final = 3.0


class TooFewLabels(ValueError):
    """Not two classes with as many examples as a class needs."""


@dataclass(frozen=True)
class _Fitted:
    """A logistic regression on standardised features."""

    means: Floats
    scales: Floats
    lows: Floats
    highs: Floats
    intercepts: Floats
    coefficients: Floats

    def logits(self, x: Floats) -> Floats:
        kept = np.clip(x, self.lows, self.highs)
        found: Floats = self.intercepts + (kept - self.means) / self.scales @ self.coefficients.T
        return found


def learn(leads: Sequence[Told], labels: Sequence[str], accounts: Sequence[str], *, seed: int, now_ms: int) -> ClassModel:
    """Return the model of a scheme, which tells nothing unless left-out leads show that it can.

    Parameters
    ----------
    leads
        Features of labelled leads.
    labels, accounts
        Of each of them: its label, and whatever leads of one company have in common.
    seed
        For the folds; the same gives the same model.

    The confidence is calibrated by one number on the left-out leads. A class is told from the least confidence at which
    ``TARGET`` of those told are right, and only where two tests exclude at 5 % that this is chance: of the gain in
    likelihood over the shares of the classes (with as many independent cases as there are companies), and of being right
    where saying the commonest class is wrong and the reverse (McNemar, Psychometrika 12, 1947, exact), of those told or of
    all.

    Raises ``TooFewLabels`` unless two classes have ``MIN_EXAMPLES``.
    """
    # Tables this small are done ten times as soon by one thread as by several that wait for each other.
    with threadpool_limits(limits=1):
        return _learn(leads, labels, accounts, seed, now_ms)


def _learn(leads: Sequence[Told], labels: Sequence[str], accounts: Sequence[str], seed: int, now_ms: int) -> ClassModel:
    kept, left_out = learnable(Counter(labels))
    if len(kept) < MIN_CLASSES:
        raise TooFewLabels(f"{len(kept)} classes have enough examples")
    names = tuple(sorted(kept))
    chosen = _drawn([place for place, label in enumerate(labels) if label in kept], seed)
    told = [leads[place] for place in chosen]
    y: Integers = np.array([names.index(labels[place]) for place in chosen], dtype=np.int64)
    groups: Integers = np.unique([accounts[place] for place in chosen], return_inverse=True)[1].astype(np.int64)
    features = chosen_features(told, at_least=MIN_LEADS, at_most=MAX_FEATURES)
    x = table(told, features)
    counted = np.bincount(y, minlength=len(names))
    shares: Floats = counted / len(y)

    folds = _count_folds(y, groups)
    logits = _left_out(x, y, groups, len(names), folds, seed)
    trust, p_value = _trust(logits, y, shares, len(np.unique(groups)))
    chances = _chances(logits, shares, trust)
    right, confidence = chances.argmax(axis=1) == y, chances.max(axis=1)
    commonest = int(np.argmax(counted))
    by_majority = y == commonest
    threshold = _threshold(confidence, right)
    verdict: Verdict = "tells"
    if p_value >= SIGNIFICANT:
        verdict = "no_better"
    elif threshold is None:
        verdict = "unsure"
    elif not _beats(right, by_majority, confidence >= threshold):
        verdict = "no_better"
    if verdict != "tells":
        threshold = None
    tells = confidence >= threshold if threshold is not None else np.zeros(len(y), dtype=bool)

    fitted = _fit(x, y, len(names), _strength(x, y, groups, len(names), seed))
    return ClassModel(
        trained_at=now_ms,
        seed=seed,
        labels=names,
        shares=_floats(shares),
        intercepts=_floats(fitted.intercepts),
        coefficients=tuple(_floats(row) for row in fitted.coefficients),
        features=features,
        means=_floats(fitted.means),
        scales=_floats(fitted.scales),
        lows=_floats(fitted.lows),
        highs=_floats(fitted.highs),
        trust=trust,
        threshold=threshold,
        judgement=ClassJudgement(
            verdict=verdict,
            examples=len(y),
            folds=folds,
            counts={name: int(count) for name, count in zip(names, counted, strict=True)},
            left_out=left_out,
            commonest=names[commonest],
            accuracy=rate(int(right.sum()), len(y)),
            majority=rate(int(by_majority.sum()), len(y)),
            told=rate(int(right[tells].sum()), int(tells.sum())),
            told_majority=rate(int(by_majority[tells].sum()), int(tells.sum())),
            p_value=p_value,
            calibration_error=_calibration_error(confidence, right),
        ),
    )


def _drawn(places: list[int], seed: int) -> list[int]:
    if len(places) <= MAX_EXAMPLES:
        return places
    picked = np.random.default_rng(seed).choice(len(places), MAX_EXAMPLES, replace=False)
    return [places[number] for number in sorted(picked)]


def _count_folds(y: Integers, groups: Integers) -> int:
    most = 2 * _FOLDS if len(y) <= _FEW else _FOLDS
    return int(max(2, min(most, np.bincount(y).min(), len(np.unique(groups)))))


def _split(y: Integers, groups: Integers, folds: int, seed: int) -> Iterator[tuple[Integers, Integers]]:
    with warnings.catch_warnings():
        # A class of few companies can't be in every fold; then it is guessed wrong in some, which is the truth.
        warnings.simplefilter("ignore", UserWarning)
        yield from StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(y, y, groups)


def _left_out(x: Floats, y: Integers, groups: Integers, classes: int, folds: int, seed: int) -> Floats:
    """Logits of each example by a model that has learned from none of its company."""
    found = np.zeros((len(y), classes))
    if len(np.unique(groups)) < 2:
        return found  # All of one company: nothing can be left out, and nothing is claimed.
    for learned, judged in _split(y, groups, folds, seed):
        if len(learned) and len(judged):
            strength = _strength(x[learned], y[learned], groups[learned], classes, seed)
            found[judged] = _fit(x[learned], y[learned], classes, strength).logits(x[judged])
    return found


def _strength(x: Floats, y: Integers, groups: Integers, classes: int, seed: int) -> float:
    """The penalty that does best on inner folds, by likelihood."""
    if len(y) > _CHOSEN_ON:
        some = np.sort(np.random.default_rng(seed).choice(len(y), _CHOSEN_ON, replace=False))
        x, y, groups = x[some], y[some], groups[some]
    if len(np.unique(groups)) < _INNER:
        return _STRENGTHS[0]
    loss = dict.fromkeys(_STRENGTHS, 0.0)
    flat = np.full(classes, 1 / classes)
    for learned, judged in _split(y, groups, _INNER, seed):
        for strength in _STRENGTHS if len(learned) and len(judged) else ():
            chances = _chances(_fit(x[learned], y[learned], classes, strength).logits(x[judged]), flat, 1.0)
            loss[strength] -= float(np.log(chances[np.arange(len(judged)), y[judged]] + 1e-12).sum())
    return min(_STRENGTHS, key=lambda strength: loss[strength])


def _fit(x: Floats, y: Integers, classes: int, strength: float) -> _Fitted:
    means, spread = x.mean(axis=0), x.std(axis=0)
    scales = np.where(spread > 1e-9, spread, 1.0)
    present = np.unique(y)
    # A class that isn't among these examples has hardly any chance.
    intercepts, coefficients = np.full(classes, math.log(0.5 / len(y))), np.zeros((classes, x.shape[1]))
    if len(present) == 1:
        intercepts[present[0]] = 0.0
    elif x.shape[1] == 0:
        intercepts[present] = np.log(np.bincount(y, minlength=classes)[present] / len(y))
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(C=strength, max_iter=300, tol=1e-4).fit((x - means) / scales, y)
        if len(present) == 2:
            # One row of log odds, as two halves.
            intercepts[present] = np.array([-0.5, 0.5]) * model.intercept_[0]
            coefficients[present] = np.outer([-0.5, 0.5], model.coef_[0])
        else:
            intercepts[present], coefficients[present] = model.intercept_, model.coef_
        whole = np.log(np.exp(intercepts[present]).sum())
        intercepts[present] -= whole
    lows, highs = (x.min(axis=0), x.max(axis=0)) if len(x) else (means, means)
    return _Fitted(means, scales, lows, highs, intercepts, coefficients)


def _chances(logits: Floats, shares: Floats, trust: float) -> Floats:
    """``core.classifying.calibrated`` of many."""
    moved = np.log(shares) + trust * (logits - np.log(shares))
    raised = np.exp(moved - moved.max(axis=1, keepdims=True))
    found: Floats = raised / raised.sum(axis=1, keepdims=True)
    return found


def _trust(logits: Floats, y: Integers, shares: Floats, cases: int) -> tuple[float, float]:
    """How far the logits are to be trusted, by the greatest likelihood, and the chance of as great a gain from noise.

    Twice the gain is distributed as half a chi-square of one degree, since trust can't be below 0.
    """

    def loss(trust: float) -> float:
        return -float(np.log(_chances(logits, shares, trust)[np.arange(len(y)), y] + 1e-12).sum())

    if not logits.any():
        return 0.0, 1.0
    found = minimize_scalar(loss, bounds=(0.0, _MAX_TRUST), method="bounded", options={"xatol": 1e-4})
    trust, gain = float(found.x), loss(0.0) - float(found.fun)
    if gain <= 0:
        return 0.0, 1.0
    return trust, float(chi2.sf(2 * gain * cases / len(y), 1) / 2)


def _threshold(confidence: Floats, right: Truths) -> float | None:
    """The least confidence from which ``TARGET`` is right; ``None`` where there is none."""
    order = np.argsort(-confidence, kind="stable")
    ranked, shares = confidence[order], np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    # Those of the same confidence are told together.
    ends = np.append(ranked[1:] < ranked[:-1], True)
    good = np.flatnonzero(ends & (shares >= TARGET) & (np.arange(1, len(order) + 1) >= MIN_TOLD))
    return float(ranked[good[-1]]) if len(good) else None


def _beats(right: Truths, by_majority: Truths, tells: Truths) -> bool:
    """Whether those told of are rightly told more often than by the commonest class, and that is no chance: among them, or
    among all."""
    if int(right[tells].sum()) <= int(by_majority[tells].sum()):
        return False
    return any(_is_more(right[some], by_majority[some]) for some in (tells, np.ones(len(tells), dtype=bool)))


def _is_more(right: Truths, by_majority: Truths) -> bool:
    won, lost = int((right & ~by_majority).sum()), int((~right & by_majority).sum())
    return won + lost > 0 and float(binomtest(won, won + lost, 0.5, alternative="greater").pvalue) < SIGNIFICANT


def _calibration_error(confidence: Floats, right: Truths) -> float:
    parts = np.array_split(np.argsort(confidence, kind="stable"), 5)
    distances = [abs(confidence[part].mean() - right[part].mean()) * len(part) for part in parts if len(part)]
    return float(sum(distances) / len(confidence))


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
