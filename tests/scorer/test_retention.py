"""Whoever was not heard of for long is forgotten, wholly; nobody else is touched."""

from __future__ import annotations

import threading

from sqlalchemy import func, select

from scorer.models import identities, lead_changes, lead_scores, lead_visitors, leads
from scorer.retention import forget_old
from tests.factories import DAY, NOW, World, buyer, page
from tracker import store
from tracker.models import dead_letters, events, visitors, visits
from tracker.store import DeadLetter

YEAR = 365 * DAY


def kept(world: World) -> dict[str, int]:
    """Rows of each table that speaks of visitors."""
    with world.database.reading() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (visitors, visits, events, leads, lead_visitors, lead_scores, identities, dead_letters)
        }


def test_who_was_long_not_heard_of_is_forgotten_and_the_feed_says_so(database_url: str) -> None:
    world = World(database_url)
    world.now = NOW - 2 * YEAR
    world.feed(buyer("gone", until=world.now, name="Ada Gone", email="ada@gone.example"))
    assert kept(world)["identities"] == 1
    with world.database.writing() as connection:
        store.save_dead_letters(connection, [DeadLetter(1, world.now, "url_invalid", "collector", False, b"{}")])
    world.now = NOW
    world.feed([page("here", "/pricing", NOW)])
    assert forget_old(world.database, NOW - YEAR, NOW) == 1
    of_visitor = ("visitors", "visits", "events", "leads", "lead_visitors", "lead_scores")
    assert kept(world) == {**dict.fromkeys(of_visitor, 1), "identities": 0, "dead_letters": 0}
    with world.database.reading() as connection:
        told = [tuple(row) for row in connection.execute(select(lead_changes.c.lead_id, lead_changes.c.kind))]
    assert told == [(world.nordwind.lead("gone"), "erased")]


def test_refused_events_may_go_sooner(database_url: str) -> None:
    world = World(database_url)
    world.feed([page("here", "/pricing", NOW)])
    with world.database.writing() as connection:
        letters = [DeadLetter(1, NOW - days * DAY, "url_invalid", "collector", False, b"{}") for days in (9, 11)]
        store.save_dead_letters(connection, letters)
    assert forget_old(world.database, NOW - YEAR, NOW, NOW - 10 * DAY) == 0
    assert (kept(world)["dead_letters"], kept(world)["visitors"]) == (1, 1)


def test_a_visitor_whom_a_drain_has_just_read_is_not_forgotten_beside_it(database_url: str) -> None:
    world = World(database_url)
    world.now = NOW - 2 * YEAR
    world.feed([page("back again", "/", world.now)])
    world.now = NOW
    begun, forgotten = threading.Event(), []

    def forget() -> None:
        begun.set()
        forgotten.append(forget_old(world.database, NOW - YEAR, NOW))

    thread = threading.Thread(target=forget)
    with world.database.writing() as connection:  # as a drain does: it holds the partitions, reads, and writes later
        numbers = list(store.read_positions(connection))
        assert store.lock_positions(connection, numbers).keys() == set(numbers)
        [known] = store.load_visitors(connection, [(world.nordwind.id, "back again")]).values()
        thread.start()
        begun.wait()
        thread.join(0.3)
        store.save_visitors(connection, [(known.id, known.key, known.state, 0)], NOW)
    thread.join()
    assert forgotten == [0]
    assert kept(world)["events"] == 1


def test_imported_history_is_kept_as_long_as_what_happened_today(database_url: str) -> None:
    world = World(database_url)
    world.feed([page("old story", "/", NOW - 5 * YEAR)])
    before = kept(world)
    assert forget_old(world.database, NOW - YEAR, NOW) == 0
    assert kept(world) == before


def test_forgetting_twice_finds_nothing_the_second_time(database_url: str) -> None:
    world = World(database_url)
    world.now = NOW - 2 * YEAR
    world.feed([page(f"gone {number}", "/", world.now) for number in range(1200)])
    assert [forget_old(world.database, NOW - YEAR, NOW) for _ in range(2)] == [1200, 0]
    assert set(kept(world).values()) == {0}
