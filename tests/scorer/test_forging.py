"""What somebody with a site's public write key can forge, and what it costs: the figures of docs/bots.md."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from scorer.cli.leads import _who
from scorer.core.joining import MAX_VISITORS
from scorer.core.labels import Language, pick
from scorer.core.observing import AT_ONCE
from scorer.memberships import members
from scorer.models import lead_scores, leads
from scorer.scorecards import current_cards
from scorer.scoring import refold
from tests.factories import DAY, MINUTE, NOW, SECOND, Event, World, buyer, identify, page, track
from tracker.sites import SiteSettings, change_site, load_sites

EVERYTHING = "/products/x/pricing/quote/demo/compare/contact/case-studies/docs"
"""A path that most rules for pages of the shipped card match at once."""


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    made = World(sqlite_url)
    yield made
    made.database.close()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'forged.db'}"


def scores(world: World) -> list[Any]:
    with world.database.reading() as connection:
        return list(connection.execute(select(lead_scores.c.lead_id, lead_scores.c.hot_since, lead_scores.c.heat)))


def points(world: World, who: str) -> float:
    """What a lead has now."""
    return next(now_points(world, one.heat) for one in scores(world) if one.lead_id == world.nordwind.lead(who))


def now_points(world: World, heat: float) -> float:
    with world.database.reading() as connection:
        return current_cards(connection)[world.nordwind.id].card.decay.points(heat, NOW)


def hot_days(world: World, who: str) -> int:
    """Days for which a lead stays hot if nothing more comes."""
    with world.database.reading() as connection:
        card = current_cards(connection)[world.nordwind.id].card
    heat = next(one.heat for one in scores(world) if one.lead_id == world.nordwind.lead(who))
    return next(day for day in count() if card.decay.points(heat, NOW + day * DAY) < card.leave)


def forged_day(who: str, at: int) -> list[Event]:
    """All that the shipped card gives anything for on one day and that a browser may send, each as often as it counts."""
    made: list[Event] = []
    for number in range(4):
        begun = at + number * 60 * MINUTE
        made.append(page(who, EVERYTHING, begun, view=f"{who}-{at}-{number}"))
        made.append(page(who, f"/blog/{number}", begun + 1, view=f"{who}-{at}-b{number}"))
        told = {"view_id": f"{who}-{at}-{number}", "engaged_ms": 600_000}
        made.append(track(who, "Page Engaged", begun + 10 * MINUTE, **told))
        made.append(track(who, "File Downloaded", begun + 2, url="https://www.nordwind.example/price.pdf"))
        made.append(track(who, "Form Submitted", begun + 3, form_id="quote", url="https://www.nordwind.example/"))
        made.append(track(who, "Form Submitted", begun + 3, form_id="newsletter", url="https://www.nordwind.example/"))
        made.append(track(who, "Link Clicked", begun + 4, url="mailto:sales@nordwind.example"))
        for name in ("Email Clicked", "Chat Started", "Webinar Registered", "Webinar Attended", "Trade Fair Visited"):
            made.append(track(who, name, begun + 5))
        made += [track(who, name, begun + 6) for name in ("Trial Started", "Quote Requested")]
    return made


def test_forged_visitors_are_as_many_cold_leads(world: World) -> None:
    many = 500
    counts, _ = world.browsers_send([page(f"forged {number}", "/pricing", NOW - MINUTE, view="v") for number in range(many)])
    assert counts.stored == many
    assert len(scores(world)) == many
    assert all(one.hot_since is None for one in scores(world))


def test_a_replayed_body_counts_once(world: World) -> None:
    body = buyer("v")[:4]
    first, _ = world.browsers_send(body)
    before = points(world, "v")
    for _ in range(20):
        again, _ = world.browsers_send(body)
        assert (again.stored, again.duplicate) == (0, len(body))
    assert first.stored == len(body)
    assert points(world, "v") == before


def test_the_same_page_ever_again_earns_no_more_than_its_caps(world: World) -> None:
    world.browsers_send([page("v", "/pricing", NOW - DAY + number * MINUTE) for number in range(2)])
    before = points(world, "v")
    world.browsers_send([page("v", "/pricing", NOW - DAY + number * MINUTE) for number in range(2, 600)])
    assert points(world, "v") == pytest.approx(before)


def test_two_events_can_make_a_lead_hot(world: World) -> None:
    """Nobody is kept from lying once: what a visitor claims can't be told from what a visitor does."""
    world.browsers_send([page("liar", EVERYTHING, NOW, view="a")])
    assert (scores(world)[0].hot_since, round(points(world, "liar"))) == (None, 38)
    world.browsers_send([page("liar", EVERYTHING, NOW, view="b")])
    assert (scores(world)[0].hot_since, round(points(world, "liar"))) == (NOW, 70)
    assert hot_days(world, "liar") == 11
    world.browsers_send([page("hasty", EVERYTHING, NOW), track("hasty", "Quote Requested", NOW)])
    assert round(points(world, "hasty")) == 68


