"""From how many points a lead must be hot, so that a team gets as many hot leads a week as it can call.

A lead's *path* is its heat after each contribution. From it follows, for any threshold, when the lead would have become hot:
with the first contribution that lifts it to ``enter``, and again only after it had faded below ``leave``.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from scorer.core.decay import DAY_MS, Decay
from scorer.core.score import Contribution
from scorer.core.scorecard import Hot, Scorecard

WEEKS: Final = 4
WINDOW_MS: Final = WEEKS * 7 * DAY_MS
"""The time over which hot leads are counted: up to now."""


class HeatPath(msgspec.Struct, frozen=True):
    """The heat of one lead through time. The three lists are equally long and in the order of time."""

    times: Sequence[int]
    """Milliseconds since 1970 UTC, each once."""
    weights: Sequence[float]
    """Heat of a point at each time."""
    heats: Sequence[float]
    """Heat after what happened at each time."""
    peak: float
    """The most points there ever were; 0 for an empty path."""


class Spell(NamedTuple):
    """A time for which a lead was hot: milliseconds since 1970 UTC. ``until`` may lie ahead."""

    since: int
    until: int


def path_of(decay: Decay, trace: Iterable[Contribution]) -> HeatPath:
    """The path of a lead whose contributions, in the order of time, are *trace* (see ``score.fold``).

    Of a visit's dwell the trace has the last bucket only, so within such a visit the path may rise some minutes late.
    """
    times, weights, heats = array("q"), array("d"), array("d")
    heat = peak = 0.0
    for one in trace:
        if not times or one.at != times[-1]:
            times.append(one.at)
            weights.append(decay.weight(one.at))
            heats.append(heat)
        heat += one.points * weights[-1]
        heats[-1] = heat
        if weights[-1] > 0:
            peak = max(peak, heat / weights[-1])
    return HeatPath(times, weights, heats, peak)


def spells(path: HeatPath, decay: Decay, enter: float, leave: float) -> list[Spell]:
    """When the lead was hot, in the order of time, if nothing more happens: from *enter* points until below *leave*.

    >>> decay = Decay(half_life_days=1, landmark_ms=0)
    >>> path = path_of(decay, [Contribution("form", at=0, points=80.0, day=1, visit=1)])
    >>> spells(path, decay, enter=60, leave=40) == [Spell(0, DAY_MS)]
    True
    """
    if path.peak < enter:
        return []
    found: list[Spell] = []
    since: int | None = None
    before = 0.0
    for at, weight, heat in zip(path.times, path.weights, path.heats, strict=True):
        if since is not None and before < leave * weight:
            found.append(Spell(since, decay.falls_to(before, leave) or since))
            since = None
        if since is None and heat >= enter * weight > 0:
            since = at
        before = heat
    if since is not None:
        found.append(Spell(since, decay.falls_to(before, leave) or since))
    return found


def threshold(
    paths: Sequence[HeatPath], decay: Decay, per_week: int, leave_ratio: float, now_ms: int, least: float
) -> float:
    """The points from which a lead must be hot for the last four weeks to have given at most *per_week* hot leads a week.

    A lead counts each time that it becomes hot. Looked for from above: with the next lower value that any lead's points have
    had there would have been too many. Of the thresholds that give as many, the roundest number is taken.

    Parameters
    ----------
    paths
        Of all leads that did anything in these weeks, without those that are kept off the hot list.
    decay
        The scale of the paths.
    per_week
        At least 1.
    leave_ratio
        What part of the threshold a hot lead must fall below to leave.
    now_ms
        The end of the four weeks.
    least
        Returned where no threshold above it gives too many: few leads don't make a lukewarm one hot. Above 0.
    """
    start, budget = now_ms - WINDOW_MS, per_week * WEEKS

    def too_many(enter: float) -> bool:
        hot = (spell for path in paths for spell in spells(path, decay, enter, enter * leave_ratio))
        return sum(start < spell.since <= now_ms for spell in hot) > budget

    # A lead can only become hot at a value which its points have had: in between, nothing changes but where it leaves.
    values = {least} | {points for path in paths for points in _values(path, start, now_ms) if points > least}
    ordered = sorted(values, reverse=True)
    if too_many(ordered[0]):
        # More leads than the team can call have had the most points there were, to the bit.
        return least if len(ordered) == 1 else math.nextafter(ordered[0], math.inf)
    # From above, since far below leads become hot seldom again: they are so always. In steps that find some leads each.
    good, step = 0, max(1, budget // 4)
    while good < len(ordered) - 1:
        bad = min(good + step, len(ordered) - 1)
        if too_many(ordered[bad]):
            break
        good = bad
    else:
        return least
    while bad - good > 1:
        middle = (bad + good) // 2
        if too_many(ordered[middle]):
            bad = middle
        else:
            good = middle
    rounded = _roundest(ordered[bad], ordered[good])
    return ordered[good] if too_many(rounded) else rounded


def with_threshold(card: Scorecard, enter: float) -> Scorecard:
    """The card with leads hot from *enter* points; ``warm`` shrinks where a hot lead would no longer cool to it."""
    leave = enter * card.hot.leave_ratio
    warm = card.warm if card.warm <= leave else min(card.warm * enter / card.hot.enter, leave)
    return msgspec.structs.replace(card, hot=Hot(enter, card.hot.leave_ratio, card.hot.per_week), warm=warm)


def _values(path: HeatPath, start: int, end: int) -> Iterable[float]:
    """The points which a lead had in a time, each as great as can still be reached with them."""
    for at, weight, heat in zip(path.times, path.weights, path.heats, strict=True):
        if start < at <= end and weight > 0:
            points = heat / weight
            # A quotient is rounded: by what it has, the lead must reach it.
            yield points if heat >= points * weight else math.nextafter(points, 0.0)


def _roundest(above: float, most: float) -> float:
    """The number with the fewest decimals that is greater than *above* and at most *most*."""
    for digits in range(7):
        power = 10.0**digits
        scaled = math.floor(most * power) / power
        if above < scaled <= most:
            return scaled
    return most
