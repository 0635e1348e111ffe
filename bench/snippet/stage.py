"""What every measurement is given."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Browser

from bench.snippet.browser import Visitor
from bench.snippet.site import Site
from bench.snippet.trackers import Tracker


@dataclass(frozen=True)
class Stage:
    """A browser, the sites to visit in it, and the trackers to try."""

    browser: Browser
    chromium: str
    site: Site
    trackers: list[Tracker]
    smoke: bool

    def visitor(self, tracker: Tracker, *, controls: bool = True, gpc: bool = False) -> Visitor:
        """Return a new visitor."""
        return Visitor(self.browser, self.site, tracker, controls=controls, gpc=gpc)
