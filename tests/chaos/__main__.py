"""``python3 dev.py chaos``: break an installation by chance, again and again, and see that nothing is lost."""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from tests.chaos.campaign import run


def main() -> int:
    """Run what was asked for and print the report; return the exit code."""
    parser = argparse.ArgumentParser(prog="dev.py chaos", description=__doc__, allow_abbrev=False)
    parser.add_argument("--faults", type=int, default=500, help="how many on each database (default 500)")
    parser.add_argument("--seed", type=int, help="the same seed, the same faults (default: by chance)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this one")
    parser.add_argument("--minutes", type=float, default=1e9, help="at most, on each database")
    parser.add_argument("--report", type=Path, help="file for the report in Markdown")
    wanted = parser.parse_args()
    seed = wanted.seed if wanted.seed is not None else random.SystemRandom().randrange(10**9)
    print(f"seed {seed}", flush=True)
    texts = []
    for database in [wanted.database] if wanted.database else ["sqlite", "postgresql"]:
        print(f"\n{database}: {wanted.faults} faults", flush=True)
        report = run(database, wanted.faults, seed, minutes=wanted.minutes, say=lambda line: print(line, flush=True))
        texts.append(report.text())
        print("\n" + texts[-1], flush=True)
    if wanted.report:
        wanted.report.write_text("\n".join(texts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
