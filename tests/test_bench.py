"""The benchmarks still run. What they find is for people to read: no figure is judged here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import BENCHMARKS
from tests import services

ROOT = Path(__file__).parent.parent


NAMES = list(BENCHMARKS)
SIGNS = {
    "ingest": "| empty Flask route |" if shutil.which("wrk") else "Not measured",
    "drain": "| SQLite |",
    "peers": "| Warmtrail, SQLite |" if shutil.which("wrk") else "Not measured",
    "snippet": "| Downloads told right, in all |" if services.find_browser() else "",
}
"""What shows that a benchmark had what it needs."""


@pytest.mark.parametrize("names", [NAMES[at : at + 4] for at in range(0, len(NAMES), 4)], ids="-".join)
def test_benchmarks_run_for_a_moment(names: list[str], request: pytest.FixtureRequest) -> None:
    environment = dict(os.environ)
    if services.describe_postgres() != "none":  # one server for all of them: each would start its own
        environment[services.POSTGRES_VARIABLE] = request.getfixturevalue("postgres_server").admin_url
    command = [sys.executable, "-m", "bench", "--smoke", *names]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=140, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.findall(r"^Repeat with `python3 dev\.py bench (\w+)`\.$", done.stdout, re.MULTILINE) == names
    assert f"1 of {len(names)}: {names[0]} …" in done.stderr
    for name in names:
        assert SIGNS.get(name, "") in done.stdout


def test_results_say_how_they_were_made() -> None:
    results = (ROOT / "bench" / "RESULTS.md").read_text(encoding="utf-8")
    for section in results.split("\n## ")[1:]:
        assert "Repeat with `python3 dev.py bench" in section
        assert "Measured 20" in section
