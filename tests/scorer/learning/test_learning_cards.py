"""From coefficients to a card that can be published, whatever was learned."""

from __future__ import annotations

import math
from importlib.resources import files
from typing import Any

import pytest

pytest.importorskip("sklearn", reason="needs the extra [learn]")

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scorer.core.scorecard import lint
from scorer.learning.cards import points_on, reweighted, with_thresholds, worth_of
from scorer.learning.snapshots import Feature
from tests.scorer.learning_tables import DWELL, card, features, rule

BODY = card(rule("a", 5), rule("b", 0), DWELL)
DOUBLING = math.log(2) / 10
"""Log odds of a point: ten points double the odds."""


def learned(*points: float) -> dict[str, Any]:
    return reweighted(BODY, features(BODY), np.array(points) * DOUBLING, 0.01, 7.0)


def test_ten_points_double_the_odds() -> None:
    proposal = reweighted(BODY, features(BODY), np.array([math.log(2), math.log(4), 0, 0, 0]), 0.0, 30.0)
    assert [one.get("points") for one in proposal["rules"][:2]] == [10, 20]
    assert proposal["half_life_days"] == 30


def test_points_are_rounded_and_buckets_that_add_nothing_left_out() -> None:
    proposal = learned(12.34, 0, 3.21, 0.0, 1.5)
    assert proposal["rules"][0]["points"] == 12.3
    assert proposal["rules"][1]["points"] == 0
    assert proposal["rules"][2]["buckets"] == [[10, 3.2], [180, 4.7]]
    assert lint(proposal) == []


def test_small_points_are_rounded_more_finely() -> None:
    assert learned(0.1234, 0.05, 0, 0, 0)["rules"][0]["points"] == 0.123


def test_a_dwell_rule_that_learned_nothing_stays_with_the_least() -> None:
    proposal = learned(12, 0, 0, 0, 0)
    assert proposal["rules"][2]["buckets"] == [[180, 0.1]]
    assert lint(proposal) == []


def test_a_rule_without_a_column_goes_at_the_worth_of_a_point() -> None:
    some = tuple(feature for feature in features(BODY) if feature.rule == "b")
    proposal = reweighted(BODY, some, np.array([0.5]), 2 * DOUBLING, 14.0)
    assert proposal["rules"][0]["points"] == 10
    assert proposal["rules"][2]["buckets"] == [[10, 2], [60, 4], [180, 8]]


def test_nothing_learned_is_the_card_as_it_was_and_nothing_else_ever_changes() -> None:
    before = msgspec.json.encode(BODY)
    assert learned(0, 0, 0, 0, 0) == BODY
    proposal = learned(3, 4, 5, 6, 7)
    assert msgspec.json.encode(BODY) == before
    changed = {"rules", "half_life_days"}
    assert {key: value for key, value in proposal.items() if key not in changed} == {
        key: value for key, value in BODY.items() if key not in changed
    }


def test_what_a_column_earns_on_the_proposal() -> None:
    proposal = learned(12, 1, 3, 0, 1.5)
    assert worth_of(proposal, BODY, features(BODY)) == pytest.approx([12, 1, 3, 0, 1.5])
    assert [points_on(proposal, BODY, Feature("dwell", bucket)) for bucket in range(3)] == [3, 3, 4.5]


def test_as_many_leads_are_hot_as_before_and_the_thresholds_keep_their_ratios() -> None:
    current = np.array([20.0, 13.0, 12.0, 11.0, 3.0, 0.0])
    proposed = np.array([41.0, 80.26, 39.0, 12.0, 0.0, 60.0])
    moved = with_thresholds(BODY, current, proposed, 2.0)
    enter = moved["hot"]["enter"]
    assert enter == 41
    assert (proposed >= enter).sum() == (current >= 12).sum() == 3
    assert moved["p50"] / enter == pytest.approx(10 / 12, rel=1e-3)
    assert moved["warm"] / enter == pytest.approx(5 / 12, rel=1e-3)


def test_the_team_may_say_how_many() -> None:
    body = card(rule("a"), hot={"enter": 12, "per_week": 2})
    moved = with_thresholds(body, np.zeros(30), np.arange(30.0), 2.0)
    assert (np.arange(30.0) >= moved["hot"]["enter"]).sum() == 8


def test_with_nobody_hot_the_thresholds_go_at_the_exchange() -> None:
    assert with_thresholds(BODY, np.zeros(9), np.arange(9.0), 2.5)["hot"]["enter"] == 30
    assert with_thresholds(BODY, np.full(9, 50.0), np.arange(9.0), 2.5)["hot"]["enter"] == 30


SHIPPED = msgspec.json.decode(files("scorer.cards").joinpath("default.json").read_bytes())
amount = st.one_of(st.just(0.0), st.floats(0, 1e-6), st.floats(0, 0.2), st.floats(0, 1e4))


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    body=st.sampled_from([BODY, SHIPPED, card(DWELL), card(rule("a", 1000), hot={"enter": 12, "per_week": 1})]),
    days=st.sampled_from([3.0, 7.0, 14.0, 30.0, 10.5]),
    worth=amount,
    exchange=st.floats(1e-9, 1e6),
)
def test_a_proposal_can_always_be_published(
    data: st.DataObject, body: dict[str, Any], days: float, worth: float, exchange: float
) -> None:
    columns = features(body)
    coefficients = np.array(data.draw(st.lists(amount, min_size=len(columns), max_size=len(columns))))
    proposal = reweighted(body, columns, coefficients, worth, days)
    assert lint(proposal) == []
    points = st.lists(st.one_of(st.just(0.0), st.floats(0, 1e5)), min_size=1, max_size=8)
    some = data.draw(points)
    moved = with_thresholds(proposal, np.array(some), np.array(some[::-1]) * exchange, exchange)
    assert lint(moved) == []
    assert msgspec.json.decode(msgspec.json.encode(moved)) == moved
