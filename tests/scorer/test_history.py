"""A lead's score over time: exact to the stored score, at most two hundred points, faded day by day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from scorer.core.decay import DAY_MS
from scorer.core.labels import Label
from scorer.core.rules import Card
from scorer.core.score import Contribution
from scorer.core.scorecard import Hot, Scorecard
from scorer.explaining import explain
from scorer.history import MAX_DAYS, MAX_POINTS, daily, history, merge_least, steps
from scorer.models import lead_scores
from scorer.outlets.history_shapes import History
from tests.factories import DAY, MINUTE, NOW, World, buyer, identify, page, passer_by

CARD = Card(Scorecard(1, Label("T"), 40, Hot(60), 20, []), landmark_ms=0)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.database.close()


def of(world: World, who: str, now: int = NOW) -> History:
    with world.database.reading() as connection:
        found = history(connection, world.nordwind.lead(who), now)
    assert found is not None
    return found


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def earned(at: int, points: float) -> Contribution:
    return Contribution("r", at, points, day=1, visit=1)


def test_a_buyer_s_way_to_the_hot_list(world: World) -> None:
    world.feed([*buyer("a", name="Ada", email="ada@halden.example"), *passer_by("c")])
    found = of(world, "a")
    assert found.scorecard == 1
    assert [one.at for one in found.events] == sorted(one.at for one in found.events)
    assert [one.rule for one in found.events[0].contributions] == ["first_visit", "product"]
    assert found.events[0].points == pytest.approx(3.0)
    assert found.events[0].contributions[1].detail.endswith("/products/flow-meter")
    assert found.merged_points == 0
    # Between two points the score fades, at a point it jumps by what was earned.
    for before, after in zip(found.events, found.events[1:], strict=False):
        left = before.points * 2 ** (-(ms(after.at) - ms(before.at)) / (14 * DAY_MS))
        assert after.points == pytest.approx(left + sum(one.points for one in after.contributions), rel=1e-9)
    assert msgspec.json.decode(msgspec.json.encode(found), type=History) == found


def test_the_end_is_the_stored_score_and_the_explanation_s_sum(world: World) -> None:
    events = [page("a", f"/products/p{number % 7}", NOW - number * 7 * 3_600_000) for number in range(300)]
    world.feed([*events, identify("a", NOW - DAY, email="ada@halden.example")])
    found = of(world, "a")
    with world.database.reading() as connection:
        heat = connection.execute(select(lead_scores.c.heat)).scalar_one()
        explained = explain(connection, found.lead, NOW)
    assert explained is not None
    assert found.heat == heat
    assert (found.score, found.points) == (explained.score, explained.points)
    told = [one for point in found.events for one in point.contributions]
    assert [(one.rule, one.at, one.points) for one in told] == [
        (one.rule, one.at, one.points) for one in explained.contributions
    ]
    faded = sum(one.points * 2 ** (-(NOW - ms(one.at)) / (14 * DAY_MS)) for one in told)
    assert faded == pytest.approx(found.points, rel=1e-9)
    last = found.events[-1]
    assert last.points * 2 ** (-(NOW - ms(last.at)) / (14 * DAY_MS)) == pytest.approx(found.points, rel=1e-9)
    assert (found.curve[-1].at, found.curve[-1].points) == (found.as_of, found.points)


def test_a_long_history_is_two_hundred_points_and_loses_nothing(world: World) -> None:
    events = [page("a", path, NOW - number * DAY) for number in range(1, 150) for path in ("/", "/pricing")]
    world.feed([{**event, "timestamp": event["timestamp"]} for event in events])
    world.feed([page("a", "/docs/x", NOW - number * DAY + 5 * MINUTE) for number in range(1, 150)])
    found = of(world, "a")
    assert len(found.events) == MAX_POINTS
    assert found.merged_points > 0
    with world.database.reading() as connection:
        explained = explain(connection, found.lead, NOW)
    assert explained is not None
    assert sum(len(point.contributions) for point in found.events) == len(explained.contributions)
    assert found.events[-1].at == explained.contributions[-1].at


def test_the_curve_goes_by_days_from_the_first_to_now(world: World) -> None:
    world.feed(passer_by("c", NOW - DAY // 2))
    found = of(world, "c")
    assert [ms(one.at) for one in found.curve] == [NOW - 11 * DAY // 2 + day * DAY for day in range(6)] + [NOW]
    assert all(after.points < before.points for before, after in zip(found.curve, found.curve[1:], strict=False))
    assert found.curve[0].points == pytest.approx(2.0)


def test_other_browsers_and_merged_leads(world: World) -> None:
    world.feed([page("a", "/pricing", NOW - DAY), page("b", "/pricing", NOW - 2 * DAY)])
    world.feed([identify(who, NOW - MINUTE, email="ada@halden.example") for who in "ab"])
    with world.database.reading() as connection:
        found = [history(connection, world.nordwind.lead(who), NOW) for who in "ab"]
        assert history(connection, "ld_nobody", NOW) is None
    assert found.count(None) == 1
    kept = next(one for one in found if one is not None)
    assert sum(one.rule == "pricing" for point in kept.events for one in point.contributions) == 2


def test_a_lead_that_earned_nothing_has_an_empty_history(world: World) -> None:
    [lead] = world.add_plain_leads([0.0])
    with world.database.reading() as connection:
        found = history(connection, lead, NOW)
    assert found is not None
    assert (found.events, found.curve, found.score, found.points) == ([], [], 0.0, 0.0)


def test_words_are_in_the_language_asked_for(world: World) -> None:
    world.feed(passer_by("c"))
    with world.database.reading() as connection:
        found = history(connection, world.nordwind.lead("c"), NOW, "zh")
    assert found is not None
    assert found.events[0].contributions[0].text == "首次访问"


traces = st.lists(st.tuples(st.integers(0, 90), st.sampled_from([0.5, 3.0, 20.0])), max_size=40).map(
    lambda told: [earned(days * DAY_MS, points) for days, points in sorted(told)]
)


@given(traces, st.integers(1, 10))
def test_merging_keeps_the_greatest_changes_and_every_contribution(trace: list[Contribution], limit: int) -> None:
    every = steps(CARD, trace)
    kept = merge_least(CARD, every, limit)
    assert len(kept) == min(limit, len(every))
    assert [one for step in kept for one in step.earned] == trace
    assert {(step.at, step.heat) for step in kept} <= {(step.at, step.heat) for step in every}
    if every:
        assert kept[-1][:2] == every[-1][:2]
    changes = {
        step.at: CARD.score(step.heat, step.at) - CARD.score(before, step.at)
        for before, step in zip([0.0, *(step.heat for step in every)], every, strict=False)
    }
    lost = [changes[step.at] for step in every if step.at not in {one.at for one in kept}]
    assert all(changes[one.at] >= max(lost, default=0.0) for one in kept[:-1])


@given(traces, st.integers(0, 2 * MAX_DAYS * 24))
def test_the_curve_has_the_heat_of_its_time(trace: list[Contribution], hours: int) -> None:
    every, now = steps(CARD, trace), hours * 3_600_000
    found = daily(every, 7.0, now)
    if not every or every[0].at > now:
        assert found == []
        return
    assert found[-1] == (now, 7.0)
    assert len(found) <= MAX_DAYS + 1
    assert all(at < now and (at - every[0].at) % DAY_MS == 0 for at, _ in found[:-1])
    assert all(heat == max((step.heat for step in every if step.at <= at), default=0) for at, heat in found[:-1])
