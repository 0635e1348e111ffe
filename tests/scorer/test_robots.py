"""Suspected robots: kept and scored, off the hot list, back by hand; and nobody can have another's lead struck off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from scorer.by_hand import NEVER, exclude
from scorer.models import leads
from tests.factories import DAY, HOUR, MINUTE, NOW, Event, World, buyer, identify, page, track
from tracker.sites import load_sites


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.database.close()


def exclusion(world: World, who: str) -> Any:
    with world.database.reading() as connection:
        return connection.execute(select(leads.c.exclusion).where(leads.c.id == world.nordwind.lead(who))).scalar_one()


def hot(world: World) -> list[str]:
    return [one["id"] for one in world.client().get("/api/v1/hot-leads").get_json()["data"]]


def burst(who: str, until: int = NOW - HOUR) -> list[Event]:
    """A hundred pages within ten seconds."""
    return [page(who, f"/products/{number}", until - 100 * (100 - number), view=f"{who}-b{number}") for number in range(100)]


def decide(world: World, who: str, reason: str | None) -> None:
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        exclude(connection, site, world.nordwind.lead(who), reason, "ben", "known to us", NOW)


def test_a_robot_leaves_the_hot_list_and_a_person_can_take_it_back(world: World) -> None:
    world.feed(buyer("mad"))
    assert hot(world) == [world.nordwind.lead("mad")]
    world.feed(burst("mad"))
    assert (exclusion(world, "mad"), hot(world)) == ("robot", [])
    decide(world, "mad", NEVER)
    assert (exclusion(world, "mad"), hot(world)) == (None, [world.nordwind.lead("mad")])
    decide(world, "mad", None)
    assert (exclusion(world, "mad"), hot(world)) == ("robot", [])


def test_a_burst_that_arrives_late_and_in_reverse_is_judged_the_same(world: World) -> None:
    world.feed(buyer("late"))
    for event in reversed(burst("late", NOW - 10 * DAY)[:50]):
        world.feed([event])
    assert exclusion(world, "late") == "robot"


def test_nobody_can_have_the_lead_of_another_struck_off(world: World) -> None:
    world.feed(buyer("ada", email="ada@halden.example"))
    world.feed([*burst("enemy"), identify("enemy", NOW - MINUTE, email="ada@halden.example")])
    assert hot(world) == [world.nordwind.lead("ada")]
    # The same of one whom only a server has spoken of.
    world.feed([identify("fair", NOW - DAY, email="bo@lund.example"), track("fair", "Trade Fair Visited", NOW - DAY)])
    world.feed([*burst("enemy 2"), identify("enemy 2", NOW - MINUTE, email="bo@lund.example")])
    assert exclusion(world, "fair") is None


def test_a_mad_second_browser_of_a_mad_lead_changes_nothing(world: World) -> None:
    for who in ("one", "two"):
        world.feed([*burst(who), identify(who, NOW - MINUTE, email="robot@halden.example")])
    assert exclusion(world, "one") == "robot"  # the other is a part of it
