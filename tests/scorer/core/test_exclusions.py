"""Who is no lead, and that nobody else is kept out."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.exclusions import (
    DEFAULT_EXCLUSIONS,
    MAX_EXCLUSIONS,
    REASONS,
    Behaviour,
    Exclusion,
    ExclusionMatch,
    ExclusionReason,
    excluded,
    exclusion_text,
    lint_exclusions,
    path_counters,
)
from scorer.core.globs import folded, page_path
from scorer.core.labels import Label
from scorer.core.profile import Profile, profile_of
from tests.languages import is_chinese

NOTHING = Behaviour()


def rule(**match: Any) -> Exclusion:
    return msgspec.convert({"id": "one", "label": {"en": "One"}, "reason": "other", "match": match}, Exclusion)


def seen(rules: tuple[Exclusion, ...], *pages: str, events: tuple[str, ...] = ()) -> Behaviour:
    """The behaviour of a lead that viewed these pages, counted as the fold does."""
    paths = [page_path(page) for page in pages]
    counts = {name: sum(map(globs, paths)) for name, globs in path_counters(rules)}
    return Behaviour(frozenset(map(folded, events)), len(pages), counts)


@pytest.mark.parametrize(
    ("match", "profile", "holds"),
    [
        ({"email_domain": "halden.de"}, Profile(email_domain="halden.de"), True),
        ({"email_domain": "Halden.DE"}, Profile(email_domain="halden.de"), True),
        ({"email_domain": "halden.de"}, Profile(email_domain="mail.halden.de"), False),
        ({"email_domain": ["halden.de", "*.halden.de"]}, Profile(email_domain="mail.halden.de"), True),
        ({"email_domain": "halden.de"}, Profile(email_domain="nothalden.de"), False),
        ({"email_domain": "*"}, Profile(), False),
        ({"email": "*@halden.de"}, Profile(email="ada@halden.de"), True),
        ({"company_domain": "rival.com"}, Profile(company_domain="rival.com"), True),
        ({"company": "*rival*"}, Profile(company_name="The Rival GmbH"), True),
        ({"company": "*rival*"}, Profile(company_name="Other"), False),
        ({"title": "*学生*"}, Profile(title="大学生"), True),
        ({"seniority": "student"}, profile_of({"title": "PhD student"}, {}, ""), True),
        ({"seniority": "student"}, profile_of({"title": "Director of Student Affairs"}, {}, ""), False),
        ({"trait": {"plan": "pro"}}, Profile(user_traits={"plan": "PRO"}), True),
        ({"trait": {"plan": ["pro", "team*"]}}, Profile(user_traits={"plan": "Team 5"}), True),
        ({"trait": {"plan": "pro"}}, Profile(user_traits={"plan": ["free", "pro"]}), True),
        ({"trait": {"customer": True}}, Profile(user_traits={"customer": True}), True),
        ({"trait": {"customer": True}}, Profile(user_traits={"customer": "true"}), True),
        ({"trait": {"customer": True}}, Profile(user_traits={"customer": 1}), False),
        ({"trait": {"customer": True}}, Profile(user_traits={"customer": False}), False),
        ({"trait": {"seats": 5}}, Profile(user_traits={"seats": 5.0}), True),
        ({"trait": {"company.plan": "pro"}}, Profile(user_traits={"company": {"plan": "pro"}}), True),
        ({"trait": {"a": "x", "b": "y"}}, Profile(user_traits={"a": "x"}), False),
        ({"trait": {"plan": "*"}}, Profile(user_traits={"plan": None}), False),
        ({"company": "rival", "title": "*ceo*"}, Profile(company_name="Rival", title="CEO"), True),
        ({"company": "rival", "title": "*ceo*"}, Profile(company_name="Rival"), False),
        ({}, Profile(company_name="Rival"), False),
    ],
)
def test_what_is_known_of_a_lead(match: dict[str, Any], profile: Profile, holds: bool) -> None:
    assert (excluded([rule(**match)], profile, NOTHING) is not None) is holds


@pytest.mark.parametrize(
    ("match", "pages", "events", "holds"),
    [
        ({"event": "Churn*"}, (), ("Churned",), True),
        ({"event": "churned"}, (), ("Not Churned",), False),
        ({"event": "*"}, (), (), False),
        ({"only_paths": "/jobs*"}, ("/jobs", "/jobs/1"), (), True),
        ({"only_paths": "/jobs*"}, ("/jobs",), (), False),
        ({"only_paths": "/jobs*", "min_pages": 1}, ("/jobs",), (), True),
        ({"only_paths": "/jobs*", "min_pages": 3}, ("/jobs", "/jobs"), (), False),
        ({"only_paths": "/jobs*"}, ("/jobs", "/jobs/1", "/"), (), False),
        ({"only_paths": "*", "min_pages": 1}, (), (), False),
        ({"only_paths": "/jobs*", "event": "applied"}, ("/jobs", "/jobs"), (), False),
        ({"only_paths": "/jobs*", "event": "applied"}, ("/jobs", "/jobs"), ("Applied",), True),
    ],
)
def test_what_a_lead_did(match: dict[str, Any], pages: tuple[str, ...], events: tuple[str, ...], holds: bool) -> None:
    rules = (rule(**match),)
    assert (excluded(rules, Profile(), seen(rules, *pages, events=events)) is not None) is holds


def test_the_first_rule_that_fits_counts() -> None:
    one, two = rule(company="rival"), msgspec.structs.replace(rule(company="*"), id="two")
    assert excluded([one, two], Profile(company_name="Rival"), NOTHING) == one
    assert excluded([two, one], Profile(company_name="Rival"), NOTHING) == two
    assert excluded([], Profile(company_name="Rival"), NOTHING) is None


def by_default(profile: Profile, *pages: str, events: tuple[str, ...] = ()) -> str | None:
    found = excluded(DEFAULT_EXCLUSIONS, profile, seen(DEFAULT_EXCLUSIONS, *pages, events=events))
    return found.reason if found else None


@pytest.mark.parametrize(
    ("traits", "pages", "events", "reason"),
    [
        ({}, ("/careers", "/careers/engineer"), (), "careers"),
        ({}, ("/de/karriere", "/de/karriere/stellen/1"), (), "careers"),
        ({}, ("/招聘/工程师", "/en/jobs"), (), "careers"),
        ({}, ("/cn/join-us", "/jobs/7"), (), "careers"),
        ({}, ("/careers",), (), None),
        ({}, ("/careers", "/careers/x", "/pricing"), (), None),
        ({}, ("/", "/careers", "/careers/x"), (), None),
        ({}, ("/products/jobs-scheduler", "/jobsite-lighting"), (), None),
        ({}, (), ("Email Unsubscribed",), "unsubscribed"),
        ({}, (), ("unsubscribed",), "unsubscribed"),
        ({}, (), ("Subscribed", "Unsubscribed Plan Viewed"), None),
        ({"email": "a@cs.mit.edu", "title": "PhD student"}, (), (), "student"),
        ({"email": "a@tsinghua.edu.cn", "title": "博士生"}, (), (), "student"),
        ({"email": "a@ox.ac.uk", "title": "Undergraduate"}, (), (), "student"),
        ({"email": "a@mit.edu"}, (), (), None),
        ({"email": "a@mit.edu", "title": "Purchasing Manager"}, (), (), None),
        ({"email": "a@mit.edu", "title": "Director of Student Services"}, (), (), None),
        ({"email": "a@halden.de", "title": "Werkstudent"}, (), (), None),
        ({"email": "a@education.com", "title": "Student"}, (), (), None),
        ({}, (), (), None),
    ],
)
def test_the_shipped_rules(
    traits: dict[str, Any], pages: tuple[str, ...], events: tuple[str, ...], reason: str | None
) -> None:
    assert by_default(profile_of(traits, {}, ""), *pages, events=events) == reason


@given(
    st.lists(st.sampled_from(["/careers", "/jobs/1", "/de/karriere", "/pricing", "/", "/blog/careers-in-steel"]), max_size=6)
)
def test_whoever_viewed_a_page_that_is_no_careers_page_stays(pages: list[str]) -> None:
    only_careers = len(pages) >= 2 and not {"/pricing", "/", "/blog/careers-in-steel"} & set(pages)
    assert (by_default(Profile(), *pages) == "careers") is only_careers


def test_only_rules_on_paths_are_counted() -> None:
    rules = (rule(company="x"), msgspec.structs.replace(rule(only_paths=["/a*", "/b"]), id="paths"))
    ((name, globs),) = path_counters(rules)
    assert (name, globs("/ab"), globs("/b"), globs("/bc")) == ("paths", True, True, False)


def test_exclusions_in_words() -> None:
    own = Exclusion("own", Label("Works at Halden"), "staff", ExclusionMatch(email_domain="halden.de"))
    assert exclusion_text(own) == "Own staff: Works at Halden"
    assert exclusion_text(own, "zh") == "本公司员工：Works at Halden"
    assert exclusion_text("careers", "zh") == "求职者"
    assert set(REASONS) == set(get_args(ExclusionReason))
    assert all(label.zh for label in REASONS.values())
    assert all(one.label.zh for one in DEFAULT_EXCLUSIONS)


def test_the_shipped_rules_have_no_fault_and_survive_writing_and_reading() -> None:
    rules = list(DEFAULT_EXCLUSIONS)
    assert list(lint_exclusions(rules)) == []
    assert msgspec.json.decode(msgspec.json.encode(rules), type=list[Exclusion]) == rules


@pytest.mark.parametrize(
    ("match", "path", "says"),
    [
        ({}, "exclusions[0].match", "needs a match"),
        ({"min_pages": 5}, "exclusions[0].match", "needs a match"),
        ({"email": []}, "exclusions[0].match.email", "must not be empty"),
        ({"email": ["a", ""]}, "exclusions[0].match.email", "must not be empty"),
        ({"title": "x" * 201}, "exclusions[0].match.title", "at most"),
        ({"company": ["rival", "**"]}, "exclusions[0].match.company", "excludes everybody"),
        ({"seniority": "pupil"}, "exclusions[0].match.seniority", "no seniority 'pupil'"),
        ({"seniority": "unknown"}, "exclusions[0].match.seniority", "no seniority 'unknown'"),
        ({"trait": {}}, "exclusions[0].match.trait", "must not be empty"),
        ({"trait": {"plan": []}}, "exclusions[0].match.trait", "'plan' needs a value"),
        ({"trait": {"": "x"}}, "exclusions[0].match.trait", "'' needs a value"),
        ({"only_paths": "/a", "min_pages": 0}, "exclusions[0].match.min_pages", "at least 1"),
        ({"email": "a@b.c", "min_pages": 3}, "exclusions[0].match.min_pages", "only with only_paths"),
    ],
)
def test_faults_of_a_rule_are_named(match: dict[str, Any], path: str, says: str) -> None:
    found = [problem for problem in lint_exclusions([rule(**match)]) if says in problem.message]
    assert [(problem.path, is_chinese(problem.zh)) for problem in found] == [(path, True)]


def test_faults_of_the_section_are_named() -> None:
    one = rule(company="x")
    assert [str(problem) for problem in lint_exclusions([one, one])] == ["exclusions[1].id: 'one' is already taken"]
    assert [problem.path for problem in lint_exclusions([one] * (MAX_EXCLUSIONS + 1))] == ["exclusions"]
    assert [problem.path for problem in lint_exclusions([msgspec.structs.replace(one, id="A b")])] == ["exclusions[0].id"]


@pytest.mark.parametrize("data", [{"match": {"colour": "red"}}, {"reason": "dull"}, {"match": {"trait": {"a": {}}}}])
def test_unknown_keys_reasons_and_types_are_refused(data: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"id": "one", "label": {"en": "One"}, "reason": "other", "match": {"email": "a"}} | data, Exclusion)
