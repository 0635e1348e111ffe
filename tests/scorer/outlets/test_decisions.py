"""What salespeople do with leads through the API: each decision once, by one of many, and never on an outdated view."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from werkzeug.test import EnvironBuilder

from scorer.auditing import read_log
from scorer.core.segment import Condition
from scorer.idempotency import forget_answers
from scorer.models import lead_changes
from scorer.outlet_models import idempotency_keys, notes
from scorer.outlets import decisions
from scorer.outlets.bodies import MAX_BODY_BYTES
from scorer.outlets.routes import ROUTES
from scorer.outlets.shapes import time_text
from scorer.retention import forget_old
from scorer.segments import add_segment
from tests.factories import DAY, HOUR, MINUTE, NOW, World, buyer, identify, passer_by, track

WRITING = [route for route in ROUTES if route.method == "POST" and "{lead_id}" in route.path]
BODIES: dict[str, dict[str, Any]] = {
    "claimLead": {},
    "releaseLead": {},
    "snoozeLead": {"until": time_text(NOW + DAY)},
    "recordOutcome": {"kind": "contacted"},
    "addNote": {"text": "Called, wants a quote."},
    "labelLead": {"scheme": "Product line", "label": "Pumps"},
    "mergeLeads": {"lost": "ld_aaaaaaaaaaaaaaaa", "why": "one person"},
    "unmergeLead": {"why": "two people"},
    "excludeLead": {"reason": "competitor", "why": "sells pumps"},
    "objectToScoring": {"objects": True, "why": "said so on the phone"},
    "recordConsent": {"given": True, "why": "signed at the fair"},
}


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """At Nordwind three are hot (Anna said who she is) and one passed by, at Huadong one is hot."""
    made = World(database_url)
    made.feed([*buyer("anna", name="Anna Berg", email="anna@halden.test"), *passer_by("bo")])
    made.feed([*buyer("cleo", NOW - DAY), *buyer("dan", NOW - 4 * DAY)])
    made.feed(buyer("li"), made.huadong)
    yield made
    made.database.close()


@pytest.fixture
def small(migrated_sqlite_url: str) -> Iterator[World]:
    """Where it doesn't matter which database it is: Anna alone, hot."""
    made = World(migrated_sqlite_url)
    made.feed(buyer("anna", name="Anna Berg", email="anna@halden.test"))
    yield made
    made.database.close()


def do(world: World, who: str, verb: str, lead: str = "anna", *, key: str | None = None, **request: Any) -> Any:
    """Let a salesperson send ``POST /leads/{lead}/{verb}``; ``headers`` among the rest of the request, the body is else."""
    headers = request.pop("headers", {}) | ({"Idempotency-Key": key} if key else {})
    return world.client(who).post(path(world, lead, verb), json=request, headers=headers)


def path(world: World, lead: str, verb: str = "") -> str:
    return f"/api/v1/leads/{world.nordwind.lead(lead)}" + (f"/{verb}" if verb else "")


def get(world: World, lead: str = "anna") -> Any:
    return world.client().get(path(world, lead))


def hot(world: World, query: str = "") -> list[str]:
    listed = world.client().get(f"/api/v1/hot-leads{query}").get_json()["data"]
    names = {world.nordwind.lead(who): who for who in ("anna", "bo", "cleo", "dan")}
    return [names[lead["id"]] for lead in listed]


def told(world: World, after: int = 0) -> list[tuple[str, dict[str, Any]]]:
    data = world.client().get("/api/v1/changes?limit=200").get_json()["data"]
    return [(one["kind"], one["detail"]) for one in data if one["sequence"] > after]


def last(world: World) -> int:
    with world.database.reading() as connection:
        return int(connection.execute(select(func.max(lead_changes.c.sequence))).scalar_one())


