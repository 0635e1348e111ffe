"""The drill with PostgreSQL: somebody deletes a site's leads, and the database goes back to the moment before.

Its log of changes is archived all the while, and a base backup was made before. What waits in the queue is not in either.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from scorer.intake import Accounts, read_accounts
from scorer.resources import Resources, now_ms, prepare_database
from scorer.scoring import score_visitors
from scorer.sites import found_site
from tests.conftest import give_up
from tests.service.running import MINUTE, Event, Service, check_sums, page
from tests.services import _FORGETFUL, _SETTINGS, Missing, _start, _unprivileged, _usable_binaries
from tests.tracker.conftest import packed
from tracker import drain, queue
from tracker.settings import Settings
from tracker.sites import SiteSettings

PARTITIONS = 4


class Server:
    """A PostgreSQL that copies what it has written of its log to a folder, as docs/operations.md tells."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.archive = folder, folder / "data", folder / "archive"
        self.url = f"postgresql+psycopg://warmtrail@/postgres?host={folder}"
        self._as_user = _unprivileged(folder)
        self._binaries = _usable_binaries(folder, self._as_user)
        self.archive.mkdir()
        shutil.chown(self.archive, self._as_user.get("user"), self._as_user.get("group"))
        copy = f"test ! -f {self.archive}/%f && cp %p {self.archive}/%f.part && mv {self.archive}/%f.part {self.archive}/%f"
        self._settings = {**_SETTINGS, **_FORGETFUL, "archive_mode": "on", "archive_command": copy}
        self.process = _start(self._binaries, folder, self._as_user, self._settings)

    def run(self, statement: str) -> Any:
        """Run a statement as the administrator; return the first value."""
        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as connection:
            row = connection.execute(statement).fetchone()  # type: ignore[arg-type]
            return row[0] if row else None

    def base_backup(self, to: str, copied_to: str) -> tuple[Path, Path]:
        """Make one while the server runs, and copy it; return the folders of both."""
        base, copy = self.folder / to, self.folder / copied_to
        options = ["-h", self.folder, "-U", "warmtrail", "-D", base, "--wal-method=none", "-c", "fast", "--no-sync"]
        self._in_folder(self._binaries / "pg_basebackup", *options)
        self._in_folder("cp", "-a", base, copy)
        return base, copy

    def lose(self) -> None:
        """End it once its log is archived. Nothing of its data is used again."""
        last = self.run("SELECT pg_walfile_name(pg_switch_wal())")
        until = time.monotonic() + 20
        while not (self.archive / last).exists():
            assert time.monotonic() < until, "the log is not archived"
            time.sleep(0.02)
        self.stop()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)

    def go_back(self, base: Path, target: str) -> None:
        """Start from a base backup, and go as far as *target* says."""
        self.data = base
        with (base / "postgresql.auto.conf").open("a") as file:
            file.write(f"restore_command = 'cp {self.archive}/%f %p'\n{target}\nrecovery_target_action = 'promote'\n")
        (base / "recovery.signal").touch()
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._binaries / "postgres", "-D", base, "-k", self.folder, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._common,
            )
        until = time.monotonic() + 30
        while True:
            with suppress(psycopg.OperationalError):
                if self.run("SELECT NOT pg_is_in_recovery()"):
                    return
            assert self.process.poll() is None, (self.folder / "log").read_text()[-3000:]
            assert time.monotonic() < until, (self.folder / "log").read_text()[-3000:]
            time.sleep(0.05)

    def _in_folder(self, *command: Any) -> None:
        subprocess.run(command, check=True, capture_output=True, **self._common)

    @property
    def _common(self) -> dict[str, Any]:
        return {"cwd": self.folder, "env": {**os.environ, "LC_ALL": "C"}, **self._as_user}


