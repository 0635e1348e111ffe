"""Ingest: what a request costs the collector, beside an empty Flask route on the same server in the same run."""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import redis

from bench.processes import cpu_seconds, pinned, running, used_memory
from bench.report import Section, spread
from scorer.resources import now_ms, prepare_database
from scorer.sites import found_site
from tracker.db import Database
from tracker.embedded import EmbeddedServer
from tracker.sites import SiteSettings

ROUNDS = 5
SECONDS = 3
CONNECTIONS = 64
BATCH = 20
BATCH_CONNECTIONS = 32
HALF_SENT = 200
LOADED = 0.7
"""Share of what the collector can take, at which its answers are timed."""
LASTING = 1_000_000
SERVER_CORE, LOAD_CORE = 0, 1

FLASK = "empty Flask route"
DECODE_ONLY = "collector without its queue"
EVERYSEC = "collector, append-only file synced everysec"
ALWAYS = "collector, append-only file synced always"
HALF = f"collector, beside {HALF_SENT} half-sent bodies"
BATCHES = f"collector, {BATCH} events a request"
PACED = f"collector, at {LOADED:.0%} of its load"


@dataclass(frozen=True)
class Figure:
    """One run of one variant."""

    per_second: float
    cpu_us: float
    p99_ms: float

    @property
    def core(self) -> float:
        """Share of its core that the server was busy for."""
        return self.per_second * self.cpu_us / 1e6


Found = dict[str, list[Figure]]


def run(smoke: bool) -> Section:
    """Measure ingest."""
    section = Section(
        "ingest",
        "Ingest, one process on one core",
        f"Load by wrk, {CONNECTIONS} connections ({BATCH_CONNECTIONS} with batches), page views of about 600 bytes. Every "
        "request is checked in full, with quotas, and answered after the append to the append-only queue, whose server runs "
        "on the core of the load. Peer: a Flask route that reads the body and answers 204, on granian with 4 threads, on "
        "the same core.",
        ("variant", "requests/s", "events/s", "CPU µs a request", "core busy", "p99 ms", "× empty Flask route", "goals"),
    )
    if not shutil.which("wrk"):
        section.notes.append("Not measured: wrk is not installed (Debian: apt-get install wrk).")
        return section
    rounds, seconds, lasting = (1, 1, 5_000) if smoke else (ROUNDS, SECONDS, LASTING)
    with tempfile.TemporaryDirectory(prefix="warmtrail-bench-") as folder, queue_server(Path(folder)) as environ:
        found = _measure(environ, rounds, seconds)
        early, late, requests = _memory(environ, seconds, lasting)
    for name, figures in found.items():
        batch = BATCH if name == BATCHES else 1
        goals = _goals(name, found)
        section.rows.append(
            (
                name,
                spread([one.per_second for one in figures]),
                f"{statistics.median(one.per_second for one in figures) * batch:,.0f}",
                spread([one.cpu_us for one in figures]),
                f"{statistics.median(one.core for one in figures):.0%}",
                spread([one.p99_ms for one in figures], 1),
                f"{_ratio(found, name, FLASK):.2f}",
                "; ".join(f"{goal} ({'met' if is_met else '**missed**'})" for goal, _, is_met in goals),
            )
        )
        busy = f"{statistics.median(one.core for one in figures):.0%}"
        section.notes += [
            f"Missed: {name}: {goal}, measured {measured}. Its core was busy for {busy} of the time; for the rest the "
            "collector waited for the queue's server, the load, or the machine."
            for goal, measured, is_met in goals
            if not is_met
        ]
    flat = "met" if late <= early * 1.05 else "**missed**"
    section.notes.append(
        f"Memory of the process: {early / 1e6:.1f} MB after {requests // 10:,} requests, {late / 1e6:.1f} MB after "
        f"{requests:,}. Goal: flat, at most 5 % more ({flat})."
    )
    return section


def _goals(name: str, found: Found) -> list[tuple[str, str, bool]]:
    """Return the goals of a variant, what was measured of each, and whether it is met."""
    figures = found[name]
    cpu, p99 = (statistics.median(values) for values in ([f.cpu_us for f in figures], [f.p99_ms for f in figures]))
    peer, decode = _ratio(found, name, FLASK), _ratio(found, name, DECODE_ONLY)
    if name in (EVERYSEC, ALWAYS):
        return [
            ("≥ 1.5 × Flask", f"{peer:.2f}", peer >= 1.5),
            ("≥ 0.8 × without its queue", f"{decode:.2f}", decode >= 0.8),
            ("≤ 60 µs", f"{cpu:.0f} µs", cpu <= 60),
        ]
    if name == HALF:
        beside = _ratio(found, name, EVERYSEC)
        return [("≥ 0.95 × without them", f"{beside:.2f}", beside >= 0.95)]
    if name == BATCHES:
        events = statistics.median(one.per_second for one in figures) * BATCH
        return [
            ("≥ 100,000 events/s", f"{events:,.0f}", events >= 100_000),
            ("≤ 10 µs an event", f"{cpu / BATCH:.1f} µs", cpu / BATCH <= 10),
        ]
    return [("p99 < 25 ms", f"{p99:.1f} ms", p99 < 25)] if name == PACED else []


def _ratio(found: Found, name: str, base: str) -> float:
    """Return the median of the ratios within each round."""
    return statistics.median(one.per_second / other.per_second for one, other in zip(found[name], found[base], strict=True))


