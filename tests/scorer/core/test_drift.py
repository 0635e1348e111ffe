"""Drift: alarms where a promise is broken, and hardly ever where it is kept."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from scorer.core.drift import Stood, area, drifted
from scorer.core.learned import Calibration, Figure, chance

PROMISED = Calibration(-2.0, 0.1, 0.01, 0.0, 0.00001, 300, 3000, 90, 0, False)
stood = st.lists(st.builds(Stood, st.floats(0, 200), st.booleans()), max_size=30)


def crowd(seed: int, size: int = 600, *, shift: float = 0.0, slope: float = 1.0) -> list[Stood]:
    """Leads that buy with the chances promised, or with others."""
    luck, made = random.Random(seed), []
    for _ in range(size):
        points = luck.random() * 40
        odds = chance(PROMISED, slope * points + shift).value
        made.append(Stood(points, luck.random() < odds))
    return made


def kinds(some: list[Stood], least: float | None = None) -> list[str]:
    return [one.kind for one in drifted(some, PROMISED, least)]


def test_a_promise_that_is_kept_raises_hardly_ever_an_alarm() -> None:
    assert sum(kinds(crowd(seed), 0.65) != [] for seed in range(100)) <= 3


def test_too_many_wins_and_too_few_are_told() -> None:
    for shift in (-25.0, 25.0):
        some = crowd(1, shift=shift)
        [found] = drifted(some, PROMISED, None)
        assert (found.kind, found.leads, found.wins) == ("calibration", 600, sum(one.won for one in some))
        assert found.found == found.wins
        assert (found.promised > found.found) == (shift < 0)


def test_a_ranking_that_is_lost_is_told() -> None:
    [found] = drifted(crowd(2, slope=0.0, shift=18), None, 0.7)
    assert found.kind == "ranking"
    assert found.found < found.promised == 0.7
    assert drifted(crowd(2), None, 0.65) == []


def test_few_leads_are_not_judged() -> None:
    lost = [Stood(30.0, won=False)] * 500
    assert kinds([*lost, *[Stood(1.0, won=True)] * 19], 0.9) == []
    assert kinds([*lost, *[Stood(1.0, won=True)] * 20], 0.9) == ["calibration", "ranking"]
    assert kinds([Stood(1.0, won=True)] * 500, 0.9) == []
    assert kinds([], 0.9) == []


def test_what_was_not_promised_is_not_judged() -> None:
    assert drifted(crowd(1, shift=25), None, None) == []


@given(stood)
def test_the_area_is_the_share_of_pairs_that_are_in_order(some: list[Stood]) -> None:
    pairs = [(one.points, other.points) for one in some for other in some if one.won and not other.won]
    found = area(some)
    if not pairs:
        assert found == Figure()
        return
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert abs(found.value - sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)) < 1e-9
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_interval_is_that_of_hanley_and_mcneil() -> None:
    # An area of 0.80 at 5 % wins: 0.075 to either side with 50 wins, 0.037 with 200.
    for wins, spread in ((50, 0.075), (200, 0.037)):
        keen = [*[Stood(2, won=True)] * (wins * 4 // 5), *[Stood(0, won=True)] * (wins // 5)]
        found = area([*keen, *[Stood(1, won=False)] * (wins * 19)])
        assert found.value == 0.8
        assert found.high is not None
        assert round(found.high - 0.8, 3) == spread
