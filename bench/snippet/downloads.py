"""Which clicks are told as downloads, exactly once."""

from __future__ import annotations

import time

from bench.snippet.browser import Visitor
from bench.snippet.links import CASES, Link
from bench.snippet.stage import Stage
from bench.snippet.table import Cell, Row, right
from bench.snippet.trackers import Tracker


def measure(stage: Stage) -> list[Row]:
    """Do what each case says to each tracker."""
    found = {tracker.key: _told(stage, tracker) for tracker in stage.trackers}
    rows = []
    for case in CASES:
        title = f"Download: {case.name}" if case.is_download else f"No download: {case.name}"
        cells = {key: _judged(case, told[case.mark]) for key, told in found.items()}
        rows.append(Row(title, cells))
    totals = {key: sum(row.cells[key].cost == 0 for row in rows) for key in found}
    cells = {key: Cell(f"{total} of {len(CASES)}", -total) for key, total in totals.items()}
    return [*rows, Row("Downloads told right, in all", cells)]


def _judged(case: Link, kinds: list[str]) -> Cell:
    if case.is_download:
        as_click = "as a click" if kinds == ["link"] else f"{len(kinds)} events" if len(kinds) > 1 else ""
        return right(kinds == ["download"], as_click)
    return right("download" not in kinds and len(kinds) < 2)


def _told(stage: Stage, tracker: Tracker) -> dict[str, list[str]]:
    """Return the kinds of the events about each case, by its mark."""
    with stage.visitor(tracker) as visitor:
        visitor.open("/links.html")
        for case in CASES:
            _do(visitor, case)
        _wait_for_quiet(visitor, 1 if stage.smoke else 4)  # the slowest batch waits for 3 s
        messages = visitor.messages("download") + visitor.messages("link")
    return {case.mark: [message.kind for message in messages if case.mark in message.text] for case in CASES}


def _wait_for_quiet(visitor: Visitor, seconds: float) -> None:
    """Return once the collector has heard nothing for so many *seconds*."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < seconds:
        visitor.page.wait_for_timeout(100)
        if len(visitor.requests()) != last:
            last, since = len(visitor.requests()), time.monotonic()


def _do(visitor: Visitor, case: Link) -> None:
    page = visitor.page
    link = page.locator(f"#{case.mark}")
    if case.act == "click":
        link.click(no_wait_after=True)
    elif case.act == "middle":
        link.click(button="middle", no_wait_after=True)
    elif case.act == "control":
        link.click(modifiers=["Control"], no_wait_after=True)
    elif case.act == "enter":
        link.focus()
        page.keyboard.press("Enter")
    else:
        page.evaluate(f"() => {{ {case.act} }}")
    page.wait_for_timeout(30)
