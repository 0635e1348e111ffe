"""Losses by reason over what is stored, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scorer.outcomes import record
from scorer.sites import set_site
from tests.factories import DAY, HOUR, NOW, World, page, track
from tracker.sites import load_sites


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Anna and Bo were lost for the price, Cleo for nothing said; Dan was lost and then won, Eva was lost long ago."""
    world = World(database_url)
    world.feed([page(who, "/", NOW - 80 * DAY) for who in ("anna", "bo", "cleo", "dan")])
    world.feed([page("eva", "/", NOW - 90 * DAY), track("eva", "Lead Lost", NOW - 60 * DAY, reason="Timing")])
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        record(connection, site, world.nordwind.lead("anna"), "lost", "ben", NOW, reason="no need")
        record(
            connection, site, world.nordwind.lead("anna"), "lost", "ben", NOW, reason="Price: list", value=9, currency="EUR"
        )
        record(connection, site, world.nordwind.lead("bo"), "lost", "ben", NOW, reason="价格", value=1, currency="CNY")
        record(connection, site, world.nordwind.lead("cleo"), "lost", "ben", NOW)
        record(connection, site, world.nordwind.lead("dan"), "lost", "ben", NOW, reason="Price")
        record(connection, site, world.nordwind.lead("dan"), "won", "ben", NOW)
    yield world
    world.database.close()


def test_each_lost_lead_is_counted_by_the_last_reason_said(world: World) -> None:
    world.now = NOW + HOUR
    answer = world.client().get("/api/v1/reports/losses?from=2026-11-01").get_json()
    found = answer["data"]["losses"]
    assert [(one["reason"], one["lost"]["count"], one["value"]) for one in found["reasons"]] == [
        ("Price", 2, {"CNY": 1.0, "EUR": 9.0}),
        (None, 1, {}),
    ]
    assert (found["lost"], found["others"], answer["data"]["complete"]) == (3, 0, True)
    earlier = world.client().get("/api/v1/reports/losses?from=2026-09-01&until=2026-10-31&lang=zh").get_json()
    assert [one["reason"] for one in earlier["data"]["losses"]["reasons"]] == ["时机不对"]


def test_the_site_s_own_reasons_name_the_groups(world: World) -> None:
    world.now = NOW + HOUR
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        set_site(connection, site, ["lost_reasons=PRICE, Too far"], "ada", "", NOW)
    found = world.client().get("/api/v1/reports/losses?from=2026-11-01").get_json()["data"]["losses"]
    assert [(one["reason"], one["lost"]["count"]) for one in found["reasons"]] == [("PRICE", 2), (None, 1)]
