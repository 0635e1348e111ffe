"""Labelled events count after all once somebody vouches for them: as if they never had the label, and exactly once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import redis
from sqlalchemy import Connection, select

from scorer.archive.format import archived_row, events_of
from scorer.core.people import lead_id
from scorer.models import lead_scores
from scorer.scoring import score_visitors
from scorer.sites import found_site
from tests.tracker.conftest import CHROME, DAY, GOOGLEBOT, NOW, Stream, packed, page, totals
from tracker import queue
from tracker.batch import QueueEntry, VisitorUpdate, process, process_surely
from tracker.core.entries import RequestInfo, split_again, unpack
from tracker.db import Database
from tracker.erased import note_erased
from tracker.models import consents, events, visitors, visits
from tracker.progress import Counts
from tracker.recounting import NotCounted, Wanted, count_labelled, recount
from tracker.sites import Site, SiteSettings
from tracker.store import delete_visitors, event_row, hold_off_drains

LATER = NOW + DAY


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with queue.connect(redis_url) as made:
        yield made


def new_site(database: Database, **settings: Any) -> int:
    with database.writing() as connection:
        return found_site(connection, f"shop {settings}"[:90], SiteSettings(**settings), 1).id


def send(database: Database, site_id: int, sent: list[Any], *, agent: str = CHROME, at: int = NOW) -> None:
    """Have the drain process what a browser sends, each time behind what it did before."""
    send.count += 1  # type: ignore[attr-defined]
    entries = Stream().append(packed(site_id, sent, agent=agent, now=at)).entries
    process_surely(database, [(number, f"{send.count}-1", one) for number, _, one in entries], score_visitors, now_ms=at)  # type: ignore[attr-defined]


send.count = 0  # type: ignore[attr-defined]


def count_again(database: Database, client: redis.Redis, site_id: int, label: Any = "bot", **more: Any) -> int:
    wanted = Wanted(site_id, label, **more)
    return recount(database, client, wanted, 4, LATER, lambda: None)


def waiting(client: redis.Redis) -> list[QueueEntry]:
    read = queue.read_entries(client, dict.fromkeys(range(4), "0-0"), count=1000, block_ms=None)
    return sorted(read, key=lambda one: queue.id_order(one[1]))


def drain_all(database: Database, client: redis.Redis) -> None:
    process_surely(database, waiting(client), score_visitors, now_ms=LATER)


def cut_off(connection: Connection, sites: dict[int, Site], updates: list[VisitorUpdate], now_ms: int) -> bool:
    raise ZeroDivisionError


def labels(database: Database) -> list[str | None]:
    with database.reading() as connection:
        return sorted(connection.execute(select(events.c.label)).scalars(), key=str)


def history(database: Database, site_id: int) -> list[Any]:
    """What is known of a site's visitors, by their keys: state, visits, what they did, and their score."""
    with database.reading() as connection:
        rows = connection.execute(select(visitors).where(visitors.c.site_id == site_id).order_by(visitors.c.key)).all()
        told: list[Any] = []
        for row in rows:
            of_visits = connection.execute(select(visits).where(visits.c.visitor_id == row.id).order_by(visits.c.number))
            kept = [tuple(visit)[1:2] + tuple(visit)[3:] for visit in of_visits]
            mine = connection.execute(select(events).where(events.c.visitor_id == row.id).order_by(events.c.message_id))
            done = [tuple(event)[1:3] + tuple(event)[4:] for event in mine]
            of_lead = lead_scores.c.lead_id == lead_id(site_id, row.key)
            score = connection.execute(select(lead_scores.c.heat, lead_scores.c.state).where(of_lead)).all()
            told.append((row.key, row.first_at, row.last_at, row.visits, row.page_views, row.state, kept, done, score))
        return told


