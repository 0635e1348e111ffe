"""Sizes of companies, in bands by number of employees."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

SIZES: Final = (1, 10, 50, 250, 1000, 5000)
"""Employees from which each band of sizes begins; as those of the European Union up to 250."""


def size_name(band: int | None) -> str:
    """Return the name of the band of sizes that begins with *band*; empty for ``None``.

    >>> size_name(50), size_name(5000)
    ('50-249', '5000+')
    """
    if band is None:
        return ""
    further = [one for one in SIZES if one > band]
    return f"{band}-{further[0] - 1}" if further else f"{band}+"


def size_of(employees: int | None) -> str | None:
    """Return the name of the band that a number of employees is in; ``None`` for none known.

    >>> size_of(120), size_of(0), size_of(None)
    ('50-249', None, None)
    """
    place = bisect_right(SIZES, employees or 0)
    return size_name(SIZES[place - 1]) if place else None
