"""Outcomes from a CRM, over the API, on both databases: whose they are, in what order, and each once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from scorer.by_hand import merge
from scorer.crm_in import take_outcomes
from scorer.models import lead_changes, leads, outcomes
from tests.factories import DAY, HOUR, NOW, World, buyer, identify, page
from tracker.sites import load_sites

URL = "/api/v1/crm/outcomes"


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url)
    world.feed([*buyer("anna", name="Anna Berg", email="anna@halden.test"), page("bo", "/", NOW - DAY)])
    world.feed([identify("bo", NOW - DAY, name="Bo") | {"userId": "crm-7"}, page("cleo", "/", NOW - DAY)])
    world.feed([page("lead:info@x.test", "/", NOW - DAY) | {"userId": "info@x.test"}])
    yield world
    world.database.close()


def when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


def send(world: World, *rows: Any, who: str = "ben") -> Any:
    answer = world.client(who).post(URL, json=list(rows))
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()


def state(world: World, who: str) -> tuple[Any, ...]:
    with world.database.reading() as connection:
        row = connection.execute(select(leads).where(leads.c.id == world.nordwind.lead(who))).one()
        said = connection.execute(select(outcomes.c.kind, outcomes.c.at).where(outcomes.c.lead_id == row.id).order_by("at"))
        return row.status, [tuple(one) for one in said]


def test_a_deal_is_the_lead_s_by_its_id_or_the_user_s_or_the_address(world: World) -> None:
    anna, bo, cleo = (world.nordwind.lead(who) for who in ("anna", "bo", "cleo"))
    stranger = world.huadong.lead("anna")
    told = send(
        world,
        {"lead": cleo, "email": "anna@halden.test", "outcome": "contacted", "id": 1},
        {"lead": stranger, "email": "Anna@halden.test", "outcome": "won", "value": 900, "currency": "EUR", "id": 2},
        {"user_id": "crm-7", "outcome": "lost", "reason": "Price", "id": 3},
        {"email": "info@x.test", "outcome": "junk", "id": 4},
        {"email": "nobody@x.test", "outcome": "won", "id": 5},
        {"lead": stranger, "outcome": "won", "id": 6},
        {"email": "anna@halden.test", "outcome": "qualified"},
        7,
    )
    assert told["recorded"] == [cleo, anna, bo, world.nordwind.lead("lead:info@x.test")]
    assert (told["duplicate"], told["ignored"]) == (0, 1)
    assert [(one["index"], one["reason"]) for one in told["rejected"]] == [
        (4, "lead_unknown"),
        (5, "lead_unknown"),
        (7, "not_an_object"),
    ]
    assert [state(world, who)[0] for who in ("cleo", "anna", "bo")] == ["contacted", "won", "lost"]
    assert state(world, "lead:info@x.test")[0] == "junk"
    with world.database.reading() as connection:
        news = connection.execute(select(lead_changes.c.lead_id, lead_changes.c.kind)).all()
        assert {row.lead_id for row in news if row.kind == "outcome"} >= {cleo, anna, bo}


def test_the_same_delivery_again_changes_nothing(world: World) -> None:
    rows = [
        {"email": "anna@halden.test", "outcome": "won", "value": 900, "id": "deal-1"},
        {"email": "anna@halden.test", "outcome": "won", "value": 900},
        {"email": "anna@halden.test", "outcome": "won", "value": 900},
    ]
    assert (first := send(world, *rows))["recorded"] == [world.nordwind.lead("anna")] * 2
    assert first["duplicate"] == 1
    before = state(world, "anna")
    world.now = NOW + HOUR
    again = send(world, *rows, {"email": "anna@halden.test", "outcome": "lost", "id": "deal-1"})
    assert (again["recorded"], again["duplicate"]) == ([], 4)
    assert state(world, "anna") == before
    with world.database.writing() as connection:  # Also where the lead has become part of another meanwhile.
        site = load_sites(connection)[world.nordwind.id]
        anna, cleo = world.nordwind.lead("anna"), world.nordwind.lead("cleo")
        merge(connection, site, cleo, anna, "ada", "one person", world.now)
    assert send(world, *rows)["duplicate"] == 3


def test_what_comes_late_is_put_where_it_belongs_in_time(world: World) -> None:
    send(world, {"email": "anna@halden.test", "outcome": "won", "value": 9, "at": when(NOW - HOUR), "id": 2})
    assert state(world, "anna")[0] == "won"
    send(world, {"email": "anna@halden.test", "outcome": "lost", "at": when(NOW - 3 * HOUR), "id": 1})
    assert state(world, "anna") == ("won", [("lost", NOW - 3 * HOUR), ("won", NOW - HOUR)])
    send(world, {"email": "anna@halden.test", "outcome": "reopened", "at": when(NOW), "id": 3})
    assert state(world, "anna")[0] == "open"


def test_many_deliveries_of_the_same_at_once_are_one(world: World) -> None:
    rows = [{"email": "anna@halden.test", "outcome": "won", "id": 1}, {"user_id": "crm-7", "outcome": "lost", "id": 2}]
    counts: list[int] = []

    def deliver(turned: bool) -> None:
        with world.database.writing() as connection:
            site = load_sites(connection)[world.nordwind.id]
            taken = take_outcomes(connection, site, rows[::-1] if turned else rows, "key", NOW)
        counts.append(len(taken.recorded))

    threads = [threading.Thread(target=deliver, args=(number % 2 == 0,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 0, 0, 2]


def test_what_a_crm_writes_is_text_and_nothing_else(world: World) -> None:
    nasty = "<script>alert(1)</script>\u202e'; DROP TABLE leads;--\u0000"
    send(world, {"email": "anna@halden.test", "outcome": "lost", "reason": nasty, "by": nasty, "id": 1})
    told = send(world, {"lead": "ld_'\u0000;--", "email": "\u0000@x", "user_id": "a\tb", "outcome": "won"})
    assert [one["reason"] for one in told["rejected"]] == ["id_invalid"]
    with world.database.reading() as connection:
        row = connection.execute(select(outcomes).where(outcomes.c.kind == "lost")).one()
    assert row.reason == "<script>alert(1)</script>'; DROP TABLE leads;--"


class TestRefusals:
    """A body or key that can't be. The scope is that of salespeople."""

    @pytest.fixture
    def world(self, migrated_sqlite_url: str) -> World:
        return World(migrated_sqlite_url)

    def test_a_key_that_only_reads_is_not_enough(self, world: World) -> None:
        assert world.client("ada").post(URL, json=[]).status_code == 403
        assert world.client(None).post(URL, json=[]).status_code == 401
        assert world.client("chen").post(URL, json=[]).status_code == 200

    @pytest.mark.parametrize("body", ["", "null", '"won"', "7", "{", "[" * 200_000, "[" + "1," * 500 + "1]"])
    def test_a_body_that_is_no_rows_is_refused(self, world: World, body: str) -> None:
        answer = world.client("ben").post(URL, data=body, content_type="application/json")
        assert answer.status_code in (400, 413)
        assert answer.content_type == "application/problem+json"

    def test_reasons_are_told_in_the_language_asked_for(self, world: World) -> None:
        [refused] = world.client("ben").post(f"{URL}?lang=zh", json={"outcome": "won"}).get_json()["rejected"]
        assert (refused["reason"], "线索编号" in refused["detail"]) == ("identity_missing", True)

    def test_the_same_request_is_answered_the_same(self, world: World) -> None:
        headers = {"Idempotency-Key": "delivery-1"}
        answers = [world.client("ben").post(URL, json=[1], headers=headers) for _ in range(2)]
        assert answers[0].get_json() == answers[1].get_json()
        assert answers[1].headers["Idempotency-Replayed"] == "true"
