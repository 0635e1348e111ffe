"""All leads, and finding somebody among them."""

from __future__ import annotations

import re

import pytest

from scorer.core.segment import Condition
from scorer.segments import add_segment
from scorer.web.pages import leads as leads_page
from tests.factories import DAY, NOW, buyer, identify, passer_by
from tests.web.conftest import Web


def names(text: str) -> list[str]:
    """The names of a list, in its order."""
    return [name.strip() for name in re.findall(r'class="row-link"[^>]*>([^<]+)<', text)]


def settle(web: Web) -> None:
    """Two colleagues, one of another company, one nobody knows, and one of the other site."""
    world = web.world
    world.feed(
        [
            *buyer("nora", name="Nora North", email="nora@halden.example", company="Halden Foods"),
            identify("finn", NOW - DAY, name="Finn Fjord", email="finn@halden.example", company="Halden Foods"),
            identify("zoe", NOW - DAY, name="Zoë O'Neil", email="zoe@other.example", title="Director"),
            *passer_by("stranger"),
        ]
    )
    world.feed([identify("emil", NOW - DAY, name="Emil East", email="emil@east.example")], world.huadong)


def test_everybody_of_the_site_is_listed_warmest_first(web: Web) -> None:
    settle(web)
    ada = web.browser(web.ada)
    listed = names(ada.get("/leads").text)
    assert listed[0] == "Nora North"
    assert sorted(listed) == ["Finn Fjord", "Nora North", "Somebody not yet known", "Zoë O&#39;Neil"]


SEARCHES = {
    "a later word": ("north", ["Nora North"]),
    "an address": ("finn@", ["Finn Fjord"]),
    "without the accent": ("zoe", ["Zoë O&#39;Neil"]),
    "a company": ("halden", ["Nora North", "Finn Fjord"]),
    "two words of different fields": ("halden fjord", ["Finn Fjord"]),
    "somebody of another site": ("emil", []),
    "nobody": ("xyz", []),
}


def test_a_search_finds(sqlite_web: Web) -> None:
    settle(sqlite_web)
    ada = sqlite_web.browser(sqlite_web.ada)
    found = {what: sorted(names(ada.get(f"/leads?q={search}").text)) for what, (search, _) in SEARCHES.items()}
    assert found == {what: sorted(expected) for what, (_, expected) in SEARCHES.items()}


def test_a_search_finds_companies_and_leads_to_a_lead_by_its_id(sqlite_web: Web) -> None:
    settle(sqlite_web)
    world, ada = sqlite_web.world, sqlite_web.browser(sqlite_web.ada)
    text = ada.get("/leads?q=foods").text
    account = world.nordwind.account("halden.example")
    assert f'href="/accounts/{account}"' in text.partition("</nav>")[2]
    nora = world.nordwind.lead("nora")
    assert ada.get(f"/leads?q={nora.upper()}").headers["Location"] == f"/leads/{nora}"
    assert ada.get(f"/leads?q={world.huadong.lead('emil')}").status_code == 200


def test_the_box_that_every_page_has_searches_everywhere(sqlite_web: Web) -> None:
    text = sqlite_web.browser(sqlite_web.ada).get("/settings").text
    assert '<form class="find" method="get" action="/leads"' in text


def test_filters_narrow_the_list(sqlite_web: Web) -> None:
    settle(sqlite_web)
    world, ben = sqlite_web.world, sqlite_web.browser(sqlite_web.ben)
    with world.database.writing() as connection:
        add_segment(connection, world.nordwind.id, "Directors", Condition(field="title", contains="director"), NOW)
    ben.get("/leads?site=nordwind")
    assert names(ben.get("/leads?stage=decision").text) == ["Nora North"]
    assert names(ben.get("/leads?segment=Directors").text) == ["Zoë O&#39;Neil"]
    assert names(ben.get("/leads?segment=Directors&q=nora").text) == []
    assert names(ben.get("/leads?whose=mine").text) == []
    assert len(names(ben.get("/leads?whose=nobodys").text)) == 4
    assert names(ben.get("/leads?topic=flow-meter").text) == ["Nora North"]
    assert ben.get("/leads?stage=maybe").status_code == 400


def test_pages_follow_each_other_without_gap_or_repeat(sqlite_web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leads_page, "SHOWN", 3)
    sqlite_web.world.feed([identify(f"v{n}", NOW - n * DAY, name=f"Person {n}") for n in range(8)])
    ada = sqlite_web.browser(sqlite_web.ada)
    path, seen = "/leads?q=person", []
    while path:
        text = ada.get(path).text
        seen += names(text)
        found = re.search(r'rel="next" href="([^"]+)"', text)
        path = found[1].replace("&amp;", "&") if found else ""
    assert sorted(seen) == [f"Person {n}" for n in range(8)]
    assert len(names(ada.get("/leads?cursor=nonsense").text)) == 3  # from the beginning


def test_an_empty_list_says_what_to_do(sqlite_web: Web) -> None:
    chen, ada = sqlite_web.browser(sqlite_web.chen), sqlite_web.browser(sqlite_web.ada)
    assert "还没有人来访" in chen.get("/leads").text
    assert "Nobody was seen yet" in ada.get("/leads").text
    assert "Nobody like that" in ada.get("/leads?q=nora").text


def test_whoever_is_not_signed_in_sees_nobody(sqlite_web: Web) -> None:
    for path in ("/leads", "/accounts", "/reports", "/reports/funnel/steps.csv"):
        answer = sqlite_web.browser().get(path)
        assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (303, "/sign-in"), path