def some_events(chance: random.Random) -> list[dict[str, Any]]:
    """What four visitors did in a week, told in another order."""
    kinds: list[dict[str, Any]] = [
        {},
        {"type": "track", "event": "File Downloaded"},
        {"type": "track", "event": "Page Engaged", "properties": {"view_id": "a", "engaged_ms": 40_000}},
    ]
    sent = []
    for number in range(60):
        who = f"v{chance.randrange(4)}"
        person = {"type": "identify", "traits": {"email": f"{who}@halden.example"}}
        sent.append(page(who, number, NOW - chance.randrange(6 * DAY), **chance.choice([*kinds, person])))
    return sent


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_labelled_is_folded_as_if_it_never_had_been(database: Database, client: redis.Redis, seed: int) -> None:
    chance = random.Random(seed)
    site_id, other = new_site(database, time_zone="UTC"), new_site(database)
    sent = some_events(chance)
    wrongly = {one["messageId"] for one in chance.sample(sent, 25)} | {one["messageId"] for one in sent if "v3-" in str(one)}
    for start in range(0, len(sent), 9):
        part = sent[start : start + 9]
        driven = [one | {"context": {"automation": True}} if one["messageId"] in wrongly else one for one in part]
        send(database, site_id, driven)
        send(database, other, part)
    count = len(wrongly)
    assert labels(database).count("automation") == count_labelled(database, Wanted(site_id, "automation"))[1] == count
    assert history(database, site_id) != history(database, other)
    assert count_again(database, client, site_id, "automation") == count
    drain_all(database, client)
    assert history(database, site_id) == history(database, other)
    # Those were received twice: filtered first, stored then.
    assert totals(database)[site_id] == Counts(appended=60 + count, received=60 + count, stored=60, filtered=count)
    assert count_labelled(database, Wanted(site_id, "automation")) == (0, 0)


def test_sent_twice_it_counts_once_and_what_is_cut_off_is_made_up_for(database: Database, client: redis.Redis) -> None:
    site_id = new_site(database)
    send(database, site_id, [page("v", number) for number in range(3)], agent=GOOGLEBOT)
    # Cut off behind the queue, before anybody knows; then asked for again, while it waits and after it was drained.
    assert count_again(database, client, site_id) == count_again(database, client, site_id) == 3
    with pytest.raises(ZeroDivisionError):
        process(database, waiting(client), cut_off)
    assert labels(database) == ["bot"] * 3
    drain_all(database, client)
    before = history(database, site_id)
    assert count_again(database, client, site_id) == 0
    drain_all(database, client)
    assert history(database, site_id) == before
    assert totals(database)[site_id] == Counts(appended=9, received=9, stored=3, duplicate=3, filtered=3)
    send(database, site_id, [page("v", 1)], agent=GOOGLEBOT)  # sent by the browser once more, it's known by its id
    assert history(database, site_id) == before


def test_only_what_was_asked_for_counts(database: Database, client: redis.Redis) -> None:
    site_id = new_site(database)
    send(database, site_id, [page("v", 1, NOW - 3 * DAY), page("v", 2), page("w", 3)], agent=GOOGLEBOT)
    assert count_again(database, client, site_id, "flood") == 0
    assert count_again(database, client, site_id, visitor="v", since_ms=NOW - 2 * DAY) == 1
    drain_all(database, client)
    assert labels(database) == [None, "bot", "bot"]
    for never in ("opt_out", "mail_click"):
        with pytest.raises(NotCounted):
            count_again(database, client, site_id, never)


def test_another_rule_of_the_site_still_holds(database: Database, client: redis.Redis) -> None:
    site_id = new_site(database, server_events=("Quote Requested",))
    quote = page("v", 1, type="track", event="Quote Requested")
    send(database, site_id, [quote], agent=GOOGLEBOT)
    send(database, site_id, [page("v", 2)])
    assert count_again(database, client, site_id) == 1
    drain_all(database, client)
    assert labels(database) == [None, "unproven"]
    assert totals(database)[site_id] == Counts(appended=3, received=3, stored=1, filtered=2)
    assert count_again(database, client, site_id, "unproven") == 1
    drain_all(database, client)
    assert labels(database) == [None, None]


