"""Which of several ways of ranking is the best, as far as that can be told: what differs by chance alone is equal."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np

from scorer.learning.metrics import auc, auc_influence
from scorer.learning.snapshots import Floats, Integers, Truths

Key = TypeVar("Key", bound=Hashable)


def as_good_as_best(
    scores: Mapping[Key, Floats], won: Truths, weights: Floats, clusters: Integers, windows: Integers
) -> tuple[dict[Key, float], list[Key]]:
    """Return the area under the curve of each way, and which ways are within one standard error of the best.

    The one-standard-error rule (Breiman, Friedman, Olshen, Stone, "Classification and Regression Trees", 1984, section
    3.4.3), with the error of the *difference* on the same rows, summed by cluster (see ``auc_influence``): two ways that
    rank nearly alike are told apart by small differences, two that don't are not. Rows are compared within *windows*, of
    which at least one must have a won row and another.
    """
    areas = {key: auc(scored, won, weights, windows) for key, scored in scores.items()}
    best = max(areas, key=lambda key: areas[key])
    moved = auc_influence(scores[best], won, weights, windows)
    good = []
    for key, scored in scores.items():
        differs = np.bincount(clusters, moved - auc_influence(scored, won, weights, windows))
        if areas[best] - areas[key] <= math.sqrt(float(differs @ differs)):
            good.append(key)
    return areas, good
