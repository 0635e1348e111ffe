"""Logs in parts: they grow at one end, go at the other, and nobody who reads them notices."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, insert, select, text

from scorer import log_parts
from scorer.changes_feed import read_changes
from scorer.log_parts import LOGS, forget_log, open_parts, parts
from scorer.models import feed, lead_changes
from tests.factories import DAY, HOUR, NOW, World, buyer
from tracker.dead_letters import DeadLetter, save_dead_letters
from tracker.models import dead_letters

CHANGES, LETTERS = LOGS


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_parts, "LEAST_ROWS", 20)
    monkeypatch.setattr(log_parts, "DELETED_AT_ONCE", 7)


def add_changes(world: World, ages_days: list[float], first: int = 1) -> None:
    """Changes of these ages, numbered from *first*."""
    row: dict[str, Any] = {"site_id": world.nordwind.id, "lead_id": "ld_a", "kind": "rose", "detail": "{}"}
    rows = [row | {"sequence": first + place, "at": NOW - round(age * DAY)} for place, age in enumerate(ages_days)]
    with world.database.writing() as connection:
        connection.execute(insert(lead_changes), rows)
        connection.execute(feed.update().values(last_sequence=first + len(rows) - 1))


def numbers(world: World) -> list[int]:
    with world.database.reading() as connection:
        return [one.sequence for one in read_changes(connection, world.nordwind.id, 0, 1000)]


def names(world: World) -> list[str]:
    with world.database.reading() as connection:
        return [part.name for part in parts(connection, CHANGES)]


def test_what_is_old_goes_from_the_beginning_on(database_url: str) -> None:
    world = World(database_url)
    add_changes(world, [900, 850, *[800] * 30, 700, 801, 10, 0])
    assert forget_log(world.database, CHANGES, NOW - 730 * DAY) == 33
    assert numbers(world) == [33, 35, 36]
    assert forget_log(world.database, CHANGES, NOW - 730 * DAY) == 0


def test_a_full_old_part_is_closed_and_what_comes_goes_into_the_next(migrated_postgres_url: str) -> None:
    world = World(migrated_postgres_url)
    add_changes(world, [800 - place for place in range(25)])
    assert names(world) == ["lead_changes_1"]
    assert open_parts(world.database, NOW) == ["lead_changes_2"]
    assert open_parts(world.database, NOW) == []  # the new one is empty
    world.feed(buyer("ada"))
    with world.database.reading() as connection:
        late = connection.execute(text("SELECT min(sequence) FROM lead_changes_2")).scalar_one()
        assert connection.execute(text("SELECT max(sequence) FROM lead_changes_1")).scalar_one() == 25
    assert late == 26
    assert numbers(world) == list(range(1, numbers(world)[-1] + 1))


def test_a_part_stays_open_while_it_is_young_or_small(migrated_postgres_url: str) -> None:
    world = World(migrated_postgres_url)
    add_changes(world, [29] * 25)
    assert open_parts(world.database, NOW) == []
    assert open_parts(world.database, NOW + 2 * DAY) == ["lead_changes_2"]
    add_changes(world, [20] * 15, first=26)
    assert open_parts(world.database, NOW + 90 * DAY) == []


def test_a_part_of_which_all_is_old_is_dropped_whole(migrated_postgres_url: str) -> None:
    world = World(migrated_postgres_url)
    add_changes(world, [800] * 25)
    open_parts(world.database, NOW)
    add_changes(world, [760] * 24 + [5], first=26)
    open_parts(world.database, NOW + 40 * DAY)
    before = NOW - 730 * DAY
    assert names(world) == ["lead_changes_1", "lead_changes_2", "lead_changes_3"]
    assert forget_log(world.database, CHANGES, before) == 1 + 24  # a part, and the old rows of the next
    assert names(world) == ["lead_changes_2", "lead_changes_3"]
    assert numbers(world) == [50]
    add_changes(world, [0], first=51)
    assert numbers(world) == [50, 51]


def test_a_part_that_somebody_reads_waits_for_another_day(
    migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(migrated_postgres_url)
    add_changes(world, [800] * 25)
    monkeypatch.setattr(log_parts, "LOCK_SECONDS", 0.05)
    with world.database.reading() as connection:
        assert len(read_changes(connection, world.nordwind.id, 0, 10)) == 10
        assert open_parts(world.database, NOW) == []
    assert open_parts(world.database, NOW) == ["lead_changes_2"]
    with world.database.reading() as connection:
        assert len(read_changes(connection, world.nordwind.id, 0, 10)) == 10
        assert forget_log(world.database, CHANGES, NOW - 730 * DAY) == 25  # row by row, which disturbs nobody
    assert names(world) == ["lead_changes_1", "lead_changes_2"]


def test_dead_letters_keep_their_numbering(migrated_postgres_url: str) -> None:
    world = World(migrated_postgres_url)
    letters = [DeadLetter(1, NOW - 800 * DAY, "url_invalid", "collector", False, b"{}")] * 25
    with world.database.writing() as connection:
        save_dead_letters(connection, letters)
    assert open_parts(world.database, NOW) == ["dead_letters_2"]
    with world.database.writing() as connection:
        save_dead_letters(connection, [DeadLetter(1, NOW - HOUR, "url_invalid", "import", False, b"{}")])
        assert connection.execute(select(func.max(dead_letters.c.id))).scalar_one() == 26
    assert forget_log(world.database, LETTERS, NOW - 730 * DAY) == 1
    with world.database.reading() as connection:
        assert connection.execute(select(dead_letters.c.id, dead_letters.c.source)).all() == [(26, "import")]


def test_sqlite_has_no_parts(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url)
    add_changes(world, [800] * 25)
    assert open_parts(world.database, NOW) == []
    assert names(world) == []
