"""From coefficients to a card: the current one with other points, fading and thresholds, and nothing else changed."""

from __future__ import annotations

import copy
import math
from typing import Any, Final

import numpy as np

from scorer.core.scorecard import MAX_POINTS, Scorecard, parse
from scorer.learning.fitting import POINTS_EACH
from scorer.learning.snapshots import Feature, Floats

WEEKS: Final = 4
"""Weeks of the latest snapshots; the thresholds are set by them."""


def reweighted(
    body: dict[str, Any], features: tuple[Feature, ...], coefficients: Floats, worth: float, half_life_days: float
) -> dict[str, Any]:
    """Return the card with the points that coefficients stand for, and fading with *half_life_days*.

    A coefficient of ``c`` is ``c / ln 2`` times the points that double the odds, rounded to 0.1 (finer where the highest
    is small). Of a dwell rule's buckets those that add nothing are left out; if none adds any, its last one stays with the
    least points there are, since a dwell rule can't have none. Rules without a column, as those refused for being written
    after first contact, go at *worth*: the log odds of one point of the current card.

    Returns the card unchanged where all would be 0. Thresholds are left alone: see ``with_thresholds``.

    Parameters
    ----------
    body
        The current card, lint-clean; not changed.
    features, coefficients
        The columns, and the log odds of one more of each; at least 0.
    """
    learned: dict[str, dict[int | None, float]] = {}
    for feature, coefficient in zip(features, coefficients, strict=True):
        learned.setdefault(feature.rule, {})[feature.bucket] = float(coefficient) * POINTS_EACH
    proposal = copy.deepcopy(body)
    raw: list[list[float]] = []
    for rule in proposal["rules"]:
        told = learned.get(rule["id"])
        if rule["on"] == "dwell":
            below = np.diff([points for _, points in rule["buckets"]], prepend=0.0)
            adds = [more * worth * POINTS_EACH if told is None else told.get(at, 0.0) for at, more in enumerate(below)]
            raw.append([float(points) for points in np.cumsum(adds)])
        else:
            before = float(rule.get("points", 0.0))
            raw.append([before * worth * POINTS_EACH if told is None else told.get(None, 0.0)])
    highest = max((max(points) for points in raw), default=0.0)
    if not highest > 0:
        return proposal
    digits = max(1, 2 - math.floor(math.log10(highest)))
    least = 10.0**-digits
    for rule, points in zip(proposal["rules"], raw, strict=True):
        rounded = [_plain(min(round(one, digits), MAX_POINTS)) for one in points]
        if rule["on"] == "dwell":
            rule["buckets"] = _rising(rule["buckets"], rounded) or [[rule["buckets"][-1][0], least]]
        elif rounded[0] or "points" in rule:
            rule["points"] = rounded[0]
    proposal["half_life_days"] = _plain(half_life_days)
    return proposal


def worth_of(body: dict[str, Any], current: dict[str, Any], features: tuple[Feature, ...]) -> Floats:
    """Return what one more of each column earns on the card *body*; buckets are those of the *current* card."""
    rules, before = ({rule["id"]: rule for rule in card["rules"]} for card in (body, current))
    return np.array(
        [
            _level(rules[one.rule], before[one.rule], one.bucket)
            - (_level(rules[one.rule], before[one.rule], one.bucket - 1) if one.bucket else 0.0)
            for one in features
        ],
        dtype=np.float64,
    )


def points_on(body: dict[str, Any], current: dict[str, Any], feature: Feature) -> float:
    """Return the points of a rule, or of one of its buckets, on the card *body*; buckets are those of the *current* card."""
    rule, before = (next(rule for rule in card["rules"] if rule["id"] == feature.rule) for card in (body, current))
    return _level(rule, before, feature.bucket)


def with_thresholds(body: dict[str, Any], current: Floats, proposed: Floats, exchange: float) -> dict[str, Any]:
    """Return the card with its thresholds moved to the new points, the current one's ratios between them kept.

    Hot are as many leads as before; with ``hot.per_week``, as many as the team takes on in four weeks. Where that is none,
    or all, the thresholds go at *exchange*.

    Parameters
    ----------
    body
        A card from ``reweighted``, thresholds still those of the current card.
    current, proposed
        Points of the same leads by the current card and by *body*, as they stood in the last four weeks of the table.
    exchange
        Points of the new card for each of the current one; above 0.
    """
    card: Scorecard = parse(body)
    wanted = int((current >= card.hot.enter).sum()) if card.hot.per_week is None else card.hot.per_week * WEEKS
    enter = _significant(card.hot.enter * exchange)
    ordered = np.sort(proposed.round(6))[::-1]
    if 0 < wanted < len(ordered) and ordered[wanted - 1] > 0:
        above, below = float(ordered[wanted - 1]), float(ordered[wanted])
        enter = above if above == below else _roundest(below, above)
    enter = max(enter, 1e-6)
    moved = enter / card.hot.enter
    result = copy.deepcopy(body)
    result["hot"]["enter"] = _plain(enter)
    result["p50"] = _plain(_significant(card.p50 * moved))
    result["warm"] = _plain(min(_significant(card.warm * moved), enter * card.hot.leave_ratio))
    return result


def _level(rule: dict[str, Any], before: dict[str, Any], bucket: int | None) -> float:
    if bucket is None:
        return float(rule.get("points", 0.0))
    seconds = before["buckets"][bucket][0]
    return max((float(points) for at_least, points in rule["buckets"] if at_least <= seconds), default=0.0)


def _rising(buckets: list[list[float]], points: list[float]) -> list[list[float]]:
    """The buckets that add something to the one before."""
    kept: list[list[float]] = []
    for (seconds, _), worth in zip(buckets, points, strict=True):
        if worth > (kept[-1][1] if kept else 0):
            kept.append([seconds, worth])
    return kept


def _roundest(below: float, most: float) -> float:
    """The number with the fewest decimals above *below* and at most *most*."""
    for digits in range(7):
        power = 10.0**digits
        rounded = math.floor(most * power) / power
        if below < rounded <= most:
            return rounded
    return most


def _significant(number: float) -> float:
    return float(f"{number:.4g}")


def _plain(number: float) -> float:
    """Whole numbers without a decimal point, as people write them."""
    return int(number) if float(number).is_integer() else float(number)
