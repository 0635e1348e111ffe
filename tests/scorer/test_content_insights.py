"""What goes before wins, and what to show next, from events and outcomes as they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest

from scorer import insights
from scorer.core.content import ContentItem
from scorer.core.periods import period
from scorer.core.segment import Condition
from scorer.outlets.report_shapes import ContentReport
from scorer.reports import content, reading
from scorer.reports.asking import Asked
from scorer.reports.content import read_content
from scorer.scorecards import current_cards
from scorer.segments import add_segment
from tests.factories import DAY, HOUR, NOW, Event, World, download, engaged, identify, page, track
from tracker.sites import load_sites

MANY = 11
HTML = "<script>alert(1)</script>"


def reader(who: str, path: str, at: int, title: str = "", seconds: int = 30) -> list[Event]:
    """Somebody reads a page."""
    view = f"{who}{path}{at}"
    return [page(who, path, at, view=view, title=title), engaged(who, view, seconds, at + 60_000)]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Winners who had read the guide and a file, and others who had read of jobs; all of them the front page. After the
    first word of sales, all winners read the terms."""
    made = World(database_url)
    events: list[Event] = []
    for n in range(MANY):
        won, lost, at = f"won {n}", f"lost {n}", NOW - (n + 3) * DAY
        events += [*reader(won, "/", at), *reader(won, "/products/flow-meter", at + HOUR, HTML), *reader(lost, "/", at)]
        events += [download(won, "sizing.pdf", at + 2 * HOUR), *reader(lost, "/careers-at-nordwind", at + HOUR)]
        events += [track(won, "Lead Contacted", at + DAY), *reader(won, "/terms", at + DAY + HOUR)]
        events += [
            track(won, "Lead Won", at + 2 * DAY, value=100),
            track(lost, ("Lead Lost", "Lead Disqualified")[n % 2], at + DAY),
        ]
    made.feed(events)
    yield made
    made.database.close()


def asked(world: World, *, days: int = 90, where: Condition | None = None) -> Asked:
    with world.database.reading() as connection:
        site, stored = load_sites(connection)[world.nordwind.id], current_cards(connection)[world.nordwind.id]
    chosen = period(None, None, world.now, ZoneInfo("Europe/Berlin"))
    return Asked(site, stored, chosen, world.now, where)


def report(world: World, where: Condition | None = None) -> tuple[ContentReport, dict[str, ContentItem]]:
    with world.database.reading() as connection:
        found = read_content(connection, asked(world, where=where))
    return found, {one.url.partition(".example")[2]: one for one in [*found.pages, *found.documents]}


def test_what_goes_before_wins_and_before_losses(world: World) -> None:
    found, items = report(world)
    assert (found.decided, found.won, found.lost, found.complete) == (2 * MANY, MANY, MANY, True)
    assert {path: one.verdict for path, one in items.items()} == {
        "/": "no_difference",
        "/products/flow-meter": "wins",
        "/careers-at-nordwind": "losses",
        "/files/sizing.pdf": "wins",
    }
    assert [one.title for one in found.to_send] == ["sizing.pdf"]
    assert (items["/files/sizing.pdf"].kind, items["/files/sizing.pdf"].won.count) == ("file", MANY)
    assert items["/products/flow-meter"].topic == "flow-meter"


def test_what_is_read_after_the_first_word_of_sales_counts_nowhere(world: World) -> None:
    assert "/terms" not in report(world)[1]
    insights.refresh(world.database, world.now)
    world.feed(reader("new", "/about", NOW - HOUR))
    told = world.client().get(f"/api/v1/leads/{world.nordwind.lead('new')}/recommendations").json
    assert told is not None
    assert [one["content"]["url"].partition(".example")[2] for one in told["data"]] == [
        "/files/sizing.pdf",
        "/products/flow-meter",
    ]


def test_a_glance_is_no_reading(world: World) -> None:
    for n in range(MANY):
        world.feed(reader(f"lost {n}", "/products/flow-meter", NOW - (n + 3) * DAY + 2 * HOUR, seconds=9))
    assert report(world)[1]["/products/flow-meter"].lost.count == 0


