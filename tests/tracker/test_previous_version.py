"""While an upgrade is under way, processes of the version before go on, on the database of the new version.

So a migration may add, and may not take away, rename or forbid what they use. Held to from 0007 on, on PostgreSQL: with
SQLite there is one machine, and all of it is stopped and started.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Connection, Float, LargeBinary, MetaData, Table, event, insert, select, text, update

import scorer.migrations
from tests.services import PostgresServer
from tracker.db import Database

SCRIPTS = Path(str(scorer.migrations.__file__)).parent
FIRST = "0006"
"""The last version whose successors aren't held to this."""
BEFORE, AFTER = 7, 8
"""The numbers of rows that the version before writes before and after the migrations."""

RULES = {
    "takes away": re.compile(r"\bDROP (TABLE|COLUMN|IDENTITY|DEFAULT|VIEW)\b|\bTRUNCATE\b", re.I),
    "renames": re.compile(r"\bRENAME\b", re.I),
    "changes a type": re.compile(r"\bALTER (COLUMN )?\S+ (SET DATA )?TYPE\b", re.I),
    "demands a value": re.compile(
        r"\bSET NOT NULL\b|\bADD (COLUMN )?(?!CONSTRAINT)(?!.*\b(?:DEFAULT|GENERATED)\b).*\bNOT NULL\b", re.I
    ),
    "forbids rows": re.compile(
        r"\bADD (CONSTRAINT \S+ )?(UNIQUE|CHECK|FOREIGN KEY|EXCLUDE)\b|\bCREATE UNIQUE INDEX\b", re.I
    ),
}
LOGS = r"(lead_changes|dead_letters)"
ALLOWED = {
    ("0007", "takes away", rf"ALTER TABLE {LOGS} ALTER COLUMN id DROP IDENTITY"): "the number comes from a default instead",
    ("0007", "renames", rf"ALTER (TABLE|INDEX) \S*{LOGS}\S* RENAME"): (
        "the table becomes the first part of one that has its name and its columns, in the same transaction"
    ),
}
"""What breaks a rule and is invisible to the version before, and why; the tests below show that it is."""


class Upgraded(NamedTuple):
    """A database after all migrations, and a connection that was there before them."""

    statements: list[tuple[str, str]]
    """What the migrations ran: revision and SQL."""
    known: MetaData
    """The tables as the version before knows them."""
    old: Connection
    blocked_s: float
    """For how long a process of the version before waited to write."""


def row(table: Table, number: int) -> dict[str, Any]:
    """A row of a table with all its columns; rows of the same number fit together over foreign keys."""
    return {column.name: value(column, number) for column in table.columns}


def value(column: Any, number: int) -> Any:
    if isinstance(column.type, Boolean):
        return True
    if isinstance(column.type, LargeBinary):
        return bytes([number])
    if isinstance(column.type, Float):
        return float(number)
    if column.type.python_type is int:
        return number
    return "{}" if column.name == "settings" else f"x{number}"[-(column.type.length or 2) :]


