"""Whoever was not heard of for long is forgotten, wholly; nobody else is touched."""

from __future__ import annotations

import threading

from sqlalchemy import func, select, text

from scorer.ingestion import heard_of_last, last_heard
from scorer.models import identities, lead_changes, lead_scores, lead_visitors, leads
from scorer.retention import forget_old
from tests.factories import DAY, NOW, World, buyer, page
from tracker import store
from tracker.core.heard import Heard
from tracker.dead_letters import DeadLetter, save_dead_letters
from tracker.models import dead_letters, events, visitors, visits
from tracker.progress import lock_positions, read_positions

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
        save_dead_letters(connection, [DeadLetter(1, world.now, "url_invalid", "collector", False, b"{}")])
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
        save_dead_letters(connection, letters)
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
        numbers = list(read_positions(connection))
        assert lock_positions(connection, numbers).keys() == set(numbers)
        [known] = store.load_visitors(connection, [(world.nordwind.id, "back again")]).values()
        thread.start()
        begun.wait()
        thread.join(0.3)
        store.save_visitors(connection, [(known.id, known.key, known.state, 0, Heard(None, NOW))])
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


def test_of_the_last_day_only_those_are_forgotten_who_are_old_enough(database_url: str) -> None:
    world = World(database_url)
    noon = NOW // DAY * DAY + DAY // 2
    for at in (noon - 1, noon):
        world.now = at
        world.feed([page(f"heard at {at}", "/", at)])
    assert forget_old(world.database, noon, NOW + YEAR) == 1
    assert kept(world)["events"] == 1


def test_when_a_site_was_last_heard_of_is_known_when_its_visitors_are_forgotten(database_url: str) -> None:
    world = World(database_url)
    world.feed([page("one", "/", NOW)])
    with world.database.reading() as connection:
        assert (heard_of_last(connection, world.nordwind.id), last_heard(connection, world.huadong.id)) == (1, None)
    forget_old(world.database, NOW + YEAR, NOW + YEAR)
    with world.database.reading() as connection:
        assert heard_of_last(connection, world.nordwind.id) is None
        assert last_heard(connection, world.nordwind.id) == NOW


def test_what_a_visitor_does_within_a_day_leaves_the_indexes_alone(migrated_postgres_url: str) -> None:
    world = World(migrated_postgres_url)
    world.feed([page("busy", "/", NOW)])
    updates = text("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'visitors'")
    with world.database.writing() as connection:
        [known] = store.load_visitors(connection, [(world.nordwind.id, "busy")]).values()
        found = []
        for at in (NOW + 1, NOW + 2, NOW + DAY):
            store.save_visitors(connection, [(known.id, known.key, known.state, 0, Heard(None, at))])
            found.append(tuple(connection.execute(updates).one()))
    assert found == [(1, 1), (2, 2), (3, 2)]