@contextmanager
def queue_server(folder: Path) -> Iterator[dict[str, str]]:
    """Run a queue's server on the core of the load; yield the settings of a collector with one site, and its keys."""
    server = EmbeddedServer(folder)
    url = server.start()
    try:
        if prefix := pinned(LOAD_CORE):
            subprocess.run([prefix[0], "-acp", prefix[2], str(server.pid)], check=True, stdout=subprocess.DEVNULL)
        database = Database(f"sqlite:///{folder / 'warmtrail.db'}")
        prepare_database(database)
        with database.writing() as connection:
            site = found_site(connection, "bench", SiteSettings(origins=("https://shop.example.com",)), now_ms())
        database.close()
        own = {"WARMTRAIL_REDIS_URL": url, "WARMTRAIL_DATA_DIR": str(folder), "WARMTRAIL_LOG_FORMAT": "json"}
        yield own | {"WRITE_KEY": site.write_key, "SERVER_KEY": site.server_key}
    finally:
        server.stop()


def _measure(environ: Mapping[str, str], rounds: int, seconds: int) -> Found:
    found: Found = {}
    for _ in range(rounds):
        found.setdefault(FLASK, []).append(_flask(seconds))
        found.setdefault(DECODE_ONLY, []).append(_collector(environ, seconds, command="bench.decode_only"))
        found.setdefault(EVERYSEC, []).append(_collector(environ, seconds))
        found.setdefault(ALWAYS, []).append(_collector(environ, seconds, fsync="always"))
        found.setdefault(HALF, []).append(_collector(environ, seconds, half_sent=HALF_SENT))
        found.setdefault(BATCHES, []).append(_collector(environ, seconds, batch=BATCH))
        rate = LOADED * found[EVERYSEC][-1].per_second
        found.setdefault(PACED, []).append(_collector(environ, seconds, rate=rate))
    return found


def _flask(seconds: int) -> Figure:
    port = _free_port()
    script = Path(sys.executable).with_name("granian")
    command = [str(script), "--interface", "wsgi", "--blocking-threads", "4", "--no-ws", "--port", str(port), "--no-log"]
    with running([*command, "bench.peer_flask:app"], SERVER_CORE, f"http://127.0.0.1:{port}/", {}) as leader:
        return _load(leader, port, {}, seconds)


def _collector(
    environ: Mapping[str, str],
    seconds: int,
    *,
    command: str = "scorer.cli",
    batch: int = 1,
    fsync: str = "everysec",
    half_sent: int = 0,
    rate: float = 0,
) -> Figure:
    with redis.Redis.from_url(environ["WARMTRAIL_REDIS_URL"]) as client:
        client.flushall()
        client.config_set("appendfsync", fsync)
    with serving(environ, command) as (leader, port), _half_sent(port, half_sent) if half_sent else nullcontext():
        load = {"WRITE_KEY": environ["WRITE_KEY"], "BATCH": str(batch)}
        return _load(leader, port, load | ({"RATE": str(rate), "CONNECTIONS": str(CONNECTIONS)} if rate else {}), seconds)


@contextmanager
def serving(environ: Mapping[str, str], command: str = "scorer.cli") -> Iterator[tuple[int, int]]:
    """Run a collector on its core; yield its process id and port."""
    port = _free_port()
    started = [sys.executable, "-m", command, *(["collector"] if command == "scorer.cli" else [])]
    own = {name: value for name, value in environ.items() if name.startswith("WARMTRAIL_")}
    own["WARMTRAIL_BIND"] = f"127.0.0.1:{port}"
    with running(started, SERVER_CORE, f"http://127.0.0.1:{port}/healthz", own) as leader:
        yield leader, port


@contextmanager
def _half_sent(port: int, many: int) -> Iterator[None]:
    """Keep connections open on which a body was begun; they are cut off after ten seconds."""
    with ExitStack() as stack:
        for _ in range(many):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(b'POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 600\r\n\r\n{"batch":[')
        yield


def _memory(environ: Mapping[str, str], seconds: int, requests: int) -> tuple[int, int, int]:
    """Return the memory of a collector after a tenth of *requests* and after all of them, and how many there were."""
    early = done = 0
    with redis.Redis.from_url(environ["WARMTRAIL_REDIS_URL"]) as client, serving(environ) as (leader, port):
        client.config_set("appendfsync", "everysec")
        while done < requests:
            client.flushall()  # Nobody drains here.
            done += _wrk(port, {"WRITE_KEY": environ["WRITE_KEY"]}, seconds)[0]
            if not early and done >= requests / 10:
                early = used_memory(leader)
        return early, used_memory(leader), done


def _load(leader: int, port: int, environ: Mapping[str, str], seconds: int) -> Figure:
    if seconds > 1:
        _wrk(port, environ, 1)  # warm
    before = cpu_seconds(leader)
    requests, microseconds, p99_us, errors = _wrk(port, environ, seconds)
    used = cpu_seconds(leader) - before
    if errors:
        raise RuntimeError(f"{errors} of {requests} requests failed")
    return Figure(requests / microseconds * 1e6, used / requests * 1e6, p99_us / 1000)


def _wrk(port: int, environ: Mapping[str, str], seconds: int) -> tuple[int, ...]:
    script = Path(__file__).with_name("post.lua")
    connections = CONNECTIONS if environ.get("BATCH", "1") == "1" else BATCH_CONNECTIONS
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), f"http://127.0.0.1:{port}/"]
    done = subprocess.run(
        [*pinned(LOAD_CORE), *command], env={**os.environ, **environ}, capture_output=True, text=True, check=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return tuple(int(number) for number in line.split()[1:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
