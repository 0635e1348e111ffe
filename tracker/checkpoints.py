"""SQLite's write-ahead log, written back into the file beside the drain rather than in its way.

Left to itself, SQLite writes back in whichever commit finds the log long enough, and that commit takes as long as the disk
does. Another connection may do it meanwhile, which holds up nobody.
"""

from __future__ import annotations

import threading
from typing import Final

from sqlalchemy.exc import DBAPIError

from tracker.db import Database
from tracker.log import get_logger

SECONDS: Final = 1.0

log = get_logger(__name__)


class Checkpoints:
    """A thread that writes the log of a SQLite database back as it grows. Where nothing was written it costs next to
    nothing; any number of processes may do it at once."""

    def __init__(self, database: Database, *, seconds: float = SECONDS) -> None:
        self._database = database
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)

    def start(self) -> None:
        """Begin. The thread doesn't keep the process: a checkpoint may be broken off anywhere."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the checkpoint under way."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        troubled = False
        while not self._stop.wait(self._seconds):
            try:
                write_back(self._database)
                troubled = False
            except DBAPIError as error:
                if not troubled:
                    log.warning("checkpoint_failed", error=type(error).__name__)
                troubled = True


def write_back(database: Database) -> tuple[int, int]:
    """Write back what the log has, as far as no reader needs the older pages; return its pages, and how many of them are
    in the file now."""
    # Not in a transaction, in which SQLite refuses it.
    with database.engine.connect().execution_options(untransacted=True) as connection:
        _, pages, done = connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").one()
    return pages, done