def refused(answer: Any, status: int, problem: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/problem+json"
    body: dict[str, Any] = answer.get_json()
    assert body["type"] == f"/api/docs#problem-{problem}"
    assert body["detail"]
    return body


def key_of(world: World, who: str = "ben") -> str:
    """The id of a salesperson's key, as owners of claims see it."""
    owner = do(world, who, "claim", "bo").get_json()["owner"]
    do(world, who, "release", "bo")
    return str(owner)


def test_a_lead_is_claimed_prolonged_and_released(world: World) -> None:
    ben, start = key_of(world), last(world)
    claimed = do(world, "ben", "claim")
    assert claimed.status_code == 200
    lead = claimed.get_json()
    assert (lead["status"], lead["owner"], lead["claimed_until"]) == ("claimed", ben, time_text(NOW + 7 * DAY))
    assert lead == get(world).get_json()
    assert claimed.headers["ETag"] == get(world).headers["ETag"]
    taken = refused(do(world, "chen", "claim"), 409, "taken")
    assert ben in taken["detail"]
    assert time_text(NOW + 7 * DAY) in taken["detail"]
    refused(do(world, "chen", "release"), 409, "taken")
    world.now += HOUR
    assert do(world, "ben", "claim", lease_hours=24).get_json()["claimed_until"] == time_text(NOW + 25 * HOUR)
    freed = do(world, "ben", "release").get_json()
    assert (freed["status"], freed["owner"], freed["claimed_until"]) == ("open", None, None)
    refused(do(world, "ben", "release"), 409, "not-possible")
    assert told(world, start) == [
        ("claimed", {"owner": ben, "until": time_text(NOW + 7 * DAY)}),
        ("claimed", {"owner": ben, "until": time_text(NOW + 25 * HOUR)}),
        ("released", {"owner": ben, "why": "by_hand"}),
    ]
    assert freed["score"] == pytest.approx(lead["score"], abs=0.5)


def test_a_key_claims_and_releases_for_whom_it_names(world: World) -> None:
    claimed = do(world, "ben", "claim", owner=" ada@nordwind.example ").get_json()
    assert claimed["owner"] == "ada@nordwind.example"
    refused(do(world, "ben", "release"), 409, "taken")
    assert do(world, "chen", "release", owner="ada@nordwind.example").get_json()["owner"] is None
    with world.database.reading() as connection:
        lines = read_log(connection, world.nordwind.id, world.nordwind.lead("anna"))
    assert [(line.action, line.actor[:4]) for line in lines] == [("release", "key_"), ("claim", "key_")]
    assert all(line.detail["owner"] == "ada@nordwind.example" for line in lines)


def test_of_a_hundred_who_claim_at_once_one_gets_the_lead(world: World) -> None:
    client = world.client("ben")
    start, ready = last(world), threading.Barrier(20)

    def one(number: int) -> tuple[int, str]:
        if number < 20:
            ready.wait(10)
        request = EnvironBuilder(
            path(world, "anna", "claim"), method="POST", json={"owner": f"rep {number}"}, environ_base=client.environ_base
        )
        answer = client.application.test_client().open(request)
        body = answer.get_json()
        return answer.status_code, body["owner"] if answer.status_code == 200 else body["type"]

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(one, range(100)))
    assert Counter(status for status, _ in answers) == {200: 1, 409: 99}
    [winner] = [owner for status, owner in answers if status == 200]
    assert {kind for status, kind in answers if status == 409} == {"/api/docs#problem-taken"}
    assert get(world).get_json()["owner"] == winner
    assert [(kind, detail["owner"]) for kind, detail in told(world, start)] == [("claimed", winner)]


