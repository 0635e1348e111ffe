"""SQLite's log is written back beside those who write it, and they are never held up by it."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import insert, select

from tracker.checkpoints import Checkpoints, write_back
from tracker.db import Database
from tracker.models import partitions


def write(database: Database, number: int) -> None:
    with database.writing() as connection:
        connection.execute(insert(partitions).values(number=number, position="x" * 40))


def test_the_log_is_in_the_file_without_a_writer_s_doing(sqlite_database: Database) -> None:
    other = Database(sqlite_database.url)
    write(sqlite_database, 1)
    pages, done = write_back(other)
    assert pages == done > 0
    log = Path(sqlite_database.url.removeprefix("sqlite:///") + "-wal")
    size = log.stat().st_size
    for number in range(2, 12):  # The log is begun anew, and doesn't grow.
        write(sqlite_database, number)
        write_back(other)
    assert log.stat().st_size <= size
    other.close()


def test_a_transaction_under_way_neither_waits_nor_is_waited_for(sqlite_database: Database) -> None:
    other = Database(sqlite_database.url)
    write(sqlite_database, 1)
    with sqlite_database.writing() as connection, other.reading() as reader:
        connection.execute(insert(partitions).values(number=2, position="y"))
        assert len(reader.execute(select(partitions.c.number)).all()) == 1
        third = Database(sqlite_database.url)
        pages, done = write_back(third)
        assert 0 < done <= pages
        third.close()
    with sqlite_database.reading() as connection:
        assert len(connection.execute(select(partitions.c.number)).all()) == 2
    other.close()


def test_the_thread_does_it_by_itself_and_ends(sqlite_database: Database) -> None:
    other = Database(sqlite_database.url)
    checkpoints = Checkpoints(other, seconds=0.01)
    checkpoints.start()
    write(sqlite_database, 1)
    path = Path(sqlite_database.url.removeprefix("sqlite:///"))
    deadline = time.monotonic() + 5
    while b"x" * 40 not in path.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    checkpoints.stop()
    other.close()
