"""Migration: once, however many start together; to the very schema of the models; never backwards."""

from __future__ import annotations

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, inspect, text

import scorer.migrations
from scorer.models import feed
from tracker.db import Database
from tracker.migrate import WrongVersion, migrate
from tracker.models import metadata

EXPRESSION_INDEXES = {
    str(index.name): index
    for table in metadata.tables.values()
    for index in table.indexes
    if any(not isinstance(part, Column) for part in index.expressions)
}
SCRIPTS = Path(str(scorer.migrations.__file__)).parent


def start(url: str, barrier: Barrier, results: Any) -> None:
    """One of several processes that start at the same moment."""
    database = Database(url)
    barrier.wait(30)
    results.put(migrate(database, SCRIPTS))


def test_of_four_processes_that_start_together_one_migrates(database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(4), context.Queue()
    processes = [context.Process(target=start, args=(database_url, barrier, results)) for _ in range(4)]
    for process in processes:
        process.start()
    done = sorted(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(30)
    assert done == [False, False, False, True]
    with Database(database_url).reading() as connection:
        assert connection.execute(feed.select()).all() == [(1, 0)]
        assert len(connection.execute(text("SELECT * FROM alembic_version")).all()) == 1


def test_the_migrated_schema_is_that_of_the_models(database: Database) -> None:
    def compared(thing: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        # Indexes on expressions can't be compared; the next test looks at them.
        return name not in {"alembic_version", *EXPRESSION_INDEXES}

    with database.reading() as connection:
        options = {"compare_type": True, "include_object": compared}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_indexes_on_expressions_are_as_the_models_say(database: Database) -> None:
    assert "ix_leads_heat" in EXPRESSION_INDEXES
    column, table = ("sql", "sqlite_master") if database.is_sqlite else ("indexdef", "pg_indexes")
    name = "name" if database.is_sqlite else "indexname"
    query = text(f"SELECT {column} FROM {table} WHERE {name} = :name")
    with database.writing() as connection:
        for wanted, index in EXPRESSION_INDEXES.items():
            migrated = connection.execute(query, {"name": wanted}).scalar_one()
            connection.execute(text(f"DROP INDEX {wanted}"))
            index.create(connection)
            assert connection.execute(query, {"name": wanted}).scalar_one() == migrated


def test_the_ranked_list_is_read_from_its_index(sqlite_database: Database) -> None:
    query = "EXPLAIN QUERY PLAN SELECT id FROM leads WHERE site_id = 1 ORDER BY heat DESC, id LIMIT 50"
    with sqlite_database.reading() as connection:
        plan = " ".join(row[3] for row in connection.execute(text(query)))
    assert "ix_leads_heat" in plan
    assert "TEMP B-TREE" not in plan


def test_a_second_run_finds_nothing_to_do(database: Database) -> None:
    assert migrate(database, SCRIPTS) is False


def test_a_database_of_a_newer_program_is_refused_and_left_alone(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(WrongVersion, match="9999"):
        migrate(database, SCRIPTS)
    with database.reading() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_a_migration_that_fails_leaves_nothing_half_made(database_url: str) -> None:
    database = Database(database_url)
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE visitors (x INTEGER)"))  # stands in the way of the last tables
    with pytest.raises(Exception, match="visitors"):
        migrate(database, SCRIPTS)
    assert inspect(database.engine).get_table_names() == ["visitors"]
    with database.writing() as connection:
        connection.execute(text("DROP TABLE visitors"))
    assert migrate(database, SCRIPTS) is True
    database.close()
