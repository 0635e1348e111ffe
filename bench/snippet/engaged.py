"""Engaged time: what a server would believe, against what the visitor did, under a controlled clock."""

from __future__ import annotations

from bench.snippet.browser import Visitor
from bench.snippet.stage import Stage
from bench.snippet.table import Cell, Row
from bench.snippet.trackers import Tracker

Step = tuple[str, float]

SCENARIOS: list[tuple[str, list[Step], float]] = [
    ("S1 active 40 s", [("active", 40)], 40),
    ("S2 active 10 s, hidden 20 min, active 5 s", [("active", 10), ("hidden", 1200), ("active", 5)], 15),
    ("S3 active 20 s, then gone for 15 min", [("active", 20), ("still", 900)], 20),
    ("S4 in a background tab for 29 min, read for 5 s", [("background", 1740), ("active", 5)], 5),
    ("S5 reads 45 s without input, scrolls 15 s", [("still", 45), ("scroll", 15)], 60),
    ("S6 3 s, another window 60 s, back", [("active", 3), ("unfocused", 60)], 3),
    ("S7 active 25 s, hidden 20 min, active 25 s", [("active", 25), ("hidden", 1200), ("active", 25)], 50),
]
_WHY = {
    "S3": "who looks at a page without input for 30 s may be reading, so the first 30 s of absence count",
}


def measure(stage: Stage) -> list[Row]:
    """Play each scenario to each tracker."""
    rows = []
    for name, steps, truth in SCENARIOS[:1] if stage.smoke else SCENARIOS:
        cells, requests = {}, {}
        for tracker in stage.trackers:
            seconds, sent = play(stage, tracker, steps)
            error = round(seconds - truth, 1) + 0.0
            cells[tracker.key] = Cell(f"{error:+,.1f}", _graded(error))
            requests[tracker.key] = Cell(str(sent), sent)
        rows.append(Row(f"Engaged time, {name}: error in s (truth {truth:g} s)", cells, _WHY.get(name[:2], "")))
        if name.startswith("S3"):
            rows.append(
                Row("Requests in S3", requests, "it repeats the total of a view so that a lost message costs nothing")
            )
    return rows


def _graded(error: float) -> float:
    """Return the error for comparison: half a second either way is the measurement's own."""
    return 0 if abs(error) <= 0.5 else abs(error)


def play(stage: Stage, tracker: Tracker, steps: list[Step]) -> tuple[float, int]:
    """Return the engaged seconds that arrive, and the number of requests."""
    with stage.visitor(tracker) as visitor:
        visitor.control_clock()
        visitor.open("/page.html?background" if steps[0][0] == "background" else "/page.html")
        for step in steps:
            _take(visitor, *step)
        visitor.page.evaluate("setVisible(false)")
        visitor.page.wait_for_timeout(200)
        # Whoever closes the tab comes back another day: what waits in storage is sent from there.
        visitor.open("/next.html")
        for _ in range(4):
            visitor.page.wait_for_timeout(100)
            visitor.spend(5)
        about_it = [request for request in visitor.requests() if any(m.path == "/page.html" for m in tracker.read(request))]
        return visitor.engaged("/page.html"), len(about_it)


def _take(visitor: Visitor, kind: str, seconds: float) -> None:
    page = visitor.page
    if kind == "scroll":
        for _ in range(int(seconds / 5)):
            page.mouse.wheel(0, 200)
            page.wait_for_timeout(100)  # the browser scrolls in its own time
            visitor.spend(5)
        return
    if kind == "hidden":
        page.evaluate("setVisible(false)")
    elif kind == "unfocused":
        page.evaluate("setFocused(false)")
    visitor.spend(seconds, active=kind == "active")
    if kind in ("hidden", "background"):
        page.evaluate("setVisible(true)")
    elif kind == "unfocused":
        page.evaluate("setFocused(true)")
