"""Traits of many spellings and any type, read into what fit and exclusions are judged by."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorer.core.amounts import Amount
from scorer.core.profile import MAX_TEXT, Profile, profile_of, texts_of, trait_of
from scorer.core.regions import COUNTRIES, country_names, country_of_name

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=3,
)
NAMES = st.sampled_from(
    ["email", "title", "company", "industry", "employees", "address", "country", "budget", "need", "city"]
)


def test_a_whole_profile() -> None:
    traits = {
        "email": "Ada@Sales.Halden.co.uk",
        "jobTitle": "Head of Procurement",
        "budget": "€ 50.000",
        "needs": ["pumps, valves"],
        "address": {"country": "Deutschland", "state": "Bayern", "city": "München"},
    }
    company = {"name": "Halden Ltd", "industry": "Machinery", "employees": "51-200"}
    assert profile_of(traits, company, "FR") == Profile(
        email="ada@sales.halden.co.uk",
        email_domain="sales.halden.co.uk",
        company_name="Halden Ltd",
        company_domain="halden.co.uk",
        title="Head of Procurement",
        seniority="director",
        role="purchasing",
        buying_role="decider",
        industry="Machinery",
        employees=Amount(51, 200),
        country="DE",
        region=("Bayern", "München"),
        budget=Amount(50_000, 50_000),
        need=("pumps, valves", "pumps", "valves"),
        user_traits={**traits, "company": company},
    )


@pytest.mark.parametrize(
    ("traits", "company", "field", "value"),
    [
        ({"job_title": "CTO"}, {}, "title", "CTO"),
        ({"Job Title": "CTO"}, {}, "title", "CTO"),
        ({"position": "CTO"}, {}, "title", "CTO"),
        ({"职位": "采购经理"}, {}, "role", "purchasing"),
        ({"jobTitle": "", "job_title": "CTO"}, {}, "title", "CTO"),
        ({"title": True}, {}, "title", ""),
        ({"title": ["CTO"]}, {}, "title", "CTO"),
        ({"title": "CT\u202eO\n\x00 x"}, {}, "title", "CT O x"),
        ({"title": "x" * 1000}, {}, "title", "x" * MAX_TEXT),
        ({"industry": "Food"}, {"industry": "Steel"}, "industry", "Steel"),
        ({"company": {"industry": "Food"}}, {}, "industry", "Food"),
        ({"company": {"industry": "Food"}}, {"industry": ""}, "industry", "Food"),
        ({"company": "Halden"}, {}, "company_name", "Halden"),
        ({"company": "Halden"}, {"name": "Halden Group"}, "company_name", "Halden Group"),
        ({"companyName": "Halden"}, {}, "company_name", "Halden"),
        ({"company": {"domain": "https://www.halden.de/about"}}, {}, "company_domain", "halden.de"),
        ({"email": "ada@gmail.com"}, {}, "company_domain", ""),
        ({"email": "ada@gmail.com"}, {}, "email_domain", "gmail.com"),
        ({"email": "ada"}, {}, "email", ""),
        ({"email": "@halden.de"}, {}, "email", ""),
        ({"email": "a b@halden.de"}, {}, "email_domain", ""),
        ({"email": 5}, {}, "email", ""),
        ({"employeeCount": 70}, {}, "employees", Amount(70, 70)),
        ({"company_size": "五百人以上"}, {}, "employees", Amount(500, None)),
        ({"company": {"size": "11-50"}}, {}, "employees", Amount(11, 50)),
        ({"employees": 0}, {}, "employees", None),
        ({"employees": {"min": 5}}, {}, "employees", None),
        ({"employees": "many"}, {"employees": 9}, "employees", Amount(9, 9)),
        ({"budget": "5万"}, {}, "budget", Amount(50_000, 50_000)),
        ({"budget": 0}, {}, "budget", Amount(0, 0)),
        ({"country": "中国"}, {}, "country", "CN"),
        ({"country": "lk"}, {}, "country", "LK"),
        ({"country": "Atlantis"}, {}, "country", "Atlantis"),
        ({"address": "Main Street 5, Germany"}, {}, "country", "CH"),
        ({}, {"address": {"country": "USA"}}, "country", "US"),
        ({}, {}, "country", "CH"),
        ({"state": "NRW", "region": "West"}, {"city": "Köln"}, "region", ("West", "NRW", "Köln")),
        ({"interest": "pumps；泵"}, {}, "need", ("pumps；泵", "pumps", "泵")),
        ({"need": True}, {}, "need", ()),
    ],
)
def test_spellings_and_odd_types(traits: dict[str, Any], company: dict[str, Any], field: str, value: object) -> None:
    assert getattr(profile_of(traits, company, "Switzerland"), field) == value


@settings(max_examples=50)
@given(st.dictionaries(NAMES, JSON, max_size=5), st.dictionaries(NAMES, JSON, max_size=5), st.text(max_size=100))
def test_any_json_is_read(traits: dict[str, Any], company: dict[str, Any], country: str) -> None:
    profile = profile_of(traits, company, country)
    texts = [profile.email, profile.title, profile.industry, profile.country, *profile.need, *profile.region]
    assert all(len(text) <= MAX_TEXT and text.isprintable() for text in texts)


def test_the_order_in_which_traits_came_decides_nothing() -> None:
    one, two = {"jobTitle": "CEO", "job_title": "Buyer"}, {"job_title": "Buyer", "jobTitle": "CEO"}
    assert profile_of(one, {}, "").title == profile_of(two, {}, "").title


def test_nothing_told_is_an_empty_profile() -> None:
    assert profile_of({}, {}, "") == Profile()


@pytest.mark.parametrize(
    ("name", "value"),
    [("plan", "pro"), ("a.b", "whole"), ("address.city", "Bern"), ("address.none", None), ("plan.x", None), ("", None)],
)
def test_a_trait_by_name(name: str, value: object) -> None:
    assert trait_of({"plan": "pro", "a.b": "whole", "a": {"b": "part"}, "address": {"city": "Bern"}}, name) == value


def test_texts_of_a_trait() -> None:
    values = ["a", "a", 5, 5.0, 0.5, True, None, {}, ["x"], float("nan"), 10**1000]
    assert texts_of(values) == ("a", "5", "0.5", "true", "nan")
    assert len(texts_of([str(n) for n in range(100)])) == 20


@pytest.mark.parametrize("code", COUNTRIES)
def test_a_country_is_the_same_by_code_and_by_name(code: str) -> None:
    assert {country_of_name(name) for name in (code.lower(), *country_names(code))} == {code}
