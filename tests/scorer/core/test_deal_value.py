"""What deals are worth: medians drawn towards the site's, intervals that hold, currencies apart."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorer.core.deal_value import (
    MIN_DEALS,
    PRIOR_YEARS,
    YEAR_MS,
    Deal,
    Traits,
    ValueModel,
    added_up,
    expected,
    one_a_day,
    repeats,
    value_model,
    worth,
    worth_of,
)
from scorer.core.fates import Said, wins
from scorer.core.learned import Chance

DAY = 86_400_000
A_CHANCE = Chance(0.2, 0.1, 0.4, 90, False)
TRAITS = st.builds(
    Traits,
    st.sampled_from([None, "pumps", "valves"]),
    st.sampled_from([None, "1-9", "50-249"]),
    st.sampled_from([None, "A", "D"]),
)
DEALS = st.lists(
    st.builds(
        Deal,
        st.sampled_from("abcdefghij"),
        st.integers(0, 900).map(lambda day: day * DAY),
        st.none() | st.floats(-10, 1e9) | st.sampled_from([0.0, 5.0, math.nan, math.inf]),
        st.sampled_from(["EUR", "EUR", "EUR", "USD", ""]),
        TRAITS,
    ),
    max_size=60,
)


def deals(*values: float, start: int = 0, **given: Any) -> list[Deal]:
    """Deals with a customer each."""
    return [Deal(f"{start + n}", 0, value, **{"currency": "EUR"} | given) for n, value in enumerate(values)]


def model_of(some: list[Deal]) -> ValueModel:
    found = value_model(some, 1000 * DAY)
    assert found is not None
    return found


@given(st.integers(1, 400))
def test_the_interval_of_the_median_misses_it_at_most_one_time_in_twenty(number: int) -> None:
    found = worth([float(n) for n in range(number)])
    if number < MIN_DEALS:
        assert (found.low, found.high) == (None, None)
        return
    assert found.low is not None
    place = round(math.log(found.low))

    def missed(past: int) -> float:
        """How likely the median lies below the value at this place: so many or fewer of all lie below the median."""
        return sum(math.comb(number, n) for n in range(past + 1)) / 2**number

    assert 2 * missed(place) <= 0.05 < 2 * missed(place + 1)
    assert found.high is not None
    assert round(math.log(found.high)) == number - 1 - place


def test_a_part_is_drawn_towards_the_whole_by_hand() -> None:
    few = [math.exp(one) for one in (0, 2) * 3]
    many = [math.exp(one) for one in (4, 6) * 3]
    some = [*deals(*few, traits=Traits("pumps")), *deals(*many, start=50, traits=Traits("valves"))]
    found = model_of(some)
    # Within parts 12 / (12 - 2) = 1.2; between them (48 - 1.2) / (12 - 6) = 7.8; so n / (n + k) is 6 / (6 + 1.2 / 7.8).
    assert math.log(found.whole.median) == pytest.approx(3)
    part, by = worth_of(found, Traits("pumps", "1-9", "A"))
    assert by == ("topic",)
    assert math.log(part.median) == pytest.approx(0.975 * 1 + 0.025 * 3)
    assert part.low is not None
    assert found.whole.low is not None
    assert math.log(part.low) == pytest.approx(0.975 * 0 + 0.025 * math.log(found.whole.low))
    assert part.deals == 6
    assert worth_of(found, Traits("unheard-of")) == (found.whole, ())
    assert worth_of(found, Traits()) == (found.whole, ())


def test_parts_that_differ_by_chance_only_are_none() -> None:
    some = deals(*[10.0, 20.0, 40.0] * 4, traits=Traits("pumps"))
    some += deals(*[40.0, 10.0, 20.0] * 4, start=50, traits=Traits("valves"))
    assert model_of(some).parts == {}


def test_a_part_of_few_deals_is_the_whole() -> None:
    some = [*deals(*[10.0] * 20), *deals(*[900.0] * (MIN_DEALS - 1), start=50, traits=Traits("valves"))]
    assert worth_of(model_of(some), Traits("valves"))[1] == ()


def test_the_finest_part_with_deals_enough_is_taken() -> None:
    fine, other = Traits("pumps", "50-249", "A"), Traits("valves", "1-9", "D")
    some = [*deals(*[100.0, 110.0] * 5, traits=fine), *deals(*[900.0, 990.0] * 5, start=50, traits=other)]
    found = model_of(some)
    assert worth_of(found, fine)[1] == ("topic", "size", "grade")
    assert worth_of(found, Traits("pumps", "50-249"))[1] == ("topic", "size")
    assert worth_of(found, Traits(None, "50-249", "A"))[1] == ("size", "grade")
    assert worth_of(found, Traits(None, None, "A"))[1] == ("grade",)


@settings(max_examples=40)
@given(DEALS, st.randoms(use_true_random=False))
def test_the_order_of_deals_never_matters(some: list[Deal], chance: Any) -> None:
    mixed = list(some)
    chance.shuffle(mixed)
    first, second = (value_model(told, 1000 * DAY) for told in (some, mixed))
    if first is None or second is None:
        assert first is second
        return
    assert (first.currency, first.others, first.repeats) == (second.currency, second.others, second.repeats)
    assert first.whole == second.whole
    assert set(first.parts) == set(second.parts)


@given(st.lists(st.floats(1, 1e6), min_size=12, max_size=40), st.floats(0.01, 100))
def test_in_another_unit_it_is_the_same(values: list[float], factor: float) -> None:
    def of(by: float) -> ValueModel:
        some = [(value * by, Traits("pumps" if n % 2 else "valves")) for n, value in enumerate(values)]
        return model_of([Deal(f"{n}", 0, value, "EUR", traits) for n, (value, traits) in enumerate(some)])

    one, other = of(1), of(factor)
    assert other.whole.median == pytest.approx(one.whole.median * factor)
    for name in set(one.parts) & set(other.parts):
        assert other.parts[name].median == pytest.approx(one.parts[name].median * factor, rel=1e-6)


@given(DEALS)
@settings(max_examples=40)
def test_all_that_is_told_is_sound(some: list[Deal]) -> None:
    found = value_model(some, 1000 * DAY)
    counting = [one for one in some if one.value is not None and math.isfinite(one.value) and one.value > 0]
    if found is None:
        assert not [one for one in one_a_day(some) if one in counting]
        return
    mine = [one.value or 0.0 for one in counting if one.currency == found.currency]
    assert min(mine) * (1 - 1e-9) <= found.whole.median <= max(mine) * (1 + 1e-9)
    assert sum(found.others.values()) + found.whole.deals <= len(counting)
    assert msgspec.json.decode(msgspec.json.encode(found), type=ValueModel) == found
    for traits in (Traits(), Traits("pumps", "1-9", "A")):
        told = expected(found, traits, A_CHANCE)
        assert told.amount == pytest.approx(0.2 * told.if_won)
        if told.low is not None and told.high is not None:
            assert told.amount is not None
            assert told.if_won_low is not None
            assert told.if_won_high is not None
            # Surer than both ends at once, and no surer than the chance by itself.
            assert 0.1 * told.if_won_low * (1 - 1e-9) <= told.low <= told.amount / 2 * (1 + 1e-9)
            assert told.amount * 2 * (1 - 1e-9) <= told.high <= 0.4 * told.if_won_high * (1 + 1e-9)


def test_deals_of_another_currency_change_nothing() -> None:
    euros = deals(*[100.0, 200.0, 300.0] * 3)
    found = model_of([*euros, *deals(1e9, 1e9, start=50, currency="USD")])
    assert msgspec.structs.replace(found, others={}) == model_of(euros)
    assert (found.currency, found.others) == ("EUR", {"USD": 2})


def test_of_equally_many_currencies_the_first_in_the_alphabet_counts() -> None:
    assert model_of([*deals(5.0, currency="USD"), *deals(6.0, start=9, currency="CNY")]).currency == "CNY"


@pytest.mark.parametrize("value", [None, 0.0, -5.0, math.nan, math.inf])
def test_a_deal_without_a_real_value_tells_none(value: float | None) -> None:
    assert value_model([Deal("a", 0, value, "EUR")], DAY) is None
    assert model_of([Deal("a", 0, value, "EUR"), *deals(7.0, start=5)]).whole.deals == 1


def test_one_deal_tells_a_value_but_no_interval() -> None:
    told = expected(model_of(deals(500.0)), Traits(), A_CHANCE)
    assert (told.amount, told.low, told.high) == (pytest.approx(100), None, None)
    assert (told.if_won, told.if_won_low, told.deals) == (pytest.approx(500), None, 1)
    assert told.lifetime is None


def test_without_a_chance_only_what_it_is_worth_if_won_is_told() -> None:
    told = expected(model_of(deals(*[500.0] * 6)), Traits(), None)
    assert (told.amount, told.low, told.high, told.chance) == (None, None, None, None)
    assert told.if_won == pytest.approx(500)


def test_no_chance_at_all_is_worth_nothing() -> None:
    told = expected(model_of(deals(*[500.0] * 6)), Traits(), Chance(0.0, 0.0, 0.0, 90, False))
    assert (told.amount, told.low, told.high) == (0, 0, 0)


def test_repeats_are_drawn_towards_none_by_hand() -> None:
    year = round(YEAR_MS)
    bought = [Deal("a", 0), Deal("a", 100 * DAY), Deal("a", 200 * DAY), Deal("b", 0), Deal("c", year)]
    found = repeats(bought, 2 * year)
    assert found is not None
    assert (found.customers, found.again, found.purchases) == (3, 1, 2)
    assert found.a_year == pytest.approx(2 / (2 + 2 + 1 + PRIOR_YEARS))
    assert repeats([Deal("a", 0), Deal("b", 5)], year) is None
    told = expected(model_of([*deals(100.0, 100.0), Deal("0", 300 * DAY, 100.0, "EUR")]), Traits(), None)
    assert told.lifetime is not None
    assert told.lifetime > 100


def test_a_deal_told_twice_in_a_day_is_one_and_the_last_word_on_it_counts() -> None:
    again = Deal("a", DAY - 1, 90.0)
    assert one_a_day([again, Deal("a", 0, 70.0)]) == [again]
    assert len(one_a_day([Deal("a", DAY, 90.0), Deal("a", 0, 70.0), Deal("b", 1)])) == 3


def test_a_sum_has_ends_only_if_all_have() -> None:
    sure = expected(model_of(deals(*[500.0] * 6)), Traits(), A_CHANCE)
    unsure = expected(model_of(deals(500.0)), Traits(), A_CHANCE)
    whole = added_up([sure, None, sure, expected(model_of(deals(9.0)), Traits(), None)])
    assert whole is not None
    assert (whole.amount, whole.low, whole.high) == (pytest.approx(200), pytest.approx(100), pytest.approx(400))
    assert (whole.currency, whole.leads) == ("EUR", 2)
    half = added_up([sure, unsure])
    assert half is not None
    assert (half.low, half.high) == (None, None)
    assert added_up([None]) is None


def test_what_was_taken_back_is_no_deal() -> None:
    won = [Said(1, "won", 10.0), Said(5, "won", 20.0)]
    assert [one.value for one in wins(won)] == [10.0, 20.0]
    assert [one.value for one in wins([*won, Said(2, "open")])] == [20.0]
    assert wins([*won, Said(6, "open")]) == []
    assert wins([*won, Said(6, "lost")]) == []
    assert [one.at for one in wins([Said(0, "lost"), *won])] == [1, 5]
