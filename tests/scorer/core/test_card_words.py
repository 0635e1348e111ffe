"""A scorecard in words."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, get_args

import pytest

from scorer.core.card_words import BEHAVIOURS, DUE, FIELDS, differences, told_criterion, told_due, told_rule, told_topic
from scorer.core.fit import FIELDS as CRITERION_FIELDS
from scorer.core.fit import Criterion
from scorer.core.labels import Label, Language
from scorer.core.next_steps import DueName, InDays
from scorer.core.scorecard import Behaviour, Match, Rule, Topic, parse

DEFAULT: dict[str, Any] = json.loads(files("scorer.cards").joinpath("default.json").read_text("utf-8"))


def test_every_behaviour_field_and_due_time_has_words() -> None:
    assert set(BEHAVIOURS) == set(get_args(Behaviour))
    assert set(FIELDS) == set(CRITERION_FIELDS)
    assert set(DUE) == set(get_args(DueName))
    assert all(label.zh for words in (BEHAVIOURS, FIELDS, DUE) for label in words.values())


@pytest.mark.parametrize(
    ("match", "language", "told"),
    [
        (Match(), "en", "A page viewed"),
        (Match(path="*/a*", not_path="*/b*"), "en", "A page viewed: path */a*; not */b*"),
        (Match(path=["a", "b", "c", "d", "e", "f"]), "en", "A page viewed: path a, b, c, d and 2 more"),
        (Match(path=["a", "b", "c", "d", "e", "f"]), "zh", "浏览页面：路径 a、b、c、d 等 6 项"),
        (Match(properties={"plan": "pro"}), "en", "A page viewed: plan = pro"),
        (Match(min_silence_days=14), "zh", "浏览页面：至少沉寂 14 天"),
    ],
)
def test_a_rule_is_told(match: Match, language: Language, told: str) -> None:
    assert told_rule(Rule("a", Label("A"), "page_view", 1, match), language) == told


def test_a_topic_a_criterion_and_a_due_time_are_told() -> None:
    assert told_topic(Topic(Match(path="*/products/{topic}*", title=["pump"])), "en") == (
        "path */products/{topic}*; title with pump"
    )
    criterion = Criterion("x", Label("X"), "trait:plan", values=["pro", "max"])
    assert told_criterion(criterion, "en") == "plan pro, max"
    size = Criterion("x", Label("X"), "employees", at_least=1_000_000, at_most=2_500_000.5)
    assert told_criterion(size, "zh") == "员工数 至少 1,000,000 至多 2,500,000.5"
    assert (told_due(InDays(3), "en"), told_due("today", "zh")) == ("in 3 days", "今天")


def test_the_same_cards_dont_differ() -> None:
    assert differences(parse(DEFAULT), parse(DEFAULT), "en") == []


def test_differences_are_told_figure_by_figure_and_rule_by_rule() -> None:
    rules = [dict(rule) for rule in DEFAULT["rules"]]
    gone = rules.pop(0)
    rules[0] |= {"points": 5, "cap_total": 2}
    dwell = next(rule for rule in rules if rule["on"] == "dwell")
    dwell["buckets"] = [[30, 2]]
    rules.append({"id": "new", "label": {"en": "New", "zh": "新的"}, "on": "form", "points": 1})
    after = {**DEFAULT, "rules": rules, "hot": {"enter": 50, "per_week": 5}, "fit": {"criteria": [_criterion()]}}
    told = {one.what: one.change for one in differences(parse(DEFAULT), parse(after), "en")}
    assert told == {
        "Hot from": "60 → 50",
        "Hot leads a week": "– → 5",
        rules[0]["label"]["en"]: "points 3 → 5, times in all – → 2",
        dwell["label"]["en"]: "points 10s:1 60s:2 180s:4 480s:6 → 30s:2",
        "New": "added",
        gone["label"]["en"]: "removed",
        "Fit": "changed",
    }


def _criterion() -> dict[str, Any]:
    return {"id": "size", "label": {"en": "Size"}, "field": "employees", "at_least": 100}
