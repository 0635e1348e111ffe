"""Classes and groups over the API: said with a key for sales, read with any, shown on the lead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from scorer.class_assignment import assign
from scorer.classes import keep_models
from scorer.groups import keep_groups
from scorer.outlets.shapes import time_text
from tests.factories import World
from tests.scorer.core.test_classes_applying import MODEL
from tests.scorer.core.test_groups_placing import MODEL as GROUPS
from tests.scorer.test_classes_labelling import reader

MARKUP = "<script>alert(1)</script>"


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    made.feed([*reader(0), *reader(1)])
    yield made
    made.database.close()


def say(world: World, who: str = "ben", number: int = 0, **body: Any) -> Any:
    path = f"/api/v1/leads/{world.nordwind.lead(f'reader-{number}')}/label"
    return world.client(who).post(path, json=body)


def lead(world: World, number: int = 0, language: str = "en") -> Any:
    path = f"/api/v1/leads/{world.nordwind.lead(f'reader-{number}')}"
    return world.client().get(path, headers={"Accept-Language": language}).get_json()


def test_a_label_is_said_and_taken_back(world: World) -> None:
    answer = say(world, scheme="Product line", label=MARKUP, by="eve")
    assert answer.status_code == 200
    told = {"scheme": "Product line", "label": MARKUP, "by": "person", "confidence": None, "reasons": []}
    assert answer.get_json()["classes"] == [told] == lead(world)["classes"]
    assert lead(world)["group"] is None
    found = world.client().get("/api/v1/classes").get_json()
    labels = [{"label": MARKUP, "people": 1, "learned": 0}]
    assert found == {
        "data": [{"scheme": "Product line", "labels": labels, "untold": 0, "learned": None}],
        "groups": None,
        "next_cursor": None,
    }
    assert say(world, scheme="Product line", label=None).get_json()["classes"] == []
    assert world.client().get("/api/v1/classes").get_json()["data"] == []


def test_a_cached_lead_is_stale_after_a_label(world: World) -> None:
    path = f"/api/v1/leads/{world.nordwind.lead('reader-0')}"
    tag = world.client().get(path).headers["ETag"]
    assert world.client().get(path, headers={"If-None-Match": tag}).status_code == 304
    say(world, scheme="Line", label="Pumps")
    assert world.client().get(path, headers={"If-None-Match": tag}).status_code == 200


REFUSED: list[dict[str, Any]] = [
    {"scheme": "", "label": "a"},
    {"scheme": " ", "label": "a"},
    {"scheme": "x" * 61, "label": "a"},
    {"scheme": "a\nb", "label": "a"},
    {"scheme": "a", "label": ""},
    {"scheme": "a", "label": 3},
    {"scheme": "a"},
    {"label": "a"},
    {"scheme": "a", "label": "b", "colour": "red"},
]


@pytest.mark.parametrize("body", REFUSED)
def test_what_makes_no_sense_is_refused(world: World, body: dict[str, Any]) -> None:
    assert say(world, **body).status_code in (400, 422)
    assert lead(world)["classes"] == []


def test_readers_may_not_label(world: World) -> None:
    assert say(world, "ada", scheme="a", label="b").status_code == 403


def test_what_was_learned_stands_on_the_lead_with_reasons(world: World) -> None:
    say(world, scheme="Line", label="valves")
    model = msgspec.structs.replace(MODEL, features=("topic:pumps", "downloads", "visits", "heat:x"))
    with world.database.writing() as connection:
        keep_models(connection, world.nordwind.id, {"Line": model})
        keep_groups(connection, world.nordwind.id, GROUPS)
    assign(world.database, world.nordwind.id)
    (told,) = lead(world, 1)["classes"]
    assert (told["label"], told["by"]) == ("pumps", "learned")
    assert 0.8 < told["confidence"] <= 1
    assert "reads about pumps" in told["reasons"]
    assert "关注pumps" in lead(world, 1, "zh")["classes"][0]["reasons"]
    assert lead(world, 1)["group"] == 3
    found = world.client().get("/api/v1/classes").get_json()
    (scheme,) = found["data"]
    assert scheme["labels"] == [
        {"label": "valves", "people": 1, "learned": 0},
        {"label": "pumps", "people": 0, "learned": 1},
    ]
    assert scheme["learned"]["verdict"] == "tells"
    assert scheme["learned"]["told"]["of"] == 32
    assert scheme["learned"]["at"] == time_text(0)
    assert [(one["group"], one["leads"]) for one in found["groups"]["data"]] == [(3, 2), (7, 0)]
    assert found["groups"]["data"][0]["text"] == "seldom come back (0.2 × the others)"
