"""The benchmarks still run. What they find is for people to read: no figure is judged here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bench.snippet.browser import chromium_path

ROOT = Path(__file__).parent.parent


def test_every_benchmark_runs_for_a_moment() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--smoke"], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    titles = [line for line in done.stdout.splitlines() if line.startswith("## ")]
    names = [title.split(",")[0].split(" out")[0] for title in titles]
    expected = ["## Ingest", "## Drain", "## Hot list", "## Page of hot leads", "## Matching", "## Snippet"]
    assert names == [*expected, "## Learning from won and lost", "## Classes from few labels", "## Robots"]
    assert "| empty Flask route |" in done.stdout or not shutil.which("wrk")
    assert "| SQLite |" in done.stdout
    assert "| Downloads told right, in all |" in done.stdout or chromium_path() is None


def test_results_say_how_they_were_made() -> None:
    results = (ROOT / "bench" / "RESULTS.md").read_text(encoding="utf-8")
    for section in results.split("\n## ")[1:]:
        assert "Repeat with `python3 dev.py bench" in section
        assert "Measured 20" in section
