"""What no person does: page views faster than anyone clicks, and a day of them without a second of reading.

Both rules judge page views with a ``view_id`` only, as the snippet sends them: of these it also tells the engaged time.
Access logs, servers and the pixel tell none ever, and in a log one page may be fifty requests, so nobody is judged by them.

Whoever is over a line once stays a suspect. It depends on the set of a visitor's events alone, since they are taken in the
order of their times (see ``visits``), and one step costs the same however many there were.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

BURST_MS: Final = 10_000
BURST_VIEWS: Final = 50
"""Page views within one window of ``BURST_MS``. Windows begin at whole multiples: of any 100 views within 10 s, one window
has 50, so these are always noticed, and never fewer than 50."""
UNREAD_VIEWS: Final = 200
"""Page views on one day (UTC) by a visitor of whom no engaged time was ever told."""
_DAY_MS: Final = 86_400_000

Suspicion = Literal["", "burst", "unread"]
"""Why a visitor is taken for a robot; empty: it isn't."""


class Pace(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How fast a visitor views pages, and whether it was ever seen to read one."""

    window: int = 0
    in_window: int = 0
    """Page views in that window."""
    day: int = 0
    on_day: int = 0
    """Page views on that day."""
    engaged: bool = False
    """Whether any engaged time was told."""
    suspicion: Suspicion = ""


def viewed(pace: Pace, at: int) -> Pace:
    """Return *pace* after a page view with a ``view_id`` at *at* (ms since 1970 UTC), not before the last one.

    >>> pace = Pace()
    >>> for number in range(50):
    ...     pace = viewed(pace, number * 100)
    >>> pace.suspicion
    'burst'
    """
    if pace.suspicion:
        return pace
    window, day = at // BURST_MS, at // _DAY_MS
    in_window = pace.in_window + 1 if window == pace.window else 1
    on_day = pace.on_day + 1 if day == pace.day else 1
    suspicion: Suspicion = ""
    if in_window >= BURST_VIEWS:
        suspicion = "burst"
    elif on_day >= UNREAD_VIEWS and not pace.engaged:
        suspicion = "unread"
    return Pace(window, in_window, day, on_day, pace.engaged, suspicion)


def was_engaged(pace: Pace) -> Pace:
    """Return *pace* after engaged time was told."""
    return pace if pace.engaged else msgspec.structs.replace(pace, engaged=True)
