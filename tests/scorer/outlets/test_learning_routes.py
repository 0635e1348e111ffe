"""Trainings and proposals over the API: read by everybody, asked for and decided on by administrators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from scorer import trainings
from scorer.rescoring import fill
from tests.factories import World, buyer
from tests.proposal_samples import hollow, much, nothing, propose
from tracker.queue import connect

WHY = {"why": "it ranks better"}


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.database.close()


@pytest.fixture
def queue(redis_url: str) -> Iterator[redis.Redis]:
    client = connect(redis_url)
    yield client
    client.close()


def get(world: World, path: str, who: str = "ada") -> Any:
    return world.client(who).get(f"/api/v1/scorecards{path}").get_json()


def test_what_was_proposed_is_told_with_all_that_it_rests_on(world: World) -> None:
    number = propose(world)
    (listed,) = get(world, "/proposals")["data"]
    detail = get(world, f"/proposals/{number}")
    assert detail["proposal"] == listed
    assert detail["body"]["name"]["en"] == "Learned"
    assert (listed["number"], listed["state"], listed["verdict"]) == (2, "proposed", "better")
    assert listed["trained_at"] == listed["created_at"] == "2026-11-19T10:30:00.000Z"
    assert listed["judgement"]["origins"][-1] == "2026-10-20T10:30:00.000Z"
    assert listed["judgement"]["by_time"][0]["auc"]["value"] == 0.834
    assert listed["calibration"]["made_at"] == "2026-11-19T10:30:00.000Z"
    assert listed["shadow"] is None


@pytest.mark.parametrize("learned", [nothing(), hollow()], ids=["nothing", "hollow"])
def test_a_proposal_of_which_little_is_known_is_told_by_nulls(world: World, learned: Any) -> None:
    number = propose(world, learned)
    told = get(world, f"/proposals/{number}")["proposal"]
    assert (told["calibration"], told["weights"]) == (None, [])
    assert told["verdict"] == "advice"


@pytest.mark.parametrize("number", ["1", "3", "x", "0", "１", "99999999999"])
def test_what_is_no_proposal_is_not_found(world: World, number: str) -> None:
    propose(world)
    assert world.client().get(f"/api/v1/scorecards/proposals/{number}").status_code == 404
    answer = world.client("chen").post(f"/api/v1/scorecards/proposals/{number}/refuse", json=WHY)
    assert answer.status_code == 404
    assert world.client("chen", world.huadong).get("/api/v1/scorecards/proposals/2").status_code == 404


def test_a_proposal_is_promoted_once_and_becomes_the_current_card(world: World) -> None:
    world.feed(buyer("anna"))
    number, chen = propose(world), world.client("chen")
    path = f"/api/v1/scorecards/proposals/{number}"
    answers = [chen.post(f"{path}/promote", json=WHY, headers={"Idempotency-Key": "p"}) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].get_json() == answers[1].get_json()
    assert (answers[0].get_json()["number"], answers[0].get_json()["state"]) == (number, "filling")
    fill(world.database, lambda: world.now)
    assert get(world, "")["data"][0]["state"] == "current"
    assert get(world, f"/proposals/{number}")["proposal"]["state"] == "published"
    for verb in ("promote", "refuse"):
        again = chen.post(f"{path}/{verb}", json=WHY)
        assert (again.status_code, again.get_json()["type"].rpartition("#")[2]) == (409, "problem-not-possible")
    (entry,) = chen.get(f"/api/v1/audit?subject=scorecard {number}").get_json()["data"][:1]
    assert (entry["action"], entry["why"]) == ("publish", WHY["why"])


def test_a_proposal_that_isnt_taken_stays_readable(world: World) -> None:
    number, chen = propose(world, much("no_better")), world.client("chen")
    answer = chen.post(f"/api/v1/scorecards/proposals/{number}/refuse", json=WHY)
    assert answer.get_json() == {"number": number, "state": "refused"}
    assert get(world, f"/proposals/{number}")["proposal"]["state"] == "refused"


@pytest.mark.parametrize("who", ["ada", "ben"])
def test_only_administrators_train_and_decide(world: World, who: str) -> None:
    number, client = propose(world), world.client(who)
    for path, body in (("train", {}), (f"proposals/{number}/promote", WHY), (f"proposals/{number}/refuse", WHY)):
        assert client.post(f"/api/v1/scorecards/{path}", json=body).status_code == 403
    assert get(world, f"/proposals/{number}", who)["proposal"]["state"] == "proposed"
    assert world.client("chen").post(f"/api/v1/scorecards/proposals/{number}/refuse", json={}).status_code == 400


def test_a_training_is_asked_for_and_told_of(world: World, queue: redis.Redis) -> None:
    assert get(world, "/training") == {"training": None}
    chen = world.client("chen", queue=queue)
    answer = chen.post("/api/v1/scorecards/train", json={"by": "chen@example.com"})
    told = answer.get_json()
    assert (answer.status_code, told["state"], told["by"], told["done"]) == (202, "waiting", "chen@example.com", 0)
    assert get(world, "/training") == {"training": told}
    assert chen.post("/api/v1/scorecards/train", json={}).status_code == 409
    with world.database.writing() as connection:
        trainings.fail(connection, told["id"], trainings.NOTHING_TO_LEARN)
    zh = world.client().get("/api/v1/scorecards/training?lang=zh").get_json()["training"]
    assert (zh["state"], zh["trouble"]) == ("failed", trainings.NOTHING_TO_LEARN.zh)


def test_without_the_extra_it_is_said_which_one_is_missing(
    world: World, queue: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainings, "has_extra", lambda: False)
    answer = world.client("chen", queue=queue).post("/api/v1/scorecards/train", json={})
    assert (answer.status_code, "warmtrail[learn]" in answer.get_json()["detail"]) == (409, True)


def test_without_a_queue_nothing_is_asked_for(world: World) -> None:
    answer = world.client("chen").post("/api/v1/scorecards/train", json={})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert get(world, "/training") == {"training": None}
