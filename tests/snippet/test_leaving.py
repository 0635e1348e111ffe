"""The last "Page Engaged" of a page arrives, however the page is left: 100 real departures of each kind
(``LEAVING_RUNS`` for another number), 99 % at least.

Clicks and reloads are done by pages that leave by themselves, one after the other. For the other kinds the tabs of one
window are brought to the front in turn through the browser's own protocol. Unlike Playwright, which tells every page that
it is visible and focused all the time, that really hides the tab that was in front. A tab serves several departures, since
opening it is what takes time.
"""

import json
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser

from .conftest import USER_AGENT, RealTab, RealWindow, Site, serving

RUNS = int(os.environ.get("LEAVING_RUNS", "100"))
ENOUGH = math.ceil(RUNS * 0.99)
BATCH = 20  # tabs open at the same time
PARALLEL = 4  # tabs that click or reload
pytestmark = pytest.mark.timeout(600)


class Window(RealWindow):
    """A window whose tabs are shown, closed and killed."""

    def __init__(self, browser: Browser, site: Site) -> None:
        super().__init__(browser)
        self.site = site
        self.tabs: dict[int, RealTab] = {}  # of each run
        self.cdp.send("Browser.setDownloadBehavior", {"behavior": "deny", "browserContextId": self.context})

    def open_many(self, runs: range, way: str, features: str = "") -> None:
        """Tabs with the snippet at work, behind one without it. None of them counts as looked at."""
        address = f"/opener.html?way={way}&first={runs[0]}&last={runs[-1]}&features={features}"
        self.open(self.site.origin + address)
        self.site.wait_for(lambda: all(self.said("ready", run) for run in runs), timeout=30)
        for target in self.cdp.send("Target.getTargets")["targetInfos"]:
            query = parse_qs(urlsplit(target["url"]).query)
            if target.get("browserContextId") == self.context and "run" in query:
                self.tabs[int(query["run"][0])] = RealTab(self, target["targetId"])

    def hide_all(self) -> None:
        self.open(self.site.origin + "/plain.html")

    def said(self, what: str, run: int) -> int:
        return self.site.visits.count(f"/mark/{what}/{run}")

    def show(self, run: int, looks: int = 1) -> None:
        """Bring a tab to the front and wait until it has been there that many times."""
        self.tabs[run].show()
        self.site.wait_for(lambda: self.said("seen", run) >= looks, timeout=20)

    def kill(self, run: int) -> None:
        """As a phone does with what is in the background: no event tells the page."""
        attached = self.cdp.send("Target.attachToTarget", {"targetId": self.tabs[run].target, "flatten": False})
        crash = {"sessionId": attached["sessionId"], "message": json.dumps({"id": 1, "method": "Page.crash"})}
        self.cdp.send("Target.sendMessageToTarget", crash)  # nobody is left to answer


@contextmanager
def open_window(browser: Browser, site: Site) -> Iterator[Window]:
    window = Window(browser, site)
    yield window
    window.cdp.send("Target.disposeBrowserContext", {"browserContextId": window.context})
    window.cdp.detach()


@dataclass
class Departures:
    """What became of one kind of departure."""

    seconds: float = 0
    arrived: int = 0
    surplus: int = 0


def reports(site: Site) -> Counter[str]:
    """How many times each page view has told its engaged time."""
    return Counter(event["properties"]["view_id"] for event in site.sent("Page Engaged"))


def depart(site: Site, departures: Departures, leave: Callable[[], object], runs: int = BATCH) -> None:
    """Leave so many views, and count those of which a report comes that was not there before."""
    started = time.monotonic()
    before = reports(site)
    leave()
    deadline = time.monotonic() + 2
    while (reports(site) - before).total() < runs and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)  # what should not come would come now
    new = reports(site) - before
    departures.arrived += len(new)
    departures.surplus += new.total() - len(new)
    departures.seconds += time.monotonic() - started