def run_migrations(database: Database, statements: list[tuple[str, str]], old: Connection, known: MetaData) -> float:
    """Migrate to the present version in one transaction, as a new process does, while an old one wants to write."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    later = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions() if one.revision > FIRST]
    changes = known.tables["lead_changes"]
    waited: list[float] = []

    def write() -> None:
        started = time.monotonic()
        old.execute(insert(changes), row(changes, AFTER + 1))
        old.commit()
        waited.append(time.monotonic() - started)

    writer = threading.Thread(target=write)
    with database.writing() as connection:
        for revision in sorted(later):

            def keep(*told: Any, revision: str = revision) -> None:
                statements.append((revision, told[2]))

            event.listen(connection, "before_cursor_execute", keep)
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            event.remove(connection, "before_cursor_execute", keep)
        writer.start()
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        until = time.monotonic() + 10
        while not connection.execute(waiting).scalar_one():
            assert time.monotonic() < until, "nobody waits"
            time.sleep(0.01)
    writer.join(20)
    return waited[0]


@pytest.fixture(scope="module")
def upgraded(postgres_server: PostgresServer) -> Iterator[Upgraded]:
    with postgres_server.database() as url:
        database = Database(url)
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        with database.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, FIRST)
        known, statements = MetaData(), list[tuple[str, str]]()
        with database.engine.connect() as old:
            known.reflect(old)
            known.remove(known.tables["alembic_version"])
            for _ in range(8):  # more often than it takes the driver to prepare a statement
                for table in known.sorted_tables:
                    old.execute(select(table)).all()
            for table in known.sorted_tables:
                old.execute(insert(table), row(table, BEFORE))
            old.commit()
            blocked_s = run_migrations(database, statements, old, known)
            yield Upgraded(statements, known, old, blocked_s)
        database.close()


def broken(statement: str) -> list[str]:
    """The rules that a statement breaks. Tables that a migration makes itself are new to everybody."""
    if re.match(r"\s*CREATE TABLE\b", statement, re.I):
        return []
    return [name for name, rule in RULES.items() if rule.search(statement)]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("ALTER TABLE leads DROP COLUMN owner", ["takes away"]),
        ("DROP TABLE visits", ["takes away"]),
        ("ALTER TABLE leads RENAME COLUMN owner TO held_by", ["renames"]),
        ("ALTER TABLE leads ALTER COLUMN heat TYPE NUMERIC", ["changes a type"]),
        ("ALTER TABLE leads ALTER COLUMN owner SET NOT NULL", ["demands a value"]),
        ("ALTER TABLE leads ADD COLUMN mood TEXT NOT NULL", ["demands a value"]),
        ("ALTER TABLE leads ADD COLUMN mood TEXT DEFAULT '' NOT NULL", []),
        ("ALTER TABLE leads ADD COLUMN mood TEXT", []),
        ("ALTER TABLE leads ADD COLUMN day BIGINT NOT NULL GENERATED ALWAYS AS (last_at / 86400000) STORED", []),
        ("ALTER TABLE leads ADD CONSTRAINT one UNIQUE (email)", ["forbids rows"]),
        ("CREATE UNIQUE INDEX one ON leads (email)", ["forbids rows"]),
        ("CREATE INDEX some ON leads (email)", []),
        ("CREATE TABLE moods (id INTEGER NOT NULL, UNIQUE (id))", []),
    ],
)
def test_the_rules_find_what_the_version_before_would_not_survive(statement: str, expected: list[str]) -> None:
    assert broken(statement) == expected


def test_no_migration_breaks_what_the_version_before_does(upgraded: Upgraded) -> None:
    assert {revision for revision, _ in upgraded.statements} >= {"0007", "0008", "0009", "0010", "0011"}
    used = set()
    for revision, statement in upgraded.statements:
        for rule in broken(statement):
            why = [one for one in ALLOWED if one[:2] == (revision, rule) and re.search(one[2], statement)]
            assert why, f"{revision} {rule}: {statement}"
            used.update(why)
    assert used == ALLOWED.keys(), "what is allowed and no longer done"


def test_who_writes_while_the_migrations_run_waits_and_succeeds(upgraded: Upgraded) -> None:
    changes = upgraded.known.tables["lead_changes"]
    with_number = select(changes).where(changes.c.sequence == AFTER + 1)
    assert upgraded.old.execute(with_number).one()._asdict() == row(changes, AFTER + 1)
    assert upgraded.blocked_s < 10


def test_the_statements_of_the_version_before_work_on_every_table(upgraded: Upgraded) -> None:
    old, tables = upgraded.old, upgraded.known.sorted_tables
    for table in tables:
        numbered = next(iter(table.primary_key.columns))
        mine, kept = numbered == value(numbered, BEFORE), row(table, BEFORE)
        assert old.execute(select(table).where(mine)).one()._asdict() == kept, table.name
        old.execute(insert(table), row(table, AFTER))
        others = {name: one for name, one in kept.items() if name not in table.primary_key.columns}
        if others:
            assert old.execute(update(table).where(mine).values(**others)).rowcount == 1, table.name
    for table in reversed(tables):
        numbered = next(iter(table.primary_key.columns))
        assert old.execute(table.delete().where(numbered == value(numbered, AFTER))).rowcount == 1, table.name
    old.rollback()


def test_rows_of_the_logs_are_numbered_on(upgraded: Upgraded) -> None:
    letters = upgraded.known.tables["dead_letters"]
    without = {name: one for name, one in row(letters, AFTER).items() if name != "id"}
    first, second = (upgraded.old.execute(insert(letters).returning(letters.c.id), without).scalar_one() for _ in range(2))
    assert second == first + 1
    upgraded.old.rollback()
