"""For how long a lead has been watched, by this service's own clock: what is made up at one go comes at one go.

A visitor's browser says itself when things happened, and can say anything. When they came is ours to know.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from scorer.core.labels import Label
from tracker.core.heard import Heard

AT_ONCE_SECONDS: Final = 10.0
"""Nobody reads several pages sooner. A longer time would mark keen people, and cost a forger no more than some patience."""
AT_ONCE: Final = Label("Maybe made up", "可能系伪造")
"""What is said of such a lead while it is hot."""


UNOBSERVED: Final = "unobserved"
"""Why a lead is kept off the lists that its site wants to have observed for longer."""


def observed_seconds(visitors: Iterable[Heard]) -> float | None:
    """Return the seconds from the first to the last that came of a lead, of whose visitors it is known when they were heard.

    ``None`` of nobody, and where one of the first isn't known: a server told of it, or an older version stored it.
    """
    heard = list(visitors)
    first = [one.first for one in heard if one.first is not None]
    if not heard or len(first) < len(heard):
        return None
    return (max(one.last for one in heard) - min(first)) / 1000


def is_unobserved(seconds: float | None, wanted: int) -> bool:
    """Return whether a lead has been observed for less than its site wants before it believes what browsers say.

    Never where nothing is wanted, nor where a server told of the lead: the site itself knows of it.
    """
    return seconds is not None and seconds < wanted


def came_at_once(tier: str, seconds: float | None) -> bool:
    """Return whether a lead is hot by what came so close together that somebody should look before they believe it."""
    return tier == "hot" and seconds is not None and seconds < AT_ONCE_SECONDS
