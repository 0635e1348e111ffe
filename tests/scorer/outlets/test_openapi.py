"""The description of the API is valid, complete, and what the API really does."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from scorer.outlets.openapi import describe
from scorer.outlets.problems import PROBLEMS
from scorer.outlets.routes import ROUTES
from tests.factories import World, buyer, passer_by
from tests.proposal_samples import propose

READING = [route for route in ROUTES if route.method == "GET"]
DESCRIPTION = describe("https://leads.example.com")


@pytest.fixture
def world(sqlite_url: str) -> World:
    world = World(sqlite_url)
    world.feed([*buyer("anna", name="Anna Berg", email="anna@halden.test"), *passer_by("bo")])
    return world


def check(body: Any, schema: dict[str, Any]) -> None:
    """Fail where *body* breaks the schema, or has a field that the schema doesn't name."""
    components = DESCRIPTION["components"]
    strict = {
        name: one | {"additionalProperties": False} if "properties" in one else one
        for name, one in components["schemas"].items()
    }
    Draft202012Validator(schema | {"components": {"schemas": strict}}).validate(body)


def test_the_description_is_valid_openapi_3_1() -> None:
    assert list(OpenAPIV31SpecValidator(DESCRIPTION).iter_errors()) == []
    assert DESCRIPTION["openapi"].startswith("3.1")


def test_it_is_served_without_a_key_as_it_is_made(world: World) -> None:
    answer = world.client(None).get("/api/v1/openapi.json")
    assert answer.content_type == "application/json"
    assert answer.get_json() == DESCRIPTION


def test_it_names_every_route_with_every_parameter() -> None:
    assert set(DESCRIPTION["paths"]) == {f"/api/v1{route.path}" for route in ROUTES}
    for route in ROUTES:
        operation = DESCRIPTION["paths"][f"/api/v1{route.path}"][route.method.lower()]
        named = [one["name"] for one in operation["parameters"] if one["in"] != "header"]
        assert set(named) == {*re.findall(r"{(\w+)}", route.path), *route.parameters.__struct_encode_fields__}
        assert all(one["in"] == "path" or one["description"] for one in operation["parameters"])


OWN_CURSORS = ("getTimeline", "listDecisions", "listDeliveries")


@pytest.mark.parametrize("route", READING, ids=lambda route: route.name)
def test_every_route_answers_as_described(world: World, route: Any) -> None:
    client, stranger = world.client("chen"), world.client(None)
    ids = {"lead_id": world.nordwind.lead("anna"), "account_id": world.nordwind.account("halden.test"), "number": 1}
    ids["webhook_id"] = client.post("/api/v1/webhooks", json={"url": "https://hook.example/"}).get_json()["webhook"]["id"]
    ids["alert_id"] = client.post("/api/v1/alerts", json={"email": "ada@nordwind.example"}).get_json()["id"]
    ids["digest_id"] = client.post("/api/v1/digests", json={"email": "ada@nordwind.example"}).get_json()["id"]
    if route.name == "getProposal":
        ids["number"] = propose(world)
    path = "/api/v1" + route.path.format(**ids)
    answers = DESCRIPTION["paths"][f"/api/v1{route.path}"]["get"]["responses"]
    whole = client.get(path)
    asked = [whole, client.get(f"{path}?limit=x&colour=red"), client.get(f"{path}?site=huadong"), stranger.get(path)]
    if "cursor" in route.parameters.__struct_fields__ and route.name not in OWN_CURSORS:
        theirs = world.client("ada", world.huadong)
        people = [buyer(who, name=who, email=f"{who}@{who}.example") for who in ("li", "wu")]
        world.feed([event for one in people for event in one], world.huadong)
        cursor = theirs.get(f"{path}?limit=1").get_json()["next_cursor"]
        assert cursor
        asked.append(client.get(f"{path}?cursor={cursor}"))
    if "{" in route.path:
        asked.append(client.get(re.sub("/(ld_|co_|)([^/]+)((?:/[a-z]+)?)$", r"/\1x\2\3", path)))
    if route.conditional:
        asked.append(client.get(path, headers={"If-None-Match": whole.headers["ETag"]}))
    for answer in asked:
        described = answers[str(answer.status_code)]
        if "$ref" in described:
            described = DESCRIPTION["components"]["responses"][described["$ref"].rpartition("/")[2]]
        for name in described.get("headers", {}):
            assert name in answer.headers
        if answer.data:
            check(answer.get_json(), described["content"][answer.content_type]["schema"])
    assert whole.get_json()
    tried = {answer.status_code for answer in asked}
    assert tried >= {200, 400, 401, 403}
    assert {int(status) for status in answers} - tried <= {410, 429, 500, 503}


