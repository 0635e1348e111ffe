"""The database: one engine a process, and the two ways to use it, ``reading`` and ``writing``."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

from tracker.settings import SettingError

_SQLITE_WAIT_SECONDS: Final = 30
_HIDE: Final = True
"""Errors are logged without the values they are about, which are visitors' data."""


class Database:
    """Connections to SQLite or PostgreSQL. Make it after a fork, never before: connections don't survive one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _make_engine(url)

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


def _make_engine(url: str) -> Engine:
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
        return engine
    if backend == "postgresql":
        try:
            return create_engine(parsed, pool_size=10, max_overflow=20, pool_pre_ping=True, hide_parameters=_HIDE)
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


def _begin_sqlite(connection: Connection) -> None:
    mode = "IMMEDIATE" if connection.get_execution_options().get("writing") else "DEFERRED"
    connection.exec_driver_sql(f"BEGIN {mode}")
