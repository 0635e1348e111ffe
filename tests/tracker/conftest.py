"""Databases that are migrated already (the way there is tested in test_migrate), and events on their way into them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tracker.core.admission import OLDEST_MS, Caller, read_body
from tracker.core.entries import RequestInfo, take_in
from tracker.db import Database
from tracker.models import metadata
from tracker.progress import Counts, read_counts


@pytest.fixture
def sqlite_database(migrated_sqlite_url: str) -> Iterator[Database]:
    """A migrated SQLite database."""
    database = Database(migrated_sqlite_url)
    yield database
    database.close()


@pytest.fixture
def postgres_database(migrated_postgres_url: str) -> Iterator[Database]:
    """A migrated PostgreSQL database."""
    database = Database(migrated_postgres_url)
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
