"""Whether the score keeps its word: what became of leads that stood high, and of those that stood low."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from scorer.core.fates import Result
from scorer.core.proportions import Rate, rate

EDGES: Final = (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)


class Scored(msgspec.Struct, frozen=True):
    """A lead at the moment that is asked about."""

    score: float
    """From 0 to 100."""
    result: Result | None


class ScoreBand(msgspec.Struct, frozen=True):
    """The leads whose score lay in a band."""

    at_least: float
    below: Annotated[float, Meta(description="The last band includes its end, 100.")]
    leads: int
    won: int
    lost: int
    junk: int
    open: Annotated[int, Meta(description="Not yet decided; in no rate.")]
    won_rate: Annotated[Rate, Meta(description="Won, of those decided: won, lost or junk.")]


def score_bands(leads: Iterable[Scored]) -> list[ScoreBand]:
    """Return the leads by bands of twenty points, the lowest first.

    >>> [band.won for band in score_bands([Scored(100.0, "won"), Scored(20.0, "lost")])]
    [0, 0, 0, 0, 1]
    """
    bands: list[list[Scored]] = [[] for _ in EDGES[1:]]
    for one in leads:
        if not EDGES[0] <= one.score <= EDGES[-1]:
            raise ValueError(f"a score is from 0 to 100, not {one.score!r}")
        place = sum(one.score >= edge for edge in EDGES[1:-1])
        bands[place].append(one)
    return [_band(low, high, some) for low, high, some in zip(EDGES, EDGES[1:], bands, strict=False)]


def _band(low: float, high: float, some: list[Scored]) -> ScoreBand:
    won, lost, junk = (sum(one.result == result for one in some) for result in ("won", "lost", "junk"))
    decided = won + lost + junk
    return ScoreBand(low, high, len(some), won, lost, junk, len(some) - decided, rate(won, decided))