def test_snoozed_leads_leave_the_hot_list_and_no_other(world: World) -> None:
    assert hot(world) == ["anna", "cleo", "dan"]
    points = get(world).get_json()["priority"]
    until = time_text(NOW + 3 * DAY)
    snoozed = do(world, "ben", "snooze", until="2026-11-22T11:30:00+01:00", why="on holiday", by="ben@nordwind.example")
    lead = snoozed.get_json()
    assert (lead["status"], lead["snoozed_until"], lead["tier"], lead["priority"]) == ("snoozed", until, "hot", points)
    assert told(world)[-1] == ("snoozed", {"until": until, "by": "ben@nordwind.example", "why": "on holiday"})
    assert hot(world) == ["cleo", "dan"]
    assert hot(world, "?status=snoozed") == ["anna"]
    assert hot(world, "?status=open") == ["cleo", "dan"]
    assert hot(world, "?min_score=0") == ["anna", "cleo", "dan", "bo"]
    do(world, "chen", "claim", owner="chen")  # Who takes it up anew ends the rest.
    assert hot(world) == ["anna", "cleo", "dan"]
    refused(do(world, "ben", "snooze", until=until), 409, "taken")
    assert do(world, "ben", "snooze", until=until, by="chen").status_code == 200


def test_the_hot_list_of_a_segment_leaves_out_who_rests_as_well(world: World) -> None:
    with world.database.writing() as connection:
        add_segment(connection, world.nordwind.id, "everybody", Condition(field="visits", at_least=0), NOW)
    do(world, "ben", "snooze", "cleo", until=time_text(NOW + DAY))
    do(world, "ben", "outcome", "dan", kind="won")
    assert hot(world, "?segment=everybody") == ["anna"]
    assert hot(world, "?segment=everybody&min_score=0") == ["anna", "cleo", "dan", "bo"]


@pytest.mark.parametrize("until", [NOW - MINUTE, NOW, NOW + 366 * DAY + 1, 253_402_300_799_999])
def test_a_snooze_needs_a_time_to_come(small: World, until: int) -> None:
    refused(do(small, "ben", "snooze", until=time_text(until)), 409, "not-possible")


def test_an_outcome_settles_a_lead_and_the_last_word_counts(world: World) -> None:
    do(world, "ben", "claim", owner="ada")
    start = last(world)
    assert do(world, "ben", "outcome", kind="contacted").get_json()["status"] == "contacted"
    won = do(world, "ben", "outcome", kind="won", value=12500.5, currency="EUR", reason=" price ", by="ada").get_json()
    assert (won["status"], won["owner"], won["tier"]) == ("won", None, "hot")
    assert hot(world) == ["cleo", "dan"]
    for verb, body in (("claim", {}), ("snooze", {"until": time_text(NOW + DAY)})):
        refused(do(world, "ben", verb, **body), 409, "not-possible")
    opened = do(world, "ben", "outcome", kind="open").get_json()
    assert (opened["status"], hot(world)[0]) == ("open", "anna")
    for kind in ("lost", "junk", "not_now"):
        lead = do(world, "ben", "outcome", kind=kind).get_json()
        assert (lead["status"], lead["snoozed_until"][:10]) == (kind, "2026-12-19")
        assert hot(world) == ["cleo", "dan"]
    outcomes = [detail for kind, detail in told(world, start)]
    assert outcomes[1] == {"kind": "won", "value": 12500.5, "currency": "EUR", "reason": "price", "by": "ada"}
    assert [one["kind"] for one in outcomes] == ["contacted", "won", "open", "lost", "junk", "not_now"]


def test_notes_are_written_and_read_newest_first(world: World) -> None:
    first = do(world, "ben", "note", text=" Called.\r\nWants a quote. ", by="ben@nordwind.example")
    assert first.get_json() == {
        "id": first.get_json()["id"],
        "lead_id": world.nordwind.lead("anna"),
        "at": time_text(NOW),
        "by": "ben@nordwind.example",
        "text": "Called.\nWants a quote.",
    }
    assert first.headers["ETag"] == get(world).headers["ETag"]
    world.now += MINUTE
    do(world, "ben", "note", text="报价已发送")
    listed = world.client().get(path(world, "anna", "notes")).get_json()
    assert [note["text"] for note in listed["data"]] == ["报价已发送", "Called.\nWants a quote."]
    assert told(world)[-1][0] == "noted"
    assert "text" not in told(world)[-1][1]
    assert world.client().get(path(world, "cleo", "notes")).get_json() == {"data": [], "next_cursor": None}


