"""Databases that are migrated already (the way there is tested in test_migrate), and events on their way into them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scorer.resources import prepare_database
from tracker.core.admission import OLDEST_MS, Caller, read_body
from tracker.core.entries import RequestInfo, take_in
from tracker.db import Database
from tracker.models import metadata
from tracker.store import Counts, read_counts


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty migrated database file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database(f"sqlite:///{path}")
    prepare_database(database)
    database.close()  # The last connection writes the write-ahead log back into the file.
    return path


@pytest.fixture
def sqlite_database(sqlite_url: str, migrated_sqlite: Path) -> Iterator[Database]:
    """A migrated SQLite database."""
    shutil.copy(migrated_sqlite, sqlite_url.removeprefix("sqlite:///"))
    database = Database(sqlite_url)
    yield database
    database.close()


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[Database]:
    """A migrated PostgreSQL database."""
    database = Database(postgres_url)
    prepare_database(database)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """A migrated database: the test runs once on SQLite and once on PostgreSQL."""
    name = {"sqlite": "sqlite_database", "postgresql": "postgres_database"}[request.param]
    made: Database = request.getfixturevalue(name)
    return made


NOW = 1_795_253_400_000  # 2026-11-21T09:30Z
SECOND, MINUTE, DAY = 1000, 60_000, 86_400_000
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def iso(at_ms: int) -> str:
    """A time as senders write it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def page(visitor: str, number: int, at: int = NOW - DAY, **more: Any) -> dict[str, Any]:
    """A page view as senders write it; *number* makes its message id."""
    properties = {"url": f"https://shop.example/pricing/{number}"}
    event = {"type": "page", "messageId": f"{visitor}-{number}", "anonymousId": visitor, "timestamp": iso(at)}
    return event | {"properties": properties} | more


def packed(
    site_id: int,
    events: Sequence[Any],
    *,
    agent: str = CHROME,
    trusted: bool = False,
    opt_out: bool = False,
    partitions: int = 4,
    now: int = NOW,
) -> list[tuple[int, int, bytes]]:
    """What the collector appends for a batch of *events*."""
    body = read_body(msgspec.json.encode({"batch": events}), is_batch=True)
    caller = Caller(site_id, trusted, OLDEST_MS)
    return take_in(body, None, caller, now, RequestInfo(agent, trusted, gpc=opt_out), partitions)[1]


class Stream:
    """A queue on paper: gives appended entries ids as the real one would."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, str, bytes]] = []

    def append(self, entries: Iterable[tuple[int, int, bytes]]) -> Stream:
        """Append packed entries."""
        for partition, _, entry in entries:
            self.entries.append((partition, f"1-{len(self.entries) + 1}", entry))
        return self


def contents(database: Database) -> dict[str, list[Any]]:
    """Everything that is in a database, table by table, in a fixed order."""
    with database.reading() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
            for table in metadata.sorted_tables
        }


def totals(database: Database) -> dict[int, Counts]:
    """The accounts of each site, over all partitions."""
    with database.reading() as connection:
        found: dict[int, Counts] = {}
        for (_, site_id), counts in read_counts(connection).items():
            found.setdefault(site_id, Counts()).add(counts)
    return found
