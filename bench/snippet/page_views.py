"""Page views: one for every page that somebody saw, none for any other."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from subprocess import DEVNULL

from bench.snippet.browser import ARGUMENTS, Visitor
from bench.snippet.site import wait_for
from bench.snippet.stage import Stage
from bench.snippet.table import Row, right
from bench.snippet.trackers import Tracker
from tests import chromium

_SETTLE = 3.6  # the slowest batch waits for 3 s


def measure(stage: Stage) -> list[Row]:
    """Count page views in each case, for all trackers at the same time."""
    cases: list[tuple[str, int, Callable[[Stage, Tracker], Visitor]]] = [
        ("background tab that nobody looks at", 0, lambda s, t: _opened(s, t, "/page.html?background")),
        ("back, from the back/forward cache", 2, _restored),
        ("`pushState` to a new path", 2, lambda s, t: _routed(s, t, "history.pushState({}, '', '/route')")),
        ("`replaceState` to a new path", 2, lambda s, t: _routed(s, t, "history.replaceState({}, '', '/route')")),
        ("`replaceState` to the same path", 1, lambda s, t: _routed(s, t, "history.replaceState({}, '', location.href)")),
        ("the script twice on the page", 1, lambda s, t: _opened(s, t, "/twice.html")),
        ("link to a part of the page (`#part`)", 1, lambda s, t: _routed(s, t, "location.hash = 'part'")),
    ]
    rows = []
    for name, truth, act in cases[2:4] if stage.smoke else cases:
        visitors = [act(stage, tracker) for tracker in stage.trackers]
        time.sleep(0.3 if stage.smoke else _SETTLE)
        rows.append(_row(name, truth, {v.tracker.key: len(v.messages("view")) for v in visitors}))
        for visitor in visitors:
            visitor.context.close()
    if not stage.smoke:
        rows += _prerendered(stage)
    return rows


def _row(name: str, truth: int, views: dict[str, int]) -> Row:
    cells = {key: right(count == truth, "" if count == truth else str(count)) for key, count in views.items()}
    return Row(f"Page views: {name} (right: {truth})", cells)


def _opened(stage: Stage, tracker: Tracker, path: str) -> Visitor:
    visitor = stage.visitor(tracker)
    visitor.open(path)
    return visitor


def _routed(stage: Stage, tracker: Tracker, script: str) -> Visitor:
    visitor = _opened(stage, tracker, "/page.html")
    visitor.page.wait_for_timeout(300)
    visitor.page.evaluate(script)
    return visitor


def _restored(stage: Stage, tracker: Tracker) -> Visitor:
    visitor = stage.visitor(tracker, controls=False)
    visitor.open("/page.html")
    visitor.page.wait_for_timeout(300)
    visitor.page.evaluate("addEventListener('pageshow', (event) => { window.restored = event.persisted })")
    visitor.open("/plain.html")
    visitor.page.evaluate("setTimeout(() => history.back())")
    visitor.page.wait_for_url("**/page.html", wait_until="commit")
    if not wait_for(lambda: visitor.page.evaluate("window.restored === true"), 3):
        print(f"  {tracker.name}: loaded anew, not restored", file=sys.stderr, flush=True)
    return visitor


def _prerendered(stage: Stage) -> list[Row]:
    """Count in browsers without automation, which would keep a prerendered page from running."""
    rows = []
    for name, truth, path in (
        ("prerendered, never looked at", 0, "/prerender.html"),
        ("prerendered, then looked at", 1, "/prerender-and-go.html"),
    ):
        visitors = [stage.visitor(tracker) for tracker in stage.trackers]  # for their names and readers
        with ExitStack() as stack:
            for visitor in visitors:
                stack.enter_context(_browsing(stage, stage.site.address(visitor.name, path)))
            names = {visitor.name for visitor in visitors}
            if not wait_for(partial(_all_prerendered, stage, names), 30):
                raise RuntimeError("the browser prerendered nothing")
            time.sleep(_SETTLE + 3)  # the page that goes there waits, too
        rows.append(_row(name, truth, {visitor.tracker.key: len(visitor.messages("view")) for visitor in visitors}))
        for visitor in visitors:
            visitor.context.close()
    return rows


def _all_prerendered(stage: Stage, names: set[str]) -> bool:
    return all("/prerendered.html" in stage.site.visited.get(name, []) for name in names)


@contextmanager
def _browsing(stage: Stage, address: str) -> Iterator[None]:
    """Show an address in a browser of its own until the block ends."""
    with tempfile.TemporaryDirectory(prefix="warmtrail-bench-", ignore_cleanup_errors=True) as folder:
        alone = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
        own = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder}", address]
        command = [stage.chromium, *chromium.ARGUMENTS, *ARGUMENTS, *alone, *own]
        process = subprocess.Popen(command, stdout=DEVNULL, stderr=DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)
