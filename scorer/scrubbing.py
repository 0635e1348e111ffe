"""After something was erased: see to it that the files don't have it any more either."""

from __future__ import annotations

from contextlib import suppress

import redis
from sqlalchemy.exc import OperationalError

from tracker.db import Database
from tracker.endpoints import Client, from_each_server


def scrub(database: Database, streams: Client) -> None:
    """Have the files of the database and the queue written anew where they may still have what was deleted.

    SQLite overwrites what it deletes (``secure_delete``), but its write-ahead log keeps older pages until it is written
    back and cut off; whoever reads at the moment delays that to the next time. Redis keeps entries that were taken out in
    its append-only file until that is written anew. PostgreSQL's rows go with its own next vacuum.
    """
    if database.is_sqlite:
        with suppress(OperationalError), database.engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # Already being written anew, or not kept in a file at all.
    with suppress(redis.ResponseError):
        from_each_server(streams, "BGREWRITEAOF")
