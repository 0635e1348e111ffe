"""What had been earned at past moments, against folds of only what came before them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.decay import DAY_MS
from scorer.core.labels import Label
from scorer.core.past_points import columns_of, counting_card, held, points_at
from scorer.core.rules import Card
from scorer.core.score import fold
from scorer.core.scorecard import Hot, Match, Rule, Scorecard
from tracker.core.events import Event, Fact

HOUR_MS = 3_600_000
RULES = [
    Rule("first", Label("First"), on="first_visit", points=3),
    Rule("again", Label("Again"), on="new_day", points=2),
    Rule("price", Label("Price"), on="page_view", points=8, match=Match(path="/price*"), cap_per_day=2, cap_total=5),
    Rule("off", Label("Off"), on="page_view", points=0, match=Match(path="/blog*")),
    Rule("dwell", Label("Dwell"), on="dwell", buckets=[(10, 1.5), (60, 4), (180, 9)], cap_per_day=2),
]
SCORECARD = Scorecard(1, Label("Past"), p50=40, hot=Hot(60), warm=20, rules=RULES, half_life_days=9)
CARD = Card(SCORECARD, landmark_ms=0)
COUNTING = Card(counting_card(SCORECARD), landmark_ms=0)

visits = st.lists(
    st.tuples(st.integers(0, 24 * 40), st.lists(st.sampled_from(["/price", "/blog", "/x", 5, 70, 200]), max_size=6)),
    max_size=8,
)


def facts_of(told: list[tuple[int, list[str | int]]]) -> list[Fact]:
    """Visits at some hours, each with pages viewed and seconds read in its course."""
    facts: list[Fact] = []
    for number, (hour, steps) in enumerate(sorted(dict(told).items()), start=1):
        at, read = hour * HOUR_MS, 0
        facts.append(Fact("visit", at, 719163 + hour // 24, number))
        for place, step in enumerate(steps):
            moment, day = at + (place + 1) * 60_000, 719163 + hour // 24
            if isinstance(step, str):
                event = Event(b"%d-%d" % (number, place), moment, "page", url=f"https://a.example{step}")
                facts.append(Fact("page", moment, day, number, event))
            elif step > read:
                read = step
                facts.append(Fact("engaged", moment, day, number, engaged_ms=step * 1000))
    return facts


@given(visits, visits, st.integers(0, 24 * 60 * 50))
def test_points_at_a_moment_are_those_of_what_came_before(
    desk: list[tuple[int, list[str | int]]], phone: list[tuple[int, list[str | int]]], minute: int
) -> None:
    at, streams = minute * 60_000, {0: facts_of(desk), 1: facts_of(phone)}
    before = {place: [fact for fact in facts if fact.at < at] for place, facts in streams.items()}
    wanted = CARD.points(fold(CARD, None, before).heat, at)
    assert points_at(held(CARD, streams), 9, at) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@given(visits, st.integers(0, 24 * 60 * 50))
def test_counts_tell_the_points_of_the_card_itself(desk: list[tuple[int, list[str | int]]], minute: int) -> None:
    at, streams = minute * 60_000, {0: facts_of(desk)}
    told = [
        one._replace(
            points=sum(
                more for rule, bucket, more in columns_of(SCORECARD) if rule.id == one.rule and (bucket or 0) < one.points
            )
        )
        for one in held(COUNTING, streams)
    ]
    assert points_at(told, 9, at) == pytest.approx(points_at(held(CARD, streams), 9, at), rel=1e-9, abs=1e-9)


def test_all_that_can_be_counted_has_a_column() -> None:
    assert [(rule.id, bucket, points) for rule, bucket, points in columns_of(SCORECARD)] == [
        ("first", None, 3),
        ("again", None, 2),
        ("price", None, 8),
        ("off", None, 0),
        ("dwell", 0, 1.5),
        ("dwell", 1, 2.5),
        ("dwell", 2, 5),
    ]


def test_a_rule_that_is_switched_off_is_counted() -> None:
    [fact, *_] = facts_of([(0, ["/blog"])])[1:]
    streams = {0: [Fact("visit", 0, 719163, 1), fact]}
    assert {one.rule for one in held(COUNTING, streams)} == {"first", "off"}
    assert {one.rule for one in held(CARD, streams)} == {"first"}
    assert points_at(held(COUNTING, streams), 9, DAY_MS) > 0