def test_a_week_made_up_at_once_is_seen_to_have_come_at_once(world: World) -> None:
    """What is said of the time doesn't matter: it is this service's clock that counts."""
    week = [event for day in range(1, 8) for event in forged_day("liar", NOW - day * DAY + MINUTE)]
    world.browsers_send(week)
    assert world.shown("liar").observed_seconds == 0
    world.browsers_send(forged_day("liar", NOW), now=NOW + 40 * SECOND)
    world.now = NOW + 40 * SECOND
    assert (world.shown("liar").tier, world.shown("liar").observed_seconds) == ("hot", 40)
    world.browsers_send([page("liar", "/pricing", NOW + MINUTE)], now=NOW + MINUTE)
    assert world.shown("liar").observed_seconds == 60


def test_what_a_server_tells_isnt_taken_for_made_up(world: World) -> None:
    world.feed(forged_day("known", NOW - DAY))
    world.browsers_send([page("known", "/pricing", NOW)])
    assert (world.shown("known").tier, world.shown("known").observed_seconds) == ("hot", None)


def test_a_lead_is_observed_from_the_first_of_its_browsers_on(world: World) -> None:
    told = {"email": "ada@halden.example"}
    world.browsers_send([page("phone", "/", NOW - DAY), identify("phone", NOW - DAY, **told)], now=NOW - DAY)
    world.browsers_send([page("desk", "/", NOW), identify("desk", NOW, **told)])
    assert world.shown("phone").observed_seconds == DAY / 1000
    world.feed([page("import", "/", NOW), identify("import", NOW, **told)])
    assert world.shown("phone").observed_seconds is None


def test_back_dated_events_end_with_the_late_window(world: World) -> None:
    _, refused = world.browsers_send(
        [page("old", "/pricing", NOW - 7 * DAY - MINUTE), page("new", "/pricing", NOW - 7 * DAY)]
    )
    assert refused == ["timestamp_too_old"]


def test_a_week_forged_at_once_is_worth_no_more_than_one_day(world: World) -> None:
    world.browsers_send(forged_day("one day", NOW - 10 * 60 * MINUTE))
    assert points(world, "one day") == pytest.approx(265, abs=3)
    assert hot_days(world, "one day") == 38
    week = [event for day in range(1, 8) for event in forged_day("a week", NOW - day * DAY + MINUTE)]
    for _ in range(2):  # with ids of their own: no duplicates
        world.browsers_send(week)
    world.browsers_send(forged_day("a week", NOW - 10 * 60 * MINUTE))
    assert points(world, "a week") == pytest.approx(191, abs=3), "and older, so that it has faded"
    assert hot_days(world, "a week") == 31
    # What is told as it happens counts on every day that it is told: that takes days.
    for day in range(7, 0, -1):
        world.browsers_send(forged_day("patience", NOW - day * DAY), now=NOW - day * DAY + 50 * MINUTE)
        world.browsers_send(forged_day("patience", NOW - day * DAY), now=NOW - day * DAY + 51 * MINUTE)
    assert points(world, "patience") == pytest.approx(1_453, abs=15)
    assert hot_days(world, "patience") == 72


def test_a_forged_week_is_scored_the_same_from_the_first_event(world: World) -> None:
    for day in (1, 4, 2, 6, 3):
        world.browsers_send(forged_day("liar", NOW - day * DAY + MINUTE))
        world.browsers_send([page("liar", "/pricing", NOW - day)])
    with world.database.reading() as connection:
        lead = world.nordwind.lead("liar")
        card, site = current_cards(connection)[world.nordwind.id].card, load_sites(connection)[world.nordwind.id]
        kept = connection.execute(select(lead_scores.c.heat).where(lead_scores.c.lead_id == lead)).scalar_one()
        assert refold(connection, card, site, members(connection, [lead])[lead]).heat == pytest.approx(kept, rel=1e-9)


