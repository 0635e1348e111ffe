"""Groups without labels: found where there are some, not made up where there are none, and the same from run to run."""

from __future__ import annotations

import math
import random

import msgspec
import pytest

from scorer.core.grouping import GroupModel, group_of
from scorer.learning.groups import Grouped, drawn, make

Lead = dict[str, float]
MEANS = {"glancing": (1, 1, 0, "awareness"), "reading": (6, 5, 0, "consideration"), "buying": (20, 7, 5, "decision")}
"""Visits, pages a visit, downloads, stage."""


def people(number: int, kinds: tuple[str, ...], seed: int = 1, first: int = 0) -> dict[str, Lead]:
    chance = random.Random(seed)
    found = {}
    for place in range(first, first + number):
        visits, pages, downloads, stage = MEANS[kinds[place % len(kinds)]]
        visits = max(1, round(chance.gauss(visits, visits * 0.25)))
        pages = visits * max(1, round(chance.gauss(pages, 1)))
        lead = {"visits": visits, "pages": pages, "downloads": downloads and chance.randint(downloads - 2, downloads + 2)}
        lead |= {"minutes": pages * chance.uniform(0.5, 1.5), "days": max(1, visits // 2), "devices": 1}
        found[f"ld_{place:05}"] = {name: math.log1p(value) for name, value in lead.items() if value} | {
            f"stage:{stage}": chance.uniform(0.6, 1.0)
        }
    return found


THREE = ("glancing", "glancing", "reading", "buying")


@pytest.fixture(scope="module")
def three() -> Grouped:
    return make(people(240, THREE), seed=0, now_ms=7)


def test_three_kinds_of_behaviour_are_three_groups(three: Grouped) -> None:
    model = three.model
    assert (model.verdict, [group.id for group in model.groups], model.next_id, model.made_at) == ("groups", [1, 2, 3], 4, 7)
    sizes = [sum(number == group.id for number in three.members.values()) for group in model.groups]
    assert sizes == [120, 60, 60] or abs(sizes[0] - 120) <= 3
    assert (model.silhouette or 0) > (model.chance_silhouette or 1) > 0
    buying = {three.members[lead] for lead in list(people(240, THREE))[3::4]}
    assert len(buying) == 1
    (group,) = (one for one in model.groups if one.id in buying)
    assert {one.feature for one in group.differences} & {"downloads", "visits", "stage:decision", "pages", "days"}
    assert all(one.ratio > 1 for one in group.differences)


def test_leads_are_placed_where_they_were_found(three: Grouped) -> None:
    again = msgspec.json.decode(msgspec.json.encode(three.model), type=GroupModel)
    leads = people(240, THREE)
    assert {lead: group_of(again, told) for lead, told in leads.items()} == three.members


def test_the_same_seed_gives_the_same_groups(three: Grouped) -> None:
    assert make(people(240, THREE), seed=0, now_ms=7) == three


def test_numbers_stay_when_leads_come_and_go(three: Grouped) -> None:
    later = people(300, THREE)
    for lead in list(later)[:40]:
        del later[lead]
    again = make(later, seed=5, now_ms=8, before=three.model, members_before=three.members)
    kept = [lead for lead in again.members if lead in three.members]
    assert len(kept) == 200
    assert all(again.members[lead] == three.members[lead] for lead in kept)
    assert again.model.next_id == 4


def test_a_new_group_gets_a_new_number_and_an_old_one_is_never_given_again() -> None:
    two = make(people(160, ("glancing", "buying")), seed=0, now_ms=0)
    assert [group.id for group in two.model.groups] == [1, 2]
    gone = two.members["ld_00001"]
    others = people(80, ("reading",), first=200)
    leads = {lead: told for lead, told in people(160, ("glancing", "buying")).items() if two.members[lead] != gone} | others
    after = make(leads, seed=0, now_ms=1, before=two.model, members_before=two.members)
    assert {group.id for group in after.model.groups} == ({1, 2} - {gone}) | {3}
    assert after.model.next_id == 4


@pytest.mark.parametrize("seed", range(3))
def test_one_cloud_has_no_clear_groups(seed: int) -> None:
    chance = random.Random(seed)
    cloud = {}
    for number in range(200):
        keen = chance.gauss(2, 0.5)
        names = ("visits", "pages", "minutes", "days", "downloads", "gap")
        cloud[f"ld_{number}"] = {name: max(0.01, keen + chance.gauss(0, 0.5)) for name in names}
    found = make(cloud, seed=seed, now_ms=0)
    assert (found.model.verdict, found.model.groups, found.members) == ("no_clear", (), {})


def test_alike_leads_have_no_groups() -> None:
    same = {f"ld_{number}": {"pages": 1.0, "visits": 1.0} for number in range(80)}
    assert make(same, seed=0, now_ms=0).model.verdict == "no_clear"


def test_of_few_leads_and_of_those_never_seen_there_are_none(three: Grouped) -> None:
    unseen = {lead: {**told, "pages": 0.0} for lead, told in people(200, THREE).items()}
    for leads in ({}, people(49, THREE), unseen):
        found = make(leads, seed=0, now_ms=0, before=three.model, members_before=three.members)
        assert found.model.verdict == "too_few"
        assert found.model.next_id == 4  # numbers are remembered


def test_of_more_leads_mostly_the_same_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scorer.learning.groups.MAX_SAMPLE", 100)
    first, second = (drawn(f"ld_{number}" for number in range(count)) for count in (1000, 1050))
    assert len(first) == len(second) == 100
    assert len(set(first) & set(second)) > 90
