"""Chromium, and a visitor who uses one of the trackers' sites in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from types import TracebackType

from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from bench.snippet.readers import Message, engaged_seconds
from bench.snippet.site import Received, Site
from bench.snippet.trackers import Tracker
from tests.chromium import LIKE_A_PERSON, launch

_NUMBER = count(1)
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
ARGUMENTS = (
    "--host-resolver-rules=MAP *.localhost 127.0.0.1",
    LIKE_A_PERSON,  # Some of the trackers send nothing from a browser that says it is a robot.
    f"--user-agent={_AGENT}",
)

# A headless page is visible and focused until it is left; these let a visitor look elsewhere.
_CONTROLS = """(() => {
  let visible = !location.search.includes('background'), focused = true;
  const state = Object.getOwnPropertyDescriptor(Document.prototype, 'visibilityState').get;
  const now = (page) => (visible ? state.call(page) : 'hidden');
  Object.defineProperty(Document.prototype, 'visibilityState', { get() { return now(this) } });
  Object.defineProperty(Document.prototype, 'hidden', { get() { return now(this) === 'hidden' } });
  Document.prototype.hasFocus = () => visible && focused;
  const happens = (target, type, bubbles) => target.dispatchEvent(new Event(type, { bubbles }));
  window.setFocused = (now) => { focused = now; happens(window, now ? 'focus' : 'blur') };
  window.setVisible = (now) => {
    if (!now) happens(window, 'blur');
    visible = now;
    happens(document, 'visibilitychange', true);
    if (now) happens(window, 'focus');
  };
})()"""
_GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })"


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Run a browser, with the back/forward cache that automation normally switches off, until the block ends."""
    with (
        sync_playwright() as driver,
        launch(driver, *ARGUMENTS, ignore_default_args=["--disable-back-forward-cache"]) as browser,
    ):
        yield browser


class Visitor:
    """A new visitor with an empty browser, on a site and with a collector of their own."""

    def __init__(self, browser: Browser, site: Site, tracker: Tracker, *, controls: bool = True, gpc: bool = False) -> None:
        self.name = f"{tracker.key}-{next(_NUMBER)}"
        self.site = site
        self.tracker = tracker
        self.context: BrowserContext = browser.new_context(extra_http_headers={"Sec-GPC": "1"} if gpc else None)
        if controls:
            self.context.add_init_script(_CONTROLS)
        if gpc:
            self.context.add_init_script(_GPC)
        self.page: Page = self.context.new_page()
        self._under_way: set[Request] = set()
        self.page.on("request", lambda request: self._under_way.add(request))
        self.page.on("requestfinished", lambda request: self._under_way.discard(request))
        self.page.on("requestfailed", lambda request: self._under_way.discard(request))
        self.page.on("framenavigated", lambda _: self._under_way.clear())  # of the rest no page hears any more

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.context.close()

    def control_clock(self) -> None:
        """Stop the clock of all pages to come; ``spend`` moves it on."""
        now = time.time()
        self.page.clock.install(time=now)
        self.page.clock.pause_at(now + 60)  # later than it can possibly be by now

    def open(self, path: str) -> None:
        """Go to a page of the site; scripts have run when this returns."""
        self.page.goto(self.site.address(self.name, path))

    def requests(self) -> list[Received]:
        """Return what the collector has got so far."""
        return list(self.site.received.get(self.name, []))

    def messages(self, kind: str = "") -> list[Message]:
        """Return what these requests say, all of it or one kind; what was sent twice under one id, once."""
        found: dict[object, Message] = {}
        for request in self.requests():
            for message in self.tracker.read(request):
                found.setdefault((message.kind, message.id) if message.id else len(found), message)
        return [message for message in found.values() if kind in ("", message.kind)]

    def engaged(self, path: str) -> float:
        """Return the engaged seconds on a page that its server would have by now."""
        return engaged_seconds(self.messages(), path)

    def spend(self, seconds: float, *, active: bool = False) -> None:
        """Let time pass on a page with a controlled clock, with a hand on the mouse or without."""
        for second in range(0, int(seconds), 5):
            step = min(5, seconds - second)
            if active:
                self.page.mouse.move(100 + second % 97, 200)
            self.page.clock.run_for(int(step * 1000))
            self._let_arrive()
        if active:
            self.page.mouse.move(100, 210)  # up to the end

    def _let_arrive(self) -> None:
        # Answers take real time. Were the clock to run on, trackers would think that the collector hangs.
        until = time.monotonic() + 0.3
        while self._under_way and time.monotonic() < until:
            self.page.wait_for_timeout(2)
