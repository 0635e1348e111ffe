"""For how long a lead has been watched, by this service's own clock: what is made up at one go comes at one go.

A visitor's browser says itself when things happened, and can say anything. When they came is ours to know.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from scorer.core.labels import Label

AT_ONCE_SECONDS: Final = 10.0
"""Nobody reads several pages sooner. A longer time would mark keen people, and cost a forger no more than some patience."""
AT_ONCE: Final = Label("Maybe made up", "可能系伪造")
"""What is said of such a lead while it is hot."""


def observed_seconds(visitors: Iterable[tuple[int | None, int]]) -> float | None:
    """Return the seconds from the first to the last that came of a lead. Each of its visitors is given by when its browser
    was first heard, and when anything was last heard of it (ms since 1970 UTC).

    ``None`` of nobody, and where one of the first isn't known: a server told of it, or an older version stored it.
    """
    heard = list(visitors)
    first = [at for at, _ in heard if at is not None]
    if not heard or len(first) < len(heard):
        return None
    return max(0, max(at for _, at in heard) - min(first)) / 1000  # The two are told by two machines' clocks.


def came_at_once(tier: str, seconds: float | None) -> bool:
    """Return whether a lead is hot by what came so close together that somebody should look before they believe it."""
    return tier == "hot" and seconds is not None and seconds < AT_ONCE_SECONDS
