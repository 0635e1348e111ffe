"""Overload: what becomes of requests when twice and ten times as many come as one collector process can take."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import redis

from bench.flood import Told
from bench.ingest import LOAD_CORE, queue_server, serving
from bench.processes import pinned, used_memory
from bench.report import Section

EVENTS = 100
"""Of a batch: so that what one core can send is ten times what another can take."""
CONNECTIONS = 1_000
SECONDS = 5.0
LOADS = (("70 %", 0.7), ("twice", 2), ("ten times", 10), ("70 % again, at once", 0.7))
"""Shares of the capacity, in this order: the last shows whether it has recovered."""
REFUSED_MS, KEPT_MS = 100, 25


def run(smoke: bool) -> Section:
    """Measure overload."""
    seconds = 0.5 if smoke else SECONDS
    section = Section(
        "overload",
        "Overload, one process on one core",
        f"Batches of {EVENTS} page views with the server key, which has no quota, at a pace that doesn't wait for answers, "
        f"on up to {CONNECTIONS:,} connections. Capacity is what 8 connections get answered that send as soon as they are. "
        f"The queue's server runs on the core of the load. Goals (p99): refused within {REFUSED_MS} ms, accepted within "
        f"{KEPT_MS} ms.",
        ("load", "offered/s", "accepted/s", "accepted: p50, p99 ms", "refused: p50, p99 ms", "others", "memory MB"),
    )
    with (
        tempfile.TemporaryDirectory(prefix="warmtrail-bench-") as folder,
        queue_server(Path(folder)) as environ,
        serving(environ) as (leader, port),
    ):
        if not smoke:
            _flood(environ, port, 0, 1, connections=8)  # warm
        capacity = len(_flood(environ, port, 0, seconds, connections=8).accepted) / seconds
        for name, share in LOADS[1:2] if smoke else LOADS:
            told = _flood(environ, port, share * capacity, seconds)
            section.rows.append(
                (
                    name,
                    f"{(told.sent + told.not_sent) / seconds:,.0f}",
                    f"{len(told.accepted) / seconds:,.0f}",
                    _quantiles(told.accepted),
                    _quantiles(told.refused),
                    f"{told.other + told.not_sent:,}",
                    f"{used_memory(leader) / 1e6:.0f}",
                )
            )
            section.notes += _missed(name, told)
    section.notes.insert(0, f"Capacity: {capacity:,.0f} batches/s, {capacity * EVENTS:,.0f} events/s.")
    return section


def _missed(name: str, told: Told) -> list[str]:
    """Return a line for each goal that was missed."""
    found = []
    for kind, times, goal in (("accepted", told.accepted, KEPT_MS), ("refused", told.refused, REFUSED_MS)):
        if len(times) > 1 and (p99 := statistics.quantiles(times, n=100)[98]) > goal:
            found.append(f"Missed: at {name}, {kind} within {goal} ms (p99): {p99:.0f} ms.")
    if told.not_sent:
        found.append(f"At {name}, {told.not_sent:,} requests were not sent, because every connection waited for an answer.")
    return found


def _quantiles(times: list[float]) -> str:
    if len(times) < 2:
        return "none"
    cuts = statistics.quantiles(times, n=100)
    return f"{cuts[49]:.1f}, {cuts[98]:.1f}"


def _flood(environ: Mapping[str, str], port: int, rate: float, seconds: float, *, connections: int = CONNECTIONS) -> Told:
    with redis.Redis.from_url(environ["WARMTRAIL_REDIS_URL"]) as client:
        client.flushall()  # Nobody drains here.
    arguments = [str(port), environ["SERVER_KEY"], str(rate), str(seconds), str(connections), str(EVENTS)]
    command = [*pinned(LOAD_CORE), sys.executable, "-m", "bench.flood", *arguments]
    done = subprocess.run(command, capture_output=True, check=True)
    time.sleep(0.1)
    return msgspec.json.decode(done.stdout, type=Told)
