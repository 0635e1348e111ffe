"""Learned cards and calibrations, made up."""

from __future__ import annotations

from typing import Any

import msgspec

from scorer.core.learned import Calibration, Figure, HalfLife, Judged, Judgement, Learned, Weight
from tests.factories import DAY, NOW

CALIBRATION = Calibration(-3.0, 0.1, 0.04, 0.0, 0.0001, 60, 900, 90, NOW, False)


def judged(name: Any, auc: float) -> Judged:
    """Some ranking with this area under the curve."""
    return Judged(name, Figure(auc, auc - 0.05, auc + 0.05), Figure(0.2, 0.1, 0.3), Figure(2.0, 1.5, 2.5))


JUDGEMENT = Judgement(
    origins=(NOW - 90 * DAY,),
    leads=200,
    snapshots=700,
    wins=120,
    base_rate=0.1,
    capacity=10,
    by_time=(judged("proposal", 0.8), judged("current", 0.7), judged("recency", 0.6), judged("pages", 0.55)),
    by_account=(),
    gain=Figure(0.1, 0.02, 0.18),
    bins=(),
    calibration_error=Figure(0.03, 0.01, 0.05),
)


def learned(**changes: Any) -> Learned:
    """What a training might find out."""
    made = Learned(
        trained_at=NOW,
        seed=1,
        horizon_days=90,
        half_life_days=7.0,
        half_lives=(HalfLife(7.0, 0.8), HalfLife(14.0, None)),
        base=1,
        leads=300,
        snapshots=900,
        wins=60,
        losses=240,
        censored=12,
        points_to_double=20.0,
        verdict="better",
        calibration=CALIBRATION,
        judgement=JUDGEMENT,
        weights=(Weight("pricing", None, 0.4, 8.0, 12.0, 90), Weight("dwell", 0, 0.1, 1.0, 2.0, 200)),
        suspects=(),
    )
    return msgspec.structs.replace(made, **changes)