def test_notes_and_claims_go_with_a_merge_and_notes_come_back_with_an_unmerge(world: World) -> None:
    do(world, "ben", "claim", "cleo", owner="ada")
    do(world, "ben", "note", "cleo", text="of cleo")
    do(world, "ben", "note", "anna", text="of anna")
    anna, cleo = world.nordwind.lead("anna"), world.nordwind.lead("cleo")
    merged = do(world, "ben", "merge", "anna", lost=cleo, why="one person").get_json()
    assert (merged["id"], merged["owner"], merged["status"]) == (anna, "ada", "claimed")
    assert get(world, "cleo").get_json()["merged_into"] == anna
    texts = [note["text"] for note in world.client().get(path(world, "cleo", "notes")).get_json()["data"]]
    assert texts == ["of anna", "of cleo"]
    refused(do(world, "ben", "merge", "anna", lost=cleo, why="again"), 409, "not-possible")
    do(world, "ben", "note", "cleo", text="of both")  # by the id that was given up: about the lead that stays
    parted = do(world, "ben", "unmerge", "cleo", why="two people").get_json()
    assert (parted["id"], parted["merged_into"], parted["owner"], parted["status"]) == (cleo, None, None, "open")
    assert get(world).get_json()["owner"] == "ada"
    for who, expected in (("anna", ["of both", "of anna"]), ("cleo", ["of cleo"])):
        listed = world.client().get(path(world, who, "notes")).get_json()["data"]
        assert [note["text"] for note in listed] == expected
    refused(do(world, "ben", "unmerge", "cleo", why="again"), 409, "not-possible")


def test_the_status_follows_the_last_word_through_merges(world: World) -> None:
    cleo = world.nordwind.lead("cleo")
    do(world, "ben", "outcome", "cleo", kind="won")
    assert do(world, "ben", "merge", "anna", lost=cleo, why="one").get_json()["status"] == "won"
    assert do(world, "ben", "unmerge", "cleo", why="two").get_json()["status"] == "won"
    assert get(world).get_json()["status"] == "open"
    assert hot(world) == ["anna", "dan"]


def test_a_lead_is_excluded_and_let_on_again(world: World) -> None:
    assert do(world, "ben", "exclude", reason="competitor", why="sells pumps").get_json()["exclusion"] == "competitor"
    assert hot(world) == ["cleo", "dan"]
    assert do(world, "ben", "exclude", reason="never", why="a customer's pumps").get_json()["exclusion"] is None
    assert do(world, "ben", "exclude", reason=None, why="as the card says").get_json()["exclusion"] is None
    assert hot(world) == ["anna", "cleo", "dan"]


@pytest.mark.parametrize("route", WRITING, ids=lambda route: route.name)
def test_every_decision_needs_the_scope_sales_and_a_lead_of_the_site(world: World, route: Any) -> None:
    verb, body = route.path.rpartition("/")[2], BODIES[route.name]
    answer = do(world, "ada", verb, **body)
    refused(answer, 403, "scope-missing")
    theirs = world.client("ben", world.huadong).post(path(world, "anna", verb), json=body)
    refused(theirs, 404, "not-found")
    for lead in ("ld_bbbbbbbbbbbbbbbb", "x", "%00", "é"):
        refused(world.client("ben").post(f"/api/v1/leads/{lead}/{verb}", json=body), 404, "not-found")
    get_it = world.client("ben").get(path(world, "anna", verb))
    assert (get_it.status_code, get_it.headers["Allow"]) == (405, "POST")
    with world.database.reading() as connection:
        assert read_log(connection, world.nordwind.id, world.nordwind.lead("anna")) == []


