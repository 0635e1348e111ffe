"""Web analytics servers that run for a while: what the peers benchmark needs to know of each, and Warmtrail's own.

A peer's code is no part of this repository. Who measures it has it set up beforehand, as its own guide says.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import func, make_url, select

from bench.processes import cpu_of, running
from scorer.intake import read_accounts
from scorer.resources import Resources, now_ms, prepare_database
from scorer.sites import found_site
from tests import services
from tracker.embedded import EmbeddedServer
from tracker.models import events
from tracker.queue import connect
from tracker.settings import read_settings
from tracker.sites import SiteSettings

SERVER_CORE, STORE_CORE = 0, 1
"""The server and its workers have a core; database, queue and load share the other."""


class Absent(Exception):
    """A peer can't be measured here; the message says what is missing and how to get it."""


@dataclass(frozen=True)
class Running:
    """A system that answers."""

    port: int
    load: Mapping[str, str]
    """Environment of ``peers_load.lua``."""
    programs: Sequence[int]
    """Process ids of its servers and workers; their children count with them."""
    stored: Callable[[], int]
    """How many page views a question put to it would find."""
    waiting: Callable[[], int] = lambda: 0
    """How many page views are accepted and not yet stored."""
    first: Callable[[], Mapping[str, str]] = dict
    """Sends the first page view where later ones need its answer; returns what the load has to know of that."""


@dataclass(frozen=True)
class Stores:
    """A Valkey server and a PostgreSQL database of a system's own."""

    valkey: str
    """redis-py URL."""
    valkey_pid: int
    database: str = ""
    """SQLAlchemy URL."""
    postmasters: Sequence[int] = ()
    """Process id of the PostgreSQL server, if there is one."""

    def count(self, query: str) -> int:
        """Return the one number that *query* gives."""
        with psycopg.connect(libpq(self.database), autocommit=True) as connection:
            return int(connection.execute(query).fetchone()[0])  # type: ignore[call-overload, index]


@dataclass(frozen=True)
class System:
    """One thing that is measured: its name, and how to start it on stores of its own."""

    name: str
    start: Callable[[Stores, Path], AbstractContextManager[Running]]
    visitors: int = 100
    warm_seconds: int = 2


@contextmanager
def stores(folder: Path, *, postgres: bool = True) -> Iterator[Stores]:
    """Yield an empty Valkey server and a new database; both answer when what they were told is on the disk.

    Raises ``services.Missing``.
    """
    with ExitStack() as stack:
        valkey = EmbeddedServer(folder)
        address = valkey.start()
        stack.callback(valkey.stop)
        with closing(connect(address)) as client:
            client.config_set("appendfsync", "always")
        found = Stores(address, valkey.pid or 0)
        if postgres:
            url = stack.enter_context(stack.enter_context(services.postgres(durable=True)).database())
            with psycopg.connect(libpq(url)) as connection:
                found = replace(found, database=url, postmasters=[_parent(connection.info.backend_pid)])
        for pid in (found.valkey_pid, *found.postmasters):
            _keep_on(pid, STORE_CORE)
        yield found


def warmtrail(*, sqlite: bool) -> System:
    """Return Warmtrail as ``warmtrail up`` runs it: collector with page and API, worker, care and cron."""

    @contextmanager
    def start(found: Stores, folder: Path) -> Iterator[Running]:
        url = f"sqlite:///{folder / 'warmtrail.db'}" if sqlite else found.database
        port = free_port()
        environ = {
            "WARMTRAIL_REDIS_URL": found.valkey,
            "WARMTRAIL_DATABASE_URL": url,
            "WARMTRAIL_DATA_DIR": str(folder),
            "WARMTRAIL_BIND": f"127.0.0.1:{port}",
        }
        with closing(Resources(read_settings(environ), found.valkey)) as resources:
            prepare_database(resources.database)
            with resources.database.writing() as connection:
                site = found_site(connection, "bench", SiteSettings(origins=("https://shop.example.com",)), now_ms())
            load = {"PEER": "warmtrail", "PEER_PATH": "/v1/batch", "PEER_SITE": site.write_key}
            command = [sys.executable, "-m", "scorer.cli", "up"]
            with running(command, SERVER_CORE, f"http://127.0.0.1:{port}/readyz", environ) as leader:
                yield Running(
                    port, load, [leader], lambda: _events(resources), waiting=lambda: read_accounts(resources).waiting
                )

    # Ten thousand visitors make a worker fold ten thousand states; a hundred would be cheaper.
    return System("Warmtrail, SQLite" if sqlite else "Warmtrail, PostgreSQL", start, visitors=10_000)


def _events(resources: Resources) -> int:
    with resources.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(events)).scalar_one())


def given(variable: str, needed: Iterable[str], how: str) -> Path:
    """Return the folder that *variable* names. Raises ``Absent`` with *how* where one of the *needed* files is not in it."""
    text = os.environ.get(variable)
    folder = Path(text or "").resolve()
    if not text or not all((folder / name).exists() for name in needed):
        raise Absent(how)
    return folder


def tree_cpu_seconds(roots: Iterable[int]) -> float:
    """Return the CPU time used so far by processes and all below them, those that have ended included."""
    return sum(cpu_of(pid, ended=True) for pid in tree(roots))


def memory_mib(pids: Iterable[int]) -> float:
    """Return the proportional memory of processes, without their children."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def libpq(url: str) -> str:
    """Return a SQLAlchemy URL as libpq reads it."""
    return url.replace("postgresql+psycopg", "postgresql", 1)


def database_parts(url: str) -> dict[str, str]:
    """Return host, port, user, password and name of a PostgreSQL database, as programs want them one by one."""
    parsed = make_url(url)
    host = parsed.host or parsed.query.get("host", "")
    return {
        "host": host if isinstance(host, str) else host[0],
        "port": str(parsed.port or 5432),
        "user": parsed.username or "",
        "password": parsed.password or "",
        "name": parsed.database or "",
    }


def database_address(url: str) -> str:
    """Return the URL of a PostgreSQL database for programs that want a host's name in it, also of a socket."""
    parts = database_parts(url)
    socket_folder = parts["host"] if parts["host"].startswith("/") else ""
    who = parts["user"] + (f":{parts['password']}" if parts["password"] else "")
    where = f"{'localhost' if socket_folder else parts['host']}:{parts['port']}/{parts['name']}"
    return f"postgresql://{who}@{where}" + (f"?host={socket_folder}" if socket_folder else "")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="warmtrail-bench-") as name:
        yield Path(name)


def settle(waiting: Callable[[], int], seconds: float = 120) -> None:
    """Wait until nothing is waiting. Raises ``TimeoutError``."""
    until = time.monotonic() + seconds
    while (left := waiting()) > 0:
        if time.monotonic() > until:
            raise TimeoutError(f"{left} page views still waiting after {seconds:.0f} s")
        time.sleep(0.05)


def tree(roots: Iterable[int]) -> list[int]:
    """Return the process ids of processes and of all below them."""
    return [pid for root in roots for pid in (root, *_below(root))]


def _below(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        children.setdefault(_parent(int(folder.name)), []).append(int(folder.name))
    found, left = [], [root]
    while left:
        more = children.get(left.pop(), [])
        found += more
        left += more
    return found


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _keep_on(root: int, core: int) -> None:
    setter: Any = getattr(os, "sched_setaffinity", None)
    if setter is None or (os.cpu_count() or 1) < 2:
        return
    for pid in tree([root]):
        for thread in Path(f"/proc/{pid}/task").glob("[0-9]*"):
            setter(int(thread.name), {core % (os.cpu_count() or 1)})
