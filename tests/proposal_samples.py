"""What trainings may have found out, as its report shows it: much, little, and nothing at all; and proposals made of it."""

from __future__ import annotations

import msgspec

from scorer import proposals
from scorer.core.learned import (
    Bin,
    Calibration,
    Figure,
    HalfLife,
    Judged,
    Judgement,
    Learned,
    Suspect,
    Verdict,
    Weight,
)
from scorer.core.proportions import rate
from scorer.scorecards import body_of
from tests.factories import DAY, NOW, World
from tracker.sites import load_sites

UNKNOWN = Figure()
_BINS = ((0.012, 900, 8), (0.031, 700, 25), (0.09, 250, 27), (0.21, 80, 20), (0.47, 14, 8))


def about(value: float, spread: float) -> Figure:
    """A figure with an interval of twice *spread*."""
    return Figure(value, value - spread, value + spread)


def much(verdict: Verdict = "better", now_ms: int = NOW) -> Learned:
    """A training with all there can be, a suspect and companies apart among it."""
    by_time = (
        Judged("proposal", about(0.834, 0.028), about(0.31, 0.05), about(6.1, 0.8), about(0.041, 0.004)),
        Judged("current", about(0.781, 0.031), about(0.22, 0.045), about(4.0, 0.7)),
        Judged("recency", about(0.69, 0.035), about(0.15, 0.03), about(2.8, 0.6)),
        Judged("pages", about(0.66, 0.036), about(0.13, 0.03), about(2.1, 0.6)),
    )
    by_account = (
        Judged("proposal", about(0.812, 0.045), about(0.29, 0.06), about(5.8, 0.9), about(0.043, 0.004)),
        Judged("current", about(0.779, 0.041), about(0.21, 0.045), about(3.9, 0.7)),
    )
    rates = [(told, rate(won, leads)) for told, leads, won in _BINS]
    bins = tuple(Bin(told, one.of, one.count, one.low or 0.0, one.high or 0.0) for told, one in rates)
    origins = tuple(now_ms - months * 30 * DAY for months in (4, 3, 2, 1))
    gain, error = Figure(0.053, 0.012, 0.094), about(0.018, 0.008)
    judgement = Judgement(origins, 2534, 9120, 183, 0.051, 20, by_time, by_account, gain, bins, error)
    weights = (
        Weight("quote", None, 1.2, 30, 34.5, 88),
        Weight("pricing", None, 0.8, 8, 12.6, 640),
        Weight("dwell", 0, 0.1, 1, 1.4, 1800),
        Weight("dwell", 1, 0.25, 3, 3.9, 990),
        Weight("gone", None, 0.0, 5, 0.0, 20),
    )
    half_lives = (HalfLife(3, 0.811), HalfLife(7, 0.829), HalfLife(14, 0.822), HalfLife(30, None))
    calibration = Calibration(-4.1, 0.06, 0.02, -0.0001, 0.00001, 183, 2240, 90, now_ms, verdict == "advice")
    return Learned(
        trained_at=now_ms,
        seed=42,
        horizon_days=90,
        half_life_days=7.0,
        half_lives=half_lives,
        base=1,
        leads=2534,
        snapshots=9120,
        wins=31 if verdict == "advice" else 183,
        losses=2240,
        censored=310,
        points_to_double=12.3,
        verdict=verdict,
        calibration=calibration,
        judgement=judgement,
        weights=weights,
        suspects=(Suspect("contact", 0.93, 0.87, 0.81),),
    )


def nothing(now_ms: int = NOW) -> Learned:
    """A training on three leads: nothing judged, nothing weighed, no chances."""
    return Learned(now_ms, 1, 90, 14.0, (), 1, 3, 3, 1, 2, 0, 10.0, "advice", None, None, (), ())


def hollow(now_ms: int = NOW) -> Learned:
    """A training that was judged, and of which no figure could be told."""
    by_time = tuple(
        Judged(name, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN if name == "proposal" else None)
        for name in ("proposal", "current", "recency", "pages")
    )
    judgement = Judgement((), 0, 0, 0, 0.0, 10, by_time, (), UNKNOWN, (), UNKNOWN)
    tried = (HalfLife(3, None), HalfLife(14, None))
    return msgspec.structs.replace(nothing(now_ms), judgement=judgement, half_lives=tried)


def propose(world: World, learned: Learned | None = None) -> int:
    """Let the first site have a proposal, its own card with another name; return the number."""
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        body = msgspec.json.decode(body_of(connection, site.id) or "") | {"name": {"en": "Learned", "zh": "学到的"}}
        return proposals.propose(connection, site, body, learned or much(now_ms=world.now), "chen@example.com", world.now)
