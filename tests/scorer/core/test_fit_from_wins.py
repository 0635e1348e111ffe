"""What wins say about whom to look for: criteria weighed, values suggested, and nothing made of few leads."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.amounts import Amount
from scorer.core.fit import Criterion, IdealCustomer, lint_fit
from scorer.core.fit_evidence import Decided
from scorer.core.fit_learning import FitLearned, is_changed, learn_fit, with_learned
from scorer.core.labels import Label
from scorer.core.profile import Profile

MACHINES = Criterion("machines", Label("Machinery"), "industry", values=["*machin*"], weight=2.0)
LARGE = Criterion("large", Label("Large"), "employees", at_least=250, weight=1.0)
IDEAL = IdealCustomer([MACHINES, LARGE])
HEAVY = IdealCustomer([msgspec.structs.replace(one, weight=1000.0) for one in IDEAL.criteria])


def leads(count: int, won: bool, **known: Any) -> list[Decided]:
    return [Decided(Profile(**known), won)] * count


def by_id(found: FitLearned, name: str) -> Any:
    return next(one for one in found.criteria if one.criterion.id == name)


MIXED = [
    *leads(30, True, industry="Machinery"),
    *leads(10, False, industry="Machinery"),
    *leads(10, True, industry="Retail"),
    *leads(40, False, industry="Retail"),
    *leads(7, True),
    *leads(9, False),
]


def test_a_criterion_that_wins_bear_out_says_so_with_its_interval_and_the_unknown_are_a_bucket_of_their_own() -> None:
    found = learn_fit(IDEAL, MIXED)
    machines = by_id(found, "machines")
    assert (machines.match.won, machines.match.lost) == (30, 10)
    assert (machines.mismatch.won, machines.mismatch.lost) == (10, 40)
    assert (machines.unknown.won, machines.unknown.lost) == (7, 9)
    assert machines.finding == "bears_out"
    # ln(30.5 · 40.5 / (10.5 · 10.5)) = 2.416 before it is drawn towards 0.
    assert 0 < machines.log_odds.low < machines.log_odds.value < 2.416
    large = by_id(found, "large")
    assert (large.finding, large.weight, large.log_odds.value, large.unknown.won) == ("few", 1.0, None, 47)


def test_learned_weights_are_in_proportion_and_keep_their_sum() -> None:
    both = [
        *leads(30, True, industry="Machinery", employees=Amount(500, 500)),
        *leads(20, False, industry="Retail", employees=Amount(500, 500)),
        *leads(20, False, industry="Retail", employees=Amount(20, 20)),
        *leads(10, True, industry="Retail", employees=Amount(20, 20)),
    ]
    found = learn_fit(IDEAL, both)
    machines, large = by_id(found, "machines"), by_id(found, "large")
    assert machines.weight + large.weight == pytest.approx(3.0, abs=0.011)
    assert machines.weight / large.weight == pytest.approx(machines.log_odds.value / large.log_odds.value, rel=0.02)


def test_a_criterion_that_wins_speak_against_keeps_a_part_of_its_weight() -> None:
    turned = [msgspec.structs.replace(one, won=not one.won) for one in MIXED]
    sized = [
        *leads(20, True, employees=Amount(500, 500)),
        *leads(20, False, employees=Amount(9, 9)),
    ]
    found = learn_fit(IDEAL, [*turned, *sized])
    assert (by_id(found, "machines").finding, by_id(found, "machines").weight) == ("speaks_against", 0.2)
    assert by_id(found, "large").weight == pytest.approx(3.0)


def test_no_weight_is_more_than_a_card_may_have() -> None:
    sized = [*leads(20, True, employees=Amount(9, 9)), *leads(20, False, employees=Amount(500, 500))]
    found = learn_fit(HEAVY, [*MIXED, *sized])
    assert [one.weight for one in found.criteria] == [1000.0, 100.0]


def test_where_nothing_is_borne_out_the_weights_stay() -> None:
    turned = [msgspec.structs.replace(one, won=not one.won) for one in MIXED]
    assert [one.weight for one in learn_fit(IDEAL, turned).criteria] == [2.0, 1.0]


def test_a_value_that_wins_have_more_often_is_suggested_unless_it_is_asked_for() -> None:
    found = learn_fit(None, MIXED)
    (told,) = found.suggestions
    assert (told.criterion.field, told.criterion.values, told.criterion.id) == (
        "industry",
        ["Machinery"],
        "industry-machinery",
    )
    assert (told.having.won, told.others.lost) == (30, 40)
    assert found.tried == 2
    assert learn_fit(IDEAL, MIXED).suggestions == ()


def test_sizes_are_suggested_by_bands_and_words_are_in_both_languages() -> None:
    some = [
        *leads(30, True, employees=Amount(60, 200), role="purchasing", country="DE"),
        *leads(30, False, employees=Amount(5, 5), role="hr", country="FR"),
    ]
    found = {one.criterion.field: one.criterion for one in learn_fit(None, some).suggestions}
    assert (found["employees"].at_least, found["employees"].at_most) == (51, 250)
    assert found["employees"].label == Label("Employees: 51–250", "员工数：51–250")
    assert found["country"].label == Label("Country: Germany", "国家：德国")
    assert found["role"].label == Label("Function: purchasing", "职能：采购")


def test_a_range_that_lies_in_no_band_is_unknown() -> None:
    assert learn_fit(None, leads(40, True, employees=Amount(5, 500))).tried == 0


def test_few_leads_suggest_nothing_and_no_lead_at_all_neither() -> None:
    few = [*leads(4, True, industry="Machinery"), *leads(4, False, industry="Retail")]
    assert learn_fit(IDEAL, few).suggestions == ()
    assert not is_changed(learn_fit(IDEAL, few))
    assert learn_fit(None, []) == FitLearned(0, 0)


def test_by_chance_hardly_anything_is_suggested() -> None:
    dice = random.Random(7)
    named = 0
    for _ in range(100):
        some = [
            Decided(
                Profile(industry=f"industry {dice.randrange(8)}", region=(f"r{dice.randrange(6)}",)), dice.random() < 0.4
            )
            for _ in range(200)
        ]
        named += bool(learn_fit(None, some).suggestions)
    assert named <= 5


def test_the_section_of_the_card_takes_weights_and_new_criteria_and_keeps_the_rest() -> None:
    fit = msgspec.to_builtins(msgspec.structs.replace(IDEAL, min_known=0.2))
    some = [*MIXED, *leads(30, True, country="DE"), *leads(30, False, country="FR")]
    found = learn_fit(IDEAL, some)
    told = with_learned(fit, found)
    assert told is not None
    assert told["min_known"] == 0.2
    assert [one["id"] for one in told["criteria"]] == ["machines", "large", "country-de"]
    assert list(lint_fit(msgspec.convert(told, IdealCustomer))) == []
    assert with_learned(None, learn_fit(None, [])) is None
    assert is_changed(found)


_profiles = st.builds(
    Profile,
    industry=st.sampled_from(["", "Machinery", "*", "机械", "a" * 150, "Ölmühle %41"]),
    country=st.sampled_from(["", "DE", "Atlantis"]),
    employees=st.sampled_from([None, Amount(1, 1), Amount(300, None)]),
    need=st.sampled_from([(), ("pumps",), ("pumps", "meters")]),
    role=st.sampled_from(["unknown", "purchasing"]),
)


@given(st.lists(st.tuples(_profiles, st.booleans(), st.integers(1, 30)), max_size=8), st.sampled_from([None, IDEAL, HEAVY]))
def test_whatever_leads_there_are_what_is_proposed_can_be_published(
    some: list[tuple[Profile, bool, int]], ideal: IdealCustomer | None
) -> None:
    told = [Decided(profile, won) for profile, won, times in some for _ in range(times)]
    found = learn_fit(ideal, told)
    assert learn_fit(ideal, told[::-1]) == found
    fit = with_learned(msgspec.to_builtins(ideal) if ideal is not None else None, found)
    if fit is not None:
        assert list(lint_fit(msgspec.convert(fit, IdealCustomer))) == []
