"""Shares that are honest about small numbers: the counts always, and between which bounds the true share may lie."""

from __future__ import annotations

import math
from typing import Annotated, Final

import msgspec
from msgspec import Meta

Z_95: Final = 1.959963984540054
"""The standard normal's 97.5 % point: bounds that miss the truth one time in twenty."""

_Share = Annotated[float, Meta(ge=0, le=1)]


class Rate(msgspec.Struct, frozen=True):
    """So many of so many, and what that says of the true share. Of none, nothing: the three are null."""

    count: int
    of: int
    rate: _Share | None
    low: Annotated[_Share | None, Meta(description="The true share lies between low and high 19 times in 20 (Wilson).")]
    high: _Share | None


def rate(count: int, of: int) -> Rate:
    """Return *count* of *of* as a share with its interval of 95 %.

    The score interval: it never leaves 0 to 1, and has a width at 0 of n and n of n, too. Source: Wilson, "Probable
    Inference, the Law of Succession, and Statistical Inference", Journal of the American Statistical Association 22, 1927.
    Raises ``ValueError`` unless 0 ≤ *count* ≤ *of*.

    >>> found = rate(1, 2)
    >>> round(found.low, 3), found.rate, round(found.high, 3)
    (0.095, 0.5, 0.905)
    """
    if not 0 <= count <= of:
        raise ValueError(f"{count} of {of} is no share")
    if of == 0:
        return Rate(0, 0, None, None, None)
    share, square = count / of, Z_95 * Z_95
    middle = share + square / (2 * of)
    spread = Z_95 * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    whole = 1 + square / of
    # Rounding must not put the share outside its own bounds.
    low = min(share, max(0.0, (middle - spread) / whole))
    high = max(share, min(1.0, (middle + spread) / whole))
    return Rate(count, of, share, low, high)