@pytest.fixture
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="warmtrail-pg-"))
    made = None
    try:
        made = Server(folder)
        yield made
    except Missing as missing:
        give_up(str(missing))
    finally:
        if made is not None and made.process.poll() is None:
            made.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Installation:
    """Queue and database, without the processes around them."""

    def __init__(self, server: Server, redis_url: str, folder: Path) -> None:
        self.service = Service(folder / "var", server.url, {"REDIS_URL": redis_url, "PARTITIONS": str(PARTITIONS)})
        settings = Settings(data_dir=folder / "var", database_url=server.url, partitions=PARTITIONS)
        self.resources = Resources(settings, redis_url)
        prepare_database(self.resources.database)
        with self.resources.database.writing() as connection:
            self.site_id = found_site(connection, "nordwind", SiteSettings(), now_ms()).id

    def take(self, *events: Event) -> None:
        """Acknowledge events, as the collector does."""
        entries = packed(self.site_id, events, trusted=True, partitions=PARTITIONS, now=now_ms())
        queue.append(self.resources.streams, self.site_id, entries)

    def drain(self) -> Accounts:
        """Process what waits, as a worker that has just started; return the accounts, having checked that they close."""
        here = self.resources
        lease = queue.Lease(here.control, 0, "drill")
        partitions = queue.partitions_of(0, 1, here.agreed_layouts())
        drain.drain(here.database, here.streams, here.control, lease, partitions, score_visitors, lambda: False)
        accounts = read_accounts(here)
        check_sums(accounts)
        assert accounts.waiting == 0
        return accounts

    def hot(self) -> list[tuple[str, int]]:
        """What the hot list says, the hottest first."""
        listed = self.service.cli_json("hot", "--min-score", "0", "--limit", "100")["data"]
        return [(lead["id"], lead["page_views"]) for lead in listed]

    def close_connections(self) -> None:
        self.resources.database.close()


def test_the_database_goes_back_to_the_moment_before_the_harm_and_the_service_goes_on(
    server: Server, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "LINGER_SECONDS", 0.02)
    here = Installation(server, redis_url, tmp_path)
    start = now_ms() - 60 * MINUTE
    here.take(page("buyer-0", "/products", start))
    here.drain()
    by_name, by_time = server.base_backup("base-1", "base-2")

    # What the base backup doesn't have is in the archived log.
    here.take(*(page(f"buyer-{n}", f"/pricing/{k}", start + k * MINUTE) for n in range(8) for k in range(n + 1)))
    before = here.drain()
    hot = here.hot()
    assert len(hot) == 8
    server.run("SELECT pg_create_restore_point('before the import')")
    moment = server.run("SELECT clock_timestamp()::text")

    time.sleep(0.01)
    here.take(page("too-late", "/pricing"))
    here.drain()
    with here.resources.database.writing() as connection:
        connection.execute(text("TRUNCATE leads, lead_scores, lead_visitors CASCADE"))
    assert here.hot() == []
    waiting = [page("buyer-3", f"/again/{n}", messageId=f"w-{n}") for n in range(3)]
    here.take(*waiting)
    here.close_connections()
    server.lose()

    server.go_back(by_time, f"recovery_target_time = '{moment}'")
    assert here.hot() == hot
    here.close_connections()
    server.stop()
    server.go_back(by_name, "recovery_target_name = 'before the import'")
    assert here.hot() == hot

    # A worker drains what waited. The page view after the point is gone, and the accounts close without it.
    after = here.drain()
    assert (after.received, after.stored) == (before.received + 3, before.stored + 3)
    views = dict(here.hot())
    assert sum(views.values()) == sum(count for _, count in hot) + 3
    assert len(views) == 8
    # What was sent again counts once, and what comes now counts.
    here.take(*waiting, page("buyer-3", "/contact"))
    last = here.drain()
    assert (last.stored, last.duplicate) == (after.stored + 1, after.duplicate + 3)
    assert here.service.cli_json("status")["waiting"] == 0
    here.resources.close()
