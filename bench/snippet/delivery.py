"""How often the last of the engaged time arrives when the page is left, in each of the ways to leave one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench.snippet.browser import Visitor
from bench.snippet.site import wait_for
from bench.snippet.stage import Stage
from bench.snippet.table import Cell, Row
from bench.snippet.trackers import Tracker

ROUNDS = 50
_SECONDS = 20
_NEARLY = _SECONDS - 1.5


def _click(visitor: Visitor) -> None:
    visitor.page.click("#next")


def _reload(visitor: Visitor) -> None:
    visitor.page.reload()


def _close(visitor: Visitor) -> None:
    with visitor.page.expect_event("close"):
        visitor.page.close(run_before_unload=True)  # as a person closes it


def _switch(visitor: Visitor) -> None:
    visitor.page.evaluate("setVisible(false)")


_WAYS: dict[str, Callable[[Visitor], None]] = {
    "click on a link": _click,
    "reload": _reload,
    "closed tab": _close,
    "switch to another tab": _switch,
}


def _measure(way: str, stage: Stage) -> list[Row]:
    """Leave many times in one way, every visitor a new one."""
    rounds = 3 if stage.smoke else ROUNDS
    arrived = {tracker.key: 0 for tracker in stage.trackers}
    for _ in range(rounds):
        for tracker in stage.trackers:
            arrived[tracker.key] += _leave(stage, tracker, way)
    cells = {key: Cell(f"{count / rounds:.0%}", -count) for key, count in arrived.items()}
    return [Row(f"Last of the engaged time arrives: {way}", cells)]


MEASUREMENTS: dict[str, Callable[[Stage], list[Row]]] = {way: partial(_measure, way) for way in _WAYS}


def _leave(stage: Stage, tracker: Tracker, way: str) -> bool:
    with stage.visitor(tracker) as visitor:
        visitor.control_clock()
        visitor.open("/page.html")
        visitor.spend(_SECONDS, active=True)
        _WAYS[way](visitor)

        def has_arrived() -> bool:
            # On the next page, or on this one in the background, time goes on.
            if not visitor.page.is_closed():
                visitor.spend(5)
            return visitor.engaged("/page.html") > _NEARLY

        return wait_for(has_arrived, 1)
