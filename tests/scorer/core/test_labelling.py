"""Labels: told from what was known at the time, for any course that a lead can take."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scorer.core.decay import DAY_MS
from scorer.core.fates import Said
from scorer.core.handling import REST_MS
from scorer.core.labelling import ACTIVE_MS, Course, Outcome, course, snapshot_times

NOW = 400 * DAY_MS
H = 90 * DAY_MS
KINDS = ("won", "lost", "junk", "contacted", "not_now", "open")
days = st.integers(0, 400).map(lambda day: day * DAY_MS)
said = st.lists(st.builds(Said, days, st.sampled_from(KINDS)), max_size=8)
goals = st.lists(days, max_size=3)

CASES: dict[str, tuple[list[Said], list[int], int, Outcome]] = {
    "nothing said, horizon over": ([], [], 10, Outcome(False, 100 * DAY_MS)),
    "nothing said, too young": ([], [], 311, Outcome(None, 401 * DAY_MS)),
    "the horizon is over just now": ([], [], 310, Outcome(False, NOW)),
    "won within": ([Said(50 * DAY_MS, "won")], [], 10, Outcome(True, 50 * DAY_MS)),
    "won on the last day": ([Said(100 * DAY_MS, "won")], [], 10, Outcome(True, 100 * DAY_MS)),
    "won too late": ([Said(100 * DAY_MS + 1, "won")], [], 10, Outcome(False, 100 * DAY_MS)),
    "lost within": ([Said(50 * DAY_MS, "lost")], [], 10, Outcome(False, 50 * DAY_MS)),
    "no lead at all": ([Said(50 * DAY_MS, "junk")], [], 10, Outcome(False, 50 * DAY_MS)),
    "lost while young": ([Said(390 * DAY_MS, "lost")], [], 380, Outcome(False, 390 * DAY_MS)),
    "lost, then won all the same": (
        [Said(50 * DAY_MS, "lost"), Said(60 * DAY_MS, "won")],
        [],
        10,
        Outcome(True, 60 * DAY_MS),
    ),
    "contacted only": ([Said(50 * DAY_MS, "contacted")], [], 10, Outcome(False, 100 * DAY_MS)),
    "put off": ([Said(50 * DAY_MS, "not_now")], [], 10, Outcome(False, 100 * DAY_MS)),
    "a goal": ([], [50 * DAY_MS], 10, Outcome(True, 50 * DAY_MS)),
    "a win that was taken back": (
        [Said(50 * DAY_MS, "won"), Said(120 * DAY_MS, "open")],
        [],
        10,
        Outcome(False, 120 * DAY_MS),
    ),
    "a goal isn't taken back": ([Said(60 * DAY_MS, "open")], [50 * DAY_MS], 10, Outcome(True, 50 * DAY_MS)),
    "taken back and won again": (
        [Said(50 * DAY_MS, "won"), Said(55 * DAY_MS, "open"), Said(58 * DAY_MS, "won")],
        [],
        10,
        Outcome(True, 58 * DAY_MS),
    ),
    "said in the time to come": ([Said(NOW + 1, "won")], [], 390, Outcome(None, 480 * DAY_MS)),
}


@pytest.mark.parametrize(("told", "reached", "day", "expected"), CASES.values(), ids=CASES)
def test_what_became_of_a_lead(told: list[Said], reached: list[int], day: int, expected: Outcome) -> None:
    assert course(told, reached, NOW).outcome(day * DAY_MS, H, NOW) == expected


@given(said, goals, days, st.integers(7, 365))
def test_nothing_said_after_a_label_is_known_matters(told: list[Said], reached: list[int], at: int, horizon: int) -> None:
    known = course(told, reached, NOW).outcome(at, horizon * DAY_MS, NOW)
    before = [one for one in told if one.at <= known.known_at]
    again = course(before, [goal for goal in reached if goal <= known.known_at], NOW)
    assert again.outcome(at, horizon * DAY_MS, NOW) == known
    if known.won is not None:
        assert again.outcome(at, horizon * DAY_MS, known.known_at) == known, "it was known when it was said to be"


@given(said, goals, days, st.integers(7, 364))
def test_a_longer_horizon_keeps_every_win(told: list[Said], reached: list[int], at: int, horizon: int) -> None:
    known = course(told, reached, NOW)
    if known.outcome(at, horizon * DAY_MS, NOW).won:
        assert known.outcome(at, (horizon + 1) * DAY_MS, NOW).won


@given(said, goals, days)
def test_the_order_of_telling_never_matters(told: list[Said], reached: list[int], at: int) -> None:
    assert course(told[::-1], reached[::-1], NOW) == course(told, reached, NOW)


@given(said, goals, days, days)
def test_as_time_passes_only_the_censored_change(told: list[Said], reached: list[int], at: int, now: int) -> None:
    assume(not any(one.kind in ("open", "lost", "junk") for one in told))
    earlier = course(told, reached, now).outcome(at, H, now)
    if earlier.won is not None and earlier.known_at <= now:
        assert course(told, reached, NOW).outcome(at, H, NOW) == earlier


def course_of(*told: Said) -> Course:
    return course(told, [], NOW)


def times(
    seen: Sequence[float], known: Course | None = None, *, at_most: int = 99, now: int = NOW, **more: Any
) -> list[float]:
    found = snapshot_times([round(day * DAY_MS) for day in seen], known or Course((), (), None), 7 * DAY_MS, at_most, now)
    return [at / DAY_MS for at in found]


def test_a_lead_is_looked_at_for_as_long_as_it_is_active() -> None:
    assert times([]) == []
    assert times([8.5]) == [9, 14, 21, 28, 35]
    assert times([7]) == [8, 14, 21, 28, 35], "28 days after it was last seen it still counts"
    assert times([8.5, 100.25]) == [9, 14, 21, 28, 35, 105, 112, 119, 126]
    assert times([398]) == [399]
    assert times([399.5]) == [400]
    assert times([400]) == []


def test_a_lead_is_not_looked_at_once_it_is_decided() -> None:
    assert times([8.5], course_of(Said(20 * DAY_MS, "won"))) == [9, 14]
    assert times([8.5], course_of(Said(14 * DAY_MS, "lost"))) == [9]
    assert REST_MS == 30 * DAY_MS
    assert times([8.5, 45, 52], course_of(Said(20 * DAY_MS, "lost"))) == [9, 14, *range(56, 81, 7)]
    assert times([8.5], course_of(Said(8 * DAY_MS, "won"))) == []


def test_of_many_moments_the_first_and_some_spread_evenly_are_taken() -> None:
    seen = [8.5 + day for day in range(300)]
    every = times(seen)
    some = times(seen, at_most=5)
    gaps = [every.index(after) - every.index(before) for before, after in pairwise(some)]
    assert len(gaps) == 4
    assert max(gaps) - min(gaps) <= 1
    assert some[0] == every[0]
    assert some[-1] == every[-1]
    assert times(seen, at_most=1) == every[:1]


@given(st.lists(st.floats(0, 380), min_size=1, max_size=20), said, st.integers(1, 12))
def test_a_moment_depends_on_nothing_later(seen: list[float], told: list[Said], at_most: int) -> None:
    ordered = sorted(round(day * DAY_MS) for day in seen)
    known = course(told, [], NOW)
    every = snapshot_times(ordered, known, 7 * DAY_MS, 1000, NOW)
    some = snapshot_times(ordered, known, 7 * DAY_MS, at_most, NOW)
    assert set(some) <= set(every)
    assert len(some) == len(set(some)) == min(at_most, len(every))
    assert every == sorted(set(every))
    for at in every:
        last = max(one for one in ordered if one < at)
        assert at - last <= ACTIVE_MS
        assert known.is_undecided(at)
        assert at in snapshot_times([one for one in ordered if one < at], known, 7 * DAY_MS, 1000, at)
