"""Exploratory leads and reasons for lost ones on the page: marked, below the hot ones, and nothing of it runs as code."""

from __future__ import annotations

import csv
import io
import re

import pytest
from sqlalchemy import select

from scorer.learning_models import explored_leads
from scorer.models import outcomes
from scorer.sites import set_site
from tests.factories import DAY, buyer, page
from tests.web.conftest import Web
from tracker.sites import load_sites

NASTY = '<img src=x onerror="alert(1)">'


@pytest.fixture
def explored(web: Web) -> Web:
    """One hot lead, and one that was drawn without being hot."""
    now = web.world.now
    web.world.feed(buyer("nora", name="Nora North", email="nora@halden.example"))
    web.world.feed([page("otto", "/products/flow-meter", now - DAY, view="o-1", title="Flow meter")])
    web.world.feed([page("otto", "/pricing", now - DAY + 60_000, view="o-2", title="Pricing")])
    row = {"site_id": web.world.nordwind.id, "lead_id": web.world.nordwind.lead("otto")}
    with web.world.database.writing() as connection:
        connection.execute(explored_leads.insert().values(row | {"since": now - DAY, "until": now + DAY, "share": 0.1}))
        site = load_sites(connection)[web.world.nordwind.id]
        set_site(connection, site, [f"lost_reasons=Too far,{NASTY}"], "ada", "", now)
    return web


def shown(text: str) -> list[str]:
    return re.findall(r'class="hot-name" href="/leads/([^"]+)">', text)


def test_they_stand_below_the_hot_ones_under_a_heading_that_says_what_they_are(explored: Web) -> None:
    nora, otto = (explored.world.nordwind.lead(who) for who in ("nora", "otto"))
    ben = explored.browser(explored.ben)
    text = ben.get("/hot?site=nordwind").text
    assert shown(text) == [nora, otto]
    assert text.index(nora) < text.index("To learn from: not hot") < text.rindex(f'id="{otto}"')
    assert shown(ben.get("/hot?q=nora").text) == [nora]
    assert shown(ben.get("/hot?owner=me").text) == []
    assert "To learn from: not hot" in ben.get(f"/leads/{otto}").text
    assert "To learn from: not hot" not in ben.get(f"/leads/{nora}").text
    chen = explored.browser(explored.chen)
    assert "探索线索：尚未热门" in chen.get("/hot?site=nordwind").text
    names = [row[1] for row in csv.reader(io.StringIO(ben.get("/hot.csv").text.removeprefix("\ufeff")))]
    assert names == ["Name", "Nora North"]


def test_the_list_is_asked_for_anew_when_the_draw_is_over(explored: Web) -> None:
    ben = explored.browser(explored.ben)
    ben.get("/hot?site=nordwind")
    tag = ben.get("/hot").headers["ETag"]
    assert ben.get("/hot", **{"HX-Request": "true", "If-None-Match": tag}).status_code == 304
    with explored.world.database.writing() as connection:
        connection.execute(explored_leads.update().values(until=explored.world.now))
    again = ben.get("/hot", **{"HX-Request": "true", "If-None-Match": tag})
    assert again.status_code == 200
    assert "To learn from" not in again.text


def test_a_reason_is_chosen_and_what_is_said_beside_it_kept(explored: Web) -> None:
    otto = explored.world.nordwind.lead("otto")
    ben, where = explored.browser(explored.ben), f"/leads/{otto}"
    for text in (ben.get(where).text, ben.get("/hot").text):
        assert "<option>Too far</option>" in text
        assert NASTY not in text
        assert "<option>&lt;img src=x onerror=&#34;alert(1)&#34;&gt;</option>" in text
    version = re.search(r'name="version" value="(\d+)"', ben.get(where).text)
    assert version is not None
    sent = {"kind": "lost", "choice": "Too far", "reason": NASTY, "version": version[1]}
    assert ben.post(f"{where}/outcome", sent, on=where).status_code == 303
    with explored.world.database.reading() as connection:
        assert connection.execute(select(outcomes.c.reason)).scalar_one() == f"Too far: {NASTY}"
    ben.post("/hot/outcome", {"kind": "lost", "reason": NASTY, "lead": explored.world.nordwind.lead("nora")}, on="/hot")
    text = ben.get("/reports/losses").text
    assert NASTY not in text
    assert "&lt;img src=x" in text
    assert "Of 2 leads lost in these days, 1 were lost for one reason above all" in text


def test_what_is_learned_from_is_set_on_the_page_of_the_site(explored: Web) -> None:
    ada, where = explored.browser(explored.chen), f"/sites/{explored.world.nordwind.id}"
    sent = {"goal_events": "Order Completed\nSigned", "lost_reasons": "", "explore_percent": "10"}
    assert ada.post(where, sent, on=where).status_code == 303
    with explored.world.database.reading() as connection:
        settings = load_sites(connection)[explored.world.nordwind.id].settings
    assert (settings.goal_events, settings.lost_reasons, settings.explore_percent) == (("Order Completed", "Signed"), (), 10)
    answer = ada.post(where, {"explore_percent": "21"}, on=where)
    assert answer.status_code == 422
    assert "explore_percent" in answer.text
