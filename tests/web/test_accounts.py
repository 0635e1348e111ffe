"""Companies: the list, and one with all its people did."""

from __future__ import annotations

import re

from scorer.claims import claim
from scorer.notes import add_note
from scorer.outcomes import record
from tests.factories import DAY, HOUR, NOW, buyer, identify, track
from tests.web.conftest import Web
from tests.web.test_leads import names
from tracker.sites import load_sites


def settle(web: Web) -> None:
    """One company with two people who read, and one with one."""
    halden = {"company": "Halden Foods", "industry": "Food", "country": "DE"}
    web.world.feed(
        [
            *buyer("nora", name="Nora North", email="nora@halden.example", title="Head of Procurement", **halden),
            *buyer("finn", NOW - DAY, name="Finn Fjord", email="finn@halden.example", **halden),
            identify("zoe", NOW - DAY, name="Zoe Zhang", email="zoe@huadong.example", company="华东电机", country="CN"),
            track("zoe", "Trade Fair Visited", NOW - 2 * DAY),
        ]
    )


def test_companies_are_listed_hottest_first(web: Web) -> None:
    settle(web)
    text = web.browser(web.ada).get("/accounts").text
    assert names(text) == ["Halden Foods", "华东电机"]
    assert "Germany" in text


QUERIES = {
    "q=hal": ["Halden Foods"],
    "q=foods": ["Halden Foods"],
    "q=电机": ["华东电机"],
    "q=oods": [],
    "q=%25": [],
    "industry=Food": ["Halden Foods"],
    "country=CN": ["华东电机"],
    "country=CN&q=halden": [],
}


def test_search_and_filters(sqlite_web: Web) -> None:
    settle(sqlite_web)
    ada = sqlite_web.browser(sqlite_web.ada)
    assert {query: names(ada.get(f"/accounts?{query}").text) for query in QUERIES} == QUERIES


def test_one_company_with_people_topics_and_what_they_did(web: Web) -> None:
    settle(web)
    world = web.world
    nora = world.nordwind.lead("nora")
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        add_note(connection, site, nora, "Wants <b>twelve</b>", "ben@example.com", NOW)
        record(connection, site, nora, "contacted", "ben@example.com", NOW + HOUR)
    text = web.browser(web.ada).get(f"/accounts/{world.nordwind.account('halden.example')}").text
    assert re.findall(r'class="row-link" href="/leads/(ld_\w+)"', text)[0] == nora
    for expected in ("Decider", "flow meter", "2 pages", "Wants &lt;b&gt;twelve", "Contacted", "Germany"):
        assert expected in text, expected
    assert text.count('<span title="ben@example.com">Ben</span>') == 2  # who wrote the note, and who called
    assert text.index("Wants") < text.index("2 pages")  # the latest first
    zoe = web.browser(web.ada).get(f"/accounts/{world.nordwind.account('huadong.example')}").text
    assert "Trade Fair Visited" in zoe


def test_owners_are_shown_by_name(sqlite_web: Web) -> None:
    settle(sqlite_web)
    world = sqlite_web.world
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        claim(connection, site, world.nordwind.lead("nora"), "ben@example.com", "ben@example.com", NOW)
    text = sqlite_web.browser(sqlite_web.ada).get(f"/accounts/{world.nordwind.account('halden.example')}").text
    assert '· <span title="ben@example.com">Ben</span>' in text


def test_a_domain_in_other_letters_is_shown_in_them_unless_that_could_mislead(sqlite_web: Web) -> None:
    world = sqlite_web.world
    people = [
        identify("lin", NOW, name="Lin", email="lin@xn--xhq89jgru9fn.xn--fiqs8s"),
        identify("eve", NOW, name="Eve", email="eve@xn--80ak6aa92e.com"),
    ]
    world.feed(people)
    ada = sqlite_web.browser(sqlite_web.ada)
    assert sorted(names(ada.get("/accounts").text)) == ["xn--80ak6aa92e.com", "华东电机.中国"]
    lead = ada.get(f"/leads/{world.nordwind.lead('lin')}").text
    assert ">lin@华东电机.中国</a>" in lead
    assert 'href="mailto:lin%40xn--xhq89jgru9fn.xn--fiqs8s"' in lead  # as it goes over the wire


def test_a_company_of_another_site_is_not_there(sqlite_web: Web) -> None:
    world = sqlite_web.world
    world.feed([identify("emil", NOW, email="emil@east.example")], world.huadong)
    ada = sqlite_web.browser(sqlite_web.ada)
    assert ada.get(f"/accounts/{world.huadong.account('east.example')}").status_code == 404
    assert ada.get("/accounts/co_0000000000000000").status_code == 404


def test_an_empty_list_says_how_companies_come(sqlite_web: Web) -> None:
    assert "No company is known yet" in sqlite_web.browser(sqlite_web.ada).get("/accounts").text
    assert "尚无已知公司" in sqlite_web.browser(sqlite_web.chen).get("/accounts").text
