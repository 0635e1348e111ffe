"""The grade of a lead against the ideal customer: what raises it, what lowers it, and what does neither."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scorer.core.amounts import Amount
from scorer.core.fit import Criterion, Fit, FitReason, Grades, IdealCustomer, Multipliers, fit_text, judge, lint_fit
from scorer.core.labels import Label
from scorer.core.profile import Profile
from tests.languages import is_chinese

LABEL = Label("Thing", "事物")
ORDER = {"A": 4, "B": 3, "C": 2, "D": 1}
GOOD: dict[str, Any] = {
    "criteria": [
        {"id": "industry", "label": {"en": "Industry", "zh": "行业"}, "field": "industry", "values": ["*machin*", "机械*"]},
        {"id": "size", "label": {"en": "Employees", "zh": "员工人数"}, "field": "employees", "at_least": 50, "weight": 2},
        {
            "id": "place",
            "label": {"en": "Country", "zh": "国家"},
            "field": "country",
            "values": ["DE", "瑞士"],
            "required": True,
        },
        {"id": "role", "label": {"en": "Role", "zh": "职能"}, "field": "role", "values": "purchasing"},
    ]
}
IDEAL = msgspec.convert(GOOD, IdealCustomer)


def criterion(field: str, **what: Any) -> Criterion:
    return Criterion(id="one", label=LABEL, field=field, **what)


def verdict(one: Criterion, profile: Profile) -> str:
    return judge(IdealCustomer([one]), profile).reasons[0].verdict


def test_a_whole_judgement() -> None:
    profile = Profile(industry="Machinery", employees=Amount(11, 40), country="DE", role="unknown")
    assert judge(IDEAL, profile) == Fit(
        grade="B",
        share=0.5,
        multiplier=1.2,
        reasons=(
            FitReason("industry", "match", "Machinery"),
            FitReason("size", "mismatch", "11–40"),
            FitReason("place", "match", "DE"),
            FitReason("role", "unknown", ""),
        ),
    )


def test_without_an_ideal_customer_there_is_no_grade_and_nothing_is_multiplied() -> None:
    assert judge(None, Profile(industry="Machinery")) == Fit(None, None, 1.0, ())
    assert judge(IdealCustomer([]), Profile()) == Fit()


def test_a_lead_of_whom_nothing_is_known_is_not_cold() -> None:
    fit = judge(IDEAL, Profile())
    assert (fit.grade, fit.share, fit.multiplier) == (None, None, 1.0)


@pytest.mark.parametrize(
    ("profile", "grade"),
    [
        (Profile(industry="Machinery"), None),
        (Profile(employees=Amount(50, 50)), "A"),
        (Profile(country="DE", industry="Food"), "B"),
        (Profile(country="DE", role="sales", industry="Food"), "C"),
        (Profile(employees=Amount(9, 9)), "D"),
        (Profile(employees=Amount(9, 9), role="purchasing", country="CH"), "B"),
        (Profile(country="BR"), "D"),
        (Profile(country="BR", industry="Machinery", employees=Amount(99, 99), role="purchasing"), "D"),
    ],
    ids=["too little known", "all known fits", "half", "a third", "none", "half by weight", "required, alone", "required"],
)
def test_grades(profile: Profile, grade: str | None) -> None:
    assert judge(IDEAL, profile).grade == grade


@pytest.mark.parametrize(
    ("one", "profile", "expected"),
    [
        (criterion("industry", values="machinery"), Profile(industry="MACHINERY"), "match"),
        (criterion("industry", values="machinery"), Profile(industry="Machinery & Steel"), "mismatch"),
        (criterion("industry", values="机械*"), Profile(industry="机械制造"), "match"),
        (criterion("industry", values="*"), Profile(), "unknown"),
        (criterion("industry", values="*"), Profile(industry="unknown"), "unknown"),
        (criterion("country", values="Germany"), Profile(country="DE"), "match"),
        (criterion("country", values="德国"), Profile(country="DE"), "match"),
        (criterion("country", values="uk"), Profile(country="GB"), "match"),
        (criterion("country", values="Ger*"), Profile(country="DE"), "match"),
        (criterion("country", values="LK"), Profile(country="LK"), "match"),
        (criterion("country", values="atlantis"), Profile(country="Atlantis"), "match"),
        (criterion("country", values="DE"), Profile(country="DK"), "mismatch"),
        (criterion("region", values="bay*"), Profile(region=("West", "Bayern")), "match"),
        (criterion("region", values="bay*"), Profile(region=("West",)), "mismatch"),
        (criterion("need", values="*pump*"), Profile(need=("Big pumps, soon", "soon")), "match"),
        (criterion("need", values="*pump*"), Profile(need=("valves",)), "mismatch"),
        (criterion("role", values="purchasing"), Profile(role="unknown"), "unknown"),
        (criterion("seniority", values=["executive", "director"]), Profile(seniority="director"), "match"),
        (criterion("buying_role", values="decider"), Profile(buying_role="user"), "mismatch"),
        (criterion("company_domain", values="*.de"), Profile(company_domain="halden.de"), "match"),
        (criterion("email_domain", values="*.de"), Profile(email_domain="halden.ch"), "mismatch"),
        (criterion("employees", at_least=50), Profile(employees=Amount(50, 50)), "match"),
        (criterion("employees", at_least=50, at_most=500), Profile(employees=Amount(501, 1000)), "mismatch"),
        (criterion("employees", at_least=100), Profile(employees=Amount(51, 200)), "unknown"),
        (criterion("budget", at_least=10_000), Profile(budget=Amount(0, 0)), "mismatch"),
        (criterion("budget", at_least=0), Profile(), "unknown"),
        (criterion("trait:plan", values="pro"), Profile(user_traits={"plan": "Pro"}), "match"),
        (criterion("trait:paying", values="true"), Profile(user_traits={"paying": True}), "match"),
        (criterion("trait:tags", values="vip"), Profile(user_traits={"tags": ["new", "VIP"]}), "match"),
        (criterion("trait:company.plan", values="pro"), Profile(user_traits={"company": {"plan": "free"}}), "mismatch"),
        (criterion("trait:plan", values="*"), Profile(user_traits={"plan": {"a": 1}}), "unknown"),
        (criterion("trait:seats", at_least=5), Profile(user_traits={"seats": "10+"}), "match"),
        (criterion("trait:seats", at_least=5), Profile(user_traits={"seats": "some"}), "unknown"),
    ],
)
def test_one_criterion(one: Criterion, profile: Profile, expected: str) -> None:
    assert verdict(one, profile) == expected


def test_shares_that_are_limits_reach_them_in_spite_of_rounding() -> None:
    criteria = [Criterion(f"c{n}", LABEL, f"trait:t{n}", values="y", weight=0.05) for n in range(12)]
    profile = Profile(user_traits={f"t{n}": "y" if n < 9 else "n" for n in range(12)})
    assert judge(IdealCustomer(criteria), profile).grade == "A"


def test_the_share_that_must_be_known_is_a_bound_that_counts() -> None:
    criteria = [Criterion(f"c{n}", LABEL, f"trait:t{n}", values="y") for n in range(10)]
    traits = {"t0": "y", "t1": "y", "t2": "y"}
    assert judge(IdealCustomer(criteria), Profile(user_traits=traits)).grade == "A"
    del traits["t0"]
    assert judge(IdealCustomer(criteria), Profile(user_traits=traits)).grade is None


ANSWERS = st.lists(
    st.tuples(st.sampled_from(["y", "n", ""]), st.floats(0.01, 100), st.booleans()),
    min_size=1,
    max_size=6,
)
Answers = list[tuple[str, float, bool]]


def judged(answers: Answers, min_known: float = 0.3) -> Fit:
    """The fit of a lead that answers each criterion with y (fits), n (doesn't) or nothing."""
    criteria = [
        Criterion(f"c{n}", LABEL, f"trait:t{n}", values="y", weight=weight, required=required)
        for n, (_, weight, required) in enumerate(answers)
    ]
    traits = {f"t{n}": answer for n, (answer, _, _) in enumerate(answers)}
    return judge(IdealCustomer(criteria, min_known=min_known), Profile(user_traits=traits))


@given(ANSWERS)
def test_turning_a_mismatch_into_a_match_never_lowers_a_grade(answers: Answers) -> None:
    before = judged(answers)
    for n, (answer, weight, required) in enumerate(answers):
        if answer == "n":
            after = judged([*answers[:n], ("y", weight, required), *answers[n + 1 :]])
            assert after.share is not None
            assert before.share is not None
            assert after.share >= before.share
            if after.grade and before.grade:
                assert ORDER[after.grade] >= ORDER[before.grade]
                assert after.multiplier >= before.multiplier
            else:
                # Too little is known for a grade, but for a required mismatch that is one no more.
                assert after.grade is None
                assert before.grade in (None, "D")


@given(ANSWERS)
def test_not_knowing_a_mismatch_never_lowers_a_grade(answers: Answers) -> None:
    before = judged(answers, min_known=0)
    for n, (answer, weight, required) in enumerate(answers):
        if answer == "n":
            after = judged([*answers[:n], ("", weight, required), *answers[n + 1 :]], min_known=0)
            if after.grade is None:
                assert (after.share, after.multiplier) == (None, 1.0)
            else:
                assert ORDER[after.grade] >= ORDER[before.grade or "D"]


@given(ANSWERS, st.floats(0.01, 100), st.booleans())
def test_one_more_unknown_criterion_changes_no_share_and_no_grade_but_to_unknown(
    answers: Answers, weight: float, required: bool
) -> None:
    before, after = judged(answers), judged([*answers, ("", weight, required)])
    assert after.share == before.share
    assert after.grade in (before.grade, None)


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_criteria_decides_nothing(answers: Answers, random: Any) -> None:
    shuffled = random.sample(answers, len(answers))
    one, two = judged(answers), judged(shuffled)
    assert (one.grade, one.share, one.multiplier) == (two.grade, two.share, two.multiplier)


@given(ANSWERS)
def test_a_required_mismatch_is_a_d(answers: Answers) -> None:
    assume(any(answer == "n" and required for answer, _, required in answers))
    assert (judged(answers).grade, judged(answers).multiplier) == ("D", 0.4)


def test_own_limits_and_multipliers() -> None:
    ideal = IdealCustomer(
        [criterion("industry", values="a"), Criterion("two", LABEL, "role", values="it")],
        grades=Grades(A=0.5, B=0.4, C=0.3),
        multipliers=Multipliers(A=3),
    )
    fit = judge(ideal, Profile(industry="a", role="hr"))
    assert (fit.grade, fit.multiplier) == ("A", 3)


@pytest.mark.parametrize(
    ("reason", "en", "zh"),
    [
        (FitReason("industry", "match", "machinery"), "Industry: machinery, fits", "行业：machinery，符合"),
        (FitReason("size", "mismatch", "11–40"), "Employees: 11–40, doesn't fit", "员工人数：11–40，不符合"),
        (FitReason("size", "unknown", "11–200"), "Employees: 11–200, too vague to tell", "员工人数：11–200，尚无法判断"),
        (FitReason("size", "unknown", ""), "Employees: not known", "员工人数：未知"),
        (FitReason("place", "match", "DE"), "Country: Germany, fits", "国家：德国，符合"),
        (FitReason("place", "mismatch", "Atlantis"), "Country: Atlantis, doesn't fit", "国家：Atlantis，不符合"),
        (FitReason("role", "match", "purchasing"), "Role: purchasing, fits", "职能：采购，符合"),
        (FitReason("gone", "match", "{label}"), "gone: {label}, fits", "gone：{label}，符合"),
    ],
)
def test_reasons_in_words(reason: FitReason, en: str, zh: str) -> None:
    assert (fit_text(IDEAL, reason), fit_text(IDEAL, reason, "zh")) == (en, zh)


def test_a_section_survives_writing_and_reading_and_has_no_fault() -> None:
    assert msgspec.json.decode(msgspec.json.encode(IDEAL), type=IdealCustomer) == IDEAL
    assert list(lint_fit(IDEAL)) == []


@pytest.mark.parametrize(
    ("change", "path", "says"),
    [
        ({"field": "colour"}, "fit.criteria[0].field", "no field 'colour'"),
        ({"field": "trait:"}, "fit.criteria[0].field", "no field 'trait:'"),
        ({"id": "In dustry"}, "fit.criteria[0].id", "lower-case"),
        ({"id": "size"}, "fit.criteria[1].id", "already taken"),
        ({"weight": 0}, "fit.criteria[0].weight", "above 0"),
        ({"weight": float("nan")}, "fit.criteria[0].weight", "above 0"),
        ({"values": []}, "fit.criteria[0].values", "must not be empty"),
        ({"values": ["x" * 201]}, "fit.criteria[0].values", "at most"),
        ({"values": None}, "fit.criteria[0]", "either values, or at_least"),
        ({"at_least": 5}, "fit.criteria[0]", "either values, or at_least"),
        ({"values": None, "at_least": 5}, "fit.criteria[0]", "industry is no number"),
        ({"field": "budget"}, "fit.criteria[0].values", "budget is a number"),
        ({"field": "role", "values": "buyer"}, "fit.criteria[0].values", "there is no role 'buyer'"),
        ({"field": "role", "values": "unknown"}, "fit.criteria[0].values", "there is no role 'unknown'"),
        ({"field": "budget", "values": None, "at_most": -1}, "fit.criteria[0]", "numbers from 0"),
        ({"field": "budget", "values": None, "at_least": 5, "at_most": 4}, "fit.criteria[0].at_most", "below at_least"),
    ],
)
def test_faults_of_a_criterion_are_named(change: dict[str, Any], path: str, says: str) -> None:
    first, *rest = IDEAL.criteria
    found = list(lint_fit(IdealCustomer([msgspec.structs.replace(first, **change), *rest])))
    assert [(problem.path, says in problem.message) for problem in found] == [(path, True)]
    assert is_chinese(found[0].zh)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"criteria": []}, "fit.criteria"),
        ({"criteria": IDEAL.criteria * 26}, "fit.criteria"),
        ({"grades": Grades(A=0.4)}, "fit.grades"),
        ({"grades": Grades(A=1.1)}, "fit.grades"),
        ({"multipliers": Multipliers(B=2)}, "fit.multipliers"),
        ({"multipliers": Multipliers(D=0)}, "fit.multipliers"),
        ({"multipliers": Multipliers(A=float("inf"))}, "fit.multipliers"),
        ({"min_known": 1.5}, "fit.min_known"),
    ],
)
def test_faults_of_the_section_are_named(change: dict[str, Any], path: str) -> None:
    found = list(lint_fit(msgspec.structs.replace(IDEAL, **change)))
    assert [(problem.path, is_chinese(problem.zh)) for problem in found] == [(path, True)]