@pytest.mark.parametrize(
    ("verb", "body", "named"),
    [
        ("claim", '{"owner": ""}', "owner"),
        ("claim", '{"owner": "   "}', "owner"),
        ("claim", '{"owner": "a\\u0000b"}', "owner"),
        ("claim", f'{{"owner": "{"x" * 201}"}}', "owner"),
        ("claim", '{"owner": 7}', "owner"),
        ("claim", '{"lease_hours": 0}', "lease_hours"),
        ("claim", '{"lease_hours": 2161}', "lease_hours"),
        ("claim", '{"lease_hours": 1.5}', "lease_hours"),
        ("claim", '{"lease": 24}', "lease"),
        ("claim", "[]", "body"),
        ("claim", "null", "body"),
        ("claim", "{", "body"),
        ("claim", '{"owner": "\\ud800"}', "body"),
        ("snooze", "{}", "until"),
        ("snooze", '{"until": "tomorrow"}', "until"),
        ("snooze", '{"until": "2026-11-22T10:30:00"}', "until"),
        ("snooze", '{"until": 1795084200000}', "until"),
        ("snooze", f'{{"until": "2026-11-22T10:30:00Z", "why": "{"x" * 501}"}}', "why"),
        ("outcome", "{}", "kind"),
        ("outcome", '{"kind": "sold"}', "kind"),
        ("outcome", '{"kind": "won", "value": -1}', "value"),
        ("outcome", '{"kind": "won", "value": 1e15}', "value"),
        ("outcome", '{"kind": "won", "value": 1e999}', "value"),
        ("outcome", '{"kind": "won", "value": NaN}', "body"),
        ("outcome", '{"kind": "won", "currency": "euro"}', "currency"),
        ("note", "{}", "text"),
        ("note", '{"text": " \\n "}', "text"),
        ("note", '{"text": "a\\u0007"}', "text"),
        ("note", f'{{"text": "{"x" * 5001}"}}', "text"),
        ("merge", '{"lost": "ld_1", "why": "one"}', "lost"),
        ("merge", '{"lost": "ld_aaaaaaaaaaaaaaaa"}', "why"),
        ("unmerge", '{"why": ""}', "why"),
        ("exclude", '{"why": "no reason"}', "reason"),
        ("exclude", '{"reason": "ugly", "why": "x"}', "reason"),
    ],
)
def test_what_is_wrong_with_a_body_is_named(small: World, verb: str, body: str, named: str) -> None:
    answer = small.client("ben").post(path(small, "anna", verb), data=body, content_type="application/json")
    [error] = refused(answer, 400, "body-invalid")["errors"]
    assert error["parameter"] == named
    assert error["detail"]


def test_bodies_of_another_kind_or_size_are_refused(small: World) -> None:
    client, address = small.client("ben"), path(small, "anna", "claim")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""):
        refused(client.post(address, data="{}", content_type=kind), 415, "media-type-unknown")
    refused(client.post(address, data=b" " * (MAX_BODY_BYTES + 1), content_type="application/json"), 413, "too-large")
    assert client.post(address).status_code == 200  # all of a claim may be left out
    utf8 = "Application/JSON; charset=UTF-8"
    assert client.post(address, data='{"lease_hours": 1}', content_type=utf8).status_code == 200


