"""Sites on the page: the tag, whether they are heard of, what they have chosen, and another one."""

from __future__ import annotations

import re

import pytest

from scorer.web.pages.sites import origin_of
from tests.factories import HOUR, MINUTE, NOW, page
from tests.web.conftest import Browser, Web
from tracker.sites import SiteSettings, find_site, load_sites

BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def settings_of(web: Web) -> SiteSettings:
    with web.world.database.reading() as connection:
        return load_sites(connection)[web.world.nordwind.id].settings


def here(web: Web) -> str:
    return f"/sites/{web.world.nordwind.id}"


def change(web: Web, browser: Browser, **changed: str) -> int:
    """Send the settings' form as it stands, with some fields changed."""
    form = {"time_zone": "UTC", "language": "en", "consent": "not-required", "visit_gap_minutes": "30", "idle_seconds": "30"}
    lists = ("origins", "own_networks", "strip_parameters", "download_extensions", "linked_domains")
    form |= dict.fromkeys(lists, "") | {"respect_gpc": "yes", "respect_dnt": "yes"} | changed
    return browser.post(here(web), form, on=here(web)).status_code


def test_the_tag_has_the_sites_key_and_in_its_frozen_form_a_hash(web: Web) -> None:
    text = web.browser(web.ada).get(here(web)).text
    assert re.search(r"&lt;script async src=&#34;https://leads\.example\.com/snippet\.js\?key=wk_[\w-]+&#34;", text)
    assert re.search(r"integrity=&#34;sha384-[\w+/=]+&#34;", text)
    assert 'name="origins"' not in text  # a viewer reads


def test_what_is_heard_is_told_and_what_may_be_wrong_where_nothing_is(web: Web) -> None:
    ada, seen = web.browser(web.ada), f"{here(web)}/seen"
    partial = {"HX-Request": "true"}
    assert "Not yet. Waiting for the first event" in ada.get(seen, **partial).text
    web.world.feed([page("v1", "/pricing", NOW)])
    text = ada.get(seen, **partial).text
    assert "Yes. The last event came" in text
    assert "from https://www.nordwind.example" in text
    assert "1 event in the last hour." in text
    web.world.now += HOUR
    assert "Not at present." in ada.get(seen, **partial).text
    web.world.feed([page("b1", "/", web.world.now, userAgent=BOT)])
    web.world.now += MINUTE
    assert "no: Crawlers, monitors, scripts" in ada.get(seen, **partial).text
    assert "<html" in ada.get(seen).text


def test_a_change_is_kept_and_told_in_the_audit_log(web: Web) -> None:
    chen = web.browser(web.chen)
    lists = {"origins": "https://www.nordwind.example/\nhttps://Shop.nordwind.example", "strip_parameters": "token, email"}
    lists |= {"server_events": "Quote Requested\nTrial Started", "blocked_referrers": "Spam.example"}
    lists |= {"observe_seconds": "3600"}
    assert change(web, chen, **lists, consent="required", hash_routes="yes", why="  the new\nbanner ") == 303
    settings = settings_of(web)
    assert settings.origins == ("https://www.nordwind.example", "https://shop.nordwind.example")
    assert (settings.strip_parameters, settings.consent, settings.hash_routes) == (("token", "email"), "required", True)
    assert settings.server_events == ("Quote Requested", "Trial Started")
    assert settings.blocked_referrers == ("spam.example",)
    assert settings.observe_seconds == 3600
    log = chen.get("/settings/audit?site=nordwind").text
    assert "consent not-required → required" in log
    assert "the new banner" in log


WRONG = {
    "origins": "www.nordwind.example",
    "own_networks": "300.0.0.0/8",
    "time_zone": "Mars/Olympus",
    "linked_domains": "co.uk",
    "visit_gap_minutes": "0",
    "idle_seconds": "soon",
    "observe_seconds": "604801",
    "consent": "maybe",
    "language": "de",
}


@pytest.mark.parametrize(("name", "text"), WRONG.items(), ids=WRONG)
def test_what_makes_no_sense_is_said_beside_its_field_and_nothing_is_kept(sqlite_web: Web, name: str, text: str) -> None:
    chen, before = sqlite_web.browser(sqlite_web.chen), settings_of(sqlite_web)
    form = {"respect_gpc": "yes", name: text, "strip_parameters": "token"}
    answer = chen.post(here(sqlite_web), form, on=here(sqlite_web))
    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == 1
    assert re.search(rf'id="f-{name}-hint" class="field-problem"', answer.text)
    assert settings_of(sqlite_web) == before


def test_settings_are_the_administrators(sqlite_web: Web) -> None:
    assert change(sqlite_web, sqlite_web.browser(sqlite_web.chen)) == 303
    ben = sqlite_web.browser(sqlite_web.ben)
    assert ben.post(here(sqlite_web), {"consent": "required"}, on="/settings").status_code == 403
    east = f"/sites/{sqlite_web.world.huadong.id}"
    assert sqlite_web.browser(sqlite_web.ada).get(east).status_code == 404
    assert sqlite_web.browser(sqlite_web.ada).get("/sites/999").status_code == 404
    assert sqlite_web.browser(sqlite_web.ada).get("/sites/x").status_code == 404


def test_a_site_is_added_with_its_secret_shown_once_and_its_maker_as_administrator(web: Web) -> None:
    chen = web.browser(web.chen)
    form = {"name": "Shop", "origins": "https://shop.example", "time_zone": "Asia/Shanghai", "language": "zh"}
    answer = chen.post("/sites", form, on="/sites")
    assert re.search(r">sk_[\w-]+<", answer.text)
    with web.world.database.reading() as connection:
        made = find_site(connection, "Shop")
    assert made is not None
    text = chen.get(f"/sites/{made.id}").text
    assert ("sk_" in text, 'name="origins"' in text) == (False, True)
    assert "Asia/Shanghai" in chen.get("/sites").text
    again = chen.post("/sites", form, on="/sites")
    assert (again.status_code, "已有名为" in again.text) == (422, True)
    assert web.browser(web.ben).post("/sites", form, on="/settings").status_code == 403


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://www.example.com/a?b", "https://www.example.com"),
        ("/a", ""),
        ("", ""),
        ("http://[::1]:80/x", "http://[::1]:80"),
    ],
)
def test_the_origin_of_an_address(url: str, origin: str) -> None:
    assert origin_of(url) == origin