DECIDING: dict[str, dict[str, Any]] = {
    "claimLead": {},
    "releaseLead": {},
    "snoozeLead": {"until": "2026-11-22T10:30:00Z"},
    "recordOutcome": {"kind": "won", "value": 900, "currency": "EUR"},
    "addNote": {"text": "Called."},
    "mergeLeads": {"why": "one person"},
    "unmergeLead": {"why": "two people"},
    "excludeLead": {"reason": "never", "why": "a customer of ours"},
}


def test_every_decision_answers_as_described(world: World) -> None:
    """In an order in which each can be carried out."""
    client = world.client("ben")
    anna, bo = world.nordwind.lead("anna"), world.nordwind.lead("bo")
    routes = {route.name: route for route in ROUTES if route.name in DECIDING}
    for name, body in DECIDING.items():
        operation = DESCRIPTION["paths"][f"/api/v1{routes[name].path}"]["post"]
        path = "/api/v1" + routes[name].path.format(lead_id=bo if name == "unmergeLead" else anna)
        sent = body | ({"lost": bo} if name == "mergeLeads" else {})
        check(sent, operation["requestBody"]["content"]["application/json"]["schema"])
        tag = client.get(f"/api/v1/leads/{anna}").headers["ETag"]
        first = {"Idempotency-Key": name, "If-Match": tag}
        requests: list[dict[str, Any]] = [
            {"json": sent, "headers": first},
            {"json": sent, "headers": first},
            {"json": {"whatever": 1}},
            {"json": sent | {"by" if name != "claimLead" else "owner": "x"}, "headers": first},
            {"json": sent, "headers": {"If-Match": '"x"'}},
            {"data": "x", "content_type": "text/plain"},
            {"data": b" " * 70_000, "content_type": "application/json"},
        ]
        if name == "releaseLead":
            requests[3]["json"] = {"owner": "x"}
        answers = [client.post(path, **request) for request in requests]
        answers.append(world.client("ada").post(path, json=sent))
        answers.append(world.client(None).post(path, json=sent))
        answers.append(client.post(re.sub("/ld_", "/ld_x", path), json=sent))
        assert [one.status_code for one in answers] == [200, 200, 400, 422, 412, 415, 413, 403, 401, 404], name
        for answer in answers:
            described = operation["responses"][str(answer.status_code)]
            if "$ref" in described:
                described = DESCRIPTION["components"]["responses"][described["$ref"].rpartition("/")[2]]
            for header in described.get("headers", {}):
                assert header in answer.headers
            check(answer.get_json(), described["content"][answer.content_type]["schema"])
        assert set(operation["responses"]) == {str(one.status_code) for one in answers} | {"409", "429", "500", "503"}


def test_every_problem_is_described_and_explained(world: World) -> None:
    html = world.client(None).get("/api/docs").get_data(as_text=True)
    for kind in PROBLEMS:
        assert f'id="{kind.uri.partition("#")[2]}"' in html
        assert f"Problem{kind.status}" in DESCRIPTION["components"]["responses"]


class _Reader(HTMLParser):
    """Collects what a page links to, and where it can be linked to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.ids: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            assert name not in ("style", "src")
            if name == "href" and value:
                self.links.add(value)
            if name == "id" and value:
                self.ids.append(value)


def test_the_page_of_the_description_needs_nothing_from_elsewhere(world: World) -> None:
    answer = world.client(None).get("/api/docs")
    assert answer.content_type == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    reader = _Reader()
    reader.feed(answer.get_data(as_text=True))
    assert "script" not in reader.tags
    assert {link for link in reader.links if not link.startswith("#")} == {"/api/v1/openapi.json"}
    assert {link[1:] for link in reader.links if link.startswith("#")} <= set(reader.ids)
    assert len(set(reader.ids)) == len(reader.ids)


def test_the_guide_speaks_of_every_route_and_no_other() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:GET|POST) /[\w{}/.-]+)`", guide))
    assert named == {f"{route.method} {route.path}" for route in ROUTES} | {"GET /openapi.json"}
