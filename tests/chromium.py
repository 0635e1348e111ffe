"""Chromium for tests, benchmarks and pictures, started with as little of its own going on as can be."""

from __future__ import annotations

from typing import Any, Final

from playwright.sync_api import Browser, Playwright

from dev import find_browser

_WITHOUT: Final = (
    # What automation switches off anyway (a second list replaces the first), less what changes how pages behave.
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    # The parts of the address bar that are web pages themselves, which every window would load, and a process kept in stock
    # for the next page: two fifths of all that a new window costs.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "SpareRendererForSitePerProcess",
)
ARGUMENTS: Final = ("--no-sandbox", "--disable-dev-shm-usage", f"--disable-features={','.join(_WITHOUT)}")
LIKE_A_PERSON: Final = "--disable-blink-features=AutomationControlled"
"""By itself the browser says that a program steers it."""


def launch(driver: Playwright, *arguments: str, **options: Any) -> Browser:
    """Start a browser; whoever asks for it has seen to it that there is one. Ends as a context manager, or by ``close``.

    *arguments* are of the command line, *options* Playwright's.
    """
    return driver.chromium.launch(executable_path=find_browser(), args=[*ARGUMENTS, *arguments], **options)
