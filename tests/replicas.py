"""A streaming replica of the PostgreSQL that tests talk to, where that is a private one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.services import Missing, PostgresServer, _unprivileged, _usable_binaries

CONFLICT_MS = 100
"""How long the replica's replaying waits for a query in its way."""
_SETTINGS = {
    **{"fsync": "off", "listen_addresses": "", "max_connections": "50", "jit": "off"},
    "max_standby_streaming_delay": f"{CONFLICT_MS}ms",
}


class ReplicaServer:
    """A running replica."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self._process = process

    def url(self, primary_url: str) -> str:
        """The SQLAlchemy URL of the copy of a database of the primary."""
        return f"postgresql+psycopg://warmtrail@/{urlsplit(primary_url).path.removeprefix('/')}?host={self.folder}"

    def run(self, statement: str) -> Any:
        """Run a statement as the administrator; return the first value."""
        with psycopg.connect(f"postgresql://warmtrail@/postgres?host={self.folder}", autocommit=True) as connection:
            row = connection.execute(statement).fetchone()  # type: ignore[arg-type]
            return row[0] if row else None

    def stop(self) -> None:
        """Stop it, without waiting for who reads."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(10)


@contextmanager
def replica_of(server: PostgresServer) -> Iterator[ReplicaServer]:
    """Yield a replica of a private server, a copy of all of it at first. Raises ``Missing`` for one that was given."""
    place = parse_qs(urlsplit(server.admin_url).query).get("host", [""])[0]
    if not place.startswith("/"):
        raise Missing("a replica is made of a private PostgreSQL only")
    folder = Path(tempfile.mkdtemp(prefix="warmtrail-pg-"))
    try:
        as_user = _unprivileged(folder)
        binaries = _usable_binaries(folder, as_user)
        common: dict[str, Any] = {"cwd": folder, "env": {**os.environ, "LC_ALL": "C"}, **as_user}
        copy = ["-h", place, "-U", "warmtrail", "-D", folder / "data", "-R", "-X", "stream", "-c", "fast", "--no-sync"]
        made = subprocess.run([binaries / "pg_basebackup", *copy], capture_output=True, text=True, check=False, **common)
        if made.returncode != 0:
            raise Missing(f"pg_basebackup failed: {made.stderr.strip()}")
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as output:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "data", "-k", folder, *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **common,
            )
        replica = ReplicaServer(folder, process)
        try:
            _await(replica, process)
            yield replica
        finally:
            replica.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await(replica: ReplicaServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            replica.run("SELECT 1")
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise Missing(f"the replica did not start: {error}") from None
            time.sleep(0.05)
