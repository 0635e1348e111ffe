"""Claims, snoozes and outcomes as the web page and jobs see them: their time runs out, and nobody is told twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from scorer import claims, snoozing
from scorer.auditing import read_log
from scorer.by_hand import DecisionError, NoSuchLead, Stale, Taken, merge
from scorer.claims import claim, expire, release
from scorer.core.handling import REST_MS
from scorer.core.labels import pick
from scorer.models import lead_changes, leads
from scorer.notes import LONGEST_NOTE, NOTES_AT_MOST, add_note, list_notes
from scorer.outcomes import record
from scorer.outlet_models import notes
from scorer.outlets.shapes import time_text
from scorer.snoozing import snooze, wake
from tests.factories import DAY, HOUR, NOW, World, buyer, track
from tracker.sites import Site, load_sites

ADA, BEN = "ada@nordwind.example", "ben@nordwind.example"


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Anna and Cleo are hot."""
    made = World(database_url)
    made.feed([*buyer("anna", name="Anna Berg"), *buyer("cleo", NOW - DAY)])
    yield made
    made.database.close()


def do(world: World, step: Callable[..., Any], lead: str, *rest: Any, **options: Any) -> Any:
    """Take a step with a lead in a transaction of its own, at the world's present."""
    with world.database.writing() as connection:
        return step(connection, site_of(world, connection), world.nordwind.lead(lead), *rest, world.now, **options)


def site_of(world: World, connection: Connection) -> Site:
    return load_sites(connection)[world.nordwind.id]


def tick(world: World, job: Callable[[Connection, int], int]) -> int:
    with world.database.writing() as connection:
        return job(connection, world.now)


def row(world: World, lead: str) -> Any:
    with world.database.reading() as connection:
        return connection.execute(select(leads).where(leads.c.id == world.nordwind.lead(lead))).one()


def told(world: World) -> list[tuple[str, str]]:
    of_sales = ("claimed", "released", "snoozed", "woken", "outcome", "noted")
    with world.database.reading() as connection:
        query = select(lead_changes).where(lead_changes.c.kind.in_(of_sales)).order_by(lead_changes.c.sequence)
        return [(one.kind, one.detail) for one in connection.execute(query)]


def test_a_claim_runs_out_and_is_told_of_once(world: World) -> None:
    do(world, claim, "anna", ADA, ADA)
    do(world, claim, "cleo", BEN, BEN, lease_ms=90 * DAY)
    world.now += 7 * DAY - 1
    assert tick(world, expire) == 0
    world.now += 1
    assert [tick(world, expire) for _ in range(2)] == [1, 0]
    assert (row(world, "anna").owner, row(world, "anna").status) == (None, "open")
    assert row(world, "cleo").owner == BEN
    assert told(world)[2:] == [("released", f'{{"owner":"{ADA}","why":"expired"}}')]


def test_a_claim_that_has_run_out_gives_way_before_it_is_cleared(world: World) -> None:
    do(world, claim, "anna", ADA, ADA, lease_ms=HOUR)
    with pytest.raises(Taken) as taken:
        do(world, claim, "anna", BEN, BEN)
    assert (taken.value.owner, taken.value.until_ms) == (ADA, NOW + HOUR)
    world.now += HOUR
    do(world, claim, "anna", BEN, BEN)
    assert [kind for kind, _ in told(world)] == ["claimed", "released", "claimed"]
    assert tick(world, expire) == 0


def test_a_snoozed_lead_comes_back_by_itself(world: World) -> None:
    heat = world.client().get("/api/v1/hot-leads").get_json()["data"][0]["priority"]
    do(world, snooze, "anna", NOW + 2 * HOUR, ADA, "on holiday")
    assert (row(world, "anna").status, row(world, "anna").snoozed_until) == ("snoozed", NOW + 2 * HOUR)
    assert tick(world, wake) == 0
    world.now += 2 * HOUR
    assert [tick(world, wake) for _ in range(2)] == [1, 0]
    assert (row(world, "anna").status, row(world, "anna").snoozed_until) == ("open", None)
    assert told(world)[-1] == ("woken", '{"after":"snoozed"}')
    listed = world.client().get("/api/v1/hot-leads").get_json()["data"]
    assert listed[0]["id"] == world.nordwind.lead("anna")
    assert listed[0]["priority"] <= heat


