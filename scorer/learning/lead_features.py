"""Features of leads, told by name, as a table of numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from scorer.learning.snapshots import Floats

Told = Mapping[str, float]


def chosen_features(leads: Sequence[Told], *, at_least: int, at_most: int) -> tuple[str, ...]:
    """Return the features that at least so many leads have, the commonest first; equally common ones by name."""
    common = Counter(name for told in leads for name in told)
    ranked = sorted((name for name in common if common[name] >= at_least), key=lambda name: (-common[name], name))
    return tuple(ranked[:at_most])


def table(leads: Sequence[Told], features: Sequence[str]) -> Floats:
    """Return leads by *features*; 0 for what a lead hasn't."""
    place = {name: number for number, name in enumerate(features)}
    found = np.zeros((len(leads), len(features)))
    for row, told in enumerate(leads):
        for name, value in told.items():
            column = place.get(name)
            if column is not None:
                found[row, column] = value
    return found
