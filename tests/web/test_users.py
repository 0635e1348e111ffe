"""Who sets up, who may not, and how people come and go."""

from __future__ import annotations

import re

import pytest

from scorer.users import find_user, load_user
from tests.factories import DAY
from tests.web.conftest import PASSWORD, URL, Browser, Web

ADMIN_PAGES = (
    "/settings/users",
    "/settings/keys",
    "/settings/webhooks",
    "/settings/dead-letters",
    "/settings/audit",
    "/scorecard/edit",
    "/scorecard/edit/json",
)
VIEWER_PAGES = (
    "/settings/digests",
    "/settings/alerts",
    "/settings/health",
    "/settings/health/hours",
    "/sites",
    "/scorecard",
)
FORMS = (
    "/settings/users",
    "/settings/keys",
    "/settings/webhooks",
    "/settings/dead-letters/delete",
    "/scorecard/edit",
    "/scorecard/publish",
    "/scorecard/rollback",
    "/sites",
)


def on(browser: Browser, path: str, form: dict[str, str]) -> int:
    return browser.post(path, form, on="/settings").status_code


def link_in(text: str) -> str:
    found = re.search(rf"{URL}(/welcome/[\w.]+)", text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("path", ADMIN_PAGES)
def test_only_administrators_set_up(sqlite_web: Web, path: str) -> None:
    assert sqlite_web.browser(sqlite_web.ben).get(path).status_code == 403
    assert sqlite_web.browser(sqlite_web.chen).get(path).status_code == 200
    assert f'href="{path}"' not in sqlite_web.browser(sqlite_web.ben).get("/settings").text


@pytest.mark.parametrize("path", VIEWER_PAGES)
def test_viewers_read_the_rest(sqlite_web: Web, path: str) -> None:
    assert sqlite_web.browser(sqlite_web.ada).get(path).status_code == 200


@pytest.mark.parametrize("path", FORMS)
def test_what_isnt_offered_is_refused(sqlite_web: Web, path: str) -> None:
    assert on(sqlite_web.browser(sqlite_web.ben), path, {"email": "x@example.com", "name": "x"}) == 403


def test_somebody_new_chooses_a_password_by_a_link_that_works_once(web: Web) -> None:
    chen = web.browser(web.chen)
    answer = chen.post(
        "/settings/users",
        {"email": "Dora@Example.com", "role": "sales", "language": "en"},
        on="/settings/users?site=nordwind",
    )
    link = link_in(answer.text)
    with web.world.database.reading() as connection:
        made = find_user(connection, "dora@example.com")
    assert made is not None
    assert made.roles == {web.world.nordwind.id: "sales"}
    dora = web.browser()
    assert "dora@example.com" in dora.get(link).text
    assert dora.post(link, {"new": "short"}, on=link).status_code == 422
    assert dora.post(link, {"new": PASSWORD}, on=link).headers["Location"] == "/hot"
    assert dora.get("/hot").status_code == 200
    assert web.browser().get(link).status_code == 404  # used up


def test_a_link_is_over_after_a_week_and_cant_be_forged(sqlite_web: Web) -> None:
    chen = sqlite_web.browser(sqlite_web.chen)
    link = link_in(chen.post(f"/settings/users/{sqlite_web.ada.id}/link", {}, on="/settings/users?site=nordwind").text)
    forged = link.replace(sqlite_web.ada.id, sqlite_web.ben.id)
    for bad in (forged, link[:-1], "/welcome/x", "/welcome/a.b.c", f"/welcome/{sqlite_web.ada.id}.{'9' * 30}.x"):
        assert sqlite_web.browser().get(bad).status_code == 404
    assert sqlite_web.browser().get(link).status_code == 200
    sqlite_web.world.now += 7 * DAY + 1
    assert sqlite_web.browser().get(link).status_code == 404


def test_somebody_known_from_another_site_gets_the_role_and_keeps_the_password(sqlite_web: Web) -> None:
    chen = sqlite_web.browser(sqlite_web.chen)
    form = {"email": sqlite_web.ada.email, "role": "sales"}
    assert chen.post("/settings/users", form, on="/settings/users?site=huadong").status_code == 303
    with sqlite_web.world.database.reading() as connection:
        ada = load_user(connection, sqlite_web.ada.id)
    assert ada is not None
    assert ada.roles == {sqlite_web.world.nordwind.id: "viewer", sqlite_web.world.huadong.id: "sales"}
    assert sqlite_web.browser(sqlite_web.ada).get("/hot?site=huadong").status_code == 200
    again = chen.post("/settings/users", form, on="/settings/users?site=huadong")
    assert (again.status_code, "已加入该站点" in again.text) == (422, True)


@pytest.mark.parametrize("email", ["", "nobody", "a@b@c", "x" * 400 + "@example.com"])
def test_an_address_that_is_none_is_refused_beside_the_form(sqlite_web: Web, email: str) -> None:
    answer = sqlite_web.browser(sqlite_web.chen).post(
        "/settings/users", {"email": email, "role": "sales"}, on="/settings/users"
    )
    assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)


