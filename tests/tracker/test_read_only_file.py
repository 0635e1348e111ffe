"""SQLite's file, opened while it may not be written: the process that has opened it writes again as soon as it may.

Run as a program with the file's name, this is that process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import func, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from tracker import db
from tracker.checkpoints import write_back
from tracker.db import Database
from tracker.models import partitions

ROOT = Path(__file__).parents[2]
READERS = 4
REFUSED = "attempt to write a readonly database"


def test_what_was_opened_read_only_is_opened_anew_though_other_threads_go_on_reading(sqlite_database: Database) -> None:
    # As root, a file's rights would not keep it from writing.
    plain = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    command = [*plain, sys.executable, __file__, str(make_url(sqlite_database.url).database)]
    with sqlite_database.reading() as connection:  # Where nobody has it open, SQLite could not even read it.
        connection.execute(select(partitions)).all()
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        told = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert told.stdout.splitlines() == [
        f"forbidden: checkpoint: {REFUSED}",
        f"forbidden: write: {REFUSED}",
        f"still read by one who began before: write: {REFUSED}",
        "free: write_soon: done",
        "free: checkpoint: done",
    ], told.stderr


def _main(file: Path) -> None:
    db._REOPENING_SECONDS = 0.2  # type: ignore[misc]
    database = Database(f"sqlite:///{file}")
    done = threading.Event()
    reading = [threading.Event() for _ in range(READERS)]

    def read(begun: threading.Event) -> None:
        while True:
            with suppress(DBAPIError), database.reading() as connection:
                connection.execute(select(func.count()).select_from(partitions)).scalar_one()
                begun.set()
                time.sleep(0.02)
                if begun is reading[0]:
                    done.wait()

    def write() -> None:
        with database.writing() as connection:
            connection.execute(insert(partitions).values(number=1, position="0"))

    def checkpoint() -> None:
        write_back(database)

    def write_soon() -> None:
        until = time.monotonic() + 30
        while True:
            try:
                return write()
            except DBAPIError:
                if time.monotonic() > until:
                    raise

    _set_read_only(file, True)
    for begun in reading:
        threading.Thread(target=read, args=(begun,), daemon=True).start()
        begun.wait()
    _say("forbidden", checkpoint, write)
    _set_read_only(file, False)
    _say("still read by one who began before", write)
    done.set()
    _say("free", write_soon, checkpoint)
    sys.stdout.flush()
    os._exit(0)


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
