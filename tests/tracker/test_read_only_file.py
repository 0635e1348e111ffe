"""SQLite's file, opened while it may not be written: the process that has opened it writes again as soon as it may.

Run as a program with the file's name, this is that process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from tracker.checkpoints import write_back
from tracker.db import Database
from tracker.models import partitions

ROOT = Path(__file__).parents[2]
REFUSED = "attempt to write a readonly database"


def test_what_was_opened_read_only_is_opened_anew_once_no_other_thread_reads_it(sqlite_database: Database) -> None:
    # As root, a file's rights would not keep it from writing.
    plain = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    command = [*plain, sys.executable, __file__, str(make_url(sqlite_database.url).database)]
    with sqlite_database.reading() as connection:  # Where nobody has it open, SQLite could not even read it.
        connection.execute(select(partitions)).all()
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        told = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert told.stdout.splitlines() == [
        f"forbidden: write: {REFUSED}",
        f"forbidden: checkpoint: {REFUSED}",
        f"still read by a thread: write: {REFUSED}",
        "free: write: done",
        "free: checkpoint: done",
    ], told.stderr


def _main(file: Path) -> None:
    database = Database(f"sqlite:///{file}")
    reads, done = threading.Event(), threading.Event()

    def read() -> None:
        with database.reading() as connection:
            connection.execute(select(func.count()).select_from(partitions)).scalar_one()
            reads.set()
            done.wait()

    def write() -> None:
        with database.writing() as connection:
            connection.execute(insert(partitions).values(number=1, position="0"))

    def checkpoint() -> None:
        write_back(database)

    _set_read_only(file, True)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reads.wait()
    _say("forbidden", write, checkpoint)
    _set_read_only(file, False)
    _say("still read by a thread", write)
    done.set()
    reader.join()
    _say("free", write, checkpoint)


def _set_read_only(file: Path, on: bool) -> None:
    for path in file.parent.glob(f"{file.name}*"):
        path.chmod(0o444 if on else 0o600)
    file.parent.chmod(0o555 if on else 0o700)


def _say(when: str, *works: Callable[[], None]) -> None:
    for work in works:
        try:
            work()
        except DBAPIError as error:
            print(f"{when}: {work.__name__}: {error.orig}")
        else:
            print(f"{when}: {work.__name__}: done")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
