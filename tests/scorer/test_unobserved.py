"""A site may wait before it believes what browsers alone say: nothing that comes at one go is hot then."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from sqlalchemy import select

from scorer.by_hand import NEVER, exclude
from scorer.core.segment import Condition
from scorer.models import lead_changes
from scorer.publishing import publish
from scorer.rescoring import fill, score_all
from scorer.scorecards import body_of
from scorer.segments import add_segment
from scorer.simulating import simulate
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND, World, buyer, identify, page, track
from tracker.sites import Site, SiteSettings, change_site, load_sites

WAIT = HOUR // 1000


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    waits(made, WAIT)
    yield made
    made.database.close()


def waits(world: World, seconds: int) -> Site:
    with world.database.writing() as connection:
        change_site(connection, world.nordwind.id, SiteSettings(observe_seconds=seconds))
        return load_sites(connection)[world.nordwind.id]


def standing(world: World, who: str) -> tuple[str, str | None, bool]:
    """Tier and exclusion of a lead, and whether the hot list has it."""
    shown = world.shown(who)
    listed = [one["id"] for one in world.client().get("/api/v1/hot-leads").get_json()["data"]]
    return shown.tier, shown.exclusion, world.nordwind.lead(who) in listed


def told(world: World) -> list[str]:
    with world.database.reading() as connection:
        return list(connection.execute(select(lead_changes.c.kind).order_by(lead_changes.c.sequence)).scalars())


LISTED = ("hot", None, True)
HELD = ("warm", "unobserved", False)


def test_what_came_at_once_is_held_until_something_is_heard_after_the_wait(world: World) -> None:
    world.browsers_send(buyer("liar"))
    assert (standing(world, "liar"), told(world)) == (HELD, [])
    world.browsers_send([page("liar", "/", NOW + HOUR - SECOND)], now=NOW + HOUR - SECOND)
    assert (standing(world, "liar"), told(world)) == (HELD, [])
    world.browsers_send([page("liar", "/", NOW + HOUR)], now=NOW + HOUR)
    world.now = NOW + HOUR
    assert (standing(world, "liar"), told(world)) == (LISTED, ["entered"])


def test_a_replay_is_nothing_heard_and_back_dating_no_observation(world: World) -> None:
    body = buyer("liar")
    world.browsers_send(body)
    world.browsers_send(body, now=NOW + 2 * HOUR)
    world.browsers_send(body, now=NOW + 3 * DAY)
    assert standing(world, "liar") == HELD


def test_that_the_queue_was_behind_is_no_observation(world: World) -> None:
    """What was received together is processed hours apart."""
    first, rest = buyer("liar")[:1], buyer("liar")[1:]
    world.browsers_send(first, processed=NOW + 5 * MINUTE)
    world.browsers_send(rest, processed=NOW + 3 * HOUR)
    assert standing(world, "liar") == HELD


@pytest.mark.parametrize("server_first", [True, False])
def test_a_server_s_word_is_believed_at_once(world: World, server_first: bool) -> None:
    quote = [track("ada", "Quote Requested", NOW)]
    if server_first:
        world.feed(quote)
    world.browsers_send(buyer("ada"))
    if not server_first:
        world.feed(quote)
    assert standing(world, "ada") == LISTED


def test_who_was_known_before_stays_on_the_list_when_another_browser_joins(world: World) -> None:
    world.browsers_send([page("ada", "/", NOW - DAY), identify("ada", NOW - DAY, email="ada@halden.example")], now=NOW - DAY)
    world.browsers_send(buyer("ada"))
    assert standing(world, "ada") == LISTED
    world.browsers_send([page("phone", "/", NOW), identify("phone", NOW, email="ada@halden.example")])
    assert standing(world, "ada") == LISTED


def test_a_forged_name_can_make_a_known_lead_hot(world: World) -> None:
    """What docs/bots.md says of it: the lead has been heard for long enough."""
    world.browsers_send([page("ada", "/", NOW - DAY), identify("ada", NOW - DAY, email="ada@halden.example")], now=NOW - DAY)
    world.browsers_send([*buyer("liar"), identify("liar", NOW, email="ada@halden.example")])
    assert standing(world, "ada") == LISTED


def test_a_person_has_the_last_word(world: World) -> None:
    world.browsers_send(buyer("ada"))
    for reason, expected in ((NEVER, LISTED), (None, HELD)):
        with world.database.writing() as connection:
            site = load_sites(connection)[world.nordwind.id]
            exclude(connection, site, world.nordwind.lead("ada"), reason, "ben", "I know her", NOW)
        assert standing(world, "ada") == expected


def test_a_new_wait_holds_for_what_comes_and_for_all_after_scoring_again(world: World) -> None:
    waits(world, 0)
    world.browsers_send(buyer("ada"))
    assert standing(world, "ada") == LISTED
    site = waits(world, WAIT)
    assert standing(world, "ada") == LISTED
    score_all(world.database, site, lambda: NOW)
    assert standing(world, "ada") == HELD
    score_all(world.database, waits(world, 0), lambda: NOW)
    assert standing(world, "ada") == LISTED


def test_a_new_card_holds_them_too_and_is_simulated_so(world: World) -> None:
    world.browsers_send(buyer("ada"))
    world.feed(buyer("known"))
    with world.database.reading() as connection:
        site = load_sites(connection)[world.nordwind.id]
        body = msgspec.json.decode(body_of(connection, site.id) or "{}")
    _, found = simulate(world.database, site, body, NOW)
    assert [one.lead_id for one in found.hot_list] == [world.nordwind.lead("known")]
    with world.database.writing() as connection:
        publish(connection, site, body, "chen", "again", NOW)
    fill(world.database, lambda: NOW)
    assert [standing(world, who) for who in ("ada", "known")] == [HELD, LISTED]


def test_the_segment_of_those_who_are_waited_for(world: World) -> None:
    world.browsers_send(buyer("ada"))
    world.feed(buyer("known"))
    with world.database.writing() as connection:
        add_segment(connection, world.nordwind.id, "waited for", Condition(field="exclusion", is_="unobserved"), NOW)
    listed = world.client().get("/api/v1/leads?segment=waited%20for").get_json()["data"]
    assert [one["id"] for one in listed] == [world.nordwind.lead("ada")]
