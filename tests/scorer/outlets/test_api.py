"""The sales API as its callers see it: who is let in, what lists give, what changes tell, and how it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete
from sqlalchemy.exc import OperationalError
from werkzeug.test import EnvironBuilder

from scorer.keys import SCOPES, list_keys, revoke_key
from scorer.models import lead_changes, lead_scores, lead_visitors, leads
from scorer.outlets.cursors import LeadCursor, write_cursor
from scorer.outlets.routes import ROUTES
from tests.factories import DAY, MINUTE, NOW, SALESPEOPLE, World, buyer, identify, page, passer_by, track
from tests.proposal_samples import propose
from tracker.front import WAIT_ENVIRON

READING = [route for route in ROUTES if route.method == "GET"]
PATHS = [route.path for route in READING]


@pytest.fixture
def world(database_url: str) -> World:
    """Two companies: at Nordwind three are hot (Anna said who she is) and one passed by, at Huadong one is hot."""
    world = World(database_url)
    world.feed([*buyer("anna", name="Anna Berg", email="anna@halden.test"), *passer_by("bo")])
    world.feed([*buyer("cleo", NOW - DAY), *buyer("dan", NOW - 4 * DAY)])
    world.feed(buyer("li"), world.huadong)
    return world


def path_to(world: World, path: str) -> str:
    """The address of a route, of Anna, her company, or a webhook or digest made for it where it is of one."""
    ids = {"lead_id": world.nordwind.lead("anna"), "account_id": world.nordwind.account("halden.test"), "number": 1}
    admin = world.client("chen")
    if "{webhook_id}" in path:
        ids["webhook_id"] = admin.post("/api/v1/webhooks", json={"url": "https://hook.example/"}).get_json()["webhook"]["id"]
    if path.startswith("/scorecards/proposals/"):
        ids["number"] = propose(world)
    if "{digest_id}" in path:
        ids["digest_id"] = admin.post("/api/v1/digests", json={"email": "ada@nordwind.example"}).get_json()["id"]
    return "/api/v1" + path.format(**ids)


def ids(answer: Any) -> list[str]:
    return [lead["id"] for lead in answer.get_json()["data"]]


def refused(client: FlaskClient, path: str, status: int, **request: Any) -> dict[str, Any]:
    answer = client.get(path, **request)
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/problem+json"
    problem: dict[str, Any] = answer.get_json()
    assert problem["status"] == status
    assert problem["type"].startswith("/api/docs#problem-")
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.mark.parametrize("path", PATHS)
def test_every_route_asks_for_a_key_that_is_good(world: World, path: str) -> None:
    scope = next(route.scope for route in READING if route.path == path)
    path = path_to(world, path)
    for who in ("ada", "ben", "chen"):
        if SCOPES.index(SALESPEOPLE[who]) >= SCOPES.index(scope):
            assert world.client(who).get(path).status_code == 200
        else:
            assert refused(world.client(who), path, 403)["type"].endswith("scope-missing")
    stranger = world.client(None)
    assert refused(stranger, path, 401)["type"].endswith("key-missing")
    assert stranger.get(path).headers["WWW-Authenticate"] == 'Bearer realm="warmtrail"'
    for shown in ("Bearer", "Bearer ", "Basic d3Q6", world.nordwind.keys["ada"]):
        assert refused(stranger, path, 401, headers={"Authorization": shown})["type"].endswith("key-missing")
    for shown in ("wt_wrong", world.nordwind.keys["ada"] + "x", "sk_" + "x" * 32, "wt_é"):
        wrong = {"Authorization": f"Bearer {shown}"}
        assert refused(stranger, path, 401, headers=wrong)["type"].endswith("key-invalid")
    with world.database.writing() as connection:
        for key in list_keys(connection, world.nordwind.id):
            revoke_key(connection, key.id, NOW)
    assert refused(world.client("ada"), path, 401)["type"].endswith("key-invalid")
    assert "invalid_token" in world.client("ada").get(path).headers["WWW-Authenticate"]


def test_a_key_opens_its_own_site_only(world: World) -> None:
    mine, theirs = world.client("ada"), world.client("ada", world.huadong)
    assert set(ids(theirs.get("/api/v1/leads"))) == {world.huadong.lead("li")}
    assert world.huadong.lead("li") not in ids(mine.get("/api/v1/leads"))
    assert {one["lead_id"] for one in theirs.get("/api/v1/changes").get_json()["data"]} == {world.huadong.lead("li")}
    for end in ("", "/timeline", "/explanation"):
        path = f"/api/v1/leads/{world.nordwind.lead('anna')}{end}"
        assert mine.get(path).status_code == 200
        assert refused(theirs, path, 404)["type"].endswith("not-found")
    for site in ("nordwind", str(world.nordwind.id)):
        assert mine.get(f"/api/v1/hot-leads?site={site}").status_code == 200
        assert refused(theirs, f"/api/v1/hot-leads?site={site}", 403)["type"].endswith("site-not-allowed")
    assert refused(mine, "/api/v1/hot-leads?site=nowhere", 403)


def test_the_hot_list_is_ranked_and_paged(world: World) -> None:
    client = world.client()
    ranked = [world.nordwind.lead(who) for who in ("anna", "cleo", "dan")]
    whole = client.get("/api/v1/hot-leads").get_json()
    assert [lead["id"] for lead in whole["data"]] == ranked
    assert whole["next_cursor"] is None
    scores = [lead["score"] for lead in whole["data"]]
    assert scores == sorted(scores, reverse=True)
    path, found = "/api/v1/hot-leads?limit=1", []
    while True:
        answer = client.get(path)
        found += ids(answer)
        cursor = answer.get_json()["next_cursor"]
        if cursor is None:
            break
        path = f"/api/v1/hot-leads?limit=1&cursor={cursor}"
    assert found == ranked


def test_min_score_lists_leads_whether_hot_or_not(world: World) -> None:
    client = world.client()
    hot = [world.nordwind.lead(who) for who in ("anna", "cleo", "dan")]
    everyone = client.get("/api/v1/hot-leads?min_score=0")
    assert ids(everyone) == [*hot, world.nordwind.lead("bo")] == ids(client.get("/api/v1/leads"))
    middle = everyone.get_json()["data"][1]["score"]
    assert ids(client.get(f"/api/v1/hot-leads?min_score={middle - 0.1}")) == hot[:2]
    assert ids(client.get("/api/v1/hot-leads?min_score=99.9")) == []


def test_lists_take_filters_and_a_search(world: World) -> None:
    client, anna = world.client(), world.nordwind.lead("anna")
    assert ids(client.get("/api/v1/leads?q=berg")) == [anna]
    assert ids(client.get("/api/v1/leads?q=anna@")) == [anna]
    assert ids(client.get("/api/v1/leads?q=nobody")) == []
    assert len(ids(client.get("/api/v1/hot-leads?topic=flow-meter&stage=decision&owner="))) == 3
    assert ids(client.get("/api/v1/hot-leads?topic=valves")) == []
    assert ids(client.get("/api/v1/hot-leads?owner=ben")) == []
    assert ids(client.get("/api/v1/hot-leads?grade=A")) == []


@pytest.mark.parametrize("path", ["/hot-leads", "/leads", "/leads/{lead_id}"])
def test_what_has_not_changed_is_not_sent_again(world: World, path: str) -> None:
    client = world.client()
    path = path_to(world, path)
    first = client.get(path)
    etag = first.headers["ETag"]
    assert etag.startswith('W/"')
    world.now += MINUTE
    known = {"If-None-Match": etag}
    again = client.get(path, headers=known)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert client.get(path, headers={"If-None-Match": f'"x", {etag}'}).status_code == 304
    assert client.get(path, headers={"If-None-Match": 'W/"other"'}).status_code == 200
    assert client.get(f"{path}?lang=zh", headers=known).status_code == 200
    world.feed([page("anna", "/products/valve", world.now)])
    assert client.get(path, headers=known).status_code == 200
    etag = client.get(path).headers["ETag"]
    world.now += 3 * DAY  # nothing happened, but the score has faded
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_changes_come_in_order_each_once_with_the_lead_as_it_is(world: World) -> None:
    client = world.client()
    whole = client.get("/api/v1/changes").get_json()
    told = [(one["kind"], one["lead_id"]) for one in whole["data"]]
    anna, cleo, dan = (world.nordwind.lead(who) for who in ("anna", "cleo", "dan"))
    assert told[:3] == [("identified", anna), ("entered", anna), ("stage", anna)]
    assert sorted(told[3:]) == sorted([(kind, lead) for kind in ("entered", "stage") for lead in (cleo, dan)])
    assert [told.index(("entered", lead)) + 1 for lead in (cleo, dan)] == [told.index(("stage", one)) for one in (cleo, dan)]
    numbers = [one["sequence"] for one in whole["data"]]
    assert numbers == sorted(set(numbers))
    assert whole["data"][0]["lead"]["name"] == "Anna Berg"
    assert whole["data"][1]["detail"]["score"] == whole["data"][1]["lead"]["score"]
    assert whole["data"][2]["detail"] == {"from": None, "to": whole["data"][2]["lead"]["stage"]}
    path, found = "/api/v1/changes?limit=1", []
    while (answer := client.get(path).get_json())["data"]:
        found += answer["data"]
        path = f"/api/v1/changes?limit=1&cursor={answer['next_cursor']}"
    assert [one["sequence"] for one in found] == numbers
    assert answer["next_cursor"] == whole["next_cursor"]
    world.feed([identify("cleo", NOW - MINUTE, name="Cleo")])
    new = client.get(f"/api/v1/changes?cursor={whole['next_cursor']}").get_json()
    assert [(one["kind"], one["lead"]["name"]) for one in new["data"]] == [("identified", "Cleo")]


def test_changes_can_be_read_from_now_on(world: World) -> None:
    client = world.client()
    start = client.get("/api/v1/changes?cursor=now&wait=25")
    assert start.get_json()["data"] == []
    world.feed([identify("dan", NOW - MINUTE, name="Dan")])
    new = client.get(f"/api/v1/changes?cursor={start.get_json()['next_cursor']}").get_json()
    assert [one["kind"] for one in new["data"]] == ["identified"]


def test_a_lead_that_is_gone_leaves_its_changes_behind(world: World) -> None:
    anna = world.nordwind.lead("anna")
    with world.database.writing() as connection:
        for table in (lead_scores, lead_visitors):
            connection.execute(delete(table).where(table.c.lead_id == anna))
        connection.execute(delete(leads).where(leads.c.id == anna))
    told = world.client().get("/api/v1/changes").get_json()["data"]
    assert [one["lead"] for one in told if one["lead_id"] == anna] == [None, None, None]


def test_a_cursor_of_another_time_or_place_is_refused_with_the_way_back(world: World, tmp_path: Any) -> None:
    client = world.client()
    cursor = client.get("/api/v1/changes").get_json()["next_cursor"]
    theirs = world.client("ada", world.huadong).get("/api/v1/changes").get_json()["next_cursor"]
    elsewhere = World(f"sqlite:///{tmp_path / 'elsewhere.db'}", made_at=NOW - 99 * DAY)
    there = elsewhere.client().get("/api/v1/changes").get_json()["next_cursor"]
    for wrong in (theirs, there):
        assert "cursor=now" in refused(client, f"/api/v1/changes?cursor={wrong}", 410)["detail"]
    with world.database.writing() as connection:  # as after a backup from before
        connection.execute(delete(lead_changes))
        connection.exec_driver_sql("UPDATE feed SET last_sequence = 1")
    assert "cursor=now" in refused(client, f"/api/v1/changes?cursor={cursor}", 410)["detail"]
    assert client.get("/api/v1/changes?cursor=now").status_code == 200


def test_a_page_cursor_of_another_scorecard_is_refused(world: World) -> None:
    cursor = write_cursor(LeadCursor(99, 1e9, world.nordwind.lead("anna")))
    assert refused(world.client(), f"/api/v1/hot-leads?cursor={cursor}", 410)["type"].endswith("cursor-expired")


@pytest.mark.parametrize("path", ["/hot-leads", "/changes", "/leads/{lead_id}/timeline"])
def test_what_is_no_cursor_of_the_list_is_refused(world: World, path: str) -> None:
    client = world.client()
    path = path_to(world, path)
    foreign = client.get("/api/v1/changes").get_json()["next_cursor"]
    wrong = ["", "x", "????", "é", "AAAA", "now2", write_cursor(LeadCursor(1, float("nan"), "ld_x"))]
    wrong += [] if path.endswith("changes") else [foreign, "now"]
    for cursor in wrong:
        problem = refused(client, path, 400, query_string={"cursor": cursor})
        assert [error["parameter"] for error in problem["errors"]] == ["cursor"]


def asked_to_wait(client: FlaskClient, path: str) -> tuple[Any, Any]:
    """The answer, and for how long the view asks to be asked again."""
    environ = EnvironBuilder(path, headers={"Authorization": client.environ_base["HTTP_AUTHORIZATION"]}).get_environ()
    with client.application.request_context(environ):
        answer = client.application.full_dispatch_request()
    return answer, environ.get(WAIT_ENVIRON)


def test_a_poll_waits_only_while_there_is_nothing(world: World) -> None:
    client = world.client()
    assert asked_to_wait(client, "/api/v1/changes?wait=25")[1] is None
    cursor = client.get("/api/v1/changes").get_json()["next_cursor"]
    path = f"/api/v1/changes?cursor={cursor}"
    assert asked_to_wait(client, path)[1] is None
    answer, seconds = asked_to_wait(client, f"{path}&wait=25")
    assert (answer.get_json(), seconds) == ({"data": [], "next_cursor": cursor}, 25)
    world.feed([identify("dan", NOW - MINUTE, name="Dan")])
    answer, seconds = asked_to_wait(client, f"{path}&wait=25")
    assert ([one["kind"] for one in answer.get_json()["data"]], seconds) == (["identified"], None)


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("limit=0", ["limit"]),
        ("limit=201", ["limit"]),
        ("limit=ten", ["limit"]),
        ("limit=5&limit=6", ["limit"]),
        ("min_score=-1", ["min_score"]),
        ("min_score=100", ["min_score"]),
        ("min_score=nan", ["min_score"]),
        ("stage=buying", ["stage"]),
        ("grade=E", ["grade"]),
        ("lang=fr", ["lang"]),
        ("topic=%00", ["topic"]),
        (f"owner={'x' * 201}", ["owner"]),
        ("page=2", ["page"]),
        ("limit=0&colour=red&stage=", ["limit", "colour", "stage"]),
    ],
)
def test_every_wrong_parameter_is_named(sqlite_url: str, query: str, parameters: list[str]) -> None:
    problem = refused(World(sqlite_url).client(), f"/api/v1/hot-leads?{query}", 400)
    assert [error["parameter"] for error in problem["errors"]] == parameters
    assert all(error["detail"] for error in problem["errors"])


def test_texts_are_in_the_language_asked_for(world: World) -> None:
    def first_reason(client: FlaskClient, path: str, accept: str | None = None) -> str:
        headers = {"Accept-Language": accept} if accept else {}
        return str(client.get(path, headers=headers).get_json()["data"][0]["reasons"][0]["text"])

    english, chinese = "Asked for a quote, demo or meeting, 1 hour ago", "请求报价、演示或会面，1 小时前"
    mine, theirs = world.client(), world.client("ada", world.huadong)
    assert first_reason(mine, "/api/v1/hot-leads") == english
    assert first_reason(theirs, "/api/v1/hot-leads") == chinese
    assert first_reason(theirs, "/api/v1/hot-leads", "*") == chinese
    assert first_reason(theirs, "/api/v1/hot-leads", "fr") == chinese
    assert first_reason(theirs, "/api/v1/hot-leads", "en-GB,en;q=0.9") == english
    assert first_reason(mine, "/api/v1/hot-leads", "zh-CN,zh;q=0.9,en;q=0.1") == chinese
    assert first_reason(mine, "/api/v1/hot-leads?lang=en", "zh-CN") == english


def test_unknown_addresses_leads_and_methods_are_refused_as_problems(world: World) -> None:
    client = world.client()
    for path in ("", "/", "/nothing", "/leads/x/y/z", "/leads/", "/hot-leads/"):
        refused(client, f"/api/v1{path}", 404)
    for lead in ("x", "ld_aaaaaaaaaaaaaaaa", "%00", "ld_%FF", "é"):
        refused(client, f"/api/v1/leads/{lead}", 404)
    for path in ("/v1/hot-leads", "/v1/openapi.json", "/docs"):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            answer = client.open(f"/api{path}", method=method)
            assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
            assert answer.content_type == "application/problem+json"
        head, whole = client.head(f"/api{path}"), client.get(f"/api{path}")
        assert (head.status_code, head.data) == (200, b"")
        assert head.headers["Content-Length"] == str(len(whole.data))


def test_answers_about_people_are_kept_by_nobody_in_between(world: World) -> None:
    client = world.client("chen")
    for route in READING:
        answer = client.get(path_to(world, route.path))
        expected = "private, no-cache" if route.conditional else "no-store"
        assert answer.headers["Cache-Control"] == expected
        assert "Authorization" in answer.headers["Vary"]


def test_a_database_that_is_away_is_told_as_such(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(sqlite_url)

    def away() -> None:
        raise OperationalError("BEGIN", {}, Exception("connection refused"))

    monkeypatch.setattr(world.database, "reading", away)
    answer = world.client().get("/api/v1/hot-leads")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.get_json()["type"].endswith("unavailable")


def test_our_own_faults_are_told_without_their_details(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.client()
    monkeypatch.setattr("scorer.outlets.api.load_sites", lambda connection: {})
    assert "log" in refused(client, "/api/v1/hot-leads", 500)["detail"]


def test_who_only_withdraws_a_consent_is_a_lead_without_visits_and_points(world: World) -> None:
    world.feed([track("ida", "Consent Withdrawn", NOW - MINUTE), *passer_by("joe")])
    world.feed([track("joe", "Consent Withdrawn", NOW - MINUTE)])
    client = world.client()
    shown = {
        lead["id"]: (lead["score"], lead["visits"], lead["page_views"], lead["frequency"]["visits_7d"])
        for lead in (client.get(f"/api/v1/leads/{world.nordwind.lead(who)}").json for who in ("ida", "joe"))
        if lead is not None
    }
    ida, joe = shown[world.nordwind.lead("ida")], shown[world.nordwind.lead("joe")]
    assert ida == (0, 0, 0, 0)
    assert joe[1:] == (1, 1, 1)
    for who, visits in (("ida", 0), ("joe", 1)):
        timeline = client.get(f"/api/v1/leads/{world.nordwind.lead(who)}/timeline").json
        assert timeline is not None
        assert len(timeline["data"]) == visits
        explained = client.get(f"/api/v1/leads/{world.nordwind.lead(who)}/explanation").json
        assert explained is not None


def test_the_timeline_and_the_explanation_are_served(world: World) -> None:
    client, anna = world.client(), world.nordwind.lead("anna")
    first = client.get(f"/api/v1/leads/{anna}/timeline?limit=1").get_json()
    assert [visit["number"] for visit in first["data"]] == [0]  # what was told away from the site
    second = client.get(f"/api/v1/leads/{anna}/timeline?limit=1&cursor={first['next_cursor']}").get_json()
    assert [visit["number"] for visit in second["data"]] == [2]
    third = client.get(f"/api/v1/leads/{anna}/timeline?limit=1&cursor={second['next_cursor']}").get_json()
    assert ([visit["number"] for visit in third["data"]], third["next_cursor"]) == ([1], None)
    told = client.get(f"/api/v1/leads/{anna}/explanation").get_json()
    lead = client.get(f"/api/v1/leads/{anna}").get_json()
    assert (told["lead"], round(told["score"], 1), told["as_of"]) == (anna, lead["score"], lead["as_of"])
    assert sum(one["decayed_points"] for one in told["contributions"]) == pytest.approx(told["points"], rel=1e-9)
    assert told["contributions"][-1]["at"] <= "2026-11-19T08:38:00.000Z"
