"""Databases that are migrated already: the way there is tested in test_migrate."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scorer.resources import prepare_database
from tracker.db import Database


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty migrated database file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database(f"sqlite:///{path}")
    prepare_database(database)
    database.close()  # The last connection writes the write-ahead log back into the file.
    return path


@pytest.fixture
def sqlite_database(sqlite_url: str, migrated_sqlite: Path) -> Iterator[Database]:
    """A migrated SQLite database."""
    shutil.copy(migrated_sqlite, sqlite_url.removeprefix("sqlite:///"))
    database = Database(sqlite_url)
    yield database
    database.close()


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[Database]:
    """A migrated PostgreSQL database."""
    database = Database(postgres_url)
    prepare_database(database)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """A migrated database: the test runs once on SQLite and once on PostgreSQL."""
    name = {"sqlite": "sqlite_database", "postgresql": "postgres_database"}[request.param]
    made: Database = request.getfixturevalue(name)
    return made