def test_who_is_no_longer_decided_or_excluded_counts_nowhere(world: World) -> None:
    world.feed([identify("won 0", NOW, email="me@nordwind.example")])
    only = Condition(field="status", is_="won")
    assert report(world, only)[0].lost == 0
    assert report(world, only)[0].tested == 0  # with no others there is nothing to compare


def test_it_is_of_the_leads_decided_in_the_period(world: World) -> None:
    world.now = NOW + 200 * DAY
    assert report(world)[0].decided == 0


def test_it_says_when_it_has_not_looked_at_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "LEADS_AT_MOST", 3)
    found, _ = report(world)
    assert (found.decided, found.complete, found.tested) == (6, False, 0)
    monkeypatch.setattr(content, "LEADS_AT_MOST", 1000)
    monkeypatch.setattr(reading, "AT_ONCE", 5)
    monkeypatch.setattr(reading, "EVENTS_AT_MOST", 1)
    found, _ = report(world)
    assert (found.won + found.lost, found.complete) == (5, False)


def test_the_api_tells_it_for_a_period_and_a_segment(world: World) -> None:
    client = world.client()
    told = client.get("/api/v1/reports/content?from=2026-10-01&until=2026-11-19").json
    assert told is not None
    assert told["period"]["from"] == "2026-10-01"
    assert told["data"]["pages"][0]["verdict"] in ("wins", "losses")
    assert told["data"]["pages"][0]["low"] < told["data"]["pages"][0]["odds_ratio"] < told["data"]["pages"][0]["high"]
    with world.database.writing() as connection:
        add_segment(connection, world.nordwind.id, "Named", Condition(field="kind", is_="person"), NOW)
    narrowed = client.get("/api/v1/reports/content?segment=Named").json
    assert narrowed is not None
    assert narrowed["data"]["decided"] == 0
    assert client.get("/api/v1/reports/content?segment=Nobody").status_code == 400


def test_recommendations_come_with_their_reason_and_never_what_was_seen(world: World) -> None:
    world.feed([*reader("new", "/products/flow-meter", NOW - HOUR, seconds=1), identify("new", NOW, name="Ada Winter")])
    client, path = world.client(), f"/api/v1/leads/{world.nordwind.lead('new')}/recommendations"
    assert client.get(path).json == {"data": [], "next_cursor": None}  # nothing is reckoned yet
    insights.refresh(world.database, world.now)
    told = client.get(path).json
    assert told is not None
    (one,) = told["data"]
    assert one["content"]["title"] == "sizing.pdf"
    assert (
        one["why"] == f"{MANY} of {MANY} who bought after reading about flow meter (as far on) read this; Ada Winter has not"
    )
    chinese = client.get(f"{path}?lang=zh").json
    assert chinese is not None
    assert chinese["data"][0]["why"].startswith("读过“flow meter”后成交的")


def test_another_site_has_recommendations_of_its_own(world: World) -> None:
    world.feed(reader("lin", "/a", NOW - HOUR), world.huadong)
    insights.refresh(world.database, world.now)
    client = world.client(company=world.huadong)
    assert client.get(f"/api/v1/leads/{world.huadong.lead('lin')}/recommendations").json == {"data": [], "next_cursor": None}
    assert client.get(f"/api/v1/leads/{world.nordwind.lead('won 1')}/recommendations").status_code == 404


def test_without_a_win_leads_further_on_are_asked(database_url: str) -> None:
    made = World(database_url)
    for n in range(4):
        who = f"far {n}"
        made.feed([*reader(who, "/pricing", NOW - DAY), *reader(who, "/contact", NOW - DAY + HOUR)])
        made.feed([track(who, "Quote Requested", NOW - DAY + 2 * HOUR)])
    made.feed([event for n in range(6) for event in reader(f"near {n}", "/news/fair", NOW - DAY)])
    insights.refresh(made.database, made.now)
    told = made.client().get(f"/api/v1/leads/{made.nordwind.lead('near 1')}/recommendations").json
    made.database.close()
    assert told is not None
    assert {one["content"]["who"] for one in told["data"]} == {"further_on"}
    assert all(one["why"].startswith("Nobody has bought yet. 4 of 4") for one in told["data"])
