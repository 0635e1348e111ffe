"""The geometry of charts: numbers in, places on the drawing out. Places are in the drawing's own units, y downwards."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec


class Axis(msgspec.Struct, frozen=True):
    """A stretch of numbers, and the round ones on it."""

    low: float
    high: float
    ticks: tuple[float, ...]


class Plot(msgspec.Struct, frozen=True):
    """A line through points."""

    points: tuple[tuple[float, float], ...]
    """Where each value is, in the values' order."""
    line: str
    """The ``d`` of an SVG path along them; empty without points."""
    area: str
    """The ``d`` of the path around what is below the line."""


class Bar(msgspec.Struct, frozen=True):
    """A bar of a chart."""

    x: float
    y: float
    width: float
    height: float


def axis(values: Sequence[float], *, at_most: int = 5) -> Axis:
    """The axis from 0 (or the least value below) to the first round number that no value is above, with *at_most* steps.

    Steps are 1, 2 or 5 times a power of ten (Heckbert, "Nice Numbers for Graph Labels", Graphics Gems, 1990).

    >>> axis([3, 41]).ticks
    (0.0, 10.0, 20.0, 30.0, 40.0, 50.0)
    """
    low, high = min([0.0, *values]), max([0.0, *values])
    if high == low:
        high = low + 1.0
    step = _step((high - low) / at_most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(float(f"{number * step:.12g}") for number in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks)


def close_axis(values: Sequence[float], *, at_most: int = 5, low: float = -math.inf, high: float = math.inf) -> Axis:
    """The axis from the last round number that no value is below to the first that none is above: for places, not lengths.

    It ends at *low* and *high* where round numbers beyond would make no sense.

    >>> close_axis([0.71, 0.83], high=1.0).ticks
    (0.7, 0.75, 0.8, 0.85)
    """
    least, most = (min(values), max(values)) if values else (0.0, 1.0)
    room = (most - least) or max(abs(most), 1.0) / 10
    step = _step(room / at_most)
    first, last = math.floor(least / step + 1e-9), math.ceil(most / step - 1e-9)
    last = max(last, first + 1)
    ticks = tuple(float(f"{number * step:.12g}") for number in range(first, last + 1))
    kept = tuple(tick for tick in ticks if low <= tick <= high) or ticks
    return Axis(max(ticks[0], low), min(ticks[-1], high), kept)


def ratio_axis(ratios: Sequence[float], *, greatest: float = 32.0) -> Axis:
    """The axis of ratios, on which double is as far from 1 as half is. It ends at a power of two and its inverse, at most at
    *greatest*.

    >>> ratio_axis([0.8, 3.0]).ticks
    (0.25, 0.5, 1.0, 2.0, 4.0)
    """
    furthest = max((abs(math.log2(one)) for one in ratios if one > 0), default=1.0)
    ends = max(1, min(math.ceil(furthest - 1e-9), round(math.log2(greatest))))
    step = 1 if ends <= 3 else 2
    ticks = sorted({0, *range(step, ends + 1, step), *range(-step, -ends - 1, -step)})
    return Axis(2.0**-ends, 2.0**ends, tuple(2.0**tick for tick in ticks))


def ratio_place(ratio: float, across: Axis) -> float:
    """Where a ratio is on such an axis, in percent; one that is beyond it, at its end."""
    kept = min(max(ratio, across.low), across.high)
    return place(math.log2(kept), math.log2(across.low), math.log2(across.high), 0, 100)


def place(value: float, low: float, high: float, start: float, end: float) -> float:
    """Where *value* of the stretch from *low* to *high* is between *start* and *end*, to two decimals."""
    share = (value - low) / (high - low) if high != low else 0.5
    return round(start + share * (end - start), 2)


def plot(
    xs: Sequence[float], ys: Sequence[float], across: tuple[float, float], up: Axis, width: float, height: float
) -> Plot:
    """The line through the points (x, y); *across* and *up* are what the drawing spans."""
    points = tuple((place(x, *across, 0, width), place(y, up.low, up.high, height, 0)) for x, y in zip(xs, ys, strict=True))
    if not points:
        return Plot((), "", "")
    line = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    ground = place(0, up.low, up.high, height, 0)
    return Plot(points, line, f"{line}L{points[-1][0]:g} {ground:g}L{points[0][0]:g} {ground:g}Z")


def sparkline(values: Sequence[float], width: float, height: float) -> Plot:
    """A small line of values at equal distances, from the least (or 0) to the greatest."""
    across = (0.0, float(max(len(values) - 1, 1)))
    low, high = min([0.0, *values]), max([0.0, *values])
    span = Axis(low, high if high > low else low + 1.0, ())
    return plot(range(len(values)), values, across, span, width, height)


def columns(values: Sequence[float], up: Axis, width: float, height: float, *, gap: float = 0.25) -> tuple[Bar, ...]:
    """Upright bars side by side; *gap* is the share of each one's room that stays empty."""
    room = width / len(values) if values else 0.0
    ground = place(0, up.low, up.high, height, 0)
    bars = []
    for number, value in enumerate(values):
        top = place(value, up.low, up.high, height, 0)
        bars.append(
            Bar(
                round((number + gap / 2) * room, 2),
                min(top, ground),
                round(room * (1 - gap), 2),
                round(abs(ground - top), 2),
            )
        )
    return tuple(bars)


def shares(values: Sequence[float]) -> tuple[float, ...]:
    """Each value's share of the greatest, from 0 to 1: the lengths of the bars of a funnel or a ranking."""
    greatest = max([0.0, *values])
    return tuple(value / greatest if greatest else 0.0 for value in values)


def _step(rough: float) -> float:
    """The least 1, 2 or 5 times a power of ten that is *rough* or more."""
    power = 10.0 ** math.floor(math.log10(rough))
    # A hair more than the step still is the step, or 0.1 + 0.2 would need one more than 0.3.
    return next(times * power for times in (1, 2, 5, 10) if times * power >= rough * (1 - 1e-9))
