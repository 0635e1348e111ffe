"""The tables of ``docs/scale.md``, reckoned and simulated from ``figures.toml``; ``dev.py bench scale`` renews them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench.scale_model import KEPT_DAYS, Figures, Plan, event_bytes, limits, plan
from bench.scale_simulation import Interval, Outcome, Setup, shares_of, simulate
from tracker.settings import Settings

PAGE: Final = Path(__file__).parent.parent / "docs" / "scale.md"
FIGURES: Final = Path(__file__).with_name("figures.toml")
EXPONENT: Final = 0.8
HEAVIEST: Final = 0.1
_SCENARIOS: Final[dict[str, dict[str, Interval]]] = {
    "as planned": {},
    "three times as many events for 30 s": {"burst": Interval(20, 50, 3)},
    "database three times as slow for 60 s": {"slow": Interval(20, 80, 3)},
    "no database for 60 s": {"away": Interval(20, 80)},
    "busiest worker's machine lost": {"lost": Interval(20, 45)},
}
_BLOCK: Final = re.compile(r"(<!-- reckoned: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def read_figures() -> Figures:
    """Return what is measured and assumed."""
    return msgspec.toml.decode(FIGURES.read_bytes(), type=Figures)


def renewed(page: str, figures: Figures) -> str:
    """Return the page with its tables as the figures have them."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{TABLES[found[2]](figures)}\n{found[3]}", page)


def write() -> str:
    """Write the page anew; return what was done, as a line to print."""
    before = PAGE.read_text(encoding="utf-8")
    after = renewed(before, read_figures())
    PAGE.write_text(after, encoding="utf-8")
    return "docs/scale.md was up to date" if after == before else "docs/scale.md written"


def _plan(figures: Figures) -> str:
    header = ("events/s at the peak", *(f"{rate:,}" for rate in KEPT_DAYS))
    plans = [plan(figures, *wanted) for wanted in KEPT_DAYS.items()]
    full = Settings().max_waiting_entries
    rows = [
        ("database", *(one.database for one in plans)),
        ("installations", *(f"{one.installations:,}" for one in plans)),
        ("of each: collectors, workers, partitions", *(f"{p.collectors}, {p.workers}, {p.partitions}" for p in plans)),
        ("of each: Valkey servers, vCPU of the database", *(f"{p.queues}, {p.database_vcpu or 'shared'}" for p in plans)),
        ("machines, of all", *(f"{one.machines:,}" for one in plans)),
        ("vCPU, of all", *(f"{one.vcpu:,}" for one in plans)),
        ("memory, of all", *(f"{one.memory_gib:,.0f} GiB" for one in plans)),
        (f"of it for a queue of {figures['outage_s'] / 60:.0f} min", *(f"{one.queue_gib:,.1f} GiB" for one in plans)),
        (f"{full:,} waiting events (the default limit) last", *(_span(full * p.installations / p.rate) for p in plans)),
        ("disk, a day", *(_bytes(one.day_gb) for one in plans)),
        ("events kept for", *(f"{one.kept_days} days" for one in plans)),
        ("disk", *(_bytes(one.kept_gb) for one in plans)),
        ("dollars a month", *(f"{one.dollars:,.0f}" for one in plans)),
        (
            "dollars a million events",
            *(f"{one.dollars / (one.rate / figures['peak'] * 30 * 0.0864):,.2f}" for one in plans),
        ),
    ]
    return _table(header, rows)


def _limits(figures: Figures) -> str:
    rows = [(one.part, f"{_round(one.rate):,}", one.then) for one in limits(figures)]
    return _table(("what is full", "at events/s", "then"), rows)


def _simulation(figures: Figures) -> str:
    header = ("events/s", "what happens", "busiest worker", "p50", "p99", "longest", "waiting at most", "behind for")
    return _table(header, [row for rate in KEPT_DAYS for row in simulated(figures, rate)])


def simulated(figures: Figures, rate: int) -> list[tuple[str, ...]]:
    """Return the rows of the simulation for one rate."""
    wanted = plan(figures, rate, KEPT_DAYS[rate])
    rows = [_told(wanted, name, simulate(setup(figures, wanted, 0.0, happens))) for name, happens in _SCENARIOS.items()]
    robot = simulate(setup(figures, wanted, HEAVIEST, {}))
    return [*rows, _told(wanted, f"one visitor sends {HEAVIEST:.0%} of all, no quotas", robot)]


def setup(figures: Figures, wanted: Plan, heaviest: float, happens: dict[str, Interval]) -> Setup:
    """Return one installation of a plan as the simulation takes it, with a visitor for each event a minute."""
    each = wanted.rate / wanted.installations
    shares = shares_of(wanted.partitions, max(100, round(each * 60)), EXPONENT, heaviest)
    usual = Setup(each, wanted.workers, shares, figures["worker_rate"], figures["batch_ms"] / 1000)
    return msgspec.structs.replace(usual, **happens)


def _told(wanted: Plan, name: str, found: Outcome) -> tuple[str, ...]:
    return (
        f"{wanted.rate:,}",
        name,
        f"{found.load:.0%}",
        *(_span(seconds) for seconds in (found.median_s, found.p99_s, found.longest_s)),
        f"{_round(found.waiting):,}",
        "to the end" if math.isinf(found.behind_s) else _span(found.behind_s),
    )


def _measured(figures: Figures) -> str:
    rows = [(one.what, f"{one.value:,g}", f"`{one.bench}`") for one in figures.measured.values()]
    every = f"so an event with its share of visit and visitor takes {event_bytes(figures):,.0f} bytes of PostgreSQL"
    return _table(("measured", "value", "bench"), rows) + f"\n{every[0].upper()}{every[1:]}.\n"


def _assumed(figures: Figures) -> str:
    return _table(("assumed", "value"), [(one.what, f"{one.value:,g}") for one in figures.assumed.values()])


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _span(seconds: float) -> str:
    if seconds == 0:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:,.0f} ms"
    if seconds < 600:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.0f} h"


def _bytes(gb: float) -> str:
    return f"{gb:,.1f} GB" if gb < 1000 else f"{gb / 1000:,.1f} TB"


def _round(value: float) -> int:
    """Return two digits: more would claim more than is known."""
    return int(round(value, 1 - math.floor(math.log10(value)))) if value >= 100 else round(value)


TABLES: Final[dict[str, Callable[[Figures], str]]] = {
    "plan": _plan,
    "limits": _limits,
    "simulation": _simulation,
    "measured": _measured,
    "assumed": _assumed,
}
"""What makes each table of the page, by the name in its mark."""
