"""Runlight as a peer: web analytics inside a Python application, here a Flask one with nothing else in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.peers_systems import SERVER_CORE, Running, Stores, System, free_port, given, libpq
from bench.processes import running

VARIABLE: Final = "WARMTRAIL_BENCH_RUNLIGHT"
VERSION: Final = "0.3.2"
HOW: Final = (
    f"Runlight: `--runlight FOLDER`, a virtual environment with `runlight[postgres]=={VERSION}`, `flask` and `gunicorn` "
    "from PyPI."
)
_APPLICATION: Final = """
import os

import psycopg
import runlight.flask
from flask import Flask
from runlight import Runlight
from runlight.db import PostgresDb
from runlight.store import Stores


def connect():
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, cursor_factory=psycopg.RawCursor)


app = Flask("bench")
site = {"name": "shop.example.com", "hostnames": ["shop.example.com"]}
counting = Runlight(store=Stores.from_db(PostgresDb(connect, max=10)), site=site, rate_limit=False)
runlight.flask.init_app(app, counting, token="bench")
"""
"""As its README shows it, but for the connections, which it opens by host names only and here go through a socket. Its limit
of 120 page views a minute and visitor is off: a few visitors send all of the load."""


def systems() -> list[System]:
    """Return Runlight on PostgreSQL. Raises ``Absent``."""
    environment = given(VARIABLE, ("bin/gunicorn",), HOW)

    @contextmanager
    def start(found: Stores, folder: Path) -> Iterator[Running]:
        port = free_port()
        (folder / "bench_runlight.py").write_text(_APPLICATION, encoding="utf-8")
        environ = {"DATABASE_URL": libpq(found.database), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [str(environment / "bin/gunicorn"), "bench_runlight:app", "--chdir", str(folder)]
        command += ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "8", "--log-level", "error"]
        with running(command, SERVER_CORE, f"http://127.0.0.1:{port}/runlight/s.js", environ) as leader:
            load = {"PEER": "runlight", "PEER_PATH": "/runlight/e"}
            yield Running(port, load, [leader], lambda: found.count("SELECT count(*) FROM rl_events"))

    return [System("Runlight in Flask, gunicorn with 8 threads", start)]
