"""The whole service as ``warmtrail up`` runs it, under a steady load, with the CPU of each of its processes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from bench.databases import database
from bench.processes import cpu_of
from tests.service.running import Keys, Service
from tracker.db import Database


@contextmanager
def live(kind: str, **settings: str) -> Iterator[tuple[Service, Keys]]:
    """Yield a service that runs on a database of *kind*, whose commits reach the disk, and the keys of a site of it."""
    with database(kind, durable=True) as made, tempfile.TemporaryDirectory(prefix="warmtrail-bench-") as folder:
        url = made.engine.url.render_as_string(hide_password=False)
        service = Service(Path(folder) / "var", url, settings)
        try:
            keys = service.add_site("shop")
            yield service.start(), keys
        finally:
            service.end()


@contextmanager
def loaded(service: Service, keys: Keys, rate: float, seconds: float) -> Iterator[list[int]]:
    """Send *rate* events a second meanwhile and until *seconds* are over; then the list yielded has what was sent: events,
    page views, and events a second."""
    command = [sys.executable, "-m", "bench.load", str(service.port), keys.write_key, str(rate), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    sent: list[int] = []
    try:
        yield sent
        answer, _ = process.communicate(timeout=seconds + 60)
        sent += map(int, answer.split())
    finally:
        process.kill()
        process.wait()


def cpu_by_process(service: Service) -> dict[str, float]:
    """Return the CPU seconds that each part of the service has used so far, a database server included."""
    assert service.process is not None
    found = {"supervisor": cpu_of(service.process.pid)}
    found |= {name: cpu_of(pid) for name, pid in service.processes().items()}
    if not service.resources.database.is_sqlite:
        found["PostgreSQL"] = database_cpu(service.resources.database)
    return found


def database_cpu(made: Database) -> float:
    """Return the CPU seconds of a PostgreSQL on this machine: of its first process, and of all that this has started."""
    with made.reading() as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        first = _parent(backend)
        return sum(
            cpu_of(int(folder.name), ended=int(folder.name) == first)
            for folder in Path("/proc").glob("[0-9]*")
            if first in (int(folder.name), _parent(int(folder.name)))
        )


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
