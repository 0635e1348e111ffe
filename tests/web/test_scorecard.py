"""The scorecard on the page: read, edited, tried, published, gone back from."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

from scorer.core.card_form import fields_of
from scorer.core.scorecard import written_out
from scorer.draft_cards import LEADS_AT_MOST, Draft, find_draft, keep_draft, read_trial, try_draft
from scorer.rescoring import fill
from scorer.scorecards import body_of, list_cards
from tests.factories import DAY, buyer, passer_by
from tests.web.conftest import Browser, Web
from tracker.queue import connect

EDIT = "/scorecard/edit"


def card_of(web: Web, number: int | None = None) -> dict[str, Any]:
    with web.world.database.reading() as connection:
        return written_out(body_of(connection, web.world.nordwind.id, number) or "")


def form_of(card: dict[str, Any], **changed: str) -> dict[str, str]:
    fields = {name: value for name, value in fields_of(card).items() if value or not name.endswith(".counts")}
    return {"body": json.dumps(card), "base": "1", "days": "90"} | fields | changed


def send(browser: Browser, form: dict[str, str], path: str = EDIT) -> Any:
    return browser.post(path, form, on=f"{EDIT}?site=nordwind")


def tried(web: Web, browser: Browser, redis_url: str, **changed: str) -> str:
    """Keep a draft by the form and have it tried; return its token."""
    answer = send(browser, form_of(card_of(web), **changed))
    assert answer.status_code == 303, answer.text
    (token,) = re.findall(r"draft=([\w-]+)#trial", answer.headers["Location"])
    with connect(redis_url) as client:
        try_draft(web.world.database, client, token, web.world.now)
    return str(token)


def test_a_viewer_reads_the_card_in_words_and_is_offered_no_change(web: Web) -> None:
    text = web.browser(web.ada).get("/scorecard").text
    assert "60 points" in text
    assert "Viewed pricing" in text
    assert "A page viewed: path */pricing*" in text
    assert "/scorecard/edit" not in text
    assert "浏览页面：路径 */pricing*" in web.browser(web.chen).get("/scorecard?site=nordwind").text
    assert web.browser(web.ada).get("/scorecard/7").status_code == 404
    assert web.browser(web.ada).get("/scorecard/x").status_code == 404


def test_what_is_wrong_is_said_beside_its_field_and_what_was_written_stays(sqlite_web: Web) -> None:
    chen = sqlite_web.browser(sqlite_web.chen)
    form = form_of(card_of(sqlite_web), **{"hot.enter": "plenty", "rules[0].points": "5000"})
    answer = send(chen, form)
    assert answer.status_code == 422
    assert re.search(r'name="hot.enter"[^>]* value="plenty"[^>]*aria-invalid="true"', answer.text)
    assert "须为数字" in answer.text
    assert re.search(r'name="rules\[0\]\.points" value="5000"[^>]*aria-invalid="true"', answer.text)


def test_rules_are_added_and_removed_before_anything_is_kept(sqlite_web: Web) -> None:
    chen, card = sqlite_web.browser(sqlite_web.chen), card_of(sqlite_web)
    new = {"add": "1", "new.on": "page_view", "new.label": "Viewed <the> demo", "new.about": "*/demo2*"}
    added = send(chen, form_of(card) | new)
    assert (added.status_code, "Viewed &lt;the&gt; demo" in added.text) == (200, True)
    assert send(chen, form_of(card) | {**new, "new.label": " "}).status_code == 422
    removed = send(chen, form_of(card) | {"remove": "0"})
    (told,) = re.findall(r'name="body" value="([^"]*)"', removed.text)
    assert json.loads(html.unescape(told))["rules"] == json.loads(json.dumps(card["rules"][1:]))
    assert card_of(sqlite_web) == card


@pytest.mark.parametrize(
    "body", ["", "[]", "{", '{"rules": 3}', '{"rules": [{"on": "teleport"}]}', '{"rules": [], "hot": 3}', "[" * 9999]
)
def test_a_form_that_is_none_of_ours_is_refused(sqlite_web: Web, body: str) -> None:
    chen = sqlite_web.browser(sqlite_web.chen)
    assert send(chen, form_of(card_of(sqlite_web)) | {"body": body}).status_code == 400


def test_json_is_linted_with_the_place_of_each_problem(sqlite_web: Web) -> None:
    chen, card = sqlite_web.browser(sqlite_web.chen), card_of(sqlite_web)
    card["rules"][2]["points"] = -1
    card["exclusions"] = [{"id": "x"}]
    answer = send(chen, {"text": json.dumps(card), "base": "1"}, f"{EDIT}/json")
    assert answer.status_code == 422
    assert "<code>rules[2].points</code>" in answer.text
    assert "<code>exclusions[0]</code>" in answer.text
    assert send(chen, {"text": "{oops", "base": "1"}, f"{EDIT}/json").status_code == 422


def test_a_draft_is_tried_before_anything_changes_and_then_published(queued_web: Web, redis_url: str) -> None:
    world = queued_web.world
    world.feed([*buyer("v1", name="Nora <North>", email="n@north.example"), *passer_by("v2")])
    chen = queued_web.browser(queued_web.chen)
    token = tried(queued_web, chen, redis_url, **{"hot.enter": "5000", "warm": "20"})
    waiting = chen.get(f"{EDIT}/trial?draft={token}", **{"HX-Request": "true"}).text
    page = chen.get(f"{EDIT}?draft={token}").text
    assert "Nora &lt;North&gt;" in waiting
    assert "热线索门槛: 60 → 5000" in page
    with world.database.reading() as connection:
        assert [one.number for one in list_cards(connection, world.nordwind.id)] == [1]
    publish = "/scorecard/publish"
    empty = send(chen, {"draft": token, "why": " "}, publish)
    assert (empty.status_code, "请说明原因" in empty.text) == (422, True)
    assert send(chen, {"draft": token, "why": "quieter"}, publish).headers["Location"] == "/scorecard"
    assert "正在为评分卡 2 计算得分" in chen.get("/scorecard").text
    fill(world.database, lambda: world.now)
    text = chen.get("/scorecard").text
    assert "5,000 点" in text
    assert "quieter" in chen.get("/settings/audit?subject=scorecard+2").text
    assert "评分卡 2 为当前评分卡" in chen.get("/scorecard/filling", **{"HX-Request": "true"}).text
    meanwhile = send(chen, {"draft": token, "why": "again"}, publish)
    assert (meanwhile.status_code, "期间已有另一张评分卡发布" in meanwhile.text) == (409, True)


def test_going_back_is_one_form_with_a_reason(queued_web: Web, redis_url: str) -> None:
    world = queued_web.world
    chen = queued_web.browser(queued_web.chen)
    token = tried(queued_web, chen, redis_url, half_life_days="7")
    send(chen, {"draft": token, "why": "faster"}, "/scorecard/publish")
    fill(world.database, lambda: world.now)
    world.now += DAY
    assert send(chen, {"number": "1", "why": ""}, "/scorecard/rollback").status_code == 422
    assert send(chen, {"number": "9", "why": "x"}, "/scorecard/rollback").status_code == 422
    assert send(chen, {"number": "1", "why": "too fast"}, "/scorecard/rollback").status_code == 303
    fill(world.database, lambda: world.now)
    with world.database.reading() as connection:
        assert {one.number: one.state for one in list_cards(connection, world.nordwind.id)} == {1: "current", 2: "past"}


def test_a_draft_belongs_to_its_site_and_is_gone_after_a_day(queued_web: Web, redis_url: str) -> None:
    chen = queued_web.browser(queued_web.chen)
    token = tried(queued_web, chen, redis_url)
    assert chen.get(f"{EDIT}?draft={token}&site=huadong").status_code == 404
    assert chen.get(f"{EDIT}?draft=nothing&site=nordwind").status_code == 404
    with connect(redis_url) as client:
        assert 0 < int(client.ttl(f"warmtrail:draft:{token}")) <= 86_400
        assert find_draft(client, queued_web.world.huadong.id, token) is None


def test_a_trial_keeps_ids_of_leads_and_no_names(queued_web: Web, redis_url: str) -> None:
    queued_web.world.feed(buyer("v1", name="Nora North", email="n@north.example"))
    token = tried(queued_web, queued_web.browser(queued_web.chen), redis_url)
    with connect(redis_url) as client:
        kept = client.get(f"warmtrail:draft:{token}:trial")
    assert isinstance(kept, bytes)
    assert b"ld_" in kept
    assert b"Nora" not in kept


def test_too_many_leads_are_said_to_be_too_many(queued_web: Web, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    queued_web.world.feed([*buyer("v1"), *buyer("v2")])
    monkeypatch.setattr("scorer.draft_cards.LEADS_AT_MOST", 1)
    site_id = queued_web.world.nordwind.id
    with connect(redis_url) as client:
        token = keep_draft(client, Draft(site_id, 1, card_of(queued_web), "chen@example.com", 90))
        try_draft(queued_web.world.database, client, token, queued_web.world.now)
        trial = read_trial(client, token)
        assert read_trial(client, "nothing") is None
        try_draft(queued_web.world.database, client, "nothing", queued_web.world.now)
    assert trial is not None
    assert trial.trouble is not None
    assert (trial.state, trial.trouble.en[:7]) == ("failed", "2 leads")
    assert LEADS_AT_MOST == 20_000


def test_without_a_queue_a_draft_cant_be_tried_and_the_page_says_so(sqlite_web: Web) -> None:
    chen = sqlite_web.browser(sqlite_web.chen)
    assert send(chen, form_of(card_of(sqlite_web))).status_code == 503
