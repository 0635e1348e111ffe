"""Ingest: what a request costs the collector, beside an empty Flask route on the same server in the same run."""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import redis

from bench.processes import cpu_seconds, pinned, running
from bench.report import Section, spread
from scorer.resources import now_ms, prepare_database
from scorer.sites import found_site
from tracker.db import Database
from tracker.embedded import EmbeddedServer
from tracker.sites import SiteSettings

ROUNDS = 5
SECONDS = 3
CONNECTIONS = 32
SERVER_CORE, LOAD_CORE = 0, 1


@dataclass
class Figure:
    """One run of one variant."""

    per_second: float
    cpu_us: float
    p99_ms: float


def run(smoke: bool) -> Section:
    """Measure ingest."""
    section = Section(
        "ingest",
        "Ingest, one process on one core",
        f"Load by wrk, {CONNECTIONS} connections, page views of about 600 bytes. Every request is checked in full and "
        "answered after the append to the append-only queue. Peer: a Flask route that reads the body and answers 204, on "
        "granian with 4 threads, on the same core.",
        ("variant", "requests/s", "events/s", "CPU µs a request", "p99 ms", "× empty Flask route"),
    )
    if not shutil.which("wrk"):
        section.notes.append("Not measured: wrk is not installed (Debian: apt-get install wrk).")
        return section
    rounds, seconds = (1, 1) if smoke else (ROUNDS, SECONDS)
    with tempfile.TemporaryDirectory(prefix="warmtrail-bench-") as folder:
        found = _measure(Path(folder), rounds, seconds)
    base = found["empty Flask route"]
    for name, figures in found.items():
        batch = 20 if "20 events" in name else 1
        ratio = statistics.median(one.per_second / other.per_second for one, other in zip(figures, base, strict=True))
        section.rows.append(
            (
                name,
                spread([one.per_second for one in figures]),
                f"{statistics.median(one.per_second for one in figures) * batch:,.0f}",
                spread([one.cpu_us for one in figures]),
                spread([one.p99_ms for one in figures], 1),
                f"{ratio:.2f}",
            )
        )
    return section


def _measure(folder: Path, rounds: int, seconds: int) -> dict[str, list[Figure]]:
    server = EmbeddedServer(folder)
    url = server.start()
    try:
        database = Database(f"sqlite:///{folder / 'warmtrail.db'}")
        prepare_database(database)
        with database.writing() as connection:
            key = found_site(connection, "bench", SiteSettings(origins=("https://shop.example.com",)), now_ms()).write_key
        database.close()
        environ = {"WARMTRAIL_REDIS_URL": url, "WARMTRAIL_DATA_DIR": str(folder), "WARMTRAIL_LOG_FORMAT": "json"}
        found: dict[str, list[Figure]] = {}
        for _ in range(rounds):
            found.setdefault("empty Flask route", []).append(_flask(seconds))
            for fsync in ("everysec", "always"):
                name = f"collector, append-only file synced {fsync}"
                found.setdefault(name, []).append(_collector(environ, key, 1, seconds, fsync))
            name = "collector, 20 events a request"
            found.setdefault(name, []).append(_collector(environ, key, 20, seconds, "everysec"))
        return found
    finally:
        server.stop()


def _flask(seconds: int) -> Figure:
    port = _free_port()
    script = Path(sys.executable).with_name("granian")
    command = [str(script), "--interface", "wsgi", "--blocking-threads", "4", "--no-ws", "--port", str(port), "--no-log"]
    with running([*command, "bench.peer_flask:app"], SERVER_CORE, f"http://127.0.0.1:{port}/", {}) as leader:
        return _load(leader, port, {}, seconds)


def _collector(environ: Mapping[str, str], key: str, batch: int, seconds: int, fsync: str) -> Figure:
    with redis.Redis.from_url(environ["WARMTRAIL_REDIS_URL"]) as client:
        client.flushall()
        client.config_set("appendfsync", fsync)
    port = _free_port()
    command = [sys.executable, "-m", "scorer.cli", "collector"]
    own = {**environ, "WARMTRAIL_BIND": f"127.0.0.1:{port}"}
    with running(command, SERVER_CORE, f"http://127.0.0.1:{port}/healthz", own) as leader:
        return _load(leader, port, {"WRITE_KEY": key, "BATCH": str(batch)}, seconds)


def _load(leader: int, port: int, environ: Mapping[str, str], seconds: int) -> Figure:
    _wrk(port, environ, 1)  # warm
    before = cpu_seconds(leader)
    requests, microseconds, p99_us, errors = _wrk(port, environ, seconds)
    used = cpu_seconds(leader) - before
    if errors:
        raise RuntimeError(f"{errors} of {requests} requests failed")
    return Figure(requests / microseconds * 1e6, used / requests * 1e6, p99_us / 1000)


def _wrk(port: int, environ: Mapping[str, str], seconds: int) -> tuple[int, ...]:
    script = Path(__file__).with_name("post.lua")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), f"http://127.0.0.1:{port}/"]
    done = subprocess.run(
        [*pinned(LOAD_CORE), *command], env={**os.environ, **environ}, capture_output=True, text=True, check=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return tuple(int(number) for number in line.split()[1:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
