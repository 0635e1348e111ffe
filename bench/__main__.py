"""``python3 dev.py bench [name …] [--smoke] [--data FOLDER]``: run benchmarks and write ``bench/RESULTS.md``.

``--smoke`` runs each for a moment and writes nothing: it proves that the benchmarks still run. ``scale`` measures nothing:
it renews ``docs/scale.md`` from ``bench/figures.toml``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from bench import (
    agents,
    capacity,
    classes,
    drain,
    freshness,
    growth,
    history,
    idle,
    ingest,
    learning,
    matching,
    overload,
    page,
    query,
    scale,
    score,
    snippet,
    whole,
    workers,
)
from bench import peers_run as peers
from bench import peers_runlight as runlight
from bench import peers_shynet as shynet
from bench import peers_umami as umami
from bench.report import Section, machine, merge

BENCHMARKS: dict[str, Callable[[bool], Section]] = {
    "ingest": ingest.run,
    "overload": overload.run,
    "drain": drain.run,
    "growth": growth.run,
    "workers": workers.run,
    "whole": whole.run,
    "freshness": freshness.run,
    "idle": idle.run,
    "capacity": capacity.run,
    "query": query.run,
    "score": score.run,
    "page": page.run,
    "matching": matching.run,
    "snippet": snippet.run,
    "history": history.run,
    "learning": learning.run,
    "classes": classes.run,
    "agents": agents.run,
    "peers": peers.run,
}
PEERS = {"shynet": shynet, "umami": umami, "runlight": runlight}
"""Programs of others that ``peers`` measures too, where their place is given; none of their code is here."""
RESULTS = Path(__file__).parent / "RESULTS.md"


def main() -> int:
    """Run what was asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*BENCHMARKS, "scale", []], help="which; all without one")
    parser.add_argument("--smoke", action="store_true", help="only prove that they run")
    parser.add_argument("--data", help="folder of the public data, for learning, classes, agents (default ../shared/data)")
    for name, peer in PEERS.items():
        parser.add_argument(f"--{name}", metavar="FOLDER", help=peer.HOW)
    wanted = parser.parse_args()
    if wanted.data:
        os.environ["WARMTRAIL_BENCH_DATA"] = wanted.data
    for name, peer in PEERS.items():
        if folder := getattr(wanted, name):
            os.environ[peer.VARIABLE] = folder
    for quota in ("KEY", "ADDRESS", "VISITOR"):  # Counted as ever, but one machine sends for thousands of visitors.
        os.environ[f"WARMTRAIL_{quota}_QUOTA"] = "100000000,100000000"
    names = [name for name in wanted.name or BENCHMARKS if name in BENCHMARKS]
    for place, name in enumerate(names, 1):
        print(f"{place} of {len(names)}: {name} …", file=sys.stderr, flush=True)
        section = BENCHMARKS[name](wanted.smoke)
        print(section.text(), flush=True)
        if not wanted.smoke:
            before = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
            RESULTS.write_text(merge(before, section, machine()), encoding="utf-8")
    if not wanted.smoke and (not wanted.name or "scale" in wanted.name):
        print(scale.write())
    return 0


if __name__ == "__main__":
    sys.exit(main())
