"""Scorecards over the API: list, look, simulate, publish, go back; and the log of who did it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from scorer.audit_checking import head_of
from scorer.core.scorecard import parse
from scorer.outlets import scorecard_answers
from scorer.rescoring import fill
from tests.factories import World, buyer, passer_by
from tracker.db import Database

WHY = {"why": "too many calls"}


@pytest.fixture
def world(database_url: str) -> World:
    world = World(database_url)
    world.feed([*buyer("anna", name="Anna Berg", email="anna@halden.test"), *buyer("cleo"), *passer_by("bo")])
    return world


@pytest.fixture
def shipped(world: World) -> dict[str, Any]:
    """The shipped scorecard, as the API gives it."""
    body: dict[str, Any] = world.client().get("/api/v1/scorecards/1").get_json()["body"]
    return body


def stricter(card: dict[str, Any]) -> dict[str, Any]:
    return card | {"name": {"en": "Strict", "zh": "严格"}, "hot": {"enter": 5000}}


def post(client: FlaskClient, path: str, body: dict[str, Any], status: int = 200, **headers: str) -> Any:
    answer = client.post(f"/api/v1{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()


def states(world: World) -> list[tuple[int, str]]:
    return [(one["number"], one["state"]) for one in world.client().get("/api/v1/scorecards").get_json()["data"]]


def test_what_the_api_gives_can_be_published_again(world: World, shipped: dict[str, Any]) -> None:
    parse(shipped)
    said = post(world.client("chen"), "/scorecards/simulate", {"scorecard": shipped})
    assert (said["simulation"]["entering"], said["simulation"]["leaving"], said["simulation"]["leads"]) == (0, 0, 3)
    assert said["hot"]["enter"] == shipped["hot"]["enter"]


def test_simulating_says_who_leaves_and_writes_nothing(world: World, shipped: dict[str, Any]) -> None:
    said = post(world.client("chen"), "/scorecards/simulate", {"scorecard": stricter(shipped), "listed": 1, "days": 7})
    assert said["simulation"]["leaving"] == 2
    assert len(said["simulation"]["leaves"]) == 1
    assert states(world) == [(1, "current")]
    assert world.client("chen").get("/api/v1/audit?subject=scorecard 2").get_json()["data"] == []


def test_a_card_is_published_filled_and_taken_back(world: World, shipped: dict[str, Any]) -> None:
    chen = world.client("chen")
    made = post(chen, "/scorecards/publish", {"scorecard": stricter(shipped), "by": "chen@nordwind.example", **WHY})
    assert (made["number"], made["state"], made["name"]["zh"], made["published_at"]) == (2, "filling", "严格", None)
    assert (made["scored"], made["leads"]) == (0, 3)
    assert states(world) == [(2, "filling"), (1, "current")]
    assert fill(world.database, lambda: world.now)
    assert states(world) == [(2, "current"), (1, "past")]
    assert world.client().get("/api/v1/hot-leads").get_json()["data"] == []
    back = post(chen, "/scorecards/rollback", WHY)
    assert (back["number"], back["state"]) == (1, "filling")
    fill(world.database, lambda: world.now)
    assert states(world) == [(2, "past"), (1, "current")]
    assert len(world.client().get("/api/v1/hot-leads").get_json()["data"]) == 2
    again = post(chen, "/scorecards/rollback", WHY | {"number": 2})
    assert again["number"] == 2


def test_published_twice_with_one_key_it_is_there_once(world: World, shipped: dict[str, Any]) -> None:
    body = {"scorecard": stricter(shipped), **WHY}
    answers = [post(world.client("chen"), "/scorecards/publish", body, **{"Idempotency-Key": "p-1"}) for _ in range(2)]
    assert answers[0] == answers[1]
    assert states(world) == [(2, "filling"), (1, "current")]


def test_the_threshold_for_a_capacity_is_looked_for_before_anything_is_locked(
    world: World, shipped: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    writing: list[bool] = []
    real = Database.writing

    def noted(self: Database) -> Any:
        writing.append(True)
        return real(self)

    looked = scorecard_answers.proposal

    def looking(*arguments: Any, **options: Any) -> Any:
        assert writing == []
        return looked(*arguments, **options)

    monkeypatch.setattr(Database, "writing", noted)
    monkeypatch.setattr(scorecard_answers, "proposal", looking)
    post(world.client("chen"), "/scorecards/publish", {"scorecard": shipped | {"hot": {"enter": 50, "per_week": 1}}, **WHY})
    assert writing


REFUSED: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "no card": ("simulate", {"scorecard": {}}, 400, "scorecard"),
    "rules that are wrong": (
        "publish",
        {"scorecard": {"format": 1, "rules": [{"id": "X"}]}, **WHY},
        400,
        "scorecard.rules[0]",
    ),
    "no reason": ("publish", {"scorecard": {}}, 400, "why"),
    "an empty reason": ("rollback", {"why": "  "}, 400, "why"),
    "days out of range": ("simulate", {"scorecard": {}, "days": 0}, 400, "days"),
    "something unknown": ("rollback", {**WHY, "force": True}, 400, "force"),
    "nothing before": ("rollback", WHY, 409, ""),
    "a number that never was": ("rollback", {**WHY, "number": 7}, 409, ""),
}


@pytest.mark.parametrize(("path", "body", "status", "named"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused(world: World, path: str, body: dict[str, Any], status: int, named: str) -> None:
    problem = post(world.client("chen"), f"/scorecards/{path}", body, status)
    assert any(one["parameter"].startswith(named) for one in problem.get("errors", [])) is bool(named)
    assert states(world) == [(1, "current")]


def test_a_site_too_large_for_waiting_is_sent_to_the_command_line(
    world: World, shipped: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorecard_answers, "LEADS_AT_MOST", 2)
    chen = world.client("chen")
    assert "3 leads" in post(chen, "/scorecards/simulate", {"scorecard": shipped}, 409)["detail"]
    weekly = shipped | {"hot": {"enter": 50, "per_week": 1}}
    assert "3 leads" in post(chen, "/scorecards/publish", {"scorecard": weekly, **WHY}, 409)["detail"]
    post(chen, "/scorecards/publish", {"scorecard": shipped, **WHY})  # needs no looking


@pytest.mark.parametrize("who", ["ada", "ben"])
def test_only_administrators_change_scorecards(world: World, shipped: dict[str, Any], who: str) -> None:
    client = world.client(who)
    for path, body in (("simulate", {"scorecard": shipped}), ("publish", {"scorecard": shipped, **WHY}), ("rollback", WHY)):
        assert post(client, f"/scorecards/{path}", body, 403)["type"].endswith("scope-missing")
    assert client.get("/api/v1/audit").status_code == 403
    assert client.get("/api/v1/scorecards").status_code == 200


@pytest.mark.parametrize("number", ["0", "2", "x", "-1", "1.0", "１", "99999999999"])
def test_a_scorecard_that_is_not_there_is_not_found(world: World, number: str) -> None:
    assert world.client().get(f"/api/v1/scorecards/{number}").status_code == 404


def test_deep_bodies_are_refused_and_not_the_end(world: World) -> None:
    deep = b'{"why": "x", "scorecard": {"a": ' + b"[" * 20_000
    answer = world.client("chen").post("/api/v1/scorecards/publish", data=deep, content_type="application/json")
    assert answer.status_code == 400
    assert answer.get_json()["type"].endswith("body-invalid")


def test_the_log_tells_who_did_what_page_by_page(world: World, shipped: dict[str, Any]) -> None:
    chen = world.client("chen")
    for number in range(3):
        why = {"why": f"reason {number}", "by": "chen@nordwind.example"}
        post(chen, "/scorecards/publish", {"scorecard": shipped, **why})
    path, found = "/api/v1/audit?limit=2", []
    while path:
        page = chen.get(path).get_json()
        found += page["data"]
        path = f"/api/v1/audit?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    ours = [one for one in found if one["action"] == "publish"]
    assert [one["id"] for one in found] == sorted({one["id"] for one in found}, reverse=True)
    assert [one["why"] for one in ours] == ["reason 2", "reason 1", "reason 0"]
    assert {one["actor"] for one in ours} == {"chen@nordwind.example"}
    assert found[0]["detail"] == {"before": 1}
    assert [one["number"] for one in found] == list(range(len(found), 0, -1))
    assert {(len(one["chain"]), one["emptied"]) for one in found} == {(64, False)}
    with world.database.reading() as connection:
        assert found[0]["chain"] == head_of(connection, world.nordwind.id).chain.hex()
    (only,) = chen.get("/api/v1/audit?subject=scorecard 3").get_json()["data"]
    assert only["subject"] == "scorecard 3"
    theirs = world.client("chen", world.huadong).get("/api/v1/audit?subject=scorecard 3")
    assert theirs.get_json()["data"] == []


def test_a_card_comes_back_as_it_went_in(world: World, shipped: dict[str, Any]) -> None:
    card = stricter(shipped)
    card["rules"][0]["label"] = {"en": "NUL \u0000, a tab \t and 😀", "zh": ""}
    post(world.client("chen"), "/scorecards/publish", {"scorecard": card, **WHY})
    kept = world.client().get("/api/v1/scorecards/2").get_json()["body"]
    assert kept == json.loads(json.dumps(card))
