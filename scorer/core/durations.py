"""How long things took: quantiles where there are enough of them to tell, and a histogram always."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import quantiles
from typing import Annotated, Final

import msgspec
from msgspec import Meta

MIN_FOR_QUARTILES: Final = 5
MIN_FOR_TENTHS: Final = 20


class Quantiles(msgspec.Struct, frozen=True):
    """In which time so many had happened. Null where there are too few to say: quartiles below 5, tenths below 20."""

    count: int
    p10: float | None
    p25: float | None
    median: float | None
    p75: float | None
    p90: float | None


class Bar(msgspec.Struct, frozen=True):
    """One bar of a histogram."""

    at_least: float
    below: Annotated[float | None, Meta(description="Null: no bound.")]
    count: int


def spread(values: Sequence[float]) -> Quantiles:
    """Return the quantiles of *values*, linear between ranks (type 7 of Hyndman and Fan, The American Statistician 1996).

    Raises ``ValueError`` for one that is negative or no number.

    >>> spread([1, 2, 3, 4, 5]).median
    3.0
    """
    _check(values)
    p10 = p25 = median = p75 = p90 = None
    if len(values) >= MIN_FOR_QUARTILES:
        p25, median, p75 = (float(value) for value in quantiles(values, n=4, method="inclusive"))
    if len(values) >= MIN_FOR_TENTHS:
        tenths = quantiles(values, n=10, method="inclusive")
        p10, p90 = float(tenths[0]), float(tenths[-1])
    return Quantiles(len(values), p10, p25, median, p75, p90)


def histogram(values: Sequence[float], edges: Sequence[float]) -> list[Bar]:
    """Return how many of *values* lie from each edge to the next, and from the last one up; *edges* rise from 0.

    >>> [bar.count for bar in histogram([0, 1, 9], [0, 1, 5])]
    [1, 1, 1]
    """
    _check(values)
    if not edges or edges[0] != 0 or any(low >= high for low, high in pairwise(edges)):
        raise ValueError(f"edges rise from 0, not {list(edges)!r}")
    ends = [*edges[1:], None]
    return [
        Bar(low, high, sum(1 for value in values if value >= low and (high is None or value < high)))
        for low, high in zip(edges, ends, strict=True)
    ]


def _check(values: Sequence[float]) -> None:
    for value in values:
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"a duration is 0 or more, not {value!r}")
