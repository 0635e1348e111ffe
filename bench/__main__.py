"""``python3 dev.py bench [name …] [--smoke]``: run benchmarks and write ``bench/RESULTS.md``.

``--smoke`` runs each for a moment and writes nothing: it proves that the benchmarks still run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench import drain, ingest, matching, query, snippet
from bench.report import Section, machine, merge

BENCHMARKS: dict[str, Callable[[bool], Section]] = {
    "ingest": ingest.run,
    "drain": drain.run,
    "query": query.run,
    "matching": matching.run,
    "snippet": snippet.run,
}
RESULTS = Path(__file__).parent / "RESULTS.md"


def main() -> int:
    """Run what was asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*BENCHMARKS, []], help="which; all without one")
    parser.add_argument("--smoke", action="store_true", help="only prove that they run")
    wanted = parser.parse_args()
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
