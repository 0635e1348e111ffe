"""The two ways to use a database: readers see one moment, writers lose nothing."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from sqlalchemy import event, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from tracker import db
from tracker.db import Database
from tracker.models import partitions
from tracker.settings import SettingError

INCREMENTS = 150


def increment(url: str, barrier: Barrier) -> None:
    """What each of two processes does: read a number, write the next."""
    database = Database(url)
    barrier.wait(30)
    for _ in range(INCREMENTS):
        with database.writing() as connection:
            query = select(partitions.c.position).where(partitions.c.number == 1)
            count = int(connection.execute(query).scalar_one())
            connection.execute(update(partitions).where(partitions.c.number == 1).values(position=str(count + 1)))
    database.close()


def test_two_processes_that_count_at_once_lose_no_count(sqlite_database: Database) -> None:
    with sqlite_database.writing() as connection:
        connection.execute(insert(partitions).values(number=1, position="0"))
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    processes = [context.Process(target=increment, args=(sqlite_database.url, barrier)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    with sqlite_database.reading() as connection:
        assert connection.execute(select(partitions.c.position)).scalar_one() == str(2 * INCREMENTS)


def test_a_reader_sees_one_moment_while_others_write(database: Database) -> None:
    def positions(connection: object) -> list[str]:
        return list(connection.execute(select(partitions.c.position)).scalars())  # type: ignore[attr-defined]

    with database.writing() as connection:
        connection.execute(insert(partitions).values(number=1, position="old"))
    with database.reading() as reader:
        assert positions(reader) == ["old"]
        with database.writing() as writer:
            writer.execute(update(partitions).values(position="new"))
        assert positions(reader) == ["old"]
    with database.reading() as reader:
        assert positions(reader) == ["new"]


def test_what_a_reader_writes_is_refused_or_thrown_away(database: Database) -> None:
    try:
        with database.reading() as connection:
            connection.execute(insert(partitions).values(number=1, position="x"))
    except DBAPIError as error:
        assert "read-only" in str(error)  # noqa: PT017  # PostgreSQL says so; SQLite forgets
    with database.reading() as connection:
        assert connection.execute(select(partitions)).all() == []


def test_a_writer_may_follow_a_reader_on_the_same_connection(database: Database) -> None:
    for number in range(3):
        with database.reading() as connection:
            connection.execute(select(partitions)).all()
        with database.writing() as connection:
            connection.execute(insert(partitions).values(number=number, position="x"))
    with database.reading() as connection:
        assert len(connection.execute(select(partitions)).all()) == 3


def test_a_block_that_fails_writes_nothing(database: Database) -> None:
    def fail() -> None:
        with database.writing() as connection:
            connection.execute(insert(partitions).values(number=1, position="x"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.reading() as connection:
        assert connection.execute(select(partitions)).all() == []


def test_a_writer_waits_for_the_one_before(sqlite_database: Database) -> None:
    order: list[str] = []
    begun = threading.Event()

    def second() -> None:
        begun.set()
        with sqlite_database.writing():
            order.append("second")

    thread = threading.Thread(target=second)
    with sqlite_database.writing():
        thread.start()
        begun.wait()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_every_commit_to_sqlite_reaches_the_disk_and_references_are_kept(sqlite_database: Database) -> None:
    with sqlite_database.reading() as connection:
        found = [
            connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 2, 1]


def test_the_folder_of_a_database_is_made(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a' / 'b' / 'w.db'}")
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
    assert (tmp_path / "a" / "b" / "w.db").exists()
    database.close()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://root@localhost/x", "sqlite"])
def test_an_address_that_is_no_database_s_is_told_by_the_setting_s_name(url: str) -> None:
    with pytest.raises(SettingError, match="WARMTRAIL_DATABASE_URL"):
        Database(url)


def test_a_file_that_somebody_else_is_just_preparing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite tells all but one who turn the write-ahead log on together that the file is locked, without any wait."""
    said = [sqlite3.OperationalError("database is locked")] * 3

    class Cursor:
        def execute(self, statement: str) -> None:
            assert statement == "PRAGMA journal_mode=WAL"
            if said:
                raise said.pop()

    db._switch_to_wal(Cursor())
    assert said == []
    said.append(sqlite3.OperationalError("disk I/O error"))
    with pytest.raises(sqlite3.OperationalError, match="disk"):
        db._switch_to_wal(Cursor())
    monkeypatch.setattr(db, "_SQLITE_WAIT_SECONDS", 0.05)
    said.extend([sqlite3.OperationalError("database is locked")] * 1000)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        db._switch_to_wal(Cursor())


def test_a_file_that_could_not_be_written_when_it_was_opened_is_opened_anew(sqlite_database: Database) -> None:
    engine = sqlite_database.engine

    def only_read(connection: sqlite3.Connection, _: object) -> None:
        # What a connection is to a file whose rights say that it must not be written: root is not kept from writing by them.
        connection.execute("PRAGMA query_only=ON")

    event.listen(engine, "connect", only_read)
    engine.dispose()
    with pytest.raises(DBAPIError, match="readonly"), sqlite_database.writing() as connection:
        connection.execute(insert(partitions).values(number=1, position="0"))
    event.remove(engine, "connect", only_read)
    with sqlite_database.writing() as connection:
        connection.execute(insert(partitions).values(number=1, position="0"))


def test_a_commit_on_postgresql_is_one_also_where_the_server_is_set_to_lose_some(postgres_database: Database) -> None:
    with postgres_database.reading() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar_one() != "off"  # as the tests' server is set
