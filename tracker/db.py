"""The database: one engine a process, and the two ways to use it, ``reading`` and ``writing``."""

from __future__ import annotations

import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import Connection, Dialect, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.pool import ConnectionPoolEntry

from tracker.settings import SettingError

_SQLITE_WAIT_SECONDS: Final = 30
_REOPENING_SECONDS: Final = 2.0
"""How long a new connection waits at most for those to be closed that can only read."""
_HIDE: Final = True
"""Errors are logged without the values they are about, which are visitors' data."""


class Database:
    """Connections to SQLite or PostgreSQL. Make it after a fork, never before: connections don't survive one.

    *pool* is how many connections PostgreSQL's stay open, and how many more are opened when all of them are busy. With
    *pooled* a pooler such as PgBouncer stands in between, which gives each transaction another connection: nothing is
    prepared beforehand. *connect_seconds* is how long to wait for a connection, of PostgreSQL; by default the system's.
    """

    def __init__(
        self, url: str, pool: tuple[int, int] = (10, 20), *, pooled: bool = False, connect_seconds: int | None = None
    ) -> None:
        self.url = url
        options: dict[str, Any] = {} if connect_seconds is None else {"connect_timeout": connect_seconds}
        self.engine = _make_engine(url, pool, {**options, "prepare_threshold": None} if pooled else options)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite rather than PostgreSQL."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection whose reads all see one moment; what it writes is thrown away."""
        with self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection in a transaction that commits when the block ends well.

        On SQLite the transaction takes the write lock at once (BEGIN IMMEDIATE): one that begins as a reader and writes
        later can lose an update that another process made in between.
        """
        with self.engine.connect() as connection:
            connection = connection.execution_options(writing=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _make_engine(url: str, pool: tuple[int, int], options: dict[str, Any]) -> Engine:
    try:
        parsed = make_url(url)
    except Exception:
        raise SettingError("WARMTRAIL_DATABASE_URL is not a database URL", "WARMTRAIL_DATABASE_URL 不是数据库网址") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            parsed, connect_args={"timeout": _SQLITE_WAIT_SECONDS, "check_same_thread": False}, hide_parameters=_HIDE
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        _Reopening(engine)
        return engine
    if backend == "postgresql":
        try:
            kept, more = pool
            engine = create_engine(
                parsed,
                connect_args=options,
                pool_size=kept,
                max_overflow=more,
                pool_pre_ping=True,
                hide_parameters=_HIDE,
            )
            event.listen(engine, "connect", _prepare_postgresql)
            return engine
        except ModuleNotFoundError:
            raise SettingError(
                "WARMTRAIL_DATABASE_URL: PostgreSQL needs the extra, pip install 'warmtrail[postgres]'",
                "WARMTRAIL_DATABASE_URL：PostgreSQL 需要附加软件包：pip install 'warmtrail[postgres]'",
            ) from None
    raise SettingError(
        f"WARMTRAIL_DATABASE_URL must be sqlite:// or postgresql://, not {backend}://",
        f"WARMTRAIL_DATABASE_URL 须为 sqlite:// 或 postgresql://，而不是 {backend}://",
    )


def _prepare_sqlite(dbapi_connection: Any, record: Any) -> None:
    # The driver's own transaction handling sends no BEGIN before a SELECT; ours is in _begin_sqlite.
    dbapi_connection.isolation_level = None
    # SQLite has it only where it was built with its mathematical functions.
    dbapi_connection.create_function("sqrt", 1, math.sqrt, deterministic=True)
    cursor = dbapi_connection.cursor()
    _switch_to_wal(cursor)
    for pragma in (
        # Each commit reaches the disk: what is committed is removed from the queue right afterwards.
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-65536",
        # 128 MB: by default, every larger commit would also write all of its pages back into the file. Mostly
        # ``tracker.checkpoints`` has done that before.
        "wal_autocheckpoint=32768",
        "temp_store=MEMORY",
        # What is deleted of people is overwritten, not only unlinked.
        "secure_delete=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _switch_to_wal(cursor: Any) -> None:
    """Turn the write-ahead log on, which a file remembers.

    Of several who open a new file together, all but one may be told that it is locked, without the wait that other
    statements get.
    """
    until = time.monotonic() + _SQLITE_WAIT_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


class _Reopening:
    """Closes all connections of *engine* to a file that could not be written when one of them was opened: SQLite lets it
    only read, for good, also when the file can be written again, and with it those opened later while it is open, for they
    share what it has opened.

    Those that other threads use at that moment are closed when they are given back (an engine by itself would keep them),
    and new ones wait for that: else, of many readers one would always be left.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._times = 0
        self._records = WeakSet[ConnectionPoolEntry]()
        self._lock = threading.Lock()
        event.listen(engine, "do_connect", self._begin)
        event.listen(engine, "checkin", self._look)
        event.listen(engine, "handle_error", self._close)

    def _begin(self, dialect: Dialect, record: ConnectionPoolEntry | None, *arguments: Any) -> None:
        until = time.monotonic() + _REOPENING_SECONDS
        while self._is_any_left() and time.monotonic() < until:
            time.sleep(0.005)
        if record is not None:
            record.info["times"] = self._times
            with self._lock:
                self._records.add(record)

    def _is_any_left(self) -> bool:
        with self._lock:
            return any(one.dbapi_connection is not None and self._is_old(one) for one in self._records)

    def _is_old(self, record: ConnectionPoolEntry) -> bool:
        return record.info.get("times") != self._times

    def _look(self, dbapi_connection: Any, record: ConnectionPoolEntry) -> None:
        if dbapi_connection is not None and self._is_old(record):
            record.invalidate()

    def _close(self, context: ExceptionContext) -> None:
        if "readonly database" not in str(context.original_exception):
            return
        context.is_disconnect = True
        if context.execution_context is not None:
            # Its connection would not quite close before this is collected as garbage.
            context.execution_context.cursor.close()
        self._times += 1
        # Not the engine's own way, which begins another pool: who is just taking a connection would leave it in this one.
        self._engine.pool.dispose()


def _prepare_postgresql(dbapi_connection: Any, record: Any) -> None:
    # As SQLite's synchronous=FULL, where the server is set to lose commits when it dies.
    dbapi_connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    dbapi_connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("untransacted"):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writing") else "BEGIN DEFERRED")