def check(departures: Departures, site: Site, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Enough has arrived; nothing came twice and nothing was made up."""
    with capsys.disabled():
        print(f"\n{way}: {departures.arrived} of {RUNS} last reports arrived, {departures.seconds:.0f} s", end=" ")
    assert departures.arrived >= ENOUGH
    assert departures.surplus == 0
    ids = [event["messageId"] for event in site.sent()]
    assert len(ids) == len(set(ids))
    views = [event["properties"]["view_id"] for event in site.events("page")]
    assert len(views) == len(set(views)) == RUNS
    engaged: dict[str, int] = {}  # in each view so far
    for event in site.events("Page Engaged"):
        view, milliseconds = event["properties"]["view_id"], event["properties"]["engaged_ms"]
        assert view in views
        assert milliseconds > engaged.get(view, 0)
        engaged[view] = milliseconds


def batches() -> Iterator[range]:
    for first in range(1, RUNS + 1, BATCH):
        yield range(first, first + BATCH)


@pytest.fixture(scope="module")
def tabs(browser: Browser) -> Iterator[tuple[Site, dict[str, Departures]]]:
    """Tabs, each looked at three times and left in three ways."""
    ways = {"switch": Departures(), "download": Departures(), "close": Departures()}

    def look_and_switch(runs: range, looks: int) -> None:
        for run in runs:
            window.show(run, looks)
            time.sleep(0.06 if run % 4 == 0 else 0)  # a fourth of them leaves after the first request has gone out
        window.hide_all()

    def look_and_close(runs: range) -> None:
        for run in runs:
            window.show(run, 3)
            window.tabs[run].close()

    with serving() as site:
        for runs in batches():
            started = time.monotonic()
            with open_window(browser, site) as window:
                window.open_many(runs, "download")
                ways["switch"].seconds += time.monotonic() - started
                depart(site, ways["switch"], partial(look_and_switch, runs, 1))
                depart(site, ways["download"], partial(look_and_switch, runs, 2))
                depart(site, ways["close"], partial(look_and_close, runs))
        yield site, ways


@pytest.mark.parametrize("way", ["switch", "download", "close"])
def test_the_last_report_survives_what_happens_to_a_tab(
    tabs: tuple[Site, dict[str, Departures]], way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site, ways = tabs
    check(ways[way], site, way, capsys)
    downloads = [event["properties"]["view_id"] for event in site.events("File Downloaded")]
    assert len(downloads) == len(set(downloads))
    assert len(downloads) >= ENOUGH


def test_the_last_report_survives_a_browser_that_is_killed_in_the_background(
    browser: Browser, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    departures = Departures()

    def look_and_kill(runs: range) -> None:
        for run in runs:
            window.show(run)
            if run == runs[-1]:
                window.hide_all()
            else:
                window.show(run + 1)
            site.wait_for(partial(window.said, "left", run))
            window.kill(run)

    for runs in batches():
        started = time.monotonic()
        with open_window(browser, site) as window:
            window.open_many(runs, "wait", "noopener")  # a process for each
            departures.seconds += time.monotonic() - started
            depart(site, departures, partial(look_and_kill, runs))
    check(departures, site, "kill", capsys)


@pytest.mark.parametrize("way", ["click", "reload"])
def test_the_last_report_survives_leaving_for_another_page(
    browser: Browser, site: Site, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    departures = Departures()

    def leave_again_and_again() -> None:
        context = browser.new_context(user_agent=USER_AGENT)
        for _ in range(PARALLEL):
            address = f"{site.origin}/leaving.html?way={way}&run=1&last={RUNS // PARALLEL}"
            context.new_page().goto(address, wait_until="commit")
        site.wait_for(lambda: site.visits.count("/plain.html") == PARALLEL, timeout=120)
        for page in context.pages:
            page.wait_for_url("**/plain.html")  # closed during a navigation, Chromium may never say that it has closed
        context.close()

    depart(site, departures, leave_again_and_again, RUNS)
    check(departures, site, way, capsys)
