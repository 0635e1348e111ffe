"""Digests over the API: subscribed to, listed with what became of them, looked at, removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import insert

from scorer.auditing import read_log
from scorer.core.segment_reading import parse
from scorer.outlet_models import digest_mails
from scorer.segments import add_segment, find_segment, remove_segment
from tests.factories import DAY, NOW, World, buyer


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    made = World(migrated_sqlite_url)
    made.feed(buyer("ada", name="Ada Halden", email="ada@halden.example"))
    yield made
    made.database.close()


def add(world: World, **body: Any) -> dict[str, Any]:
    answer = world.client("chen").post("/api/v1/digests", json={"email": "Ben@Nordwind.example", **body})
    assert answer.status_code == 200, answer.get_json()
    made: dict[str, Any] = answer.get_json()
    return made


def test_added_listed_and_removed(world: World) -> None:
    made = add(world, name="Ben", time_zone="Asia/Kolkata", weekday=4, hour=17, language="zh")
    assert made == {
        "id": made["id"],
        "email": "ben@nordwind.example",
        "name": "Ben",
        "segment": None,
        "language": "zh",
        "time_zone": "Asia/Kolkata",
        "weekday": 4,
        "hour": 17,
        "created_at": "2026-11-19T10:30:00.000Z",
        "next_at": "2026-11-20T11:30:00.000Z",
        "unsubscribed_at": None,
        "last_mail": None,
    }
    client = world.client("chen")
    assert client.get("/api/v1/digests").get_json() == {"data": [made], "next_cursor": None}
    gone = client.post(f"/api/v1/digests/{made['id']}/remove")
    assert gone.get_json() == {"id": made["id"]}
    assert client.get("/api/v1/digests").get_json()["data"] == []
    assert client.post(f"/api/v1/digests/{made['id']}/remove").status_code == 404
    with world.database.reading() as connection:
        log = read_log(connection, world.nordwind.id, made["id"])
    assert [(one.action, one.detail["email"]) for one in log] == [
        ("digest remove", "ben@nordwind.example"),
        ("digest add", "ben@nordwind.example"),
    ]
    assert log[0].actor.startswith("key_")


def test_what_became_of_the_last_mail_is_told(world: World) -> None:
    made = add(world)
    with world.database.writing() as connection:
        for period, state, at in (("2026-11-02", "sent", NOW), ("2026-11-09", "claimed", NOW - DAY)):
            row = {"digest_id": made["id"], "period": period, "state": state, "at": at, "message_id": "<x>"}
            row |= {"reason": "", "detail": ""}
            connection.execute(insert(digest_mails).values(row))
    [one] = world.client("chen").get("/api/v1/digests").get_json()["data"]
    last = one["last_mail"]
    assert (last["week"], last["state"], last["unknown"], last["detail"]) == ("2026-11-09", "claimed", True, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, "email"),
        ({"segment": "none"}, "segment"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"language": "de"}, "language"),
        ({"weekday": 7}, "weekday"),
        ({"hour": 24}, "hour"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(world: World, body: dict[str, Any], field: str) -> None:
    answer = world.client("chen").post("/api/v1/digests", json={"email": "ben@nordwind.example", **body})
    assert answer.status_code == 400
    assert [one["parameter"] for one in answer.get_json()["errors"]] == [field]


def test_the_same_twice_is_refused_in_the_language_asked_for(world: World) -> None:
    add(world)
    answer = world.client("chen").post("/api/v1/digests?lang=zh", json={"email": "ben@nordwind.example"})
    assert answer.status_code == 400
    assert "已订阅" in answer.get_json()["detail"]


def test_a_preview_is_the_mail_and_sends_nothing(world: World) -> None:
    made = add(world)
    world.now = NOW + 5 * DAY
    path = f"/api/v1/digests/{made['id']}/preview"
    found = world.client("chen").get(path).get_json()
    assert (found["week"], found["is_empty"]) == ("2026-11-16", False)
    assert found["subject"] == "1 new hot lead · nordwind, 16–22 November 2026"
    assert "Ada Halden" in found["text"]
    assert "Ada Halden" in found["html"]
    earlier = world.client("chen").get(f"{path}?week=2026-11-09").get_json()
    assert (earlier["week"], earlier["is_empty"]) == ("2026-11-09", True)
    for week in ("2026-11-17", "2026-11-23", "2026-13-41", "x"):
        assert world.client("chen").get(f"{path}?week={week}").status_code == 400


def test_a_preview_of_a_segment_that_is_gone_is_not_one_of_all_leads(world: World) -> None:
    with world.database.writing() as connection:
        add_segment(connection, world.nordwind.id, "Water", parse({"field": "industry", "is": "Water"}), NOW)
    made = add(world, segment="Water")
    with world.database.writing() as connection:
        saved = find_segment(connection, world.nordwind.id, "Water")
        assert saved is not None
        remove_segment(connection, saved)
    answer = world.client("chen").get(f"/api/v1/digests/{made['id']}/preview")
    assert answer.status_code == 409
    assert "'Water'" in answer.get_json()["detail"]


def test_only_admins_of_the_site_may(world: World) -> None:
    made = add(world)
    for method, path in (("get", ""), ("post", ""), ("get", f"/{made['id']}/preview"), ("post", f"/{made['id']}/remove")):
        for who in ("ada", "ben"):
            assert getattr(world.client(who), method)(f"/api/v1/digests{path}").status_code == 403
    theirs = world.client("chen", world.huadong)
    assert theirs.get("/api/v1/digests").get_json()["data"] == []
    assert theirs.post(f"/api/v1/digests/{made['id']}/remove").status_code == 404
    assert theirs.get(f"/api/v1/digests/{made['id']}/preview").status_code == 404
