"""What somebody with a site's public write key can forge, and what it costs: the figures of docs/bots.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from scorer.core.joining import MAX_VISITORS
from scorer.memberships import members
from scorer.models import lead_scores, leads
from scorer.scorecards import current_cards
from scorer.scoring import refold, score_visitors
from tests.factories import DAY, MINUTE, NOW, Event, World, buyer, identify, page, track
from tracker.batch import process
from tracker.core.admission import Caller, read_body
from tracker.core.entries import RequestInfo, take_in
from tracker.sites import SiteSettings, change_site, load_sites
from tracker.store import Counts

LATE_WINDOW_MS = 7 * DAY
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
EVERYTHING = "/products/x/pricing/quote/demo/compare/contact/case-studies/docs"
"""A path that most rules for pages of the shipped card match at once."""
_ids = count(1)


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    made = World(sqlite_url)
    yield made
    made.database.close()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'forged.db'}"


def send(world: World, events: Sequence[Event], now: int = NOW) -> tuple[Counts, list[str]]:
    """Send with the write key, a thousand events a request; return what became of them and the reasons of refusals."""
    total = Counts()
    refused: list[str] = []
    for start in range(0, len(events), 1_000):
        body = read_body(msgspec.json.encode({"batch": events[start : start + 1_000]}), is_batch=True)
        caller = Caller(world.nordwind.id, False, now - LATE_WINDOW_MS)
        admission, entries = take_in(body, None, caller, now, RequestInfo(CHROME, False), 16)
        batch = [(partition, f"{now}-{next(_ids)}", packed) for partition, _, packed in entries]
        total.add(process(world.database, batch, score_visitors, now_ms=now).counts)
        refused += [one.reason for one in admission.rejected]
    return total, refused


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
    counts, _ = send(world, [page(f"forged {number}", "/pricing", NOW - MINUTE, view="v") for number in range(many)])
    assert counts.stored == many
    assert len(scores(world)) == many
    assert all(one.hot_since is None for one in scores(world))


def test_a_replayed_body_counts_once(world: World) -> None:
    body = buyer("v")[:4]
    first, _ = send(world, body)
    before = points(world, "v")
    for _ in range(20):
        again, _ = send(world, body)
        assert (again.stored, again.duplicate) == (0, len(body))
    assert first.stored == len(body)
    assert points(world, "v") == before


def test_the_same_page_ever_again_earns_no_more_than_its_caps(world: World) -> None:
    send(world, [page("v", "/pricing", NOW - DAY + number * MINUTE) for number in range(2)])
    before = points(world, "v")
    send(world, [page("v", "/pricing", NOW - DAY + number * MINUTE) for number in range(2, 600)])
    assert points(world, "v") == pytest.approx(before)


def test_two_events_can_make_a_lead_hot(world: World) -> None:
    """Nobody is kept from lying once: what a visitor claims can't be told from what a visitor does."""
    send(world, [page("liar", EVERYTHING, NOW, view="a")])
    assert (scores(world)[0].hot_since, round(points(world, "liar"))) == (None, 38)
    send(world, [page("liar", EVERYTHING, NOW, view="b")])
    assert (scores(world)[0].hot_since, round(points(world, "liar"))) == (NOW, 70)
    assert hot_days(world, "liar") == 11
    send(world, [page("hasty", EVERYTHING, NOW), track("hasty", "Quote Requested", NOW)])
    assert round(points(world, "hasty")) == 68


def test_back_dated_events_end_with_the_late_window(world: World) -> None:
    _, refused = send(world, [page("old", "/pricing", NOW - 7 * DAY - MINUTE), page("new", "/pricing", NOW - 7 * DAY)])
    assert refused == ["timestamp_too_old"]


def test_a_week_forged_at_once_is_worth_no_more_than_one_day(world: World) -> None:
    send(world, forged_day("one day", NOW - 10 * 60 * MINUTE))
    assert points(world, "one day") == pytest.approx(265, abs=3)
    assert hot_days(world, "one day") == 38
    week = [event for day in range(1, 8) for event in forged_day("a week", NOW - day * DAY + MINUTE)]
    for _ in range(2):  # with ids of their own: no duplicates
        send(world, week)
    send(world, forged_day("a week", NOW - 10 * 60 * MINUTE))
    assert points(world, "a week") == pytest.approx(191, abs=3), "and older, so that it has faded"
    assert hot_days(world, "a week") == 31
    # What is told as it happens counts on every day that it is told: that takes days.
    for day in range(7, 0, -1):
        send(world, forged_day("patience", NOW - day * DAY), now=NOW - day * DAY + 50 * MINUTE)
        send(world, forged_day("patience", NOW - day * DAY), now=NOW - day * DAY + 51 * MINUTE)
    assert points(world, "patience") == pytest.approx(1_453, abs=15)
    assert hot_days(world, "patience") == 72


def test_a_forged_week_is_scored_the_same_from_the_first_event(world: World) -> None:
    for day in (1, 4, 2, 6, 3):
        send(world, forged_day("liar", NOW - day * DAY + MINUTE))
        send(world, [page("liar", "/pricing", NOW - day)])
    with world.database.reading() as connection:
        lead = world.nordwind.lead("liar")
        card, site = current_cards(connection)[world.nordwind.id].card, load_sites(connection)[world.nordwind.id]
        kept = connection.execute(select(lead_scores.c.heat).where(lead_scores.c.lead_id == lead)).scalar_one()
        assert refold(connection, card, site, members(connection, [lead])[lead]).heat == pytest.approx(kept, rel=1e-9)


def test_deeds_that_only_the_server_tells_of_are_not_to_be_forged(world: World) -> None:
    with world.database.writing() as connection:
        change_site(connection, world.nordwind.id, SiteSettings(server_events=("quote requested",)))
    forged = [page("hasty", EVERYTHING, NOW), track("hasty", "Quote Requested", NOW)]
    counts, _ = send(world, forged)
    assert (counts.stored, counts.filtered) == (1, 1)
    assert (scores(world)[0].hot_since, round(points(world, "hasty"))) == (None, 38)
    world.feed([track("hasty", "Quote Requested", NOW)])  # by the server, as the world tells everything
    assert (scores(world)[0].hot_since, round(points(world, "hasty"))) == (NOW, 68)


def test_blocked_referrers_bring_no_leads(world: World) -> None:
    with world.database.writing() as connection:
        change_site(connection, world.nordwind.id, SiteSettings(blocked_referrers=("spam.example",)))
    many = [page(f"f{number}", "/", NOW, referrer=f"https://{number}.spam.example/buy") for number in range(50)]
    counts, _ = send(world, many)
    assert (counts.stored, counts.filtered) == (0, 50)
    assert scores(world) == []


def test_a_name_claimed_by_many_browsers_joins_a_hundred_and_their_caps_are_one(world: World) -> None:
    claimed = {"email": "ada@halden.example"}
    send(
        world,
        [page("ada", "/pricing", NOW - DAY), page("ada", "/pricing", NOW - DAY + 1), identify("ada", NOW - DAY, **claimed)],
    )
    before = points(world, "ada")
    forged: list[Event] = []
    for number in range(MAX_VISITORS + 20):
        forged += [page(f"f{number}", "/pricing", NOW - DAY + 2), identify(f"f{number}", NOW - DAY + 3, **claimed)]
    send(world, forged)
    with world.database.reading() as connection:
        assert connection.execute(select(func.max(leads.c.visitors))).scalar_one() == MAX_VISITORS
    assert points(world, "ada") == pytest.approx(before, rel=0.01)