def test_a_lost_lead_that_is_hot_again_is_back_after_its_rest(world: World) -> None:
    do(world, record, "anna", "lost", ADA, reason="price")
    world.now += REST_MS - 1
    world.feed([one | {"messageId": f"again-{one['messageId']}"} for one in buyer("anna", world.now)])
    assert [one["id"] for one in world.client().get("/api/v1/hot-leads").get_json()["data"]] == []
    assert tick(world, wake) == 0
    world.now += 1
    assert tick(world, wake) == 1
    [listed] = world.client().get("/api/v1/hot-leads").get_json()["data"]
    assert (listed["id"], listed["status"]) == (world.nordwind.lead("anna"), "lost")
    assert told(world)[-1] == ("woken", '{"after":"lost"}')


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_a_lead_that_is_being_written_is_left_for_the_next_tick(world: World) -> None:
    for lead in ("anna", "cleo"):
        do(world, claim, lead, ADA, ADA, lease_ms=HOUR)
        do(world, snooze, lead, NOW + HOUR, ADA, "")
    world.now += HOUR
    with world.database.writing() as connection:
        connection.execute(update(leads).where(leads.c.id == world.nordwind.lead("anna")).values(title="x"))
        assert [tick(world, job) for job in (expire, wake)] == [1, 1]
    assert [tick(world, job) for job in (expire, wake)] == [1, 1]


def test_what_is_too_much_for_one_tick_is_done_at_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "EXPIRED_AT_ONCE", 1)
    monkeypatch.setattr(snoozing, "WOKEN_AT_ONCE", 1)
    for lead in ("anna", "cleo"):
        do(world, claim, lead, ADA, ADA, lease_ms=HOUR)
        do(world, snooze, lead, NOW + HOUR, ADA, "")
    world.now += HOUR
    assert [tick(world, expire) for _ in range(3)] == [1, 1, 0]
    assert [tick(world, wake) for _ in range(3)] == [1, 1, 0]


def test_two_ticks_at_once_tell_each_lead_once(world: World) -> None:
    for lead in ("anna", "cleo"):
        do(world, claim, lead, ADA, ADA, lease_ms=HOUR)
    world.now += HOUR
    ready = threading.Barrier(2)

    def one(_: int) -> int:
        ready.wait(5)
        return tick(world, expire)

    with ThreadPoolExecutor(2) as threads:
        assert sum(threads.map(one, range(2))) == 2
    assert [kind for kind, _ in told(world)].count("released") == 2


def test_who_has_decided_and_why_stands_in_the_log(world: World) -> None:
    do(world, claim, "anna", ADA, ADA)
    do(world, snooze, "anna", NOW + HOUR, ADA, "asked to call next week")
    do(world, record, "anna", "lost", ADA, reason="price")
    do(world, add_note, "anna", "Too dear.", ADA)
    with world.database.reading() as connection:
        log = read_log(connection, world.nordwind.id, world.nordwind.lead("anna"))
    assert [(line.action, line.actor, line.why) for line in reversed(log)] == [
        ("claim", ADA, ""),
        ("snooze", ADA, "asked to call next week"),
        ("outcome", ADA, "price"),
        ("note", ADA, ""),
    ]


STEPS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "claim": (claim, (ADA, ADA)),
    "release": (release, (ADA,)),
    "snooze": (snooze, (NOW + HOUR, ADA, "")),
    "record": (record, ("won", ADA)),
    "note": (add_note, ("text", ADA)),
}


