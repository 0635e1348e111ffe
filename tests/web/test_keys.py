"""Keys of the sales API, on the page."""

from __future__ import annotations

import re

from scorer.keys import find_key, list_keys
from tests.web.conftest import Web


def test_a_key_is_shown_once_and_opens_this_site_until_it_is_revoked(web: Web) -> None:
    chen = web.browser(web.chen)
    answer = chen.post("/settings/keys", {"scope": "sales"}, on="/settings/keys?site=nordwind")
    (key,) = re.findall(r">(wt_[\w-]+)<", answer.text)
    assert key not in chen.get("/settings/keys").text
    with web.world.database.reading() as connection:
        opened = find_key(connection, key)
    assert opened is not None
    assert (opened.site_id, opened.scope) == (web.world.nordwind.id, "sales")
    revoked = chen.post(f"/settings/keys/{opened.id}/revoke", {}, on="/settings/keys")
    assert revoked.status_code == 303
    with web.world.database.reading() as connection:
        assert find_key(connection, key) is None
    assert chen.post(f"/settings/keys/{opened.id}/revoke", {}, on="/settings/keys").status_code == 409
    log = chen.get("/settings/audit").text
    assert "新增密钥" in log
    assert key not in log


def test_a_scope_that_there_isnt_makes_no_key(sqlite_web: Web) -> None:
    chen = sqlite_web.browser(sqlite_web.chen)
    with sqlite_web.world.database.reading() as connection:
        before = list_keys(connection)
    assert chen.post("/settings/keys", {"scope": "all"}, on="/settings/keys").status_code == 400
    with sqlite_web.world.database.reading() as connection:
        assert list_keys(connection) == before


def test_a_key_of_a_site_without_a_role_is_as_if_there_were_none(sqlite_web: Web) -> None:
    north = sqlite_web.add("dora", {sqlite_web.world.nordwind.id: "admin"})
    with sqlite_web.world.database.reading() as connection:
        other = list_keys(connection, sqlite_web.world.huadong.id)[0]
    dora = sqlite_web.browser(north)
    assert dora.post(f"/settings/keys/{other.id}/revoke", {}, on="/settings/keys").status_code == 404
    assert other.id not in dora.get("/settings/keys").text