def test_who_was_erased_or_took_a_consent_back_stays_out(database: Database, client: redis.Redis) -> None:
    site_id = new_site(database, requires_consent=True)
    agreed = page("v", 1, NOW - 2 * DAY, type="track", event="Consent Given")
    send(database, site_id, [agreed, page("v", 2)], agent=GOOGLEBOT)
    send(database, site_id, [page("v", 3, NOW, type="track", event="Consent Withdrawn")])
    assert count_again(database, client, site_id) == 2
    drain_all(database, client)
    assert labels(database).count("bot") == 1
    with database.writing() as connection:
        hold_off_drains(connection)
        note_erased(connection, site_id, ["v"], [], LATER + 1)
        assert connection.execute(consents.select()).all() != []
    assert count_again(database, client, site_id) == 1
    with database.writing() as connection:
        delete_visitors(connection, list(connection.execute(select(visitors.c.id)).scalars()))
    drain_all(database, client)
    assert labels(database) == []


def test_two_people_on_one_browser_stay_two(database: Database, client: redis.Redis) -> None:
    site_id = new_site(database)
    ada, bob = (
        page("v", number, NOW - DAY + number, type="identify", userId=who) for number, who in ((1, "ada"), (2, "bob"))
    )
    send(database, site_id, [ada])
    send(database, site_id, [bob, page("v", 3)], agent=GOOGLEBOT)
    with database.reading() as connection:
        keys = dict(connection.execute(select(visitors.c.key, visitors.c.visits)).all())
    second = next(key for key in keys if key.startswith("v~"))
    assert keys == {"v": 1, second: 0}
    assert count_again(database, client, site_id) == 2
    read = waiting(client)
    # By one drain, whatever the layout: it holds off the others from the browser, and so from both.
    assert len({number for number, _, _ in read}) == 1
    assert len({number for _, _, entry in read for number, _, _ in split_again(entry, 64)}) == 1
    drain_all(database, client)
    with database.reading() as connection:
        rows = connection.execute(select(visitors.c.key, events.c.label).join(events, events.c.visitor_id == visitors.c.id))
        assert sorted(map(tuple, rows)) == [("v", None), ("v", None), (second, None)]


def test_a_first_word_of_somebody_else_makes_a_visitor_of_its_own(database: Database, client: redis.Redis) -> None:
    """Kept under the browser while nobody was known there, it belongs to a second person by now."""
    site_id = new_site(database)
    send(database, site_id, [page("v", 1, type="identify", userId="bob")], agent=GOOGLEBOT)
    send(database, site_id, [page("v", 2, type="identify", userId="ada")])
    assert count_again(database, client, site_id) == 1
    drain_all(database, client)
    told = history(database, site_id)
    assert [(one[0][:2], len(one[7])) for one in told] == [("v", 1), ("v~", 1)]
    assert count_again(database, client, site_id) == 0


def test_of_what_an_archive_has_twice_it_takes_what_counts() -> None:
    """With its label on the day when it was received first, without on the day when it was counted after all."""
    (_, event), *_ = unpack(packed(1, [page("v", 1)])[0][2]).events
    rows = [archived_row(event_row(7, event, at, label), 1, b"") for at, label in ((NOW, "bot"), (LATER, None))]
    assert [one.message_id for one in events_of(rows)] == [event.message_id]


def test_a_program_of_the_version_before_passes_over_what_it_does_not_know() -> None:
    class Before(msgspec.Struct, frozen=True, array_like=True):
        agent: str = ""
        flood: bool = False

    class Now(msgspec.Struct, frozen=True, array_like=True):
        agent: str = ""
        flood: bool = False
        vouched: str = ""

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(Now(vouched="bot")), type=Before) == Before()
    entry = packed(1, [page("v", 1)])[0][2]
    assert unpack(entry).info == RequestInfo(CHROME)
