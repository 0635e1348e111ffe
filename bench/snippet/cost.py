"""Time that the page's only thread spends in the script."""

from __future__ import annotations

import statistics

from bench.report import spread
from bench.snippet.stage import Stage
from bench.snippet.table import Cell, Row
from bench.snippet.trackers import NONE, Tracker

ROUNDS = 12
_SLOWER = 4
_WHY_LOAD = "it asks for the time zone, and reads and writes an id; Plausible does neither"
_WHY_INPUT = "every input moves the end of the engaged time on; Plausible does not listen to the mouse"
_INPUT = """() => {
  for (let i = 0; i < 1000; i++) {
    document.body.dispatchEvent(new MouseEvent('mousemove', { bubbles: true, clientX: i }));
    document.dispatchEvent(new Event('scroll', { bubbles: true }));
  }
}"""


def measure(stage: Stage) -> list[Row]:
    """Load the page in turn with each tracker and with none, on a processor slowed down as a phone's."""
    loads: dict[str, list[float]] = {}
    inputs: dict[str, list[float]] = {}
    for _ in range(1 if stage.smoke else ROUNDS):
        for tracker in (NONE, *stage.trackers):
            load, handled = _once(stage, tracker)
            loads.setdefault(tracker.key, []).append(load)
            inputs.setdefault(tracker.key, []).append(handled)
    how = f"ms more than without a tracker, {_SLOWER}× CPU throttling"
    return [
        Row(f"Main thread, load and first second: {how}", _cells(stage, loads), _WHY_LOAD),
        Row(f"Main thread, 1,000 mouse moves and 1,000 scroll events: {how}", _cells(stage, inputs), _WHY_INPUT),
    ]


def _cells(stage: Stage, found: dict[str, list[float]]) -> dict[str, Cell]:
    cells = {}
    for tracker in stage.trackers:
        more = [one - base for one, base in zip(found[tracker.key], found[NONE.key], strict=True)]
        cells[tracker.key] = Cell(spread(more, 1), statistics.median(more))
    return cells


def _once(stage: Stage, tracker: Tracker) -> tuple[float, float]:
    """Return the milliseconds of script in loading the page, and in handling input."""
    with stage.visitor(tracker, controls=False) as visitor:
        session = visitor.context.new_cdp_session(visitor.page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER})
        session.send("Performance.enable")

        def busy() -> float:
            metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
            return float(metrics["ScriptDuration"] + metrics["V8CompileDuration"]) * 1000

        visitor.open("/page.html")
        visitor.page.wait_for_timeout(1000)
        loaded = busy()
        visitor.page.evaluate(_INPUT)
        visitor.page.wait_for_timeout(300)
        return loaded, busy() - loaded
