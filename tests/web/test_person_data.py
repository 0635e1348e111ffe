"""The data of one person on the page: read, saved, erased; by administrators of the site only."""

from __future__ import annotations

import json

import pytest

from scorer.auditing import read_log
from tests.factories import buyer
from tests.web.conftest import Web

EMAIL = "ada@halden.example"


@pytest.fixture
def lead(web: Web) -> str:
    """A lead whose names try to be more than names."""
    web.world.feed(buyer("ada", name='<script>alert("x")</script>', email=EMAIL))
    return web.world.nordwind.lead("ada")


def test_all_tables_are_shown_with_what_they_are_for(web: Web, lead: str) -> None:
    answer = web.browser(web.chen).get(f"/leads/{lead}/data")
    assert answer.status_code == 200
    for text in (EMAIL, "可重新核算每一分值的明细", "price-list.pdf", "&lt;script&gt;"):
        assert text in answer.text
    assert "<script>alert" not in answer.text
    assert f'href="/leads/{lead}/data"' in web.browser(web.chen).get(f"/leads/{lead}").text


def test_the_file_has_everything_and_the_log_knows_of_it(web: Web, lead: str) -> None:
    chen = web.browser(web.chen)
    answer = chen.post(f"/leads/{lead}/data/save", {}, on=f"/leads/{lead}/data")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{lead}.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    found = json.loads(answer.data)
    assert found["tables"]["leads"][0]["email"] == EMAIL
    with web.world.database.reading() as connection:
        assert read_log(connection, web.world.nordwind.id, lead)[0].action == "export"


def test_who_types_the_number_and_says_why_erases(web: Web, lead: str) -> None:
    chen = web.browser(web.chen)
    here = f"/leads/{lead}/data"
    for form in ({"typed": "yes", "why": "asked for"}, {"typed": lead, "why": " "}):
        answer = chen.post(f"{here}/erase", form, on=here)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert chen.get(here).status_code == 200
    assert chen.post(f"{here}/erase", {"typed": lead, "why": "asked for"}, on=here).status_code == 303
    assert chen.get(here).status_code == 404
    assert chen.get(f"/leads/{lead}").status_code == 404
    assert EMAIL not in chen.get("/leads").text
    with web.world.database.reading() as connection:
        assert read_log(connection, web.world.nordwind.id)[0].action == "erase"


def test_nobody_but_an_administrator_sees_or_erases(web: Web, lead: str) -> None:
    for user in (web.ada, web.ben):
        browser = web.browser(user)
        assert browser.get(f"/leads/{lead}/data").status_code == 403
        assert f"/leads/{lead}/data" not in browser.get(f"/leads/{lead}").text
        for form in ("save", "erase"):
            answer = browser.post(f"/leads/{lead}/data/{form}", {"typed": lead, "why": "x"}, on=f"/leads/{lead}")
            assert answer.status_code == 403
    assert web.browser(web.chen).get(f"/leads/{lead}/data").status_code == 200


def test_of_a_lead_that_isnt_there_nothing_is_shown(web: Web) -> None:
    assert web.browser(web.chen).get("/leads/ld_aaaaaaaaaaaaaaaa/data").status_code == 404
