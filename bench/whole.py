"""What a page view costs in all: the CPU of every process of the service, from the request to the committed score."""

from __future__ import annotations

from bench.databases import kinds
from bench.live import cpu_by_process, live, loaded
from bench.report import Section
from tests.service.running import Keys, Service

RATES = (1_000, 3_000)
SECONDS = 20.0
GOAL_US = 250
PARTS = ("collector", "valkey", "worker", "PostgreSQL", "other")


def run(smoke: bool) -> Section:
    """Measure the CPU of the whole service."""
    rates, seconds = ((200,), 1.0) if smoke else (RATES, SECONDS)
    section = Section(
        "whole",
        "All of the service, CPU a page view",
        "`warmtrail up` with one worker under a steady load of single events as browsers send them (two page views to one "
        f"message of engaged time), {seconds:.0f} s; CPU of every process until all is committed, in µs an event; the last "
        "column is all of it divided by the page views alone. Worker: with RQ. Other: supervisor, "
        f"cron, the worker of the other jobs. Commits reach the disk. Goal: {GOAL_US} µs.",
        ("database", "events/s", "collector", "Valkey", "worker", "PostgreSQL", "other", "µs an event", "µs a page view"),
    )
    for kind in list(kinds())[-1:] if smoke else kinds():
        with live(kind) as (service, keys):
            _measure(service, keys, rates[0], min(seconds, 2.0))  # warm
            for rate in rates:
                section.rows.append((kind, *_measure(service, keys, rate, seconds)))
    section.notes += [
        f"Missed: {kind} at {rate} events/s: {whole} µs. The fewer come, the fewer share a wake-up, a flush and a "
        "transaction; what a page view costs under full load is in the section on peers."
        for kind, rate, *_, whole in section.rows
        if float(whole.replace(",", "")) > GOAL_US
    ]
    return section


def _measure(service: Service, keys: Keys, rate: int, seconds: float) -> tuple[str, ...]:
    before = cpu_by_process(service)
    with loaded(service, keys, rate, seconds) as sent:
        pass
    service.processed()
    after = cpu_by_process(service)
    events, pages, per_second = sent
    used = dict.fromkeys(PARTS, 0.0)
    for name, seconds_used in after.items():
        part = "worker" if name.startswith("worker drain") else name
        used[part if part in PARTS else "other"] += seconds_used - before.get(name, 0.0)
    total = sum(used.values())
    shown = [f"{used[part] / events * 1e6:,.0f}" for part in PARTS]
    return f"{per_second:,}", *shown, f"{total / events * 1e6:,.0f}", f"{total / pages * 1e6:,.0f}"
