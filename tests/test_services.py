"""Databases that tests are lent: like new, whatever was done in them before."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, inspect, text

from tests.factories import World, buyer
from tests.services import PostgresServer


def contents(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    tables = inspect(connection).get_table_names()
    return {table: [tuple(row) for row in connection.execute(text(f'SELECT * FROM "{table}"'))] for table in tables}


def test_a_copy_is_lent_again_empty_and_under_another_name(postgres_server: PostgresServer, migrated_postgres: str) -> None:
    with postgres_server.copy(migrated_postgres) as first:
        world = World(first)
        world.feed(buyer("anna"))
        first_lead = world.nordwind.lead("anna")
        straggler = create_engine(first).connect()
        straggler.execute(text("SELECT count(*) FROM leads"))
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(first.replace("postgresql+psycopg", "postgresql"))
    straggler.invalidate()
    world.database.close()
    original = create_engine(migrated_postgres)
    with postgres_server.copy(migrated_postgres) as again:
        assert again != first
        engine = create_engine(again)
        with engine.connect() as connection, original.connect() as untouched:
            assert contents(connection) == contents(untouched)
        engine.dispose()
        world = World(again)  # numbers begin anew
        world.feed(buyer("anna"))
        assert world.nordwind.lead("anna") == first_lead
        world.database.close()
    original.dispose()


def test_a_copy_whose_tables_were_changed_is_not_lent_again(postgres_server: PostgresServer, migrated_postgres: str) -> None:
    with postgres_server.copy(migrated_postgres) as changed:
        engine = create_engine(changed)
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE leads ADD COLUMN colour text"))
        engine.dispose()
    with postgres_server.copy(migrated_postgres) as again:
        engine = create_engine(again)
        with engine.connect() as connection:
            assert "colour" not in {column["name"] for column in inspect(connection).get_columns("leads")}
        engine.dispose()
