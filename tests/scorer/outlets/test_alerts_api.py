"""Alerts over the API: subscribed to, listed, changed, removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from scorer.auditing import read_log
from tests.factories import World


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    made = World(migrated_sqlite_url)
    yield made
    made.database.close()


def add(world: World, **body: Any) -> dict[str, Any]:
    answer = world.client("chen").post("/api/v1/alerts", json={"email": "Ben@Nordwind.example", **body})
    assert answer.status_code == 200, answer.get_json()
    made: dict[str, Any] = answer.get_json()
    return made


def test_added_changed_listed_and_removed(world: World) -> None:
    made = add(world, time_zone="Asia/Kolkata", quiet="19:00-8:00", max_per_day=3, language="zh")
    assert made == {
        "id": made["id"],
        "email": "ben@nordwind.example",
        "segment": None,
        "language": "zh",
        "time_zone": "Asia/Kolkata",
        "quiet": "19:00-08:00",
        "max_per_day": 3,
        "created_at": "2026-11-19T10:30:00.000Z",
        "unsubscribed_at": None,
    }
    client = world.client("chen")
    changed = client.post(f"/api/v1/alerts/{made['id']}/change", json={"quiet": "", "max_per_day": 5}).get_json()
    assert changed == made | {"quiet": None, "max_per_day": 5}
    assert client.post(f"/api/v1/alerts/{made['id']}/change", json={}).get_json() == changed
    assert client.get("/api/v1/alerts").get_json() == {"data": [changed], "next_cursor": None}
    assert client.post(f"/api/v1/alerts/{made['id']}/remove").get_json() == {"id": made["id"]}
    assert client.get("/api/v1/alerts").get_json()["data"] == []
    for verb in ("remove", "change"):
        assert client.post(f"/api/v1/alerts/{made['id']}/{verb}", json={}).status_code == 404
    with world.database.reading() as connection:
        log = read_log(connection, world.nordwind.id, made["id"])
    assert [one.action for one in log] == ["alert remove", "alert change", "alert add"]
    assert log[1].detail["max_per_day"] == {"from": 3, "to": 5}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"segment": "none"}, "segment"),
    ({"time_zone": "Mars/Olympus"}, "time_zone"),
    ({"language": "de"}, "language"),
    ({"quiet": "late"}, "quiet"),
    ({"quiet": "08:00-08:00"}, "quiet"),
    ({"max_per_day": 0}, "max_per_day"),
    ({"max_per_day": 101}, "max_per_day"),
    ({"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("body", "field"), [*WRONG, ({"email": "nobody"}, "email")])
def test_what_makes_no_sense_is_refused_by_name(world: World, body: dict[str, Any], field: str) -> None:
    answer = world.client("chen").post("/api/v1/alerts", json={"email": "ben@nordwind.example", **body})
    assert answer.status_code == 400
    assert [one["parameter"] for one in answer.get_json()["errors"]] == [field]


@pytest.mark.parametrize(("body", "field"), [*WRONG, ({"email": "ada@nordwind.example"}, "email")])
def test_neither_is_it_changed_to(world: World, body: dict[str, Any], field: str) -> None:
    made = add(world)
    answer = world.client("chen").post(f"/api/v1/alerts/{made['id']}/change", json=body)
    assert answer.status_code == 400
    assert [one["parameter"] for one in answer.get_json()["errors"]] == [field]
    assert world.client("chen").get("/api/v1/alerts").get_json()["data"] == [made]


def test_the_same_twice_is_refused_in_the_language_asked_for(world: World) -> None:
    add(world)
    answer = world.client("chen").post("/api/v1/alerts?lang=zh", json={"email": "ben@nordwind.example"})
    assert answer.status_code == 400
    assert "已订阅" in answer.get_json()["detail"]


def test_only_admins_of_the_site_may(world: World) -> None:
    made = add(world)
    asked = (("get", ""), ("post", ""), ("post", f"/{made['id']}/change"), ("post", f"/{made['id']}/remove"))
    for method, path in asked:
        for who in ("ada", "ben"):
            assert getattr(world.client(who), method)(f"/api/v1/alerts{path}").status_code == 403
    theirs = world.client("chen", world.huadong)
    assert theirs.get("/api/v1/alerts").get_json()["data"] == []
    for verb in ("remove", "change"):
        assert theirs.post(f"/api/v1/alerts/{made['id']}/{verb}", json={}).status_code == 404
