"""When a visitor was heard, by this service's own clock: what a browser says of the time is its own word."""

from __future__ import annotations

from typing import NamedTuple


class Heard(NamedTuple):
    """The first and the last time that something was received of a visitor, ms since 1970 UTC."""

    first: int | None
    """When its browser first sent something; ``None`` where a server told of it, and where that isn't known."""
    last: int

    @classmethod
    def once(cls, received_at: int, *, trusted: bool) -> Heard:
        """Return it for a visitor of whom nothing was received before; *trusted* is what a server tells."""
        return cls(None if trusted else received_at, received_at)

    def again(self, received_at: int, *, trusted: bool) -> Heard:
        """Return it with something more. What was received before, and kept somewhere meanwhile, doesn't set it back.

        >>> Heard(1000, 5000).again(7000, trusted=False), Heard(1000, 5000).again(4000, trusted=True)
        (Heard(first=1000, last=7000), Heard(first=None, last=5000))
        """
        if received_at <= self.last and not trusted:
            return self
        return Heard(None if trusted else self.first, max(self.last, received_at))
