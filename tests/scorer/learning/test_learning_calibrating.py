"""From points to chances: above all that few wins promise little."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="needs the extra [learn]")

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scorer.core.learned import Calibration, chance
from scorer.learning.calibrating import calibrate
from scorer.learning.snapshots import Floats, Truths


def made(wins: int, losses: int, slope: float = 0.1, seed: int = 0) -> tuple[Floats, Truths]:
    """So many wins and losses, whose log odds rise by *slope* a point."""
    random = np.random.default_rng(seed)
    points = random.gamma(1.5, 12.0, 60 * (wins + losses))
    share = np.exp(slope * points)
    chosen = random.choice(len(points), wins, replace=False, p=share / share.sum())
    others = random.choice(np.setdiff1d(np.arange(len(points)), chosen), losses, replace=False)
    rows = np.concatenate([chosen, others])
    return points[rows], np.arange(len(rows)) < wins


def told(points: Floats, won: Truths, **more: object) -> Calibration | None:
    wins, losses = int(won.sum()), int((~won).sum())
    return calibrate(
        points, won, np.ones(len(won)), **{"horizon_days": 90, "now_ms": 5, "wins": wins, "losses": losses, **more}
    )  # type: ignore[arg-type]


@settings(max_examples=80, deadline=None)
@given(
    points=st.lists(st.floats(0, 1e6), min_size=2, max_size=30),
    heavy=st.floats(0.01, 20),
    often=st.integers(1, 20),
    asked=st.floats(0, 1e9),
    apart=st.booleans(),
)
def test_with_one_win_no_chance_is_above_one_half(
    points: list[float], heavy: float, often: int, asked: float, apart: bool
) -> None:
    """However many snapshots that lead has, however much they weigh, and whatever points anybody may ever have."""
    often = min(often, len(points) - 1)
    won = np.arange(len(points)) < often
    found = calibrate(
        np.array(points),
        won,
        np.where(won, heavy, 1.0),
        horizon_days=90,
        now_ms=0,
        wins=1,
        losses=len(points) - often,
        clusters=np.where(won, 0, np.arange(len(points))) if apart else None,
    )
    assert found is not None
    assert found.slope == 0
    assert chance(found, asked).value <= 0.5
    assert found.advice


@settings(max_examples=40, deadline=None)
@given(wins=st.integers(2, 60), losses=st.integers(1, 80), slope=st.sampled_from([-0.2, 0.0, 0.05]), seed=st.integers(0, 99))
def test_a_chance_never_falls_with_points_and_its_interval_holds_it(wins: int, losses: int, slope: float, seed: int) -> None:
    points, won = made(wins, losses, slope, seed)
    found = told(points, won, clusters=np.arange(len(won)))
    assert found is not None
    assert found.slope >= 0
    assert found.var_intercept >= 0
    assert found.var_slope >= 0
    assert found.advice == (wins < 50 or losses < 50)
    chances = [chance(found, at) for at in (0.0, 10.0, 50.0)]
    assert all(one.low <= one.value <= one.high for one in chances)
    assert chances[0].value <= chances[1].value <= chances[2].value


def test_many_wins_give_the_slope_that_is_there() -> None:
    points, won = made(1500, 6000)
    found = told(points, won)
    assert found is not None
    assert found.slope == pytest.approx(0.1, rel=0.1)
    mean = np.mean([chance(found, at).value for at in points])
    assert mean == pytest.approx(0.2, abs=0.002)
    assert (found.wins, found.losses, found.horizon_days, found.made_at, found.advice) == (1500, 6000, 90, 5, False)


def test_the_slope_grows_with_the_wins_that_speak_for_it() -> None:
    slopes = []
    for wins in (1, 2, 5, 50):
        points = np.concatenate([np.full(wins, 30.0), np.zeros(100)])
        found = told(points, np.arange(wins + 100) < wins)
        assert found is not None
        slopes.append(found.slope)
    assert slopes[0] == 0
    assert slopes == sorted(slopes)


@pytest.mark.parametrize(("wins", "losses"), [(0, 5), (5, 0), (0, 0)])
def test_without_a_win_and_a_loss_there_is_nothing_to_tell(wins: int, losses: int) -> None:
    assert told(np.arange(float(wins + losses)), np.arange(wins + losses) < wins) is None


def test_points_that_rank_the_wrong_way_round_have_no_slope() -> None:
    points, won = made(80, 80, slope=-0.2)
    found = told(points, won)
    assert found is not None
    assert found.slope == 0
    assert chance(found, 1000.0).value == pytest.approx(0.5, abs=0.01)


def test_points_that_never_differ_tell_the_share_of_all() -> None:
    found = told(np.full(100, 7.0), np.arange(100) < 20)
    assert found is not None
    assert (found.slope, found.var_slope) == (0, 0)
    assert chance(found, 500.0).value == pytest.approx(0.2, abs=0.02)


def test_snapshots_of_one_lead_count_as_one() -> None:
    points, won = made(60, 300)
    once, tenfold = told(points, won), told(np.repeat(points, 10), np.repeat(won, 10), wins=60, losses=300)
    clustered = told(np.repeat(points, 10), np.repeat(won, 10), wins=60, losses=300, clusters=np.repeat(np.arange(360), 10))
    assert once is not None
    assert tenfold is not None
    assert clustered is not None
    assert tenfold.slope == pytest.approx(once.slope, rel=1e-3)
    assert tenfold.var_slope == pytest.approx(once.var_slope, rel=0.01)
    assert clustered.var_slope > once.var_slope / 4  # and not a tenth of it, as that of so many leads would be
    assert tenfold.wins == 600


def test_the_level_is_that_of_the_latest_wins() -> None:
    random = np.random.default_rng(1)
    points, at = random.random(4000) * 20, np.arange(4000)
    won = random.random(4000) < np.where(at < 3000, 0.05, 0.25)
    plain, late = told(points, won), told(points, won, at=at)
    assert plain is not None
    assert late is not None
    assert chance(plain, 10.0).value == pytest.approx(0.1, abs=0.02)
    assert chance(late, 10.0).value == pytest.approx(0.25, abs=0.05)
    assert late.var_intercept > plain.var_intercept


def test_points_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        told(np.array([1.0, np.nan]), np.array([True, False]))