def test_a_decision_on_an_outdated_view_is_refused(world: World) -> None:
    seen = get(world).headers["ETag"]
    world.feed([track("anna", "Webinar Attended", NOW - MINUTE)])  # the score moves, and what sales decide upon doesn't
    world.now += 2 * HOUR
    assert get(world).headers["ETag"] != seen
    claimed = do(world, "ben", "claim", headers={"If-Match": seen})
    assert claimed.status_code == 200
    for verb, body in (("note", {"text": "x"}), ("outcome", {"kind": "won"}), ("exclude", {"reason": None, "why": "x"})):
        refused(do(world, "ben", verb, headers={"If-Match": seen}, **body), 412, "stale")
    strong = claimed.headers["ETag"].removeprefix("W/")
    assert do(world, "ben", "note", text="x", headers={"If-Match": f'"other", {strong}'}).status_code == 200
    assert do(world, "ben", "release", headers={"If-Match": "*"}).status_code == 200
    refused(do(world, "ben", "claim", headers={"If-Match": get(world, "cleo").headers["ETag"]}), 412, "stale")
    refused(do(world, "ben", "claim", headers={"If-Match": '"x"'}), 412, "stale")
    refused(do(world, "ben", "claim", headers={"If-Match": "5"}), 400, "parameter-invalid")
    for tag in ("*", seen):
        answer = world.client("ben").post("/api/v1/leads/ld_aaaaaaaaaaaaaaaa/claim", headers={"If-Match": tag})
        refused(answer, 404, "not-found")


def test_a_merged_lead_is_decided_upon_by_the_tag_of_the_one_that_stays(world: World) -> None:
    before = get(world, "cleo").headers["ETag"]
    merged = do(world, "ben", "merge", "anna", lost=world.nordwind.lead("cleo"), why="one")
    refused(do(world, "ben", "claim", "cleo", headers={"If-Match": before}), 412, "stale")
    tag = get(world, "cleo").headers["ETag"]
    assert tag == merged.headers["ETag"]
    assert do(world, "ben", "unmerge", "cleo", why="two", headers={"If-Match": tag}).status_code == 200


def test_a_request_that_is_sent_again_is_answered_again_and_done_once(world: World) -> None:
    first = do(world, "ben", "note", text="once", key="k-1")
    world.now += HOUR
    again = do(world, "ben", "note", text="once", key="k-1")
    assert (again.status_code, again.data, again.headers["ETag"]) == (200, first.data, first.headers["ETag"])
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert again.content_type == first.content_type
    for other in ({"text": "twice"}, {"text": "once", "by": "ben"}):
        refused(do(world, "ben", "note", key="k-1", **other), 422, "key-reused")
    refused(do(world, "ben", "note", "cleo", text="once", key="k-1"), 422, "key-reused")
    # Another key's keys are its own.
    assert "Idempotency-Replayed" not in do(world, "chen", "note", text="once", key="k-1").headers
    assert [kind for kind, _ in told(world)].count("noted") == 2


def test_a_refusal_is_answered_again_too(world: World) -> None:
    do(world, "chen", "claim", owner="chen")
    first = do(world, "ben", "claim", key="k-2")
    refused(first, 409, "taken")
    do(world, "chen", "release", owner="chen")
    again = do(world, "ben", "claim", key="k-2")
    assert (again.status_code, again.data, again.content_type) == (409, first.data, first.content_type)
    assert do(world, "ben", "claim", key="k-3").status_code == 200


def test_what_was_never_begun_leaves_its_key_free(small: World) -> None:
    for body, status in (({"texts": "x"}, 400), ({"text": ""}, 400)):
        assert do(small, "ben", "note", key="k", **body).status_code == status
    assert do(small, "ben", "note", text="x", key="k").status_code == 200
    for wrong in ("x" * 256, "a b", "é"):
        problem = refused(do(small, "ben", "note", text="x", key=wrong), 400, "parameter-invalid")
        assert problem["errors"][0]["parameter"] == "Idempotency-Key"


def test_twenty_who_send_the_same_at_once_do_it_once(world: World) -> None:
    clients, ready = [world.client("ben") for _ in range(20)], threading.Barrier(20)

    def one(client: FlaskClient) -> tuple[int, bytes]:
        ready.wait(10)
        while True:
            answer = client.post(path(world, "anna", "note"), json={"text": "once"}, headers={"Idempotency-Key": "same"})
            if answer.status_code != 409:
                return answer.status_code, answer.data
            refused(answer, 409, "request-running")
            assert answer.headers["Retry-After"] == "1"
            threading.Event().wait(0.02)

    with ThreadPoolExecutor(20) as threads:
        answers = set(threads.map(one, clients))
    assert [status for status, _ in answers] == [200]
    assert len(world.client().get(path(world, "anna", "notes")).get_json()["data"]) == 1


