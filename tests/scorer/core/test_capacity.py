"""The threshold by capacity: exactly as many hot leads as can be called, and the roundest number that gives them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.capacity import WINDOW_MS, HeatPath, path_of, spells, threshold, with_threshold
from scorer.core.decay import DAY_MS, Decay
from scorer.core.labels import Label
from scorer.core.rules import Card
from scorer.core.score import Contribution, fold
from scorer.core.scorecard import Hot, Match, Rule, Scorecard, lint
from tracker.core.events import Event, Fact

DECAY = Decay(half_life_days=1, landmark_ms=0)
NOW = 60 * DAY_MS


def earned(at: int, points: float) -> Contribution:
    return Contribution("rule", at, points, day=1, visit=1)


def path(*told: tuple[float, float]) -> HeatPath:
    """A path of points earned, each at so many days."""
    return path_of(DECAY, [earned(round(days * DAY_MS), points) for days, points in told])


def entries(paths: list[HeatPath], enter: float, ratio: float = 0.7) -> int:
    every = (spell for one in paths for spell in spells(one, DECAY, enter, enter * ratio))
    return sum(NOW - WINDOW_MS < spell.since <= NOW for spell in every)


histories = st.lists(
    st.lists(
        st.tuples(st.integers(28 * 24, 60 * 24).map(lambda h: h / 24), st.sampled_from([1, 5, 8, 20, 33.3])), max_size=8
    )
    .map(sorted)
    .map(lambda told: path(*told)),
    max_size=12,
)


def test_a_path_has_each_moment_once_and_the_most_points_there_were() -> None:
    found = path((0, 10), (0, 6), (1, 4))
    assert (list(found.times), list(found.weights), list(found.heats), found.peak) == (
        [0, DAY_MS],
        [1.0, 2.0],
        [16.0, 24.0],
        16.0,
    )
    assert path().peak == 0.0


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ([], []),
        ([(0, 59.9)], []),
        ([(0, 60)], [(0, 0.585)]),
        ([(0, 60), (0.5, 5)], [(0, 0.746)]),  # 42.4 left, and still hot
        ([(0, 60), (1, 5)], [(0, 0.585)]),  # had faded to 30 before
        ([(0, 60), (1, 30)], [(0, 0.585), (1, 1.585)]),
        ([(0, 30), (0, 30)], [(0, 0.585)]),
    ],
)
def test_when_a_lead_was_hot(told: list[tuple[float, float]], wanted: list[tuple[float, float]]) -> None:
    found = spells(path(*told), DECAY, enter=60, leave=40)
    assert [(one.since / DAY_MS, round(one.until / DAY_MS, 3)) for one in found] == wanted


@given(st.lists(st.tuples(st.integers(0, 40 * 24), st.sampled_from([3.0, 8.0, 30.0])), max_size=20).map(sorted))
def test_the_last_spell_is_that_of_the_fold(told: list[tuple[int, float]]) -> None:
    rules = [
        Rule(f"r{points}", Label("R"), "event", points, Match(event=f"r{points}"), cap_per_day=100) for points in (3, 8, 30)
    ]
    card = Card(Scorecard(1, Label("T"), 40, Hot(40, 0.6), 10, rules, half_life_days=3), landmark_ms=0)
    facts = [Fact("visit", 0, 1, 1)]
    for number, (hours, points) in enumerate(told):
        event = Event(number.to_bytes(16, "big"), hours * 3_600_000, "track", name=f"r{points:g}")
        facts.append(Fact("track", event.at, 1 + hours // 24, 1, event=event))
    trace: list[Contribution] = []
    state = fold(card, None, {0: facts}, trace)
    found = spells(path_of(card.decay, trace), card.decay, card.enter, card.leave)
    if state.hot_since is not None:
        assert found[-1].since == state.hot_since
    else:
        # It lapsed: what came last found it over, and began none.
        assert all(spell.until < state.last_at for spell in found)


@given(histories, st.integers(1, 4), st.sampled_from([0.3, 0.7, 0.95]))
def test_never_more_than_can_be_called_and_one_step_lower_would_be(
    paths: list[HeatPath], per_week: int, ratio: float
) -> None:
    found = threshold(paths, DECAY, per_week, ratio, NOW, least=2.0)
    assert found >= 2.0
    assert entries(paths, found, ratio) <= 4 * per_week
    if found > 2.0:
        told = [moment for one in paths for moment in zip(one.times, one.heats, one.weights, strict=True)]
        values = [heat / weight for at, heat, weight in told if NOW - WINDOW_MS < at <= NOW]
        lower = max((value for value in values if 2.0 <= value < found * (1 - 1e-9)), default=2.0)
        assert entries(paths, lower * (1 - 1e-12), ratio) > 4 * per_week


def test_the_number_is_the_roundest_that_gives_the_same() -> None:
    # 23 leads between 50.0 and 72.0 points, one more each day: four a week are the upper 16.
    paths = [path((60 - number, 50.0 + number)) for number in range(23)]
    assert threshold(paths, DECAY, 4, 0.7, NOW, least=1.0) == 57.0
    paths = [path((60 - number, 50.0 + number / 100)) for number in range(23)]
    assert threshold(paths, DECAY, 4, 0.7, NOW, least=1.0) == 50.07


def test_each_time_that_a_lead_becomes_hot_counts() -> None:
    again = path(*[(59 - 3 * number, 80) for number in range(9, -1, -1)])
    assert entries([again], 60) == 9  # the first is just four weeks ago
    found = threshold([again], DECAY, 1, 0.7, NOW, least=1.0)
    # By a threshold of a point it would be hot all the time, and never become so: that isn't what is looked for.
    assert entries([again], 1.0) == 0
    assert found > 90
    assert entries([again], found) == 4


def test_few_leads_make_nobody_hot_who_is_not_warm() -> None:
    assert threshold([path((59, 5))], DECAY, 1, 0.7, NOW, least=20.0) == 20.0
    assert threshold([], DECAY, 1, 0.7, NOW, least=20.0) == 20.0


def test_more_equals_than_can_be_called_are_none() -> None:
    paths = [path((59, 80.0)) for _ in range(5)]
    found = threshold(paths, DECAY, 1, 0.7, NOW, least=1.0)
    assert entries(paths, found) == 0
    assert found == pytest.approx(80.0)


def test_what_was_earlier_than_four_weeks_does_not_count() -> None:
    paths = [path((31.9, 500)) for _ in range(50)] + [path((32.1, 30 + number)) for number in range(6)]
    assert threshold(paths, DECAY, 1, 0.7, NOW, least=1.0) == 32.0


@pytest.mark.parametrize(("enter", "warm"), [(100.0, 20.0), (60.0, 20.0), (30.0, 20.0), (20.0, 20.0 / 3), (3.3, 1.1)])
def test_warm_shrinks_only_where_a_hot_lead_would_not_cool_to_it(enter: float, warm: float) -> None:
    body: dict[str, Any] = {"format": 1, "name": {"en": "T"}, "p50": 40, "hot": {"enter": 60}, "warm": 20}
    body["rules"] = [{"id": "a", "label": {"en": "A"}, "on": "identify", "points": 1}]
    card = Scorecard(1, Label("T"), 40, Hot(60, 0.7, 9), 20, [])
    found = with_threshold(card, enter)
    assert found.hot == Hot(enter, 0.7, 9)
    assert found.warm == pytest.approx(warm)
    assert lint(body | {"hot": {"enter": found.hot.enter}, "warm": found.warm}) == []