def test_deeds_that_only_the_server_tells_of_are_not_to_be_forged(world: World) -> None:
    with world.database.writing() as connection:
        change_site(connection, world.nordwind.id, SiteSettings(server_events=("quote requested",)))
    forged = [page("hasty", EVERYTHING, NOW), track("hasty", "Quote Requested", NOW)]
    counts, _ = world.browsers_send(forged)
    assert (counts.stored, counts.filtered) == (1, 1)
    assert (scores(world)[0].hot_since, round(points(world, "hasty"))) == (None, 38)
    world.feed([track("hasty", "Quote Requested", NOW)])  # by the server, as the world tells everything
    assert (scores(world)[0].hot_since, round(points(world, "hasty"))) == (NOW, 68)


ONE_REQUEST: dict[str, list[Event]] = {
    "two pages": [page("liar", EVERYTHING, NOW, view=view) for view in ("a", "b")],
    "a page and a claim": [page("liar", EVERYTHING, NOW), track("liar", "Quote Requested", NOW)],
    "a day": forged_day("liar", NOW - 10 * 60 * MINUTE),
    "a week": [event for day in range(1, 8) for event in forged_day("liar", NOW - day * DAY + MINUTE)],
    "a name": [*forged_day("liar", NOW - 10 * 60 * MINUTE), identify("liar", NOW, email="ada@halden.example")],
}


@pytest.mark.parametrize("request_of", ONE_REQUEST)
def test_where_the_site_waits_no_one_request_makes_a_lead_hot(world: World, request_of: str) -> None:
    """It takes another, after the wait, by this service's clock: an hour here."""
    with world.database.writing() as connection:
        change_site(connection, world.nordwind.id, SiteSettings(observe_seconds=3600))
    world.browsers_send(ONE_REQUEST[request_of])
    assert points(world, "liar") > 60
    assert world.shown("liar").tier != "hot"
    world.browsers_send(ONE_REQUEST[request_of], now=NOW + 2 * 60 * MINUTE)
    assert world.shown("liar").tier != "hot"
    world.browsers_send([page("liar", "/", NOW + 3 * 60 * MINUTE)], now=NOW + 3 * 60 * MINUTE)
    assert world.shown("liar").tier == "hot"


def test_blocked_referrers_bring_no_leads(world: World) -> None:
    with world.database.writing() as connection:
        change_site(connection, world.nordwind.id, SiteSettings(blocked_referrers=("spam.example",)))
    many = [page(f"f{number}", "/", NOW, referrer=f"https://{number}.spam.example/buy") for number in range(50)]
    counts, _ = world.browsers_send(many)
    assert (counts.stored, counts.filtered) == (0, 50)
    assert scores(world) == []


def test_a_name_claimed_by_many_browsers_joins_a_hundred_and_their_caps_are_one(world: World) -> None:
    claimed = {"email": "ada@halden.example"}
    world.browsers_send(
        [page("ada", "/pricing", NOW - DAY), page("ada", "/pricing", NOW - DAY + 1), identify("ada", NOW - DAY, **claimed)],
    )
    before = points(world, "ada")
    forged: list[Event] = []
    for number in range(MAX_VISITORS + 20):
        forged += [page(f"f{number}", "/pricing", NOW - DAY + 2), identify(f"f{number}", NOW - DAY + 3, **claimed)]
    world.browsers_send(forged)
    with world.database.reading() as connection:
        assert connection.execute(select(func.max(leads.c.visitors))).scalar_one() == MAX_VISITORS
    assert points(world, "ada") == pytest.approx(before, rel=0.01)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_terminal_marks_what_came_at_once(world: World, language: Language) -> None:
    world.browsers_send(forged_day("liar", NOW - 10 * 60 * MINUTE))
    world.feed(buyer("buyer"))
    told = [_who(world.shown(name), language).plain for name in ("liar", "buyer")]
    assert [pick(AT_ONCE, language) in one for one in told] == [True, False]
