"""How many events a second somebody may send: a bucket that fills at a steady rate and holds a burst.

Generic cell rate algorithm: of a bucket only one number is kept, the time at which it will be full again. Whoever is not
known has a full one.
"""

from __future__ import annotations

import msgspec


class Quota(msgspec.Struct, frozen=True):
    """Events that one sender may send."""

    per_second: float
    burst: int
    """Events that may come at once after a quiet time; it takes ``burst / per_second`` seconds to earn them again."""


def wait_for(full_at: float, now: float, events: int, quota: Quota) -> float:
    """Return the seconds until *events* would be taken from a bucket that is full at *full_at*; 0 when they are at once.

    A full bucket takes any number, or a batch above the burst could never be sent; who sent it waits the longer afterwards.

    >>> wait_for(0, 100, 500, Quota(10, 50)), wait_for(104, 100, 20, Quota(10, 50))
    (0.0, 1.0)
    """
    if full_at <= now:
        return 0.0
    # Rounded, or what is lost in the difference of two large times would hold back the last of a burst.
    return max(0.0, round(full_at - now + (events - quota.burst) / quota.per_second, 6))


def taken_from(full_at: float, now: float, events: int, quota: Quota) -> float:
    """Return when a bucket will be full again, once *events* were taken from it at *now*.

    >>> taken_from(0, 100, 20, Quota(10, 50)), taken_from(104, 100, 20, Quota(10, 50))
    (102.0, 106.0)
    """
    return max(full_at, now) + events / quota.per_second


def read_quota(text: str) -> Quota | None:
    """Return the quota written as ``10,600`` (a second, burst), ``None`` for ``off``; raise ``ValueError`` for others."""
    if text.strip() == "off":
        return None
    per_second, burst = text.split(",")
    quota = Quota(float(per_second), int(burst))
    if not 0 < quota.per_second < 1e9 or not 0 < quota.burst < 1e9:
        raise ValueError(text)
    return quota