def test_a_role_is_changed_and_taken_away_on_this_site_alone(web: Web) -> None:
    chen = web.browser(web.chen)
    page = "/settings/users?site=nordwind"
    assert chen.post(f"/settings/users/{web.ben.id}/role", {"role": "viewer"}, on=page).status_code == 303
    assert web.browser(web.ben).get("/hot?site=nordwind").status_code == 200
    assert chen.post(f"/settings/users/{web.ben.id}/role", {"role": "none"}, on=page).status_code == 303
    assert web.browser(web.ben).get("/hot?site=nordwind").status_code == 404
    assert web.browser(web.ben).get("/hot?site=huadong").status_code == 200
    assert "viewer → none" in chen.get("/settings/audit?site=nordwind").text


def test_nobody_changes_the_own_part_so_that_a_site_keeps_an_administrator(sqlite_web: Web) -> None:
    chen = sqlite_web.browser(sqlite_web.chen)
    for action, form in (("role", {"role": "none"}), ("keep-out", {}), ("link", {})):
        path = f"/settings/users/{sqlite_web.chen.id}/{action}"
        assert chen.post(path, form, on="/settings/users").status_code == 409
    assert chen.get("/settings/users").status_code == 200


def test_whoever_also_belongs_to_a_site_of_others_is_not_theirs_to_lock_out(sqlite_web: Web) -> None:
    north = sqlite_web.add("dora", {sqlite_web.world.nordwind.id: "admin"})
    dora = sqlite_web.browser(north)
    for action in ("keep-out", "link", "sign-out"):
        assert dora.post(f"/settings/users/{sqlite_web.ben.id}/{action}", {}, on="/settings/users").status_code == 409
    form = {"role": "viewer"}
    assert dora.post(f"/settings/users/{sqlite_web.ben.id}/role", form, on="/settings/users").status_code == 303
    assert dora.post(f"/settings/users/{sqlite_web.ada.id}/keep-out", {}, on="/settings/users").status_code == 303


def test_whoever_is_kept_out_is_signed_out_at_once_and_may_be_let_in_again(sqlite_web: Web) -> None:
    chen, ben = sqlite_web.browser(sqlite_web.chen), sqlite_web.browser(sqlite_web.ben)
    page = "/settings/users?site=nordwind"
    assert chen.post(f"/settings/users/{sqlite_web.ben.id}/sign-out", {}, on=page).status_code == 303
    assert ben.get("/hot").status_code == 303
    assert chen.post(f"/settings/users/{sqlite_web.ben.id}/keep-out", {}, on=page).status_code == 303
    assert ben.sign_in(sqlite_web.ben.email).status_code == 422
    assert chen.post(f"/settings/users/{sqlite_web.ben.id}/let-in", {}, on=page).status_code == 303
    assert ben.sign_in(sqlite_web.ben.email).status_code == 303
