"""Fixtures that hand tests their servers and databases, and the rule for a service that isn't there.

On a developer's machine a missing service skips the tests that need it, with the reason; where ``CI`` is set it fails
them, so that a green run means that everything ran.
"""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import pytest
import redis
from hypothesis import settings
from playwright.sync_api import Playwright, sync_playwright
from werkzeug.routing import Rule

from scorer.resources import prepare_database
from tests import services
from tracker.db import Database
from tracker.embedded import EmbeddedError, EmbeddedServer, find_server

# Commands that run within the tests print as wide as into a file, whatever the terminal, or xdist, which says 80.
os.environ.pop("COLUMNS", None)

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("warmtrail", deadline=None)
settings.load_profile("warmtrail")


def give_up(reason: str) -> NoReturn:
    """Skip the test for want of a service, or fail it in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must have every service: {reason}", pytrace=False)
    pytest.skip(reason)


def pytest_report_header() -> list[str]:
    try:
        valkey = find_server()
    except EmbeddedError:
        valkey = "none"
    found = {"Valkey": valkey, "PostgreSQL": services.describe_postgres(), "browser": services.find_browser() or "none"}
    return [f"{name}: {where}" for name, where in found.items()]


LONG_FIRST = (
    # In browsers, where time matters, each beside one that mostly waits: several at once would be in each other's way.
    "web/test_accessibility.py",
    "service/test_up.py",
    "snippet/test_leaving.py",
    "scorer/test_digest_kills.py",
    "service/test_kills.py",
    "service/test_slow_clients.py",
    "snippet/test_linked_domains.py",
    "chaos/test_short_campaign.py",
    "service/test_time.py",
    "snippet/test_sending.py",
    "tracker/test_supervisor.py",
    "service/test_backup.py",
    "snippet/test_consent.py",
    "tracker/test_endpoints.py",
    "scorer/test_webhook_delivery.py",
    "snippet/test_in_the_way.py",
    "service/test_freshness.py",
    "service/test_imports.py",
    "snippet/test_engaged_time.py",
    "tracker/test_raising.py",
    "service/test_several_machines.py",
    "snippet/test_page_views.py",
    "snippet/test_downloads.py",
    "service/test_waiting.py",
    "snippet/test_visitors.py",
    "snippet/test_panel.py",
    "snippet/test_hostile_pages.py",
    "snippet/test_types.py",
    # What takes all processors for itself.
    "test_bench.py",
    "service/test_replay.py",
    "scorer/outlets/test_schemathesis.py",
    "scorer/test_spark.py",
    "web/test_hot_live.py",
    "service/test_browser.py",
    "web/test_story.py",
)
"""Modules that take long, in this order: begun last, the other test processes would wait for them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long modules first; the order is else as it was."""

    def place(item: pytest.Item) -> int:
        path = item.path.as_posix()
        return next((number for number, name in enumerate(LONG_FIRST) if path.endswith(f"tests/{name}")), len(LONG_FIRST))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking through thousands of tests again and again: they stay until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> Iterator[None]:
    """Take the developer's own settings out of the environment, also out of that of child processes."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("WARMTRAIL_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def routes_compiled_once() -> Iterator[None]:
    """Let werkzeug compile how a route's address is built once a process: it takes most of the time that an application
    takes to make, and tests make one each."""
    compiled: dict[tuple[object, ...], Any] = {}
    compile_builder = Rule._compile_builder

    def once(rule: Rule, append_unknown: bool = True) -> Any:
        if rule.defaults:  # may be anything
            return compile_builder(rule, append_unknown)
        key = (rule.rule, *rule._trace, append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", once)
        yield


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A private Valkey that lives as long as the test process (under xdist: one a worker)."""
    server = EmbeddedServer(tmp_path_factory.mktemp("valkey"))
    try:
        server.start()
    except EmbeddedError as error:
        give_up(str(error))
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: EmbeddedServer) -> str:
    """URL of an empty Valkey."""
    url = redis_server.start()
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[services.PostgresServer]:
    """A PostgreSQL that lives as long as the test process (under xdist: one a worker)."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(services.postgres())
        except services.Missing as missing:
            give_up(str(missing))
        yield server


@pytest.fixture
def postgres_url(postgres_server: services.PostgresServer) -> Iterator[str]:
    """SQLAlchemy URL (``postgresql+psycopg://…``) of an empty database of this test's own."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """SQLAlchemy URL of a database file of this test's own, not made yet."""
    return f"sqlite:///{tmp_path / 'warmtrail.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """SQLAlchemy URL of an empty database: the test runs once on SQLite and once on PostgreSQL."""
    name = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file without data, to be copied. The way there is tested in test_migrate."""
    path = tmp_path_factory.mktemp("migrated") / "warmtrail.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: services.PostgresServer) -> Iterator[str]:
    """URL of a migrated database without data, to be copied."""
    with postgres_server.database() as url:
        _migrate(url)
        yield url


def _migrate(url: str) -> None:
    database = Database(url)
    prepare_database(database)
    database.close()  # SQLite: the last connection writes the write-ahead log back into the file.


@pytest.fixture
def migrated_sqlite_url(sqlite_url: str, migrated_sqlite: Path) -> str:
    """SQLAlchemy URL of a migrated SQLite database of this test's own."""
    shutil.copy(migrated_sqlite, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


@pytest.fixture
def migrated_postgres_url(postgres_server: services.PostgresServer, migrated_postgres: str) -> Iterator[str]:
    """SQLAlchemy URL of a migrated PostgreSQL database of this test's own."""
    with postgres_server.copy(migrated_postgres) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLAlchemy URL of a migrated database: the test runs once on SQLite and once on PostgreSQL."""
    name = {"sqlite": "migrated_sqlite_url", "postgresql": "migrated_postgres_url"}[request.param]
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the Chromium or Chrome that ``tests.chromium`` starts; gives up without one."""
    try:
        return services.browser()
    except services.Missing as missing:
        give_up(str(missing))


@pytest.fixture(scope="session")
def playwright_driver(chromium: str) -> Iterator[Playwright]:
    """Playwright. One for the whole test process: it can't be started twice in a thread."""
    with sync_playwright() as driver:
        yield driver
