"""Whether a click waits for the collector."""

from __future__ import annotations

import statistics

from bench.report import spread
from bench.snippet.stage import Stage
from bench.snippet.table import Cell, Row
from bench.snippet.trackers import NONE, Tracker

ROUNDS = 12
_EQUAL_MS = 10  # less than that is chance


def measure(stage: Stage) -> list[Row]:
    """Click with a collector that hangs, in turn with each tracker and with none."""
    found: dict[str, list[float]] = {}
    for _ in range(1 if stage.smoke else ROUNDS):
        for tracker in (NONE, *stage.trackers):
            found.setdefault(tracker.key, []).append(_click(stage, tracker))
    cells = {}
    for tracker in stage.trackers:
        more = [one - base for one, base in zip(found[tracker.key], found[NONE.key], strict=True)]
        cells[tracker.key] = Cell(spread(more), max(_EQUAL_MS, statistics.median(more)))
    return [Row("Collector hangs 10 s: ms from click to next page, more than without a tracker", cells)]


def _click(stage: Stage, tracker: Tracker) -> float:
    """Return the milliseconds between a click and the first script of the next page."""
    with stage.visitor(tracker) as visitor:
        stage.site.hanging.add(visitor.name)
        visitor.open("/clicked.html")
        visitor.page.wait_for_timeout(200)
        visitor.page.click("#next")
        visitor.page.wait_for_function("window.begun")
        return float(visitor.page.evaluate("window.begun - sessionStorage.clicked"))
