"""Goal events on both databases: found under every lead of theirs, whatever their case, with their value."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from scorer.goals import Goal, goals_of, valued_goals
from tests.factories import DAY, NOW, World, identify, page, track
from tracker.sites import Site, SiteSettings


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url)
    yield world
    world.database.close()


def site(world: World, *names: str) -> Site:
    return Site(world.nordwind.id, "nordwind", SiteSettings(goal_events=names))


def test_goals_are_read_with_time_and_value_in_the_order_of_time(world: World) -> None:
    world.feed(
        [
            track("anna", "order completed", NOW - DAY, value=900, currency="EUR"),
            track("anna", "Order Completed", NOW - 2 * DAY, value="much"),
            track("anna", "Order Cancelled", NOW - DAY),
            track("bo", "签约", NOW - 3 * DAY),
            track("cleo", "ÉTÉ", NOW - DAY, value=-5, currency=["EUR"]),
            page("dora", "/order-completed", NOW - DAY, title="Order Completed"),
        ]
    )
    anna, bo, cleo, dora = (world.nordwind.lead(who) for who in ("anna", "bo", "cleo", "dora"))
    chosen = site(world, "Order Completed", "签约", "été")
    with world.database.reading() as connection:
        assert valued_goals(connection, chosen, [anna, bo, cleo, dora, "ld_nobody"]) == {
            anna: [
                Goal(NOW - 2 * DAY, "Order Completed", None, ""),
                Goal(NOW - DAY, "order completed", 900.0, "EUR"),
            ],
            bo: [Goal(NOW - 3 * DAY, "签约", None, "")],
            cleo: [Goal(NOW - DAY, "ÉTÉ", -5.0, "")],
        }
        assert goals_of(connection, chosen, [anna]) == {anna: [NOW - 2 * DAY, NOW - DAY]}
        assert goals_of(connection, site(world), [anna]) == {}
        assert goals_of(connection, chosen, []) == {}


def test_goals_of_all_browsers_of_a_person_are_the_person_s(world: World) -> None:
    world.feed([page("phone", "/a", NOW - 3 * DAY), identify("phone", NOW - 3 * DAY, email="anna@halden.test")])
    world.feed([track("laptop", "Signed", NOW - DAY), identify("laptop", NOW - DAY, email="anna@halden.test")])
    phone, laptop = world.nordwind.lead("phone"), world.nordwind.lead("laptop")
    with world.database.reading() as connection:
        assert goals_of(connection, site(world, "signed"), [phone, laptop]) == {phone: [NOW - DAY]}


def test_goals_of_another_site_are_not_read(world: World) -> None:
    world.feed([track("anna", "Signed", NOW - DAY)], world.huadong)
    theirs = world.huadong.lead("anna")
    with world.database.reading() as connection:
        assert goals_of(connection, site(world, "signed"), [theirs]) == {}
        other = msgspec.structs.replace(site(world, "signed"), id=world.huadong.id)
        assert goals_of(connection, other, [theirs]) == {theirs: [NOW - DAY]}
