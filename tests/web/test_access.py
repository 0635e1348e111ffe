"""Who sees what on which site, forged forms, and what every answer carries."""

from __future__ import annotations

import re

import pytest
from werkzeug.datastructures import Headers

from scorer.web.assets import asset_url
from scorer.web.blueprint import POLICY
from scorer.web.forgery import is_own_form
from tests.factories import buyer
from tests.web.conftest import URL, Web


def test_everybody_sees_only_their_own_sites(web: Web) -> None:
    web.world.feed(buyer("v1", name="Nora North", email="nora@north.example"))
    web.world.feed(buyer("v2", name="Emil East", email="emil@east.example"), web.world.huadong)
    east = f"/hot?site={web.world.huadong.id}"
    ada, chen = web.browser(web.ada), web.browser(web.chen)
    assert "Nora North" in ada.get("/hot").text
    assert "Emil East" not in ada.get("/hot").text
    assert ada.get(east).status_code == 404
    assert ada.get("/hot?site=999").status_code == 404  # as one that isn't there
    assert "Emil East" in chen.get(east).text
    assert "Emil East" in chen.get("/hot").text  # remembered
    assert "Nora North" in chen.get("/hot?site=nordwind").text


def test_whoever_has_no_part_in_any_site_is_told_so(sqlite_web: Web) -> None:
    nobody = sqlite_web.add("dora", {})
    browser = sqlite_web.browser(nobody)
    answer = browser.get("/hot")
    assert answer.status_code == 403
    assert "You have no part in any site yet." in answer.text
    assert browser.get("/settings").status_code == 200


FORGED = {
    "another site, by the browser's word": ({"Sec-Fetch-Site": "cross-site"}, True),
    "a neighbour's domain": ({"Sec-Fetch-Site": "same-site"}, True),
    "another origin": ({"Origin": "https://evil.example"}, True),
    "an origin that hides": ({"Origin": "null"}, True),
    "our host without encryption": ({"Origin": "http://leads.example.com"}, True),
    "without the token": ({"Sec-Fetch-Site": "same-origin", "Origin": URL}, False),
}


@pytest.mark.parametrize(("headers", "with_token"), FORGED.values(), ids=FORGED)
def test_a_forged_form_changes_nothing(sqlite_web: Web, headers: dict[str, str], with_token: bool) -> None:
    browser = sqlite_web.browser(sqlite_web.ben)
    form = {"name": "Forged", "language": "en"} | ({} if with_token else {"form_token": "0" * 40})
    assert browser.post("/settings", form, on="/settings", **headers).status_code == 403
    assert "Forged" not in browser.get("/settings").text


def test_the_token_of_one_browser_is_no_good_in_another(sqlite_web: Web) -> None:
    ben, chen = sqlite_web.browser(sqlite_web.ben), sqlite_web.browser(sqlite_web.chen)
    (token, *_) = re.findall(r'name="form_token" value="(\w+)"', ben.get("/settings").text)
    assert chen.post("/settings", {"name": "x", "form_token": token}, on="/settings").status_code == 403


@pytest.mark.parametrize(
    ("origin", "taken"),
    [
        (None, True),
        (URL, True),
        ("https://LEADS.example.com", True),
        ("http://10.0.0.1:8700", True),
        ("http://10.0.0.1:8701", False),
        ("https://leads.example.com.evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_behind_a_proxy_the_public_address_and_the_one_behind_it_are_ours(origin: str | None, taken: bool) -> None:
    headers = Headers({} if origin is None else {"Origin": origin})
    assert is_own_form(headers, URL, "http://10.0.0.1:8700/", "token", "token") is taken


@pytest.mark.parametrize("path", ["/hot", "/settings", "/sign-in", "/nothing-here"])
def test_every_page_is_kept_nowhere_and_runs_only_our_scripts(sqlite_web: Web, path: str) -> None:
    answer = sqlite_web.browser(sqlite_web.ben).get(path, Accept="text/html")
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert " style=" not in answer.text
    assert "<style" not in answer.text
    assert " onclick=" not in answer.text


def test_files_are_kept_for_ever_under_the_address_of_their_content(sqlite_web: Web) -> None:
    browser = sqlite_web.browser()
    answer = browser.get(asset_url("style.css"))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert answer.content_type == "text/css; charset=utf-8"
    old = browser.get("/assets/000000000000/style.css")
    assert (old.status_code, old.headers["Cache-Control"]) == (200, "no-cache")
    for path in ("/assets/x/nothing.css", "/assets/x/../call.py", "/assets/x/%2e%2e/call.py"):
        assert browser.get(path).status_code == 404


def test_refusals_are_pages_for_people_and_lines_for_programs(sqlite_web: Web) -> None:
    browser = sqlite_web.browser()
    page = browser.get("/nothing", **{"Accept": "text/html", "Accept-Language": "zh-CN"})
    assert (page.status_code, "页面不存在" in page.text) == (404, True)
    assert browser.get("/nothing", Accept="*/*").text == "Not Found\n"
    assert browser.client.delete("/hot", base_url=URL).status_code == 405


def test_a_script_whose_session_is_over_is_sent_to_the_sign_in_page(sqlite_web: Web) -> None:
    answer = sqlite_web.browser().get("/hot", **{"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in")


def test_a_parameter_that_makes_no_sense_is_named(sqlite_web: Web) -> None:
    answer = sqlite_web.browser(sqlite_web.ben).get("/hot?grade=E")
    assert (answer.status_code, "“grade”" in answer.text) == (400, True)


def test_language_and_zone_are_the_users(sqlite_web: Web) -> None:
    sqlite_web.world.feed(buyer("v1", name="Nora North"))
    browser = sqlite_web.browser(sqlite_web.ben)
    assert "Thu 19 Nov 2026, 08:38" in browser.get("/hot?site=nordwind").text
    browser.post("/settings", {"name": "Ben", "language": "zh", "time_zone": "Asia/Shanghai"}, on="/settings")
    text = browser.get("/hot").text
    assert '<html lang="zh-CN"' in text
    assert "2026年11月19日 周四 16:38" in text
    browser.post("/settings", {"name": "Ben", "language": "zh", "time_zone": ""}, on="/settings")
    browser.client.set_cookie("warmtrail_zone", "Europe%2FBerlin", domain="leads.example.com")
    assert "09:38" in browser.get("/hot").text
    browser.client.set_cookie("warmtrail_zone", "../../etc/passwd", domain="leads.example.com")
    assert browser.get("/hot").status_code == 200


def test_names_are_text_whatever_visitors_call_themselves(sqlite_web: Web) -> None:
    sqlite_web.world.feed(buyer("v1", name="<script>alert(1)</script>", company='"><img src=x>'))
    text = sqlite_web.browser(sqlite_web.ada).get("/hot").text
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "&lt;script&gt;alert(1)" in text
