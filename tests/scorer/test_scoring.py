"""Scoring in the drain's transaction: what sales are told, once and in order, and heat that equals its own refold."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from scorer.announcing import announce
from scorer.core.people import lead_id
from scorer.core.score import fold
from scorer.models import feed, lead_changes, lead_scores, lead_visitors, leads
from scorer.resources import prepare_database
from scorer.scorecards import current_cards
from scorer.scoring import facts_of, score_visitors, unpack_score
from scorer.sites import found_site
from tests.tracker.conftest import DAY, MINUTE, NOW, Stream, packed, page
from tracker import store
from tracker.batch import process
from tracker.db import Database
from tracker.models import visitors
from tracker.sites import SiteSettings, load_sites


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    prepare_database(made)
    yield made
    made.close()


@pytest.fixture
def site_id(database: Database) -> int:
    with database.writing() as connection:
        return found_site(connection, "shop", SiteSettings(), 1).id


def keen(visitor: str, days: int = 3) -> list[dict[str, Any]]:
    """A visitor who is about to buy: prices, a data sheet and a contact form on each of the last days."""
    made: list[dict[str, Any]] = []
    for day in range(days, 0, -1):
        at = NOW - day * DAY
        for number, url in enumerate(("/pricing", "/products/pumps", "/contact")):
            view = {"url": f"https://shop.example{url}", "view_id": f"{visitor}-{day}-{number}"}
            made.append(page(visitor, len(made), at + number * MINUTE, properties=view))
            engaged = view | {"engaged_ms": 240_000}
            at_end = at + number * MINUTE + 50_000
            made.append(page(visitor, len(made), at_end, type="track", event="Page Engaged", properties=engaged))
        download = {"url": "https://shop.example/files/pump.pdf", "file_name": "pump.pdf", "extension": "pdf"}
        made.append(page(visitor, len(made), at + 5 * MINUTE, type="track", event="File Downloaded", properties=download))
        form = {"form_id": "contact", "form_name": "Contact", "url": "https://shop.example/contact"}
        made.append(page(visitor, len(made), at + 6 * MINUTE, type="track", event="Form Submitted", properties=form))
    return made


def named(visitor: str, number: int = 900, at: int = NOW - DAY, **traits: str) -> dict[str, Any]:
    told = {"name": "Ada", "email": f"{visitor}@halden.example"} | traits
    return page(visitor, number, at, type="identify", traits=told)


class Feed:
    """A stream that is processed as it is written."""

    def __init__(self, database: Database, site_id: int) -> None:
        self.database, self.site_id, self.stream = database, site_id, Stream()

    def take(self, *events: dict[str, Any], now: int = NOW) -> None:
        done = len(self.stream.entries)
        self.stream.append(packed(self.site_id, events, trusted=True))
        process(self.database, self.stream.entries[done:], score_visitors, now_ms=now)

    def lead(self, visitor: str) -> Any:
        with self.database.reading() as connection:
            return connection.execute(select(leads).where(leads.c.id == lead_id(self.site_id, visitor))).one()

    def score(self, visitor: str) -> Any:
        """Its row of scores by the current card."""
        with self.database.reading() as connection:
            card_id = current_cards(connection)[self.site_id].id
            mine = (lead_scores.c.lead_id == lead_id(self.site_id, visitor)) & (lead_scores.c.scorecard_id == card_id)
            return connection.execute(select(lead_scores).where(mine)).one()

    def told(self) -> list[tuple[int, str, str, Any]]:
        """The lines of the feed with what they tell."""
        with self.database.reading() as connection:
            columns = (lead_changes.c.sequence, lead_changes.c.lead_id, lead_changes.c.kind, lead_changes.c.detail)
            rows = connection.execute(select(*columns).order_by(lead_changes.c.sequence))
            return [(row.sequence, row.lead_id, row.kind, json.loads(row.detail)) for row in rows]

    def changes(self) -> list[tuple[int, str, str]]:
        with self.database.reading() as connection:
            columns = (lead_changes.c.sequence, lead_changes.c.lead_id, lead_changes.c.kind)
            return [tuple(row) for row in connection.execute(select(*columns).order_by(lead_changes.c.sequence))]


@pytest.fixture
def live(database: Database, site_id: int) -> Feed:
    return Feed(database, site_id)


def test_a_keen_visitor_becomes_hot_once_however_the_events_come(live: Feed) -> None:
    for event in keen("v"):
        live.take(event)
    live.take(*keen("v"))  # all again
    mine = lead_id(live.site_id, "v")
    assert live.changes()[0] == (1, mine, "entered")
    assert Counter(kind for _, _, kind in live.changes())["entered"] == 1
    assert {kind for _, _, kind in live.changes()} <= {"entered", "rose", "stage"}
    assert live.score("v").hot_since is not None
    lead = live.lead("v")
    assert (lead.kind, lead.status, lead.owner) == ("visitor", "open", None)


def test_a_glance_is_no_news(live: Feed) -> None:
    live.take(page("v", 1))
    assert live.changes() == []
    assert (live.score("v").hot_since, live.score("v").revision, live.lead("v").version) == (None, 1, 1)


def test_a_visitor_who_says_who_it_is_is_told_of_once(live: Feed) -> None:
    live.take(page("v", 1))
    live.take(named("v"))
    live.take(named("v", 901, title="CEO"))
    live.take(named("v", 901, title="CEO"))
    assert live.changes() == [(1, lead_id(live.site_id, "v"), "identified")]
    lead = live.lead("v")
    assert (lead.kind, lead.name, lead.email, lead.title) == ("person", "Ada", "v@halden.example", "CEO")
    assert lead.company_domain == "halden.example"


def test_becoming_known_and_hot_at_once_is_told_line_by_line_in_order(live: Feed) -> None:
    live.take(*keen("v"), named("v"))
    mine = lead_id(live.site_id, "v")
    assert live.changes() == [(1, mine, "identified"), (2, mine, "entered"), (3, mine, "stage")]


def test_where_a_lead_stands_is_told_when_that_changes_and_of_nobody_unknown_and_cold(live: Feed) -> None:
    mine, stages = lead_id(live.site_id, "v"), []
    for number, path in enumerate(("/blog/seals", "/products/seals", "/blog/pumps", "/pricing", "/pricing"), start=1):
        live.take(page("v", number, NOW - DAY + number * MINUTE, properties={"url": f"https://shop.example{path}"}))
        stages.append(live.score("v").stage)
        if path == "/products/seals":
            assert live.changes() == []
            live.take(named("v", at=NOW - DAY + number * MINUTE + 1))
    assert stages == ["awareness", "consideration", "consideration", "decision", "decision"]
    told = [(1, mine, "identified"), (2, mine, "stage")]
    assert live.changes() == told
    assert live.told()[1][3] == {"from": "consideration", "to": "decision"}


def test_heat_is_what_a_refold_of_the_history_gives(live: Feed) -> None:
    everything = [event for visitor in "abc" for event in keen(visitor, 5)] + [named("a"), page("d", 1)]
    for start in range(len(everything)):
        live.take(everything[(start * 7) % len(everything)])  # out of order
    with live.database.reading() as connection:
        site, stored = load_sites(connection)[live.site_id], current_cards(connection)[live.site_id]
        keys = {row.id: row.key for row in connection.execute(select(visitors.c.id, visitors.c.key))}
        scores = {row.lead_id: row for row in connection.execute(select(lead_scores))}
        lead_of = dict(connection.execute(select(lead_visitors.c.visitor_id, lead_visitors.c.lead_id)).all())  # type: ignore[arg-type]
        histories = store.load_histories(connection, list(keys))
    assert sorted(keys.values()) == ["a", "b", "c", "d"]
    for visitor_id, key in keys.items():
        whole = fold(stored.card, None, {0: facts_of(histories[visitor_id], site)})
        score = scores[lead_of[visitor_id]]
        assert lead_of[visitor_id] == lead_id(live.site_id, key)
        assert score.heat == pytest.approx(whole.heat, rel=1e-9)
        assert unpack_score(score.state).hot_since == whole.hot_since
        assert unpack_score(score.state).heat == score.heat
        assert score.scorecard_id == stored.id


def test_what_sales_have_noted_survives_new_events(live: Feed) -> None:
    live.take(page("v", 1))
    with live.database.writing() as connection:
        connection.execute(update(leads).values(status="claimed", owner="ada", version=7))
    live.take(page("v", 2))
    lead = live.lead("v")
    # The score is new, who it is and how far sales have got isn't.
    assert (lead.status, lead.owner, lead.version, live.score("v").revision) == ("claimed", "ada", 7, 2)
    live.take(named("v"))
    lead = live.lead("v")
    assert (lead.status, lead.owner, lead.version, lead.name) == ("claimed", "ada", 8, "Ada")


def test_two_sites_have_leads_of_their_own(database: Database) -> None:
    with database.writing() as connection:
        sites = [found_site(connection, name, SiteSettings(), 1).id for name in ("one", "two")]
    for place, site_id in enumerate(sites):
        live = Feed(database, site_id)
        entries = [(number, f"{place + 5}-{entry_id[2:]}", entry) for number, entry_id, entry in live.stream.entries]
        entries += [(number, f"{place + 5}-1", entry) for number, _, entry in packed(site_id, [named("v")], trusted=True)]
        process(database, entries, score_visitors, now_ms=NOW)
    with database.reading() as connection:
        rows = connection.execute(select(lead_changes.c.site_id, lead_changes.c.lead_id)).all()
    assert sorted(map(tuple, rows)) == sorted((site_id, lead_id(site_id, "v")) for site_id in sites)


def test_changes_are_numbered_without_gaps_in_the_order_of_commit(database: Database, site_id: int) -> None:
    seen: list[list[int]] = []
    done, failed = threading.Event(), []

    def commit(partition: int) -> None:
        try:
            for number in range(12):
                [(_, _, entry)] = packed(site_id, [named(f"v{partition}-{number}")], trusted=True, partitions=1)
                process(database, [(partition, f"1-{number + 1}", entry)], score_visitors, now_ms=NOW)
        except Exception as error:
            failed.append(error)

    def look() -> None:
        while not done.is_set():
            with database.reading() as connection:
                query = select(lead_changes.c.sequence).order_by(lead_changes.c.sequence)
                seen.append(list(connection.execute(query).scalars()))

    reader = threading.Thread(target=look)
    writers = [threading.Thread(target=commit, args=(partition,)) for partition in range(6)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert failed == []
    # Whoever has read up to a number has missed nothing before it, at any moment.
    assert [numbers for numbers in seen if numbers != list(range(1, len(numbers) + 1))] == []
    with database.reading() as connection:
        assert connection.execute(select(feed.c.last_sequence)).scalar_one() == 72
        assert len(connection.execute(select(lead_changes.c.sequence)).all()) == 72


def test_no_news_takes_no_number(database: Database) -> None:
    with database.writing() as connection:
        announce(connection, [])
        assert connection.execute(select(feed.c.last_sequence)).scalar_one() == 0


def test_what_a_salesperson_does_meanwhile_is_not_undone(postgres_url: str) -> None:
    # SQLite has one writer at a time; on PostgreSQL the lead must be locked before it is read.
    database = Database(postgres_url)
    prepare_database(database)
    with database.writing() as connection:
        site_id = found_site(connection, "shop", SiteSettings(), 1).id
    live = Feed(database, site_id)
    live.take(*keen("v"))
    thread = threading.Thread(target=live.take, args=(page("v", 500),))
    with database.writing() as connection:
        connection.execute(update(leads).values(status="claimed", owner="ada", version=leads.c.version + 1))
        connection.execute(update(lead_scores).values(hot_since=None, announced_score=None))
        version = connection.execute(select(leads.c.version)).scalar_one()
        thread.start()
        time.sleep(0.3)
    thread.join()
    lead = live.lead("v")
    assert (lead.status, lead.owner, lead.version) == ("claimed", "ada", version)
    # It is hot still, and the feed says so again: the last word must agree with the row.
    assert live.score("v").hot_since is not None
    assert [kind for _, _, kind in live.changes()] == ["entered", "stage", "entered"]
    database.close()
