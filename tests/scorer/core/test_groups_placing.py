"""A lead is placed in the nearest group, and what makes a group different is said in a sentence."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.class_words import told_groups
from scorer.core.grouping import LIMIT, Difference, Group, GroupModel, can_differ, group_of, scaled, told_group
from tests.scorer.core.test_classes_applying import CARD

MODEL = GroupModel(
    made_at=0,
    seed=0,
    verdict="groups",
    leads=200,
    silhouette=0.61,
    chance_silhouette=0.3,
    stability=0.98,
    next_id=8,
    features=("visits", "downloads"),
    centres=(0.7, 0.0),
    scales=(0.5, 0.4),
    groups=(
        Group(3, (0.0, 0.0), (Difference("visits", 0.25),)),
        Group(7, (3.0, 3.0), (Difference("downloads", 99.0), Difference("did:prices", 12.3), Difference("topic:x", 2.0))),
    ),
)
features = st.dictionaries(st.sampled_from(["visits", "downloads", "pages", "topic:x"]), st.floats(0, 1e6))


@given(features)
def test_every_lead_that_looked_at_a_page_is_in_one_group_and_no_other(told: dict[str, float]) -> None:
    assert (group_of(MODEL, told) in (3, 7)) == (told.get("pages", 0.0) > 0)
    assert all(abs(one) <= LIMIT for one in scaled(MODEL, told))


def test_the_nearest_group_and_of_two_as_near_the_first() -> None:
    assert group_of(MODEL, {"pages": 1.0, "visits": 0.7}) == 3
    assert group_of(MODEL, {"pages": 1.0, "visits": math.log1p(20), "downloads": math.log1p(9)}) == 7
    same = msgspec.structs.replace(MODEL, groups=tuple(msgspec.structs.replace(one, centre=(0, 0)) for one in MODEL.groups))
    assert group_of(same, {"pages": 1.0}) == 3


def test_without_groups_nobody_is_in_one() -> None:
    assert group_of(msgspec.structs.replace(MODEL, groups=()), {"pages": 3.0}) is None


def test_what_makes_groups_different_is_said_in_both_languages() -> None:
    few, keen = MODEL.groups
    assert told_group(few, CARD, "en") == "seldom come back (0.2 × the others)"
    assert told_group(keen, CARD, "en") == (
        "download much (the others never), often “Prices” (12 × the others), read about x (2.0 × the others)"
    )
    assert told_group(keen, CARD, "zh") == "下载多（其他线索没有），常“价格”（其他的 12 倍），关注x（其他的 2.0 倍）"
    assert told_group(Group(1, (), ()), CARD, "en") == "like the average of all"


TOLD: dict[str, tuple[dict[str, Any], str, str]] = {
    "groups": ({}, "2 groups among 200 leads. How clear they are: 0.61", "在 200 条线索中找到 2 个群组"),
    "no_clear": ({"silhouette": None}, "No clear groups among 200 leads", "没有清晰的群组"),
    "too_few": ({"leads": 12}, "among 50 leads or more that have looked at a page; there are 12", "目前有 12 条"),
}


@pytest.mark.parametrize("verdict", TOLD)
def test_what_came_of_looking_for_groups_is_told(verdict: Any) -> None:
    changes, english, chinese = TOLD[verdict]
    model = msgspec.structs.replace(MODEL, verdict=verdict, **changes)
    assert english in told_groups(model, "en")
    assert chinese in told_groups(model, "zh")


def test_who_a_lead_is_makes_no_group_different() -> None:
    assert [can_differ(name) for name in ("visits", "stage:decision", "did:x", "topic:x", "country:DE", "heat:x")] == [
        *([True] * 4),
        *([False] * 2),
    ]