def test_a_request_that_failed_may_be_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for fault, status in ((RuntimeError("boom"), 500), (OperationalError("x", {}, Exception("gone")), 503)):
        with monkeypatch.context() as broken:
            broken.setattr(decisions, "find_lead", Mock(side_effect=fault))  # after the note was written
            answer = do(world, "ben", "note", text="x", key="k")
            assert answer.status_code == status
    assert do(world, "ben", "note", text="x", key="k").status_code == 200
    assert len(world.client().get(path(world, "anna", "notes")).get_json()["data"]) == 1


def test_a_request_whose_process_died_gives_way_after_a_minute(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(decisions, "find_lead", lambda *_: 1 / 0)
        dying.setattr("scorer.outlets.api.give_back", lambda *_: None)
        assert do(world, "ben", "note", text="x", key="k").status_code == 500
    refused(do(world, "ben", "note", text="x", key="k"), 409, "request-running")
    world.now += MINUTE
    assert do(world, "ben", "note", text="x", key="k").status_code == 200
    assert do(world, "ben", "note", text="x", key="k").headers["Idempotency-Replayed"] == "true"


def test_answers_are_kept_for_a_day_and_not_longer_than_the_lead(world: World) -> None:
    do(world, "ben", "claim", key="k")
    do(world, "ben", "claim", "cleo", key="k2")
    kept = select(func.count()).select_from(idempotency_keys)
    with world.database.writing() as connection:
        assert forget_answers(connection, NOW + DAY - 1) == 0
    world.now += DAY
    assert "Idempotency-Replayed" not in do(world, "ben", "claim", key="k").headers
    with world.database.writing() as connection:
        assert forget_answers(connection, NOW + DAY) == 1
        assert connection.execute(kept).scalar_one() == 1
    do(world, "ben", "note", text="about to be forgotten")
    forget_old(world.database, NOW + DAY, NOW + DAY)
    with world.database.reading() as connection:
        assert connection.execute(kept).scalar_one() == 0
        assert connection.execute(select(func.count()).select_from(notes)).scalar_one() == 0
    refused(do(world, "ben", "claim", key="k"), 404, "not-found")


def test_events_that_tell_of_outcomes_are_told_of_once(world: World) -> None:
    do(world, "ben", "claim")
    start = last(world)
    world.feed([track("anna", "Lead Lost", NOW - 2 * DAY, reason="price", by="crm")])
    assert (get(world).get_json()["status"], get(world).get_json()["owner"]) == ("lost", None)
    assert get(world).get_json()["snoozed_until"] == time_text(NOW + 28 * DAY)
    assert told(world, start) == [("outcome", {"kind": "lost", "reason": "price", "by": "crm"})]
    do(world, "ben", "claim")  # taken up again, whatever was said
    world.feed([identify("anna", NOW, title="Head of pumps")])
    assert get(world).get_json()["snoozed_until"] is None
    assert [kind for kind, _ in told(world, start)].count("outcome") == 1


def test_problems_are_in_the_language_asked_for(small: World) -> None:
    do(small, "chen", "claim", owner="陈")
    answer = small.client("ben").post(path(small, "anna", "claim") + "?lang=zh", json={})
    assert "已被 陈 认领" in refused(answer, 409, "taken")["detail"]


def test_whoever_waits_is_told_of_each_decision(small: World) -> None:
    heard: list[int] = []
    client = small.client("ben", committed=lambda: heard.append(1))
    assert client.post(path(small, "anna", "claim"), json={}).status_code == 200
    client.post(path(small, "anna", "claim"), json={"owner": "other"})
    assert heard == [1]
