"""What a reader costs the collector: requests and bytes of a long page."""

from __future__ import annotations

import time

from bench.snippet.stage import Stage
from bench.snippet.table import Cell, Row
from bench.snippet.trackers import Tracker

_MINUTES = 15


def measure(stage: Stage) -> list[Row]:
    """Read for 15 minutes, then look at the same page for another 15 without a hand on it."""
    found = {tracker.key: _read(stage, tracker) for tracker in stage.trackers}
    why = "it reports more often, so that less is lost with a browser that crashes"
    when = (f"{_MINUTES} min of reading", f"{_MINUTES} idle min after that")
    titles = [f"{one}: {what}" for one in when for what in ("requests", "bytes")]
    return [
        Row(title, {key: Cell(f"{values[index]:,}", values[index]) for key, values in found.items()}, why)
        for index, title in enumerate(titles)
    ]


def _read(stage: Stage, tracker: Tracker) -> tuple[int, ...]:
    seconds = 10 if stage.smoke else _MINUTES * 60
    with stage.visitor(tracker) as visitor:
        visitor.control_clock()
        visitor.open("/page.html")
        visitor.spend(seconds, active=True)
        time.sleep(0.3)
        read = visitor.requests()
        visitor.spend(60)  # until whoever counts idle time has noticed
        time.sleep(0.3)
        noticed = len(visitor.requests())
        visitor.spend(seconds)
        time.sleep(0.3)
        idle = visitor.requests()[noticed:]
    return len(read), sum(one.size for one in read), len(idle), sum(one.size for one in idle)
