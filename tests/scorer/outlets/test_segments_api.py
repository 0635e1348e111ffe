"""Segments in the sales API: listed with live counts, and lists of leads cut to one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scorer.core.segment import Condition
from scorer.segments import add_segment
from tests.factories import NOW, World, buyer, passer_by


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    made.feed(buyer("anna", name="Anna Berg", email="anna@halden.test"))
    made.feed(buyer("bo", name="Bo", email="bo@orion.test"))
    made.feed(passer_by("cleo"))
    with made.database.writing() as connection:
        add_segment(connection, made.nordwind.id, "Halden", Condition(field="company_domain", is_="halden.test"), NOW)
        add_segment(connection, made.nordwind.id, "Everybody", Condition(field="visits", at_least=1), NOW)
    yield made
    made.database.close()


def test_segments_are_listed_with_how_many_are_in_them_now(world: World) -> None:
    told = world.client().get("/api/v1/segments").get_json()["data"]
    assert [(one["name"], one["leads"], one["hot"], one["level"]) for one in told] == [
        ("Everybody", 3, 2, told[0]["level"]),
        ("Halden", 1, 1, "organisation"),
    ]
    assert told[1]["where"] == {"field": "company_domain", "is": "halden.test"}
    assert world.client("ada", world.huadong).get("/api/v1/segments").get_json()["data"] == []


def test_lists_can_be_cut_to_a_segment(world: World) -> None:
    anna, cleo = (world.nordwind.lead(who) for who in ("anna", "cleo"))

    def ids(path: str) -> list[str]:
        return [lead["id"] for lead in world.client().get(path).get_json()["data"]]

    assert ids("/api/v1/hot-leads?segment=Halden") == ids("/api/v1/leads?segment=Halden") == [anna]
    assert cleo in ids("/api/v1/leads?segment=Everybody")
    assert cleo not in ids("/api/v1/hot-leads?segment=Everybody")
    assert len(ids("/api/v1/hot-leads?segment=Everybody")) == 2
    first = world.client().get("/api/v1/leads?segment=Everybody&limit=2").get_json()
    rest = ids(f"/api/v1/leads?segment=Everybody&limit=2&cursor={first['next_cursor']}")
    assert len({*(lead["id"] for lead in first["data"]), *rest}) == 3


@pytest.mark.parametrize("query", ["segment=Nobody", "segment=Halden&topic=flow-meter", "segment=Halden&q=anna"])
def test_what_makes_no_sense_is_refused_by_name(world: World, query: str) -> None:
    answer = world.client().get(f"/api/v1/leads?{query}")
    assert answer.status_code == 400
    assert answer.get_json()["errors"][0]["parameter"] == "segment"
