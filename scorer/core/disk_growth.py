"""Whether a disk suffices for what is to be kept on it, if things go on as they have."""

from __future__ import annotations

from typing import Final

LEAST_DAYS: Final = 3.0
"""A database that is younger says nothing about how it grows."""
LEAST_BYTES: Final = 100_000_000
"""Nor does one that is smaller: most of it is what every database begins with."""


def days_until_full(size: int, free: int, age_days: float, retention_days: float) -> float | None:
    """Return after how many days a database fills its disk; ``None`` where it doesn't, or nobody can know yet.

    *size* of the database and *free* room on its disk are in bytes. After *retention_days* as much goes as comes, so it
    grows until then only.

    >>> days_until_full(2_000_000_000, 3_000_000_000, age_days=20, retention_days=730)
    30.0
    >>> days_until_full(2_000_000_000, 3_000_000_000, age_days=20, retention_days=45) is None
    True
    """
    if age_days < LEAST_DAYS or size < LEAST_BYTES:
        return None
    a_day = size / age_days
    return free / a_day if a_day * (retention_days - age_days) > free else None
