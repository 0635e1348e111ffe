"""Forward decay: points fade with a half-life, yet what is stored never has to be touched as time passes.

For contributions of ``p_i`` points at times ``t_i``, with half-life ``h`` and a fixed landmark ``L``::

    heat      = sum of p_i * 2^((t_i - L) / h)      stored; grows with events only
    points(t) = heat * 2^(-(t - L) / h)             what is left at time t
    score(t)  = 100 * (1 - 2^(-points(t) / p50))    0 to 100; p50 points score 50

The factor ``2^(-(t - L) / h)`` is the same for all leads, so the order by heat *is* the order by score at every time.

Source: Cormode, Shkapenyuk, Srivastava, Xu, "Forward Decay: A Practical Time Decay Model for Streaming Systems",
ICDE 2009, with the exponential decay function ``g(a) = 2^(a / h)``.
"""

from __future__ import annotations

import math

import msgspec

DAY_MS = 86_400_000
MAX_HALF_LIVES = 1000
"""Half-lives past the landmark up to which heat is kept: a double ends at 2^1024, and the rest is room for the sum."""


class LandmarkError(OverflowError):
    """A time lies so many half-lives from the landmark that heat would leave the range of a double."""


class Decay(msgspec.Struct, frozen=True):
    """Half-life and landmark: the scale on which heat is kept.

    Parameters
    ----------
    half_life_days
        Days in which points halve. Above 0.
    landmark_ms
        The time ``L`` at which a point weighs 1: milliseconds since 1970 UTC. Heats on different scales
        don't compare, so moving it means folding again.

    Examples
    --------
    >>> decay = Decay(half_life_days=14, landmark_ms=0)
    >>> decay.points(decay.heat(8, at_ms=0), now_ms=14 * DAY_MS)
    4.0
    """

    half_life_days: float
    landmark_ms: int

    def __post_init__(self) -> None:
        """Refuse a half-life that isn't a positive, finite number (``ValueError``)."""
        if not (math.isfinite(self.half_life_days) and self.half_life_days > 0):
            raise ValueError(f"half_life_days must be a positive number, not {self.half_life_days!r}")

    @property
    def half_life_ms(self) -> float:
        """The half-life in milliseconds."""
        return self.half_life_days * DAY_MS

    def weight(self, at_ms: int) -> float:
        """Heat of one point earned at ``at_ms``: ``2^((at_ms - L) / h)``.

        At least 0 (very old times underflow to it). Raises ``LandmarkError`` more than 1,000 half-lives past the
        landmark.
        """
        half_lives = (at_ms - self.landmark_ms) / self.half_life_ms
        if half_lives > MAX_HALF_LIVES:
            raise LandmarkError(
                f"{at_ms} is {half_lives:.0f} half-lives after the landmark {self.landmark_ms} "
                f"(limit {MAX_HALF_LIVES}): move the landmark and fold again"
            )
        return math.pow(2.0, half_lives)

    def heat(self, points: float, at_ms: int) -> float:
        """Heat of a contribution of ``points`` (at least 0) earned at ``at_ms``; contributions' heats simply add up."""
        return points * self.weight(at_ms)

    def points(self, heat: float, now_ms: int) -> float:
        """Points left of ``heat`` at ``now_ms``: ``heat * 2^(-(now_ms - L) / h)``, at least 0.

        Raises ``LandmarkError`` more than 1,000 half-lives *before* the landmark, where points would overflow.
        """
        half_lives = (now_ms - self.landmark_ms) / self.half_life_ms
        if half_lives < -MAX_HALF_LIVES:
            raise LandmarkError(
                f"{now_ms} is {-half_lives:.0f} half-lives before the landmark {self.landmark_ms} "
                f"(limit {MAX_HALF_LIVES}): choose an earlier landmark and fold again"
            )
        return heat * math.pow(2.0, -half_lives)

    def threshold_heat(self, points: float, now_ms: int) -> float:
        """The heat that is worth ``points`` at ``now_ms``: ``points * 2^((now_ms - L) / h)``.

        Turns "who has at least this many points now?" into an index range scan over stored heat.

        >>> Decay(half_life_days=14, landmark_ms=0).threshold_heat(60, now_ms=14 * DAY_MS)
        120.0
        """
        return self.heat(points, now_ms)

    def falls_to(self, heat: float, points: float) -> int | None:
        """When ``heat`` will have faded to ``points``, if nothing happens: ``L + h * log2(heat / points)``.

        Milliseconds since 1970 UTC, rounded; lies in the past for a heat already below. ``None`` for a heat of 0, which
        never was above. Raises ``ValueError`` for points that aren't above 0.

        >>> Decay(half_life_days=14, landmark_ms=0).falls_to(84.0, 42.0) == 14 * DAY_MS
        True
        """
        if points <= 0:
            raise ValueError(f"points must be above 0, not {points!r}")
        if heat <= 0:
            return None
        return self.landmark_ms + round(self.half_life_ms * (math.log2(heat) - math.log2(points)))


def score(points: float, p50: float) -> float:
    """Score of so many points: ``100 * (1 - 2^(-points / p50))``, from 0 (none) over 50 (``p50`` points) towards 100.

    >>> score(40.0, p50=40.0)
    50.0
    """
    return 100.0 * (1.0 - math.pow(2.0, -points / p50))


def points_of_score(value: float, p50: float) -> float:
    """The points a score stands for, the inverse of ``score``. ``value`` from 0 to below 100, else ``ValueError``.

    >>> points_of_score(75.0, p50=40.0)
    80.0
    """
    if not 0 <= value < 100:
        raise ValueError(f"a score lies from 0 to below 100, not {value!r}")
    return -p50 * math.log2(1.0 - value / 100.0)
