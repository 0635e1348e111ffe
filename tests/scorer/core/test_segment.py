"""What a filter may say, what is wrong with one that may not, and which leads are in it."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.segment import (
    FIELDS,
    MARKS,
    MAX_CONDITIONS,
    MAX_LEVELS,
    MAX_TEXT,
    MAX_VALUES,
    MEASURES,
    AllOf,
    Condition,
    LeadFacts,
    Level,
    Test,
    VisitFacts,
    level,
    matches,
)
from scorer.core.segment_reading import SegmentError, lint, lint_name, parse
from tests.languages import is_chinese
from tests.scorer.segment_samples import segments_written

DAY = 86_400_000
NOW = 1_000 * DAY


def nested(levels: int) -> Any:
    data: Any = {"field": "tier", "is": "hot"}
    for _ in range(levels):
        data = {"not": data}
    return data


ADA: dict[str, Any] = {
    **{"kind": "person", "name": "Ada Lindqvist-Øst", "email": "ada@halden.example", "email_domain": "halden.example"},
    **{"title": "Einkaufsleiterin", "role": "decider", "company": "Halden (Water) GmbH", "country": "DE"},
    **{"region": ["Bayern", "München"], "employees": 250, "channel": "search", "status": "open", "score": 71.5},
    **{"tier": "hot", "topic": ["flow-meter", "阀门"], "visits": 3, "industry": "机械制造"},
}


def is_in(data: Any, **facts: Any) -> bool:
    return matches(parse(data), LeadFacts({**ADA, **facts}), NOW)


@pytest.mark.parametrize(
    "data",
    [
        {"field": "company", "is": "halden (WATER) gmbh"},
        {"field": "company", "is": " Halden (Water) GmbH "},
        {"field": "company", "in": ["Else", "Halden (Water) GmbH"]},
        {"field": "company", "contains": "wat"},
        {"field": "company", "contains": "gmbh"},
        {"field": "name", "contains": "lind"},
        {"field": "name", "contains": "øst"},
        {"field": "name", "contains": "lindqvist-ø"},
        {"field": "email_domain", "is": "HALDEN.example"},
        {"field": "country", "is": "Deutschland"},
        {"field": "country", "in": ["FR", "德国"]},
        {"field": "country", "not": "FR"},
        {"field": "country", "not": ["FR", "CH"]},
        {"field": "region", "is": "münchen"},
        {"field": "region", "contains": "mün"},
        {"field": "industry", "contains": "制造"},
        {"field": "topic", "is": "Flow-Meter"},
        {"field": "topic", "in": ["x", "阀门"]},
        {"field": "employees", "at_least": 250},
        {"field": "employees", "at_most": 250},
        {"field": "employees", "at_least": 50, "at_most": 300},
        {"field": "grade", "is": "unknown"},
        {"field": "grade", "not": "A"},
        {"field": "owner", "known": False},
        {"field": "owner", "not": "ben"},
        {"field": "account_score", "known": False},
        {"not": {"field": "account_leads", "at_least": 0}},
        {"not": {"field": "owner", "is": "ben"}},
        {"any": [{"field": "tier", "is": "cold"}, {"field": "score", "at_least": 71.5}]},
    ],
    ids=lambda data: json.dumps(data, ensure_ascii=False),
)
def test_ada_is_in(data: dict[str, Any]) -> None:
    assert is_in(data)


@pytest.mark.parametrize(
    "data",
    [
        {"field": "company", "contains": "ater"},
        {"field": "company", "is": "Halden"},
        {"field": "company", "contains": "100%"},
        {"field": "name", "is": "ada_lindqvist-øst"},
        {"field": "country", "not": "Germany"},
        {"field": "region", "is": "Mün"},
        {"field": "topic", "is": "flow"},
        {"field": "employees", "at_least": 250.5},
        {"field": "account_leads", "at_least": 0},
        {"field": "account_leads", "at_most": 5},
        {"field": "account_leads", "known": True},
        {"field": "stage", "known": True},
        {"field": "owner", "contains": "b"},
        {"field": "owner", "is": "ben"},
        {"field": "exclusion", "known": True},
        {"all": [{"field": "tier", "is": "hot"}, {"field": "visits", "at_least": 4}]},
    ],
    ids=lambda data: json.dumps(data, ensure_ascii=False),
)
def test_ada_is_not_in(data: dict[str, Any]) -> None:
    assert not is_in(data)


@given(segments_written())
def test_a_segment_and_its_opposite_share_the_leads_out_between_them(data: Any) -> None:
    segment, opposite = parse(data), parse({"not": data}) if lint({"not": data}) == [] else None
    if opposite is not None:
        facts = LeadFacts(ADA | {"exclusion": None}, (VisitFacts(NOW - DAY, 999, 5, 1, 60_000),))
        assert matches(segment, facts, NOW) != matches(opposite, facts, NOW)


@pytest.mark.parametrize("nothing", [None, ""])
def test_empty_is_unknown(nothing: str | None) -> None:
    for name, field in FIELDS.items():
        if "known" in field.tests:
            assert is_in({"field": name, "known": False}, **{name: nothing}), name
            assert not is_in({"field": name, "known": True}, **{name: nothing}), name


def test_a_role_that_could_not_be_told_is_unknown_and_a_company_called_so_is_not() -> None:
    assert is_in({"field": "role", "known": False}, role="unknown")
    assert is_in({"field": "company", "known": True}, company="unknown")


def test_who_is_excluded_is_in_no_segment_that_does_not_ask_for_it() -> None:
    hot = {"field": "tier", "is": "hot"}
    assert not is_in(hot, exclusion="staff")
    assert not is_in({"not": {"field": "tier", "is": "cold"}}, exclusion="staff")
    assert is_in({"all": [hot, {"field": "exclusion", "is": "staff"}]}, exclusion="staff")
    assert is_in({"any": [hot, {"not": {"field": "exclusion", "known": True}}]}, exclusion="staff")


def test_a_window_adds_up_the_visits_that_began_in_it() -> None:
    visits = [
        VisitFacts(NOW - 7 * DAY - 1, 992, 100, 100, 10**9),
        VisitFacts(NOW - 7 * DAY, 993, 2, 1, 90_000),
        VisitFacts(NOW - 1, 993, 3, 0, 60_000),
        VisitFacts(NOW, 1000, 1, 0, 0),
    ]
    sums = {"visits": 3, "page_views": 6, "downloads": 1, "engaged_minutes": 2.5, "active_days": 2}
    assert sums.keys() == MEASURES.keys()
    for measure, value in sums.items():
        for bounds, holds in (
            ({"at_least": value}, True),
            ({"at_most": value}, True),
            ({"at_least": value, "at_most": value}, True),
            ({"at_least": value + 0.5}, False),
            ({"at_most": value - 0.5}, False),
        ):
            window = parse({"within_days": 7, measure: bounds})
            assert matches(window, LeadFacts(ADA, visits), NOW) == holds, (measure, bounds)
    never = LeadFacts(ADA)
    assert matches(parse({"within_days": 7, "visits": {"at_most": 0}}), never, NOW)
    assert not matches(parse({"within_days": 7, "visits": {"at_least": 1}}), never, NOW)


HOT = {"field": "tier", "is": "hot"}
ONE_OF = "it has one of all, any and not, or a field, or within_days"


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        ([], ["$: must be an object: a condition, or one with all, any or not"]),
        ({}, ["$: is empty; " + ONE_OF]),
        ({"al": [HOT]}, ["$: there is no 'al' here; " + ONE_OF]),
        ({"all": [HOT], "any": [HOT]}, ["$: has all and any at once; " + ONE_OF]),
        ({"all": []}, ["all: must not be empty"]),
        ({"any": HOT}, ["any: must be a list"]),
        ({"not": [HOT]}, ["not: must be an object: a condition, or one with all, any or not"]),
        ({"all": [{"any": [HOT, 3]}]}, ["all[0].any[1]: must be an object: a condition, or one with all, any or not"]),
        ({"field": "colour", "is": "red"}, ["field: there is no field 'colour'"]),
        ({"field": ["x"], "is": "red"}, ["field: there is no field ['x']"]),
        ({"field": "tier"}, ["$: needs a test; tier takes is, in, not"]),
        (
            {"field": "tier", "was": "hot"},
            [
                "$: there is no test 'was'; it is one of " + ", ".join(get_args(Test)),
                "$: needs a test; tier takes is, in, not",
            ],
        ),
        ({"field": "tier", "is": "tepid"}, ["is: there is no tier 'tepid'; it is one of hot, warm, cold"]),
        ({"field": "tier", "is": "Hot"}, ["is: there is no tier 'Hot'; it is one of hot, warm, cold"]),
        ({"field": "tier", "contains": "h"}, ["contains: tier can't be tested by contains; it takes is, in, not"]),
        ({"field": "visits", "is": "3"}, ["is: visits can't be tested by is; it takes at_least, at_most"]),
        ({"field": "country", "is": 3}, ["is: must be a text"]),
        ({"field": "country", "is": ["DE"]}, ["is: must be a text"]),
        ({"field": "country", "in": "DE"}, ["in: must be a list of texts"]),
        ({"field": "country", "not": None}, ["not: must be a text or a list of texts"]),
        ({"field": "country", "in": []}, ["in: must not be empty"]),
        ({"field": "country", "in": ["DE", 4]}, ["in[1]: must be a text"]),
        ({"field": "country", "in": ["DE"] * (MAX_VALUES + 1)}, [f"in: at most {MAX_VALUES} texts, not {MAX_VALUES + 1}"]),
        ({"field": "country", "is": " "}, ["is: must not be empty; known: false asks for what isn't known"]),
        ({"field": "name", "is": "x" * (MAX_TEXT + 1)}, [f"is: at most {MAX_TEXT} characters, not {MAX_TEXT + 1}"]),
        ({"field": "name", "is": "a\0b"}, ["is: must not have control characters in it"]),
        ({"field": "name", "contains": "\ud800"}, ["contains: must not have control characters in it"]),
        ({"field": "name", "contains": " %-. "}, []),
        ({"field": "name", "contains": "-. \u3000"}, ["contains: needs a letter or digit"]),
        ({"field": "email_domain", "is": "@x.example"}, ["is: is what follows the @, without it"]),
        ({"field": "topic", "is": "flow meter"}, ["is: is the id of a topic, which has no spaces"]),
        ({"field": "owner", "known": 1}, ["known: must be true or false"]),
        ({"field": "visits", "known": True}, ["known: visits can't be tested by known; it takes at_least, at_most"]),
        ({"field": "visits", "at_least": True}, ["at_least: must be a number"]),
        ({"field": "visits", "at_least": "3"}, ["at_least: must be a number"]),
        ({"field": "visits", "at_least": -1}, ["at_least: must be from 0 to 1e+09, not -1"]),
        ({"field": "visits", "at_most": 10**400}, ["at_most: must be from 0 to 1e+09, not 1" + "0" * 59]),
        ({"field": "points", "at_most": float("nan")}, ["at_most: must be from 0 to 1e+09, not nan"]),
        ({"field": "score", "at_least": 100}, ["at_least: must be from 0 to below 100, not 100"]),
        ({"field": "visits", "at_least": 3, "at_most": 2}, ["$: at_least must not be above at_most"]),
        ({"field": "country", "is": "DE", "not": "FR"}, ["$: has is and not at once; make it two conditions"]),
        ({"all": [{"field": "country", "in": ["DE"] * 100}] * 5 + [HOT]}, ["$: at most 500 values in all, not 501"]),
        ({"within_days": 30}, ["$: within_days needs one of visits, page_views, downloads, engaged_minutes, active_days"]),
        ({"visits": {"at_least": 1}}, ["$: visits needs within_days, or is asked for as a field"]),
        ({"within_days": 0, "visits": {"at_least": 1}}, ["within_days: must be above 0 and at most 3650, not 0"]),
        ({"within_days": "7", "visits": {"at_least": 1}}, ["within_days: must be a number"]),
        ({"within_days": 7, "visits": 3}, ["visits: must be an object with at_least or at_most"]),
        ({"within_days": 7, "visits": {}}, ["visits: must be an object with at_least or at_most"]),
        ({"within_days": 7, "visits": {"is": 3}}, ["visits: there is no 'is' here; it takes at_least and at_most"]),
        ({"within_days": 7, "visits": {"at_least": "x"}}, ["visits.at_least: must be a number"]),
        ({"within_days": 7, "visits": {"at_least": 3, "at_most": 2}}, ["visits: at_least must not be above at_most"]),
        (
            {"within_days": 7, "visits": {"at_least": 3}, "downloads": {"at_least": 1}},
            ["$: has visits and downloads at once; make it two conditions"],
        ),
        (
            {"within_days": 7, "visits": {"at_least": 3}, "and": 1},
            ["$: a window has no 'and'; it has one of " + ", ".join(MEASURES)],
        ),
        (
            {"all": [{"field": "x", "is": "y"}, {"field": "visits", "at_least": -2}]},
            ["all[0].field: there is no field 'x'", "all[1].at_least: must be from 0 to 1e+09, not -2"],
        ),
        (nested(MAX_LEVELS), []),
        (nested(MAX_LEVELS + 1), [".".join(["not"] * MAX_LEVELS) + f": at most {MAX_LEVELS} levels deep"]),
        ({"all": [HOT] * MAX_CONDITIONS}, []),
        (
            {"all": [HOT] * 51},
            ["all: at most 50, not 51", "$: at most 50 conditions in all, not 51"],
        ),
        (
            {"all": [{"any": [HOT] * 30}, {"any": [HOT] * 21}]},
            ["$: at most 50 conditions in all, not 51"],
        ),
    ],
)
def test_every_problem_is_named_with_its_place(data: Any, problems: list[str]) -> None:
    assert [str(problem) for problem in lint(data)] == problems
    assert all(is_chinese(problem.zh) for problem in lint(data))
    if problems:
        with pytest.raises(SegmentError) as refused:
            parse(data)
        assert [str(problem) for problem in refused.value.problems] == problems


def test_hostile_depth_is_a_problem_and_no_crash() -> None:
    assert [problem.message for problem in lint(nested(100_000))] == [f"at most {MAX_LEVELS} levels deep"]


@given(segments_written())
def test_a_filter_survives_writing_and_reading(data: Any) -> None:
    segment = parse(data)
    assert parse(msgspec.json.decode(msgspec.json.encode(segment))) == segment


_keys = st.sampled_from(["field", "all", "any", "not", "is", "visits", "within_days", "at_least"])
_anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.sampled_from(["tier", "name", "hot"]),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(_keys, part, max_size=3),
    max_leaves=8,
)


@given(_anything)
def test_whatever_is_given_is_judged(data: Any) -> None:
    if lint(data) == []:
        parse(data)


@pytest.mark.parametrize(("name", "good"), [("Hot in 德国", True), ("", False), ("x" * 101, False), ("a\nb", False)])
def test_names(name: str, good: bool) -> None:
    assert (lint_name(name) == []) == good


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (["country"], "region"),
        (["region", "tier"], "region"),
        (["industry", "country"], "group"),
        (["grade"], "group"),
        (["account_leads", "industry"], "organisation"),
        (["company"], "organisation"),
        (["email", "company"], "person"),
        (["tier"], "person"),
    ],
)
def test_the_level_is_the_narrowest_that_is_asked_for(fields: list[str], told: Level) -> None:
    assert level(AllOf(tuple(Condition(field=field, known=True) for field in fields))) == told


def test_a_window_alone_is_about_persons() -> None:
    assert level(parse({"within_days": 7, "visits": {"at_least": 1}})) == "person"


def test_every_field_has_words_in_both_languages_and_tests() -> None:
    for label in [*(field.label for field in FIELDS.values()), *MEASURES.values()]:
        assert label.en
        assert label.zh
    assert all(field.tests for field in FIELDS.values())
    assert {field.level for field in FIELDS.values()} - {None} <= set(get_args(Level))


def test_marks_part_words() -> None:
    for mark in MARKS:
        assert is_in({"field": "company", "contains": "water"}, company=f"Halden{mark}Water")
