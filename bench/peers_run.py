"""Peers: page views accepted, stored and findable by web analytics servers on one machine, in turn, in one run."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench import peers_runlight, peers_shynet, peers_umami
from bench.peers_systems import (
    STORE_CORE,
    Absent,
    Stores,
    System,
    memory_mib,
    scratch,
    settle,
    stores,
    tree,
    tree_cpu_seconds,
    warmtrail,
)
from bench.processes import pinned
from bench.report import Section, spread
from tests import services

ROUNDS = 3
SECONDS = 5
CONNECTIONS = 32


@dataclass(frozen=True)
class Figure:
    """One run of one system. CPU is in µs a page view."""

    accepted: float
    stored: float
    last_s: float
    server_us: float
    database_us: float
    queue_us: float
    p99_ms: float
    memory_mib: float

    @property
    def cpu_us(self) -> float:
        """All CPU that a page view took until it could be found."""
        return self.server_us + self.database_us + self.queue_us


def run(smoke: bool) -> Section:
    """Measure Warmtrail and every peer that is given."""
    section = Section(
        "peers",
        "Peers: page views until they can be found",
        f"Load by wrk, {CONNECTIONS} connections, {SECONDS} s a round after a warm-up, {ROUNDS} rounds, systems in turn, "
        "each started anew on an empty PostgreSQL and an empty Valkey of its own, both with every commit on the disk. "
        "Servers and workers share one core; PostgreSQL, Valkey and load the other. Each system gets what its own tracker "
        "sends; the peers of 100 visitors, who mostly come back (cheap for them), Warmtrail of 10,000 (dear for it). "
        "Stored: rows counted, per second until the last could be found. CPU: of server and workers / database / queue. "
        "They do not do the same work: Warmtrail scores and ranks leads, which none of the others does; Shynet and "
        "Umami look up where an address is, which Warmtrail does not.",
        ("system", "accepted/s", "stored/s", "last after, s", "CPU µs a page view", "its parts", "p99 ms", "MiB", "× CPU"),
    )
    if not shutil.which("wrk"):
        section.notes.append("Not measured: wrk is not installed (Debian: apt-get install wrk).")
        return section
    systems = _systems(section, smoke)
    try:
        found = _measure(systems, *((1, 1) if smoke else (ROUNDS, SECONDS)), smoke)
    except services.Missing as missing:
        section.notes.append(f"Not measured: {missing}")
        return section
    base = statistics.median(one.cpu_us for one in found[systems[0].name])
    for name, figures in found.items():
        section.rows.append(_row(name, figures, base))
    return section


def _systems(section: Section, smoke: bool) -> list[System]:
    if smoke:
        return [warmtrail(sqlite=True)]
    own = [warmtrail(sqlite=False), warmtrail(sqlite=True)]
    for peer in (peers_shynet, peers_umami, peers_runlight):
        try:
            own += peer.systems()
            section.notes.append(f"To repeat: {peer.HOW}")
        except Absent as absent:
            section.notes.append(f"Left out: {absent}")
    return own


def _measure(systems: list[System], rounds: int, seconds: int, smoke: bool) -> dict[str, list[Figure]]:
    found: dict[str, list[Figure]] = {system.name: [] for system in systems}
    for number in range(rounds):
        for system in systems:
            print(f"  round {number + 1} of {rounds}: {system.name}", file=sys.stderr, flush=True)
            with scratch() as folder, stores(folder, postgres=not smoke) as own:
                found[system.name].append(_one(system, own, folder, seconds, 0 if smoke else system.warm_seconds))
    return found


def _one(system: System, own: Stores, folder: Path, seconds: int, warm_seconds: int) -> Figure:
    with system.start(own, folder) as made:
        load = {**made.load, "VISITORS": str(system.visitors), **made.first()}
        if warm_seconds:
            _wrk(made.port, {**load, "RUN": "warm", "SEED": "1"}, warm_seconds)
            settle(made.waiting)
        rows = made.stored()
        roots = (made.programs, own.postmasters, [own.valkey_pid])
        before, start = [tree_cpu_seconds(some) for some in roots], time.perf_counter()
        requests, microseconds, p99_us, errors = _wrk(made.port, {**load, "RUN": "bench", "SEED": "2"}, seconds)
        sent = time.perf_counter()
        settle(made.waiting)
        stored = time.perf_counter()
        used = [tree_cpu_seconds(some) - past for some, past in zip(roots, before, strict=True)]
        memory = memory_mib(tree(made.programs))
        settle(lambda: rows + requests - made.stored(), 10)  # what a worker had in hand
        more = made.stored() - rows
    if errors or more < requests:
        raise RuntimeError(f"{system.name}: {errors} errors, {requests} page views accepted, {more} stored")
    cpu = [seconds_used / more * 1e6 for seconds_used in used]
    return Figure(
        accepted=requests / microseconds * 1e6,
        stored=more / (stored - start),
        last_s=stored - sent,
        server_us=cpu[0],
        database_us=cpu[1],
        queue_us=cpu[2],
        p99_ms=p99_us / 1000,
        memory_mib=memory,
    )


def _wrk(port: int, environ: dict[str, str], seconds: int) -> tuple[int, ...]:
    script = Path(__file__).with_name("peers_load.lua")
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--timeout",
        "30s",
        "-s",
        str(script),
        f"http://127.0.0.1:{port}/",
    ]
    done = subprocess.run(
        [*pinned(STORE_CORE), *command], env={**os.environ, **environ}, capture_output=True, text=True, check=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return tuple(int(number) for number in line.split()[1:])


def _row(name: str, figures: list[Figure], base: float) -> tuple[str, ...]:
    parts = [
        statistics.median(values)
        for values in zip(*((f.server_us, f.database_us, f.queue_us) for f in figures), strict=True)
    ]
    return (
        name,
        spread([one.accepted for one in figures]),
        spread([one.stored for one in figures]),
        f"{statistics.median(one.last_s for one in figures):.1f}",
        spread([one.cpu_us for one in figures]),
        " / ".join(f"{part:,.0f}" for part in parts),
        spread([one.p99_ms for one in figures], 0),
        f"{statistics.median(one.memory_mib for one in figures):,.0f}",
        f"{statistics.median(one.cpu_us for one in figures) / base:.1f}",
    )