@pytest.mark.parametrize("name", STEPS)
def test_every_step_looks_at_the_version_and_the_site(world: World, name: str) -> None:
    step, rest = STEPS[name]
    if name == "release":
        do(world, claim, "anna", ADA, ADA)
    version = row(world, "anna").version
    with pytest.raises(Stale) as stale:
        do(world, step, "anna", *rest, version=version - 1)
    assert stale.value.version == version
    with world.database.writing() as connection:
        other = load_sites(connection)[world.huadong.id]
        with pytest.raises(NoSuchLead):
            step(connection, other, world.nordwind.lead("anna"), *rest, NOW)
    do(world, step, "anna", *rest, version=version)
    if name != "note":
        assert row(world, "anna").version == version + 1


WRONG: dict[str, tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = {
    "no name": (claim, (" ", ADA), {}),
    "a name of two lines": (claim, ("a\nb", ADA), {}),
    "a long name": (claim, ("x" * 201, ADA), {}),
    "a short lease": (claim, (ADA, ADA), {"lease_ms": HOUR - 1}),
    "released though free": (release, (ADA,), {}),
    "a time gone by": (snooze, (NOW, ADA, ""), {}),
    "a value below zero": (record, ("won", ADA), {"value": -0.01}),
    "a value that is none": (record, ("won", ADA), {"value": float("nan")}),
    "a long currency": (record, ("won", ADA), {"currency": "x" * 11}),
    "a long reason": (record, ("lost", ADA), {"reason": "x" * 501}),
    "an empty note": (add_note, (" \n", ADA), {}),
    "a long note": (add_note, ("x" * (LONGEST_NOTE + 1), ADA), {}),
    "a note with a bell": (add_note, ("\a", ADA), {}),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_makes_no_sense_is_refused_in_both_languages(world: World, name: str) -> None:
    step, rest, options = WRONG[name]
    before = row(world, "anna")
    with pytest.raises(DecisionError) as refused:
        do(world, step, "anna", *rest, **options)
    assert len({str(refused.value), pick(refused.value.label, "en"), pick(refused.value.label, "zh")}) == 2
    assert row(world, "anna") == before
    assert told(world) == []


def test_the_notes_of_a_lead_have_a_bound(world: World) -> None:
    anna = world.nordwind.lead("anna")
    values = {"site_id": world.nordwind.id, "home_id": anna, "lead_id": anna, "at": NOW, "by": ADA, "text": "x"}
    with world.database.writing() as connection:
        connection.execute(notes.insert(), [values] * (NOTES_AT_MOST - 1))
    do(world, add_note, "anna", "the last", ADA)
    with pytest.raises(DecisionError):
        do(world, add_note, "anna", "one too many", ADA)
    with world.database.reading() as connection:
        assert list_notes(connection, [anna])[anna][0].text == "the last"
        assert list_notes(connection, []) == {}


def test_the_last_word_is_the_one_said_last_even_at_one_moment(world: World) -> None:
    world.feed([track("anna", "Lead Won", NOW, value=5)])
    for kind in ("lost", "contacted", "won", "not_now", "open") * 2:
        do(world, record, "anna", kind, ADA)
        assert row(world, "anna").status == kind
    world.feed([track("anna", "Lead Won", NOW - DAY, value=5)])  # told late: what was said since counts
    assert row(world, "anna").status == "open"


def test_a_claim_on_a_merged_lead_is_one_on_the_lead_that_stays(world: World) -> None:
    do(world, claim, "cleo", ADA, ADA, lease_ms=HOUR)
    with world.database.writing() as connection:
        site, anna, cleo = site_of(world, connection), world.nordwind.lead("anna"), world.nordwind.lead("cleo")
        merge(connection, site, anna, cleo, ADA, "one person", NOW)
    assert (row(world, "cleo").owner, row(world, "anna").owner, row(world, "anna").status) == (None, ADA, "claimed")
    with pytest.raises(Taken):
        do(world, claim, "cleo", BEN, BEN)
    world.now += HOUR
    assert tick(world, expire) == 1
    assert (row(world, "anna").owner, row(world, "anna").status) == (None, "open")


def test_times_in_changes_are_written_as_the_api_writes_them(world: World) -> None:
    do(world, claim, "anna", ADA, ADA, lease_ms=HOUR)
    assert f'"until":"{time_text(NOW + HOUR)}"' in told(world)[0][1]
