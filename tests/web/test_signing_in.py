"""Who gets in, for how long, and how many guesses somebody has."""

from __future__ import annotations

import re

import pytest

from scorer.users import set_disabled
from scorer.web.pages.signing_in import own_path
from scorer.web.throttle import FROM_ONE_PLACE
from tests.factories import DAY, HOUR
from tests.web.conftest import PASSWORD, URL, Web


def test_a_page_leads_to_the_sign_in_page_and_back(web: Web) -> None:
    browser = web.browser()
    answer = browser.get("/hot?stage=decision")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=%2Fhot%3Fstage%3Ddecision")
    answer = browser.sign_in(web.ben.email, next="/hot?stage=decision")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/hot?stage=decision")
    assert browser.get("/hot").status_code == 200


def test_the_session_cookie_is_for_this_host_and_no_script(sqlite_web: Web) -> None:
    answer = sqlite_web.browser().sign_in(sqlite_web.ben.email)
    (cookie,) = [one for one in answer.headers.getlist("Set-Cookie") if "session" in one]
    assert cookie.startswith("__Host-warmtrail_session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


@pytest.mark.parametrize("email", ["ben@example.com", "nobody@example.com", "", "x" * 5000])
def test_a_wrong_password_and_an_unknown_address_are_refused_alike(sqlite_web: Web, email: str) -> None:
    answer = sqlite_web.browser().sign_in(email, "wrong")
    assert answer.status_code == 422
    assert "E-mail address and password don&#39;t match." in answer.text


def test_a_guesser_is_stopped_and_others_are_not(sqlite_web: Web) -> None:
    guesser = sqlite_web.browser()
    statuses = [guesser.sign_in(sqlite_web.ben.email, f"guess {n}").status_code for n in range(FROM_ONE_PLACE.amount + 1)]
    assert statuses == [422] * FROM_ONE_PLACE.amount + [429]
    assert guesser.sign_in(sqlite_web.ben.email).status_code == 429  # the right one, too
    assert guesser.sign_in(sqlite_web.ada.email).status_code == 303
    elsewhere = sqlite_web.browser()
    elsewhere.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert elsewhere.sign_in(sqlite_web.ben.email).status_code == 303


def test_a_disabled_user_is_out_at_once(web: Web) -> None:
    browser = web.browser(web.ben)
    with web.world.database.writing() as connection:
        set_disabled(connection, web.ben.id, web.world.now)
    assert browser.get("/hot").status_code == 303
    assert browser.sign_in(web.ben.email).status_code == 422


def test_a_session_lasts_while_it_is_used_and_ends_after_two_idle_weeks_or_three_months(web: Web) -> None:
    browser = web.browser(web.ben)
    for _ in range(8):
        web.world.now += 10 * DAY
        assert browser.get("/hot").status_code == 200
    web.world.now += 10 * DAY + HOUR
    assert browser.get("/hot").status_code == 303
    browser.sign_in(web.ben.email)
    web.world.now += 14 * DAY + 1
    assert browser.get("/hot").status_code == 303


def test_signing_out_ends_this_session_and_everywhere_ends_all(web: Web) -> None:
    first, second, third = (web.browser(web.ben) for _ in range(3))
    assert first.post("/sign-out", {}, on="/hot").status_code == 303
    assert [one.get("/hot").status_code for one in (first, second, third)] == [303, 200, 200]
    second.post("/settings/sessions/end-all", {}, on="/settings")
    assert [one.get("/hot").status_code for one in (first, second, third)] == [303, 303, 303]


def test_a_stolen_cookie_is_no_good_after_signing_out(sqlite_web: Web) -> None:
    browser = sqlite_web.browser(sqlite_web.ben)
    kept = browser.client.get_cookie("__Host-warmtrail_session", "leads.example.com")
    assert kept is not None
    browser.post("/sign-out", {}, on="/hot")
    browser.client.set_cookie("__Host-warmtrail_session", kept.value, domain="leads.example.com", secure=True)
    assert browser.get("/hot").status_code == 303


def test_one_of_several_browsers_can_be_signed_out_but_not_somebody_elses(web: Web) -> None:
    mine, other, chens = web.browser(web.ben), web.browser(web.ben), web.browser(web.chen)
    (named,) = re.findall(r'name="session" value="(\w{64})"', mine.get("/settings").text)
    chens.post("/settings/sessions/end", {"session": named}, on="/settings")
    assert other.get("/hot").status_code == 200
    mine.post("/settings/sessions/end", {"session": named}, on="/settings")
    assert [mine.get("/hot").status_code, other.get("/hot").status_code] == [200, 303]


def test_a_new_password_signs_other_browsers_out(web: Web) -> None:
    mine, other = web.browser(web.ben), web.browser(web.ben)
    send = {"old": PASSWORD, "new": "another good password"}
    assert mine.post("/settings/password", send | {"old": "wrong"}, on="/settings").status_code == 422
    assert "at least 10" in mine.post("/settings/password", send | {"new": "short"}, on="/settings").text
    assert mine.post("/settings/password", send, on="/settings").status_code == 303
    assert [mine.get("/hot").status_code, other.get("/hot").status_code] == [200, 303]
    assert [other.sign_in(web.ben.email).status_code, other.sign_in(web.ben.email, send["new"]).status_code] == [422, 303]


@pytest.mark.parametrize(
    ("asked", "led"),
    {
        "/leads?q=x": "/leads?q=x",
        "": "/hot",
        "//evil.example": "/hot",
        "/\\evil.example": "/hot",
        "https://evil.example": "/hot",
        "javascript:alert(1)": "/hot",
        "/\t/evil.example": "/hot",
        "/sign-in?next=/sign-in": "/hot",
    }.items(),
)
def test_nobody_is_led_elsewhere(asked: str, led: str) -> None:
    assert own_path(asked) == led


def test_without_a_user_the_page_says_how_to_make_one(migrated_sqlite_url: str) -> None:
    from flask import Flask

    from scorer.web.blueprint import make_blueprint
    from tracker.db import Database
    from tracker.settings import Settings

    app = Flask("test", static_folder=None)
    app.register_blueprint(make_blueprint(Database(migrated_sqlite_url), Settings(public_url=URL), b"s", None, lambda: 0))
    text = app.test_client().get("/sign-in", base_url=URL, headers={"Accept-Language": "zh"}).text
    assert "还没有用户" in text
    assert "warmtrail user add" in text
