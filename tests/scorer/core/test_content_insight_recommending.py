"""What to show next: what those like a lead had read, and it has not."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorer.core.attention import Reading
from scorer.core.insight_words import traits_in_common, why_recommended
from scorer.core.recommending import (
    ITEMS_AT_MOST,
    LEAST_LIFT,
    MIN_SUPPORT,
    WEIGHT,
    LeadRead,
    Likeness,
    Recommendation,
    Shelf,
    recommend,
    shelf,
)

PUMPS = Likeness(("pumps",), "consideration", "food")


def read(*urls: str) -> list[Reading]:
    return [Reading("page", url, url.strip("/").title(), None, 20_000) for url in urls]


def world() -> list[LeadRead]:
    """Six who bought pumps, four of whom had read the guide; three who bought valves; ten who have not bought."""
    pumps = [LeadRead(PUMPS, True, read("/pumps", *["/guide"] * (n < 4))) for n in range(6)]
    valves = [LeadRead(Likeness(("valves",), "decision"), True, read("/valves", "/prices")) for _ in range(3)]
    return [*pumps, *valves, *[LeadRead(Likeness(("pumps",)), False, read("/pumps", "/jobs")) for _ in range(10)]]


def test_four_of_six_by_hand() -> None:
    found = recommend(shelf(world()), PUMPS, {("page", "/pumps")})
    first = found[0]
    assert (first.url, first.readers, first.of, first.title) == ("/guide", 4, 6, "Guide")
    assert first.alike_in == ("topic", "stage", "industry")
    overall = 4 / 19
    assert first.lift == pytest.approx((4 + WEIGHT * overall) / (6 + WEIGHT) / overall, abs=1e-4)
    assert why_recommended(first, "pumps", "Ada", "en") == (
        "4 of 6 who bought after reading about pumps (as far on, of the same industry) read this; Ada has not"
    )
    assert why_recommended(first, "泵", "", "zh") == (
        "读过“泵”后成交的 6 位客户（阶段相同，行业相同）中，有 4 位读过这项内容；该线索还没有读过"
    )


def test_where_the_narrowest_group_has_nothing_left_the_next_is_asked() -> None:
    found = recommend(shelf(world()), PUMPS, {("page", "/pumps"), ("page", "/guide")})
    assert [(one.url, one.alike_in, one.of) for one in found] == [
        ("/prices", (), 9),
        ("/valves", (), 9),
    ]


def test_an_unknown_lead_is_shown_what_all_who_bought_had_read() -> None:
    found = recommend(shelf(world()), Likeness(), set())
    assert {one.url for one in found} == {"/guide", "/valves", "/prices"}
    assert {one.of for one in found} == {9}


def test_without_a_win_those_further_on_are_asked_and_it_is_said() -> None:
    far = [LeadRead(Likeness(("pumps",), "decision"), False, read("/pumps", "/prices")) for _ in range(4)]
    near = [LeadRead(Likeness(("pumps",), "awareness"), False, read("/pumps", "/news")) for _ in range(9)]
    kept = shelf([*far, *near])
    (found,) = recommend(kept, Likeness(("pumps",), "awareness"), {("page", "/pumps")})
    assert (found.who, found.url, found.readers, found.of, found.alike_in) == ("further_on", "/prices", 4, 4, ("topic",))
    assert why_recommended(found, "pumps", "", "en").startswith("Nobody has bought yet. 4 of 4 who are about to decide")
    assert why_recommended(found, "泵", "", "zh").startswith("尚无成交。")


def test_with_nothing_to_go_by_nothing_is_shown() -> None:
    empty = shelf([])
    assert (empty.leads, empty.contexts) == (0, {})
    assert recommend(empty, PUMPS, set()) == []
    few = shelf([LeadRead(PUMPS, True, read("/a"))] * (MIN_SUPPORT - 1))
    assert recommend(few, PUMPS, set()) == []
    nothing = shelf([LeadRead(PUMPS, True, [])] * 9)
    assert nothing.leads == 0


LIKE = st.builds(
    Likeness,
    st.lists(st.sampled_from(["pumps", "valves", "meters"]), max_size=3, unique=True).map(tuple),
    st.sampled_from(["", "awareness", "decision"]),
    st.sampled_from(["", "food", "water"]),
)
LEADS = st.lists(
    st.builds(
        LeadRead, LIKE, st.booleans(), st.lists(st.sampled_from("abcdefgh"), max_size=6).map(lambda urls: read(*urls))
    ),
    max_size=40,
)


@settings(max_examples=40)
@given(LEADS, LIKE, st.sets(st.sampled_from("abcdefgh")))
def test_what_is_shown_has_support_is_unseen_and_read_more_than_usual(
    leads: list[LeadRead], like: Likeness, seen: set[str]
) -> None:
    kept = shelf(leads)
    found = recommend(kept, like, {("page", url) for url in seen})
    assert len(found) <= 3
    assert len({one.url for one in found}) == len(found)
    for one in found:
        assert one.url not in seen
        assert MIN_SUPPORT <= one.readers <= one.of
        assert one.lift >= LEAST_LIFT
        told = [lead for lead in leads if lead.readings and any(reading.url == one.url for reading in lead.readings)]
        assert one.readers <= len(told)
        assert re.search(r"\{|\}", why_recommended(one, "x", "y", "en") + why_recommended(one, "x", "y", "zh")) is None
    assert msgspec.json.decode(msgspec.json.encode(kept), type=Shelf) == kept


def test_what_is_kept_is_bounded() -> None:
    many = shelf([LeadRead(PUMPS, True, read(*[f"/{n}" for n in range(500)]))] * 3)
    assert len(many.items) == ITEMS_AT_MOST
    topics = [LeadRead(Likeness((f"t{n}",)), True, read("/a")) for n in range(400) for _ in range(3)]
    assert len(shelf(topics).contexts) <= 300


def test_braces_in_names_stay_as_they_are() -> None:
    one = Recommendation("page", "/a", "A", "winners", 3, 4, 1.5, ("topic",), "t")
    assert "about {n} read this; {who} has not" in why_recommended(one, "{n}", "{who}", "en")


def test_traits_are_told_in_both_languages() -> None:
    assert traits_in_common(("topic", "grade"), "en") == "the same interest, the same fit"
    assert traits_in_common(("size",), "zh") == "公司规模相同"
    assert traits_in_common((), "en") == ""
