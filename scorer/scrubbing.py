"""After something was erased: see to it that the files don't have it any more either.

SQLite overwrites what it deletes (``secure_delete``), but its write-ahead log keeps older pages until it is written back
and cut off. Redis keeps entries that were taken out in its append-only file until that is written anew. PostgreSQL's rows
go by its own vacuum.
"""

from __future__ import annotations

from typing import Any, Final

import redis
from sqlalchemy.exc import OperationalError

from tracker.db import Database
from tracker.endpoints import Client, from_each_server
from tracker.erased import erasures
from tracker.log import get_logger
from tracker.waiting import oldest_waiting

KEY: Final = "warmtrail:scrubbed"
"""In Redis: ``done``, up to which erasure the files are clean; ``begun``, the same of what is being written anew, and by
which ``servers``. Without it, it is done once more than needed."""
SETTLED_MS: Final = 10_000
"""What a collector has received before an erasure is in the queue by then, or refused: it waits for at most one commit
before its own (``tracker.commit.COMMIT_SECONDS``)."""
CLOCKS_APART_MS: Final = 60_000
"""How far the clocks of the queue's server and of whoever erases may be apart."""
PATIENCE_MS: Final = 1_000
"""For so long SQLite waits for readers while it keeps writers waiting."""

log = get_logger(__name__)


def scrub(database: Database, streams: Client, control: redis.Redis, partitions: int, now_ms: int) -> bool:
    """Go on with the cleaning of the files of database and queue; return whether they are clean of all erased up to now.

    To be called again and again: somebody may be reading, the append-only file being written anew already, or something of
    whom was erased waiting in the queue still, which is forgotten only when it is drained.
    """
    with database.reading() as connection:
        mark, last_at = erasures(connection)
        state: dict[Any, Any] = control.hgetall(KEY)
        if state.get(b"done") == mark.encode():
            return True
        waiting = oldest_waiting(connection, streams, partitions)
    if now_ms < last_at + SETTLED_MS or (waiting is not None and waiting < last_at + CLOCKS_APART_MS):
        return False
    servers = from_each_server(streams, "INFO")
    named = " ".join(str(one.get("run_id")) for one in servers).encode()
    if state.get(b"begun") == mark.encode() and state.get(b"servers") == named:
        if any(one.get("aof_rewrite_in_progress") or one.get("aof_rewrite_scheduled") for one in servers):
            return False
        if all(one.get("aof_last_bgrewrite_status", "ok") == "ok" for one in servers):
            control.hset(KEY, "done", mark)
            return True
    if not cut_off_log(database):
        return False
    if any(one.get("aof_enabled") for one in servers) and not _write_anew(streams):
        return False
    control.hset(KEY, mapping={"begun": mark, "servers": named})
    return False


def unclean_since(database: Database, control: redis.Redis) -> int | None:
    """Return when the last erasure was, ms since 1970 UTC, of which the files aren't clean yet; ``None`` where they are."""
    with database.reading() as connection:
        mark, last_at = erasures(connection)
    return last_at if last_at and control.hget(KEY, "done") != mark.encode() else None


def ask(control: redis.Redis) -> None:
    """Have the files cleaned once more, since something was deleted that is not noted as an erasure."""
    control.delete(KEY)


def cut_off_log(database: Database) -> bool:
    """Write SQLite's write-ahead log back and cut it off; return whether that was done.

    It isn't while somebody reads an older state or another is writing back. True for other databases.
    """
    if not database.is_sqlite:
        return True
    with database.engine.connect().execution_options(untransacted=True) as connection:
        before = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {PATIENCE_MS:d}")
        try:
            is_busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        except OperationalError:
            return False
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {before:d}")
    return not is_busy


def _write_anew(streams: Client) -> bool:
    """Have the append-only file written anew; return whether that was begun. Where the server doesn't let us, it is its
    owner's to do."""
    try:
        from_each_server(streams, "BGREWRITEAOF")
    except redis.ResponseError as error:
        if "in progress" in str(error):
            return False  # That one began before, and may have copied what is erased by now.
        log.warning("append_only_file_not_written_anew", error=str(error))
    return True
