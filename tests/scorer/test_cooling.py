"""Cooling: sales are told once that a lead has faded, and nothing else changes."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from sqlalchemy import select, update

from scorer import cooling
from scorer.cooling import announce_cooled
from scorer.core.people import lead_id
from scorer.models import lead_changes, lead_scores, leads
from scorer.scorecards import current_cards
from scorer.sites import found_site
from tests.scorer.test_scoring import Feed, database, keen, live, named, site_id
from tests.tracker.conftest import DAY, NOW, page
from tracker.sites import SiteSettings

__all__ = ["database", "live", "site_id"]  # fixtures


def rows(live: Feed) -> dict[str, Any]:
    with live.database.reading() as connection:
        joined = select(leads, lead_scores).join(lead_scores, lead_scores.c.lead_id == leads.c.id)
        return {row.id: row._asdict() for row in connection.execute(joined)}


def cools_at(live: Feed, visitor: str) -> int:
    with live.database.reading() as connection:
        at = current_cards(connection)[live.site_id].card.cools_at(live.score(visitor).heat)
    assert at is not None
    return at


def cool(live: Feed, now: int) -> int:
    with live.database.writing() as connection:
        return announce_cooled(connection, now)


def lefts(live: Feed) -> list[tuple[str, int, dict[str, Any]]]:
    with live.database.reading() as connection:
        query = select(lead_changes).where(lead_changes.c.kind == "left").order_by(lead_changes.c.sequence)
        return [(row.lead_id, row.at, json.loads(row.detail)) for row in connection.execute(query)]


def test_a_lead_that_has_faded_is_told_of_once_and_the_others_are_untouched(live: Feed) -> None:
    live.take(*keen("cool", 3), *keen("hotter", 8), page("cold", 1), named("known"))
    at = cools_at(live, "cool")
    assert at < cools_at(live, "hotter")
    before, told = rows(live), len(live.changes())
    assert cool(live, at - DAY) == 0
    assert rows(live) == before
    assert cool(live, at + 60_000) == 1
    assert cool(live, at + 60_000) == 0
    after = rows(live)
    changed = {key for key in after if after[key] != before[key]}
    assert changed == {lead_id(live.site_id, "cool")}
    cooled = lead_id(live.site_id, "cool")
    old = before[cooled]
    assert (old["hot_since"], old["announced_score"]) != (None, None)
    assert after[cooled] == old | {"hot_since": None, "announced_score": None, "revision": old["revision"] + 1}
    [(told_of, told_at, detail)] = lefts(live)
    assert (told_of, told_at, detail["cooled_at"]) == (cooled, at + 60_000, at)
    assert 0 < detail["score"] < 100
    assert [number for number, _, _ in live.changes()] == list(range(1, told + 2))


def test_the_moment_of_cooling_is_the_formula_s(live: Feed) -> None:
    live.take(*keen("v"))
    at = cools_at(live, "v")
    assert cool(live, at - 1000) == 0
    assert cool(live, at + 1000) == 1


def test_leads_are_told_in_the_order_in_which_they_cooled(live: Feed) -> None:
    for visitor, days in (("b", 6), ("a", 3), ("c", 9)):
        live.take(*keen(visitor, days))
    latest = max(cools_at(live, visitor) for visitor in "abc")
    assert cool(live, latest + DAY) == 3
    moments = [detail["cooled_at"] for _, _, detail in lefts(live)]
    assert moments == sorted(moments)
    assert len(set(moments)) == 3


def test_what_is_too_much_for_one_tick_is_told_at_the_next(live: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooling, "COOLED_AT_ONCE", 2)
    for visitor in "abc":
        live.take(*keen(visitor))
    late = cools_at(live, "a") + 30 * DAY
    assert [cool(live, late) for _ in range(3)] == [2, 1, 0]
    assert len({lead for lead, _, _ in lefts(live)}) == 3


def test_a_lead_that_comes_back_becomes_hot_again(live: Feed) -> None:
    live.take(*keen("v"))
    assert cool(live, cools_at(live, "v") + DAY) == 1
    back = cools_at(live, "v") + 10 * DAY
    again = [event | {"messageId": f"again-{event['messageId']}"} for event in keen("v")]
    shifted = [event | {"timestamp": None} for event in again]
    live.take(*shifted, now=back)
    kinds = [kind for _, _, kind in live.changes() if kind not in ("rose", "stage")]
    assert kinds == ["entered", "left", "entered"]
    assert [cool(live, back + 400 * DAY) for _ in range(2)] == [1, 0]


def test_each_site_s_leads_cool_by_its_own_card(live: Feed) -> None:
    live.take(*keen("v"))
    with live.database.writing() as connection:
        found_site(connection, "other", SiteSettings(), 1)
        without_card = found_site(connection, "third", SiteSettings(), 1)
    assert without_card.id != live.site_id
    assert cool(live, cools_at(live, "v") + DAY) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_a_lead_that_is_being_scored_is_told_of_at_the_next_tick(live: Feed) -> None:
    live.take(*keen("busy"), *keen("free"))
    late = max(cools_at(live, visitor) for visitor in ("busy", "free")) + DAY
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with live.database.writing() as connection:
            mine = lead_scores.c.lead_id == lead_id(live.site_id, "busy")
            connection.execute(update(lead_scores).where(mine).values(last_at=NOW))
            held.set()
            release.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    assert cool(live, late) == 1
    release.set()
    thread.join()
    assert cool(live, late) == 1
    assert [lead for lead, _, _ in lefts(live)] == [lead_id(live.site_id, "free"), lead_id(live.site_id, "busy")]
