"""What a visitor's browser is asked to send and to keep."""

from __future__ import annotations

from bench.snippet.browser import Visitor
from bench.snippet.stage import Stage
from bench.snippet.table import Cell, Row, right
from bench.snippet.trackers import Tracker

_KEYS = "() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]"


def measure(stage: Stage) -> list[Row]:
    """Open a page with Global Privacy Control and without."""
    honoured, kept = {}, {}
    for tracker in stage.trackers:
        requests, keys = _open(stage, tracker, gpc=True)
        fine = not requests and not keys
        honoured[tracker.key] = right(fine, f"{requests} sent, {len(keys)} kept")
        keys = _open(stage, tracker, gpc=False)[1]
        kept[tracker.key] = Cell(str(len(keys)), len(keys))
    why = "it keeps an id, as lead scoring needs one; in cookieless mode it keeps nothing either"
    return [
        Row("Global Privacy Control: no request, no key or cookie", honoured),
        Row("Storage keys and cookies at the first page view", kept, why),
    ]


def _open(stage: Stage, tracker: Tracker, *, gpc: bool) -> tuple[int, list[str]]:
    with stage.visitor(tracker, gpc=gpc) as visitor:
        visitor.control_clock()
        visitor.open("/page.html")
        visitor.spend(5)
        visitor.page.wait_for_timeout(300)
        return len(visitor.requests()), _kept(visitor)


def _kept(visitor: Visitor) -> list[str]:
    return [*visitor.page.evaluate(_KEYS), *(cookie["name"] for cookie in visitor.context.cookies())]
