"""Fresh databases to measure on: SQLite always, PostgreSQL where there is one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scorer.resources import now_ms, prepare_database
from scorer.sites import found_site
from tests import services
from tracker.db import Database
from tracker.sites import SiteSettings


@contextmanager
def database(kind: str, *, durable: bool = False) -> Iterator[Database]:
    """Yield a migrated database of *kind* with one site. Raises ``services.Missing`` where it can't be had.

    Commits to SQLite always reach the disk; with *durable* those to a private PostgreSQL do, too.
    """
    with ExitStack() as stack:
        if kind == "SQLite":
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="warmtrail-bench-"))
            url = f"sqlite:///{Path(folder) / 'warmtrail.db'}"
        else:
            server = stack.enter_context(services.postgres(durable=durable))
            url = stack.enter_context(server.database())
        made = Database(url)
        stack.callback(made.close)
        prepare_database(made)
        with made.writing() as connection:
            found_site(connection, "bench", SiteSettings(), now_ms())
        yield made


def kinds() -> Iterator[str]:
    """Yield the kinds of database that this machine has."""
    yield "SQLite"
    try:
        with services.postgres():
            pass
    except services.Missing:
        return
    yield "PostgreSQL"
