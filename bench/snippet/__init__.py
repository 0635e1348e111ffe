"""The snippet beside other trackers: the same pages, the same visitors, the same Chromium."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bench.report import Section
from bench.snippet import cost, delay, delivery, downloads, engaged, load, outage, page_views, privacy, sizes
from bench.snippet.browser import running_browser
from bench.snippet.site import Site
from bench.snippet.stage import Stage
from bench.snippet.table import Row
from bench.snippet.trackers import NONE, Tracker, ours, peers
from dev import find_browser

_METHOD = (
    "Every tracker runs on the same pages in the same Chromium, in turn, each visitor with an empty browser; what is "
    "written here was read from the requests that reached a local collector. The others are the packages published on "
    "npm (`bench/peers/package-lock.json`), switched on in full as their documentation says (`bench/peers/*.js`), each "
    "bundled and minified by esbuild with that one file; their size is that of the bundle. Engaged time is worked out from "
    "their messages as their own servers do (`bench/snippet/readers.py`). The best of a row is bold."
)
_NOTES = (
    "Visits by {browser}. Clock, visibility and focus are controlled where minutes pass (headless pages are never hidden); "
    "everything else is real. Requests are without preflights, bytes are those of path and body.",
    "Lists of file types are each tracker's own. Snowplow, PostHog and Countly know clicks on links but not downloads: "
    "their servers can be taught to tell them apart by the address (✗ as a click). Snowplow and Countly leave it to the "
    "site to call for a page view on a change of route.",
    "PostHog's time on a page is that of the clock on the wall. Snowplow says nothing when a page is left: what is looked "
    "for is its last ping. What Countly could not send waits in the browser for the next visit.",
)
# What measures no times may share the machine: two at once, the longest first.
_SHARING: dict[str, Callable[[Stage], list[Row]]] = {
    "engaged time": engaged.measure,
    **{f"delivery, {way}": measure for way, measure in delivery.MEASUREMENTS.items()},
    "page views": page_views.measure,
    "downloads": downloads.measure,
    "load": load.measure,
    "outage": outage.measure,
    "privacy": privacy.measure,
}
_ALONE: dict[str, Callable[[Stage], list[Row]]] = {
    "sizes": sizes.measure,
    "main thread": cost.measure,
    "click delay": delay.measure,
}
_LANES = 2


def run(smoke: bool) -> Section:
    """Measure the snippet and the others; the snippet only in a smoke test, which installs nothing."""
    chromium = find_browser()
    trackers = [ours(), *([] if smoke or chromium is None else peers())]
    section = Section("snippet", "Snippet", _METHOD, ("", *(tracker.name for tracker in trackers)))
    if chromium is None:
        section.notes.append("Not measured: no Chromium or Chrome here.")
        return section
    if smoke:
        section.notes.append("Left out: the other trackers, which a full run installs.")
    tags = {tracker.key: tracker.tag for tracker in (NONE, *trackers)}
    site = Site(tags, {f"/tracker/{tracker.key}.js": tracker.script for tracker in trackers})
    try:
        found = _measure(site, chromium, trackers, smoke)
    finally:
        site.close()
    keys = [tracker.key for tracker in trackers]
    section.rows = [row.texts(keys) for row in found]
    version = subprocess.run([chromium, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    section.notes += [
        *(note.format(browser=version) for note in _NOTES),
        *(f"{row.what}: {row.why or 'to be looked into'}." for row in found if not row.is_ours),
    ]
    return section


def _measure(site: Site, chromium: str, trackers: list[Tracker], smoke: bool) -> list[Row]:
    found: dict[str, list[Row]] = {}
    for some, lanes in ((_SHARING, _LANES), (_ALONE, 1)):
        names = deque(some)

        def work(names: deque[str] = names) -> None:
            """Take one measurement after the other, in a browser of this thread's own."""
            with running_browser() as browser:
                stage = Stage(browser, chromium, site, trackers, smoke)
                while names:
                    name = names.popleft()
                    started = time.monotonic()
                    found[name] = (_SHARING | _ALONE)[name](stage)
                    print(f"  {name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

        with ThreadPoolExecutor(lanes) as pool:
            for done in [pool.submit(work) for _ in range(lanes)]:
                done.result()
    return [row for name in _ALONE | _SHARING for row in found[name]]
