"""``python3 dev.py bench [name …] [--smoke] [--data FOLDER]``: run benchmarks and write ``bench/RESULTS.md``.

``--smoke`` runs each for a moment and writes nothing: it proves that the benchmarks still run.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from bench import agents, classes, drain, ingest, learning, matching, page, query, snippet
from bench.report import Section, machine, merge

BENCHMARKS: dict[str, Callable[[bool], Section]] = {
    "ingest": ingest.run,
    "drain": drain.run,
    "query": query.run,
    "page": page.run,
    "matching": matching.run,
    "snippet": snippet.run,
    "learning": learning.run,
    "classes": classes.run,
    "agents": agents.run,
}
RESULTS = Path(__file__).parent / "RESULTS.md"


def main() -> int:
    """Run what was asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*BENCHMARKS, []], help="which; all without one")
    parser.add_argument("--smoke", action="store_true", help="only prove that they run")
    parser.add_argument("--data", help="folder of the public data, for learning, classes, agents (default ../shared/data)")
    wanted = parser.parse_args()
    if wanted.data:
        os.environ["WARMTRAIL_BENCH_DATA"] = wanted.data
    for name in wanted.name or BENCHMARKS:
        print(f"{name} …", file=sys.stderr, flush=True)
        section = BENCHMARKS[name](wanted.smoke)
        print(section.text(), flush=True)
        if not wanted.smoke:
            before = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
            RESULTS.write_text(merge(before, section, machine()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
