"""What a card may say, and what the linter says about one that may not."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest

import scorer
from scorer.core.labels import Problem
from scorer.core.rules import Card
from scorer.core.scorecard import Scorecard, ScorecardError, json_schema, lint, parse
from tests.languages import is_chinese

DEFAULT = json.loads((Path(scorer.__file__).parent / "cards" / "default.json").read_text("utf-8"))
GOOD: dict[str, Any] = {
    "format": 1,
    "name": {"en": "Small"},
    "p50": 40,
    "hot": {"enter": 60},
    "warm": 20,
    "topics": [{"id": "pumps", "match": {"path": "/pumps*"}}],
    "rules": [
        {"id": "pricing", "label": {"en": "Viewed pricing"}, "on": "page_view", "match": {"path": "/p*"}, "points": 8},
        {"id": "dwell", "label": {"en": "Read"}, "on": "dwell", "buckets": [[10, 1], [60, 2]]},
    ],
}


def changed(place: list[str | int], value: object) -> dict[str, Any]:
    """The good card with one value replaced."""
    card = copy.deepcopy(GOOD)
    at: Any = card
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    return card


def test_the_shipped_card_is_without_fault() -> None:
    assert lint(DEFAULT) == []


def test_a_card_survives_writing_and_reading() -> None:
    for data in (GOOD, DEFAULT):
        card = parse(data)
        assert parse(json.loads(msgspec.json.encode(card))) == card


def test_defaults() -> None:
    card = parse(GOOD)
    assert (card.half_life_days, card.hot.leave_ratio, card.rules[0].cap_per_day) == (14, 0.7, 3)


@pytest.mark.parametrize(
    ("place", "value", "path", "says"),
    [
        (["format"], 2, "format", "must be 1"),
        (["half_life_days"], 0, "half_life_days", "from 1 to 365"),
        (["p50"], 0, "p50", "above 0"),
        (["p50"], "much", "p50", "Expected `float`"),
        (["colour"], "red", "$", "unknown field `colour`"),
        (["hot", "enter"], -1, "hot.enter", "above 0"),
        (["hot", "leave_ratio"], 1, "hot.leave_ratio", "below 1"),
        (["warm"], 50, "warm", "at most 42"),
        (["rules"], [], "rules", "at least one rule"),
        (["rules"], {}, "rules", "must be a list"),
        (["rules", 0, "on"], "wink", "rules[0].on", "Invalid enum value 'wink'"),
        (["rules", 0, "pionts"], 3, "rules[0]", "unknown field `pionts`"),
        (["rules", 0, "points"], -3, "rules[0].points", "from 0 to 1000"),
        (["rules", 0, "points"], float("nan"), "rules[0].points", "from 0 to 1000"),
        (["rules", 0, "cap_per_day"], 0, "rules[0].cap_per_day", "at least 1"),
        (["rules", 0, "cap_total"], 0, "rules[0].cap_total", "at least 1"),
        (["rules", 0, "id"], "dwell", "rules[1].id", "already taken"),
        (["rules", 0, "id"], "Pri cing", "rules[0].id", "lower-case"),
        (["rules", 0, "match", "form"], "x", "rules[0].match.form", "can't be matched by form"),
        (["rules", 0, "match", "path"], [], "rules[0].match.path", "must not be empty"),
        (["rules", 0, "match", "path"], "x" * 201, "rules[0].match.path", "at most"),
        (["rules", 0, "match", "topic"], "valves", "rules[0].match.topic", "no topic 'valves'"),
        (["rules", 0, "match", "stage"], "decision", "rules[0].match.stage", "no topic has the stage 'decision'"),
        (
            ["rules", 0, "match", "stage"],
            "buying",
            "rules[0].match.stage",
            "awareness, consideration, decision, not 'buying'",
        ),
        (["rules", 1, "match"], {"stage": "decision"}, "rules[1].match.stage", "can't be matched by stage"),
        (["topics", 0, "stage"], "buying", "topics[0].stage", "Invalid enum value 'buying'"),
        (["topics", 0, "match"], {"stage": "decision"}, "topics[0].match.stage", "can't be matched by stage"),
        (["rules", 0, "buckets"], [[10, 1]], "rules[0].buckets", "only a dwell rule"),
        (["rules", 1, "buckets"], [], "rules[1].buckets", "needs buckets"),
        (["rules", 1, "buckets"], [[5, 1]], "rules[1].buckets[0]", "10 s or later"),
        (["rules", 1, "buckets"], [[60, 1], [60, 2]], "rules[1].buckets[1]", "seconds must rise"),
        (["rules", 1, "buckets"], [[10, 2], [60, 2]], "rules[1].buckets[1]", "points must rise"),
        (["rules", 1, "points"], 2, "rules[1].points", "in buckets"),
        (["rules", 1, "cap_total"], 2, "rules[1].cap_total", "cap_per_day only"),
        (["topics", 0, "match"], {}, "topics[0].match", "needs a match"),
        (["topics", 0, "id"], "", "topics[0]", "needs an id, or {topic}"),
        (["topics", 0, "match", "path"], "/p/{topic}", "topics[0].match.path", "as well"),
        (["topics"], [{"match": {"path": "/p{topic}"}}], "topics[0].match.path", "after a /"),
    ],
)
def test_each_fault_is_named_with_its_place(place: list[str | int], value: object, path: str, says: str) -> None:
    problems = lint(changed(place, value))
    assert [problem.path for problem in problems] == [path], problems
    assert says in problems[0].message
    assert is_chinese(problems[0].zh)


def test_a_rule_may_ask_for_the_stage_of_a_topic_that_has_one() -> None:
    data = changed(["topics", 0, "stage"], "decision")
    data["rules"][0]["match"] = {"stage": ["decision"]}
    assert lint(data) == []
    card = Card(parse(data), 0)
    assert [one.rule for one in card.match_page("https://shop.example/pumps/a", "")[1]] == ["pricing"]
    assert card.match_page("https://shop.example/prices", "")[1] == ()


@pytest.mark.parametrize(
    ("on", "match", "place"),
    [("return", {}, "min_silence_days"), ("event", {}, "event"), ("event", {"properties": {"a": 1}}, "event")],
)
def test_a_behaviour_that_needs_a_match_asks_for_it(on: str, match: dict[str, Any], place: str) -> None:
    rule = {"id": "x", "label": {"en": "X"}, "on": on, "match": match, "points": 1}
    assert [problem.path for problem in lint(changed(["rules", 0], rule))] == [f"rules[0].match.{place}"]


def test_all_faults_are_told_at_once() -> None:
    card = changed(["rules", 0, "points"], -1)
    card["rules"][1]["buckets"] = []
    card["warm"] = 0
    with pytest.raises(ScorecardError) as caught:
        parse(card)
    assert [problem.path for problem in caught.value.problems] == ["warm", "rules[0].points", "rules[1].buckets"]


@pytest.mark.parametrize("data", [None, [], "card", 1])
def test_what_is_no_object_is_no_card(data: object) -> None:
    assert lint(data) == [Problem("$", "a scorecard is a JSON object", "评分卡须为 JSON 对象")]


def test_the_schema_names_every_field_of_the_card() -> None:
    fields = json_schema()["$defs"]["Scorecard"]["properties"]
    assert set(fields) == set(Scorecard.__struct_fields__)


@pytest.mark.parametrize(
    ("properties", "topic"),
    [
        ({"product": "Flow Meter"}, "flow-meter"),
        ({"product": "Pump", "topic": " 离心泵 "}, "离心泵"),
        ({"product": ""}, None),
        ({"product": 7}, None),
        ({"colour": "red"}, None),
        ({}, None),
    ],
)
def test_an_event_names_its_topic_itself(properties: dict[str, object], topic: str | None) -> None:
    data = json.loads(files("scorer.cards").joinpath("default.json").read_text(encoding="utf-8"))
    assert Card(parse(data), 0).topic_told(properties) == topic
