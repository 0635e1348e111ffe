"""How much one turn of the event loop takes on: what comes beyond that is refused at once, instead of making all wait.

Without it a burst is read, checked and packed to its end before anything is answered. Counted is work, not time: where the
machine has other things to do and this process has to wait, refusing requests would mend nothing.
"""

from __future__ import annotations

import asyncio
from typing import Final

TURN_SECONDS: Final = 0.005
MOST: Final = 2_000
"""Weight that a turn takes on while nothing waits: about 10 ms, twice what can be done in the time of a turn."""
_REQUEST: Final = 8
_HEAVIEST: Final = 500


def weight_of(events: int) -> int:
    """Return what a request with so many events costs, counted in events: some 5 µs each, and some 40 µs for itself.

    Of a large batch not all of it: an importer that sends 5,000 at a time is no reason to refuse browsers.

    >>> weight_of(1), weight_of(20), weight_of(5000)
    (9, 28, 508)
    """
    return _REQUEST + min(events, _HEAVIEST)


class TurnBudget:
    """Counts what the event loop has taken on since it last came round."""

    def __init__(self) -> None:
        self._spent = 0
        self._timer: asyncio.TimerHandle | None = None

    def is_spent(self, waiting: float) -> bool:
        """Return whether requests should be refused until the next turn. *waiting*: the share of what may wait for the queue
        that does (0 to 1).

        The more waits, the less is taken on. Where the loop is the one that is behind, what waits is what it took on in the
        turns before, and a request is answered after two of them. Where the queue is, a turn has little to do anyway.
        """
        return self._spent > MOST * (1.0 - waiting)

    def spend(self, weight: int) -> None:
        """Note that a request of that weight was taken on."""
        self._spent += weight
        if self._timer is None:
            # It goes off when all that is in the loop's queue by now is done, however long that takes.
            self._timer = asyncio.get_running_loop().call_later(TURN_SECONDS, self._begin_turn)

    def stop(self) -> None:
        """Set no more timers off."""
        if self._timer is not None:
            self._timer.cancel()

    def _begin_turn(self) -> None:
        self._spent = 0
        self._timer = None
