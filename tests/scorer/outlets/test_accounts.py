"""Companies in the sales API: ranked by the people who are keen, told with them and with what they are after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from scorer.by_hand import exclude
from tests.factories import DAY, HOUR, MINUTE, NOW, World, buyer, identify, page, passer_by, track
from tracker.sites import load_sites


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Halden with two keen people and a passer-by, Orion with one keen person, and a stranger."""
    made = World(database_url)
    made.feed(buyer("anna", name="Anna Berg", email="anna@halden.test", title="CEO", company={"employees": "51-200"}))
    made.feed(buyer("arno", NOW - DAY, name="Arno", email="arno@halden.test", title="Purchasing Manager"))
    made.feed([*passer_by("alma"), identify("alma", NOW - 5 * DAY, name="Alma", email="alma@halden.test")])
    made.feed(buyer("orla", name="Orla", email="orla@orion.test"))
    made.feed(buyer("nobody"))
    yield made
    made.database.close()


def listed(world: World, query: str = "") -> list[dict[str, Any]]:
    answer = world.client().get(f"/api/v1/accounts{query}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    data: list[dict[str, Any]] = answer.get_json()["data"]
    return data


def test_two_keen_people_outrank_one_and_everybody_has_a_part(world: World) -> None:
    halden, orion = listed(world)
    assert (halden["domain"], orion["domain"]) == ("halden.test", "orion.test")
    assert (halden["leads"], halden["hot_leads"], orion["leads"]) == (3, 2, 1)
    assert (halden["tier"], orion["tier"]) == ("hot", "hot")
    assert [person["name"] for person in halden["people"]] == ["Anna Berg", "Arno", "Alma"]
    assert sum(person["part"] for person in halden["people"]) == pytest.approx(1, abs=1e-3)
    assert halden["roles"] == {"decider": 1, "influencer": 1, "user": 0, "unknown": 1}
    assert halden["employees"] == 51
    assert halden["trend"]["trend"] == "rising"
    assert halden["trend"]["points_this_week"] > halden["trend"]["points_last_week"] == 0
    assert halden["interests"][0]["topic"] == "flow-meter"
    lead = world.client().get(f"/api/v1/leads/{world.nordwind.lead('anna')}").get_json()
    assert lead["company"] == {"id": halden["id"], "name": None, "domain": "halden.test"}
    # Orla is a decider's colleague of nobody: what is to be done says so.
    one = world.client().get(f"/api/v1/accounts/{orion['id']}").get_json()
    assert one == orion


def test_score_and_tier_are_those_of_the_hottest_person_however_many_read_a_little(world: World) -> None:
    for number in range(12):
        who, at = f"reader-{number}", NOW - HOUR
        world.feed([page(who, "/products/pump", at), identify(who, at, email=f"{who}@many.test")])
    found = listed(world)
    [many] = [one for one in found if one["domain"] == "many.test"]
    assert many["points"] > 60, "more than by which a person becomes hot"
    assert many["tier"] != "hot"
    for one in found:
        assert one["score"] == max(person["score"] for person in one["people"])
    assert [one["points"] for one in found] == sorted((one["points"] for one in found), reverse=True)


def test_adding_an_engaged_colleague_never_lowers_a_company(world: World) -> None:
    before = {one["domain"]: one["points"] for one in listed(world)}
    world.feed([page("olaf", "/pricing", NOW - HOUR), identify("olaf", NOW - HOUR, email="olaf@orion.test")])
    after = {one["domain"]: one["points"] for one in listed(world)}
    assert after["orion.test"] > before["orion.test"]
    assert after["halden.test"] == before["halden.test"]


def test_who_is_excluded_has_no_part_in_it(world: World) -> None:
    before = listed(world)[0]
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        exclude(connection, site, world.nordwind.lead("anna"), "competitor", "ben", "", NOW)
    halden, orion = listed(world)
    assert (halden["domain"], orion["domain"]) == ("halden.test", "orion.test")
    anna = next(person for person in halden["people"] if person["name"] == "Anna Berg")
    assert (anna["part"], anna["exclusion"]) == (0.0, "competitor")
    assert halden["leads"] == 3
    with world.database.writing() as connection:
        exclude(connection, site, world.nordwind.lead("anna"), None, "ben", "", NOW)
    assert listed(world)[0]["points"] == before["points"]


def test_who_changes_to_another_company_is_counted_there_and_nobodys_company_goes(world: World) -> None:
    world.feed([identify("orla", NOW - MINUTE, email="orla@halden.test")])
    domains = {one["domain"]: one["leads"] for one in listed(world)}
    # Another address on one browser is another person; the same person by the site's own id is not.
    assert domains == {"halden.test": 4, "orion.test": 1}
    world.feed([identify("petra", NOW - HOUR, email="petra@old.test") | {"userId": "u1"}])
    assert "old.test" in {one["domain"] for one in listed(world)}
    world.feed([identify("petra", NOW - MINUTE, email="petra@new.test") | {"userId": "u1"}])
    assert "old.test" not in {one["domain"] for one in listed(world)}
    assert "new.test" in {one["domain"] for one in listed(world)}


def test_pages_of_the_list_join_without_gap_or_repeat(world: World) -> None:
    for number in range(7):
        who = f"person {number}"
        world.feed([page(who, "/pricing", NOW - HOUR), identify(who, NOW - HOUR, email=f"p@firm{number}.test")])
    whole = [one["id"] for one in listed(world, "?limit=50")]
    found: list[str] = []
    query = "?limit=2"
    while query:
        answer = world.client().get(f"/api/v1/accounts{query}").get_json()
        found += [one["id"] for one in answer["data"]]
        query = f"?limit=2&cursor={answer['next_cursor']}" if answer["next_cursor"] else ""
    assert found == whole
    assert len(set(found)) == 9


def test_a_search_and_what_is_not_there(world: World) -> None:
    assert [one["domain"] for one in listed(world, "?q=HALD")] == ["halden.test"]
    assert listed(world, "?q=%25") == []
    halden = listed(world)[0]["id"]
    assert world.client("ada", world.huadong).get(f"/api/v1/accounts/{halden}").status_code == 404
    assert world.client().get("/api/v1/accounts/co_0000000000000000").status_code == 404
    assert world.client().get("/api/v1/accounts?cursor=x").status_code == 400


def test_how_a_lead_came_sums_to_one_and_tells_first_and_last(world: World) -> None:
    world.feed([page("anna", "/pricing?utm_source=news&utm_medium=email&utm_campaign=May", NOW - HOUR, view="n")])
    world.feed([track("anna", "Trade Fair Visited", NOW - 10 * DAY)])
    told = world.client().get(f"/api/v1/leads/{world.nordwind.lead('anna')}/sources").get_json()
    assert (told["first"]["channel"], told["last"]["channel"]) == ("event", "mail")
    assert [touch["channel"] for touch in told["touches"]] == ["event", "search", "direct", "mail"]
    for model in ("linear", "position_based", "time_decay"):
        assert sum(touch["credit"][model] for touch in told["touches"]) == pytest.approx(1, abs=1e-9)
        assert sum(one["credit"][model] for one in told["channels"]) == pytest.approx(1, abs=1e-9)
    assert next(touch for touch in told["touches"] if touch["channel"] == "direct")["credit"]["linear"] == 0
