"""A scorecard through its form and back."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.card_form import ADDED, by_field, edited, fields_of, with_rule, without_rule
from scorer.core.labels import Problem
from scorer.core.scorecard import Behaviour, lint, parse

DEFAULT: dict[str, Any] = json.loads(files("scorer.cards").joinpath("default.json").read_text("utf-8"))
DWELL = next(number for number, rule in enumerate(DEFAULT["rules"]) if rule["on"] == "dwell")
PRICING = next(number for number, rule in enumerate(DEFAULT["rules"]) if rule["id"] == "pricing")


def sent(fields: dict[str, str]) -> dict[str, str]:
    """What a browser sends of a form: nothing of a tick that isn't set."""
    return {name: value for name, value in fields.items() if value or not name.endswith(".counts")}


def test_a_form_that_nobody_touches_leaves_the_card_as_it_means() -> None:
    made, problems = edited(DEFAULT, sent(fields_of(DEFAULT)))
    assert problems == []
    assert parse(made) == parse(DEFAULT)


def test_what_the_form_doesnt_say_stays() -> None:
    assert edited(DEFAULT, {}) == (DEFAULT, [])


@pytest.mark.parametrize(
    ("field", "text", "read"),
    [
        ("half_life_days", "7", lambda card: card.half_life_days == 7),
        ("hot.enter", "1,000.5", lambda card: card.hot.enter == 1000.5),
        ("hot.per_week", "12", lambda card: card.hot.per_week == 12),
        ("hot.per_week", "", lambda card: card.hot.per_week is None),
        ("name.zh", "", lambda card: card.name.zh == ""),
        (f"rules[{PRICING}].points", "9.5", lambda card: card.rules[PRICING].points == 9.5),
        (f"rules[{PRICING}].cap_total", "4", lambda card: card.rules[PRICING].cap_total == 4),
        (
            f"rules[{PRICING}].about",
            "*/cost*\n\n*/fees*",
            lambda card: card.rules[PRICING].match.path == ["*/cost*", "*/fees*"],
        ),
        (f"rules[{PRICING}].stage", "", lambda card: card.rules[PRICING].stage is None),
        (f"rules[{DWELL}].buckets", "20: 1， 90：3", lambda card: card.rules[DWELL].buckets == [(20, 1), (90, 3)]),
    ],
)
def test_a_field_changes_its_part_of_the_card(field: str, text: str, read: Any) -> None:
    made, problems = edited(DEFAULT, sent(fields_of(DEFAULT)) | {field: text})
    assert problems == []
    assert read(parse(made))


def test_an_unticked_rule_stays_and_earns_nothing() -> None:
    form = sent(fields_of(DEFAULT))
    del form[f"rules[{PRICING}].counts"]
    made, _ = edited(DEFAULT, form)
    assert parse(made).rules[PRICING].points == 0
    assert fields_of(made)[f"rules[{PRICING}].counts"] == ""


@pytest.mark.parametrize("text", ["", "many", "nan", "inf", "1e400", "--1"])
def test_what_is_no_number_is_said_of_its_field_and_changes_nothing(text: str) -> None:
    made, problems = edited(DEFAULT, {"hot.enter": text, "rules[0].cap_per_day": "1.5", f"rules[{DWELL}].buckets": "10-1"})
    assert [one.path for one in problems] == ["hot.enter", "rules[0].cap_per_day", f"rules[{DWELL}].buckets"]
    assert made == DEFAULT
    assert all(one.zh for one in problems)


def test_what_lint_says_is_found_beside_the_field() -> None:
    form = {"hot.enter": "-1", "rules[0].points": "5000", f"rules[{DWELL}].buckets": "10: 3, 60: 2", "name.en": ""}
    made, _ = edited(DEFAULT, sent(fields_of(DEFAULT)) | form)
    known, others = by_field(lint(made), fields_of(made))
    assert {"hot.enter", "rules[0].points", f"rules[{DWELL}].buckets"} <= known.keys()
    assert others == []


def test_a_problem_without_a_field_is_kept() -> None:
    problem = Problem("exclusions[0].match", "must not be empty", "不能为空")
    assert by_field([problem], fields_of(DEFAULT)) == ({}, [problem])


@pytest.mark.parametrize("on", ADDED)
def test_a_rule_that_is_added_can_be_published(on: Behaviour) -> None:
    about = {"arrival": "search"}.get(on, "*demo*")
    card = parse(with_rule(DEFAULT, on, about, "Something new", "新的"))
    assert card.rules[-1].on == on
    assert card.rules[:-1] == parse(DEFAULT).rules


def test_rules_added_one_after_the_other_have_ids_of_their_own() -> None:
    twice = with_rule(with_rule(without_rule(DEFAULT, 0), "page_view", "*/a*", "A", ""), "page_view", "*/b*", "B", "")
    assert lint(twice) == []


@given(st.integers(-3, 60))
def test_one_rule_goes_or_none(number: int) -> None:
    rules = DEFAULT["rules"]
    left = without_rule(DEFAULT, number)["rules"]
    gone = [rule for rule in rules if rule not in left]
    assert gone == (rules[number : number + 1] if number >= 0 else [])


@given(st.dictionaries(st.sampled_from(sorted(fields_of(DEFAULT))), st.text(max_size=30)))
def test_whatever_is_written_into_fields_is_a_card_or_has_problems(form: dict[str, str]) -> None:
    made, unread = edited(DEFAULT, form)
    fields_of(made)
    by_field([*unread, *lint(made)], fields_of(made))
