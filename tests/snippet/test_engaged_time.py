"""Engaged time: the clock runs while the page is visible, focused and in use, and at no other time."""

import time
from typing import Any

import pytest
from playwright.sync_api import Page

from .conftest import Site

Step = tuple[str, float]

# Name, steps, truth in seconds, how far above the truth the idle limit may put it. The first five and the last two are
# the scenarios on which other trackers were measured.
SCENARIOS: list[tuple[str, list[Step], float, float]] = [
    ("active for 40 s, then closed", [("active", 40)], 40, 0),
    ("active 10 s, hidden 20 min, active 5 s", [("active", 10), ("hidden", 1200), ("active", 5)], 15, 0),
    ("active 20 s, then gone for 15 min with the page open", [("active", 20), ("still", 900)], 20, 30),
    ("opened in the background for 29 min, viewed 5 s", [("background", 1740), ("active", 5)], 5, 0),
    ("reads 45 s without input, scrolls 15 s", [("still", 45), ("scroll", 15)], 60, 0),
    ("3 s, another window for 60 s, back, closed", [("active", 3), ("unfocused", 60)], 3, 0),
    ("active 25 s, hidden 20 min, active 25 s", [("active", 25), ("hidden", 1200), ("active", 25)], 50, 0),
]


def act(page: Page, step: Step) -> None:
    kind, seconds = step
    whole = int(seconds * 1000)
    if kind == "active":
        for left in range(whole, 0, -5000):
            page.mouse.move(100 + left % 97, 200)
            page.clock.run_for(min(5000, left))
    elif kind == "scroll":
        page.mouse.wheel(0, 200)
        page.wait_for_timeout(100)  # the browser scrolls in its own time
        page.clock.run_for(whole)
    elif kind == "hidden":
        page.evaluate("setVisible(false)")
        page.clock.run_for(whole)
        page.evaluate("setVisible(true)")
    elif kind == "unfocused":
        page.evaluate("setFocused(false)")
        page.clock.run_for(whole)
        page.evaluate("setFocused(true)")
    elif kind == "background":
        page.clock.run_for(whole)
        page.evaluate("setVisible(true)")
    else:
        page.clock.run_for(whole)


def open_page(page: Page, site: Site, background: bool = False) -> None:
    page.clock.install()
    if background:
        page.goto(site.origin + "/plain.html")
        page.evaluate("window.name = 'background'")
    page.goto(site.origin + "/basic.html")
    page.wait_for_function("window.warmtrail && warmtrail.version")


@pytest.mark.parametrize(("steps", "truth", "slack"), [s[1:] for s in SCENARIOS], ids=[s[0] for s in SCENARIOS])
def test_engaged_time_equals_hands_on_time(page: Page, site: Site, steps: list[Step], truth: float, slack: float) -> None:
    open_page(page, site, background=steps[0][0] == "background")
    for step in steps:
        act(page, step)
    page.goto(site.origin + "/plain.html")
    site.wait_for(lambda: site.events("Page Engaged"))
    time.sleep(0.1)

    views = site.events("page")
    reports = site.events("Page Engaged")
    engaged = [report["properties"]["engaged_ms"] / 1000 for report in reports]
    assert len(views) == 1
    assert {report["properties"]["view_id"] for report in reports} == {views[0]["properties"]["view_id"]}
    assert len(engaged) == len(set(engaged)), "never the same twice"
    assert truth - 0.5 <= max(engaged) <= truth + slack + max(2, truth * 0.05)


def test_a_page_in_use_for_15_minutes_sends_few_checkpoints_and_an_idle_one_none(page: Page, site: Site) -> None:
    open_page(page, site)
    act(page, ("active", 900))
    site.wait_for(lambda: max(e["properties"]["engaged_ms"] for e in site.events("Page Engaged")) > 800_000)
    reports = [event["properties"]["engaged_ms"] for event in site.events("Page Engaged")]
    assert min(reports) == pytest.approx(15_000, abs=2_000)
    assert 8 <= len(reports) <= 20

    act(page, ("still", 60))
    page.wait_for_timeout(200)
    before = len(site.requests)
    act(page, ("still", 3600))
    page.wait_for_timeout(200)
    assert len(site.requests) == before


def test_hiding_and_leaving_together_send_one_final_message(page: Page, site: Site) -> None:
    open_page(page, site)
    act(page, ("active", 8))
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide')); setVisible(false)")
    page.clock.run_for(1000)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    page.goto(site.origin + "/plain.html")
    page.wait_for_timeout(300)
    assert len(site.events("Page Engaged")) == 1


PLAYING = """([muted, controls]) => {
  const film = Object.assign(document.createElement('video'), { muted, controls });
  document.body.append(film);
  setInterval(() => film.dispatchEvent(new Event('timeupdate')), 250);
}"""
CAROUSEL = """() => {
  const box = document.createElement('div');
  document.body.append(box);
  setInterval(() => box.dispatchEvent(new Event('scroll')), 250);
}"""


@pytest.mark.parametrize(
    ("script", "argument", "expected"),
    [
        pytest.param(PLAYING, [False, False], 120, id="a film with sound counts"),
        pytest.param(PLAYING, [True, True], 120, id="a silent film with controls counts"),
        pytest.param(PLAYING, [True, False], 30, id="a silent film as decoration does not"),
        pytest.param(CAROUSEL, None, 30, id="a carousel that scrolls by itself does not"),
    ],
)
def test_media_that_somebody_watches_keeps_the_clock_running(
    page: Page, site: Site, script: str, argument: Any, expected: float
) -> None:
    open_page(page, site)
    page.evaluate(script, argument)
    act(page, ("still", 120))
    page.evaluate("setVisible(false)")

    def reports() -> list[float]:
        return [event["properties"]["engaged_ms"] for event in site.events("Page Engaged")]

    site.wait_for(reports)
    page.wait_for_timeout(100)
    assert max(reports()) / 1000 == pytest.approx(expected, abs=2)


def test_the_idle_limit_can_be_set(page: Page, site: Site) -> None:
    site.attributes = 'data-local data-idle="10"'
    open_page(page, site)
    act(page, ("still", 300))
    page.evaluate("setVisible(false)")
    site.wait_for(lambda: site.events("Page Engaged"))
    assert site.events("Page Engaged")[-1]["properties"]["engaged_ms"] == pytest.approx(10_000, abs=1_000)


def test_four_real_seconds_are_four_seconds_and_the_deepest_scroll_is_kept(page: Page, site: Site) -> None:
    page.goto(site.origin + "/basic.html")
    site.wait_for(lambda: site.events("page"))
    started = time.monotonic()
    page.mouse.wheel(0, 1640)
    page.wait_for_timeout(2000)
    page.mouse.wheel(0, -1640)
    page.wait_for_timeout(2000)
    page.goto(site.origin + "/plain.html")
    truth = time.monotonic() - started
    site.wait_for(lambda: site.events("Page Engaged"))
    [report] = site.events("Page Engaged")
    assert report["properties"]["engaged_ms"] / 1000 == pytest.approx(truth, abs=0.5)
    assert 55 <= report["properties"]["scroll_percent"] <= 65
    assert report["properties"]["url"] == site.origin + "/basic.html"
