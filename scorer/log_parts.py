"""The logs: tables that only grow, at one end. What is old of them goes by whole parts where the database has parts.

On PostgreSQL a log lies in parts by the numbers of its rows, which rise with time. The last part is open: it takes whatever
comes. When it has been open for a month and is large, it is closed and another is opened. A part whose last row is too old
is dropped, which costs nothing but a moment's lock; deleting its rows would write about as much as adding them did and leave
the space to be cleaned up. What is too old in a part with younger rows is deleted, and on SQLite, which has no parts, all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import Column, Connection, Table, delete, select, text
from sqlalchemy.exc import OperationalError

from scorer.change_times import DISORDER_MS
from scorer.core.decay import DAY_MS
from scorer.models import lead_changes
from tracker.db import Database
from tracker.log import get_logger
from tracker.models import dead_letters

OPEN_MS: Final = 30 * DAY_MS
"""How long a part stays open."""
LEAST_ROWS: Final = 100_000
"""A part with fewer stays open: many small ones would be slower to read, and deleting few rows costs little."""
DELETED_AT_ONCE: Final = 5000
LOCK_SECONDS: Final = 3
"""For which opening and dropping a part wait for those who are reading. They hold up all others who read meanwhile."""
log = get_logger(__name__)


class Log(msgspec.Struct, frozen=True):
    """A table that grows at one end, by the column of its numbers, and the time of a row."""

    table: Table
    key: Column[Any]
    at: Column[Any]


LOGS: Final = (
    Log(lead_changes, lead_changes.c.sequence, lead_changes.c.at),
    Log(dead_letters, dead_letters.c.id, dead_letters.c.received_at),
)


class Part(msgspec.Struct, frozen=True):
    """A part of a log, by the name of its table."""

    name: str
    low: str
    """The first number that it takes, as PostgreSQL writes it."""


def forget_log(database: Database, one: Log, before_ms: int) -> int:
    """Delete what is older than *before_ms* from a log; return how many rows were deleted or parts dropped.

    Reads the beginning of the log, and nothing where that is young enough. What is dated up to an hour out of order may
    stay until the next time.
    """
    gone = 0
    while _drop_first(database, one, before_ms):
        gone += 1
    while True:
        with database.writing() as connection:
            deleted, more = _delete_some(connection, one, before_ms)
        gone += deleted
        if not more:
            return gone


def open_parts(database: Database, now_ms: int) -> list[str]:
    """Close the last part of each log that has been open for long and is large, and open another; return the new ones.

    Run by cron once a day; run twice, the second time finds a young one. Nothing on SQLite.
    """
    if database.is_sqlite:
        return []
    return [name for one in LOGS if (name := _open_part(database, one, now_ms)) is not None]


def parts(connection: Connection, one: Log) -> list[Part]:
    """Return the parts of a log in their order; none on SQLite."""
    if connection.dialect.name == "sqlite":
        return []
    query = text(
        "SELECT relname, pg_get_expr(relpartbound, pg_class.oid) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
        "WHERE inhparent = to_regclass(:name)"
    )
    bounds = re.compile(r"FROM \('?(\w+)'?\)")
    found = []
    for name, told in connection.execute(query, {"name": one.table.name}):
        low = bounds.search(told)
        assert low is not None, told
        found.append(Part(name, low[1]))
    return sorted(found, key=lambda part: int(part.name.rpartition("_")[2]))


def _open_part(database: Database, one: Log, now_ms: int) -> str | None:
    with database.reading() as connection:
        last = parts(connection, one)[-1]
        if not _is_due(list(_ends(connection, one, last)), now_ms):
            return None
    table = one.table.name
    name = f"{table}_{int(last.name.rpartition('_')[2]) + 1}"
    try:
        with database.writing() as connection:
            _lock(connection, table)
            ends = list(_ends(connection, one, last))
            if parts(connection, one)[-1] != last or not _is_due(ends, now_ms):
                return None
            bound = ends[-1][0] + 1
            connection.execute(text(f"ALTER TABLE {table} DETACH PARTITION {last.name}"))
            connection.execute(text(_attach(table, last, bound)))
            connection.execute(
                text(f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ({bound}) TO (MAXVALUE) {_OPTIONS}")
            )
    except OperationalError as error:
        log.warning("log_part_not_opened", table=table, error=type(error.orig).__name__)
        return None
    return name


_OPTIONS: Final = "WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)"


def _attach(table: str, part: Part, bound: int) -> str:
    return f"ALTER TABLE {table} ATTACH PARTITION {part.name} FOR VALUES FROM ({part.low}) TO ({bound})"


def _is_due(ends: list[tuple[int, int]], now_ms: int) -> bool:
    """Whether a part, told by number and time of its first and last row, is to be closed."""
    return bool(ends) and ends[0][1] <= now_ms - OPEN_MS and ends[-1][0] - ends[0][0] >= LEAST_ROWS


def _ends(connection: Connection, one: Log, part: Part) -> Iterator[tuple[int, int]]:
    """Yield number and time of the first and the last row of a part; nothing of an empty one."""
    for order in ("ASC", "DESC"):
        query = f"SELECT {one.key.name}, {one.at.name} FROM {part.name} ORDER BY 1 {order} LIMIT 1"  # noqa: S608
        for row in connection.execute(text(query)):
            yield row[0], row[1]


def _drop_first(database: Database, one: Log, before_ms: int) -> bool:
    """Drop the first part of a log if all of it is old; return whether it was. The last part is never dropped."""

    def is_old(connection: Connection) -> Part | None:
        there = parts(connection, one)
        if len(there) < 2:
            return None
        ends = list(_ends(connection, one, there[0]))
        return there[0] if not ends or ends[-1][1] + DISORDER_MS < before_ms else None

    with database.reading() as connection:
        if is_old(connection) is None:
            return False
    try:
        with database.writing() as connection:
            _lock(connection, one.table.name)
            first = is_old(connection)
            if first is None:
                return False
            connection.execute(text(f"DROP TABLE {first.name}"))
    except OperationalError as error:
        log.warning("log_part_not_dropped", table=one.table.name, error=type(error.orig).__name__)
        return False
    log.info("log_part_dropped", part=first.name)
    return True


def _lock(connection: Connection, table: str) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
    connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))


def _delete_some(connection: Connection, one: Log, before_ms: int) -> tuple[int, bool]:
    """Delete the old ones among the first rows of a log; return how many, and whether there may be more."""
    first = select(one.key, one.at).order_by(one.key).limit(DELETED_AT_ONCE)
    rows = connection.execute(first).all()
    old = [row[0] for row in rows if row[1] < before_ms]
    if old:
        mine = one.key.between(old[0], old[-1])
        connection.execute(delete(one.table).where(mine, one.at < before_ms))
    return len(old), len(old) == DELETED_AT_ONCE
