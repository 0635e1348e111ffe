"""Small tables of past leads, and the cards they belong to, for the tests of learning."""

from __future__ import annotations

from typing import Any

import numpy as np

from scorer.core.decay import DAY_MS
from scorer.learning.snapshots import Feature, Snapshots

START = 1_700_000_000_000
HALF_LIVES = (3.0, 7.0, 14.0, 30.0)


def rule(name: str, points: float = 5.0) -> dict[str, Any]:
    return {"id": name, "label": {"en": name}, "on": "event", "match": {"event": [name]}, "points": points}


def card(*rules: dict[str, Any], **changed: Any) -> dict[str, Any]:
    head = {"format": 1, "name": {"en": "Tiny"}, "p50": 10, "hot": {"enter": 12}, "warm": 5, "half_life_days": 14}
    return {**head, "rules": list(rules), **changed}


DWELL = {"id": "dwell", "label": {"en": "dwell"}, "on": "dwell", "buckets": [[10, 1], [60, 2], [180, 4]], "cap_per_day": 3}


def features(body: dict[str, Any]) -> tuple[Feature, ...]:
    found: list[Feature] = []
    for one in body["rules"]:
        below = 0.0
        for place, (_, points) in enumerate(one.get("buckets", ())):
            found.append(Feature(one["id"], place, points - below))
            below = points
        if one["on"] != "dwell":
            found.append(Feature(one["id"], None, one["points"]))
    return tuple(found)


def table(
    body: dict[str, Any],
    effects: list[float],
    *,
    leads: int = 150,
    rows_each: int = 2,
    seed: int = 0,
    base: float = 0.15,
    companies: bool = False,
    horizon_days: int = 10,
    fading: float = 14.0,
) -> Snapshots:
    """Leads over 200 days, each column's effect on the log odds of a win given; faded with a half-life of *fading* days."""
    random = np.random.default_rng(seed)
    columns = features(body)
    lead = np.repeat(np.arange(leads), rows_each)
    count = len(lead)
    start = random.integers(0, 190, leads)
    at = START + (start[:, None] + 7 * np.arange(rows_each)).ravel() * DAY_MS
    times = random.poisson(0.8, (count, len(columns)))
    ages = random.random((count, len(columns))) * 30
    counts = {days: (times * np.exp2(-ages / days)).astype(np.float32) for days in HALF_LIVES}
    faded = times * np.exp2(-ages / fading)
    odds = faded @ np.array(effects)
    won = random.random(count) < 1 / (1 + np.exp(-(odds - np.quantile(odds, 1 - base))))
    return Snapshots(
        leads=lead,
        accounts=np.where(lead % 2 == 0, lead // 4, -1) if companies else np.full(count, -1),
        at=at,
        known_at=np.where(won, at + DAY_MS, at + horizon_days * DAY_MS),
        won=won,
        weights=np.ones(count),
        features=columns,
        counts=counts,
        current=counts[14.0].astype(np.float64) @ np.array([one.points for one in columns]),
        last_at=at - random.integers(1, 20, count) * DAY_MS,
        pages=random.poisson(4, count).astype(np.float64),
        censored=3,
        horizon_days=horizon_days,
    )


def end(snapshots: Snapshots) -> int:
    """When all is known."""
    return int(snapshots.at.max()) + snapshots.horizon_days * DAY_MS
