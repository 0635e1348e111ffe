"""Reasons for lost leads: one reason, however it is told, is counted once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scorer.core.lost_reasons import DEFAULTS, SHOWN_AT_MOST, Lost, joined, losses, offered

REASONS = st.one_of(
    st.sampled_from(["Price", "price", "价格", "价格：太贵", "Price: 20 %", "", "  ", "moved"]), st.text(max_size=20)
)
LOST = st.builds(Lost, REASONS, st.one_of(st.none(), st.integers(0, 10**6).map(float)), st.sampled_from(["", "EUR", "CNY"]))


def test_the_same_reason_in_other_words_is_counted_once() -> None:
    told = [
        "Price",
        "price",
        " PRICE ",
        "价格",
        "价格：太贵",
        "Price: 20 % over",
        "竞争对手",
        "Competitor",
        "moved away",
        "",
    ]
    found = losses([Lost(one, 10.0, "EUR") for one in told], (), "en")
    assert [(one.reason, one.lost.count, one.value["EUR"]) for one in found.reasons] == [
        ("Price", 6, 60.0),
        ("Competitor", 2, 20.0),
        ("moved away", 1, 10.0),
        (None, 1, 10.0),
    ]
    assert losses([Lost("Competitor", None, "")], (), "zh").reasons[0].reason == "选择了竞争对手"


def test_a_site_s_own_reasons_go_before_the_shipped_ones() -> None:
    found = losses([Lost("too far: 400 km", None, ""), Lost("PRICE", None, "")], ("Too far", "Price (list)"), "en")
    assert [one.reason for one in found.reasons] == ["Price", "Too far"]
    assert offered(("Too far",), "zh") == ("Too far",)
    assert len(offered((), "en")) == len(DEFAULTS) == 6


def test_a_chosen_reason_with_words_is_counted_as_the_chosen_one() -> None:
    for language in ("en", "zh"):
        for choice in offered((), language):  # type: ignore[arg-type]
            told = joined(choice, "as they said: no", language)  # type: ignore[arg-type]
            assert [one.reason for one in losses([Lost(told, None, "")], (), language).reasons] == [choice]  # type: ignore[arg-type]


@given(st.lists(LOST, max_size=60), st.randoms(use_true_random=False))
def test_every_lost_lead_is_counted_once_in_whatever_order(lost: list[Lost], by: object) -> None:
    found = losses(lost, ("Too far",), "en")
    assert sum(one.lost.count for one in found.reasons) + found.others == found.lost == len(lost)
    assert len(found.reasons) <= SHOWN_AT_MOST
    shuffled = list(lost)
    by.shuffle(shuffled)  # type: ignore[attr-defined]
    again = losses(shuffled, ("Too far",), "en")
    assert [(one.reason, one.lost) for one in again.reasons] == [(one.reason, one.lost) for one in found.reasons]
    assert len({one.reason for one in found.reasons}) == len(found.reasons)
