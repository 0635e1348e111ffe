"""The table that is learned from: leads as they stood at past times, and whether they bought afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int64]
Truths: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Feature:
    """What one column counts: how often a rule was fulfilled, faded to the time of the snapshot.

    Of a dwell rule each bucket has a column, which counts the visits that reached this bucket or a higher one: their
    coefficients add up to the points of a bucket, and so rise from bucket to bucket.
    """

    rule: str
    bucket: int | None = None
    points: float = 0.0
    """What one more earns on the current card; of a bucket, more than the one below it."""
    after_contact: bool = False
    """Written after the first sales contact, as a note of a call is: kept out unless it is asked for."""

    @property
    def name(self) -> str:
        """``rule``, or ``rule:bucket``."""
        return self.rule if self.bucket is None else f"{self.rule}:{self.bucket}"


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Rows of leads at past times; all arrays are as long as there are rows, in no particular order."""

    leads: Integers
    """Which lead: the same number for the same one."""
    accounts: Integers
    """Which company; below 0 for leads without one, each of which stands for itself."""
    at: Integers
    """When: milliseconds since 1970 UTC. All that the features count came before."""
    known_at: Integers
    """From when on the label was known: the decision, or the end of the horizon. What is learned at an earlier time may not
    use the row."""
    won: Truths
    weights: Floats
    """How much the row counts: 1, or more for leads of whom few like them were shown to sales. Not for how soon the outcome
    was known: what is learned from are rows whose horizon is over, won or not (see ``splits.known``)."""
    features: tuple[Feature, ...]
    counts: dict[float, Matrix]
    """Faded counts for each half-life in days, rows by features, at least 0."""
    current: Floats
    """Points by the current card at that time."""
    last_at: Integers
    """When the lead was last seen before."""
    pages: Floats
    """Pages viewed before, unfaded."""
    censored: int
    """Leads left out of all this because they are too young to tell."""
    horizon_days: int = 90
    """Within how many days of ``at`` the win had to come."""

    def __len__(self) -> int:
        return len(self.at)
