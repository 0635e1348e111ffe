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
    rough = (high - low) / at_most
    power = 10.0 ** math.floor(math.log10(rough))
    # A hair more than the step still is the step, or 0.1 + 0.2 would need one more than 0.3.
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(float(f"{number * step:.12g}") for number in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks)


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
