"""A reader of the sample company's site, in a real browser, as sales gets to see them two seconds later."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from tests.chromium import LIKE_A_PERSON, launch
from tests.service.conftest import MakeService
from tests.service.running import AGENT, wait_for

READ_SECONDS = 15
PRODUCT = "/nordwind/products/flow-meter.html"


def read_and_download(address: str) -> dict[str, float]:
    """Open the page, read it for a while with a hand on the mouse, fetch its data sheet, and go."""
    # By itself the browser says that a program steers it and that it has no head, and is filtered for either. The agent of
    # a Playwright context isn't that of the beacons sent on leaving.
    with sync_playwright() as driver, launch(driver, LIKE_A_PERSON, f"--user-agent={AGENT}") as browser:
        context = browser.new_context(locale="de-DE", timezone_id="Europe/Berlin", accept_downloads=True)
        page = context.new_page()
        page.goto(address)
        started = time.monotonic()
        while (spent := time.monotonic() - started) < READ_SECONDS:
            page.mouse.move(100 + 10 * spent, 200 + 5 * spent)
            page.mouse.wheel(0, 20)
            page.wait_for_timeout(min(500, max(1, 1000 * (READ_SECONDS - spent))))
        page.mouse.wheel(0, -5000)
        # Some browsers show the file in place of the page, some save it; either way it was asked for.
        page.click("a[href$='.pdf']", no_wait_after=True)
        page.wait_for_timeout(200)
        page.goto("about:blank")
        left = time.monotonic()
        context.close()
    return {"read": left - started, "left": left}


@pytest.mark.usefixtures("chromium")
def test_a_reader_in_a_browser_is_a_lead_with_reasons_two_seconds_after_leaving(
    make_service: MakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    service = make_service()
    site = service.add_site(origins=(service.url,))
    service.command = (sys.executable, "-m", "tests.service.with_demo", site.write_key)
    service.start()
    # In a thread of its own: other tests of this process may have a driver open in this one.
    with ThreadPoolExecutor(1) as thread:
        visit = thread.submit(read_and_download, service.url + PRODUCT)
        first = wait_for(lambda: service.get("/leads", site.api_key)["data"], 15, "no lead while the page is being read")
        assert first[0]["page_views"] == 1
        times = visit.result()

    def read_in_full() -> Any:
        lead = service.get("/leads", site.api_key)["data"][0]
        return lead if lead["engaged_seconds"] >= READ_SECONDS - 1 and lead["downloads"] else None

    lead = wait_for(read_in_full, 5, "the lead does not show reading time and download")
    shown_after = time.monotonic() - times["left"]
    with capsys.disabled():
        print(
            f"\n    read for {times['read']:.1f} s, told {lead['engaged_seconds']} s, shown {shown_after:.2f} s after",
            end=" ",
        )
    assert shown_after < 2 + 1  # two seconds, and one for closing the browser, which is part of it
    assert lead["engaged_seconds"] == pytest.approx(READ_SECONDS, abs=1)
    assert (lead["kind"], lead["visits"], lead["page_views"], lead["downloads"]) == ("visitor", 1, 1, 1)
    assert lead["last_pages"][0]["url"] == service.url + PRODUCT
    assert lead["last_pages"][0]["title"].startswith("FM 200 flow meter")
    assert (lead["device"]["browser"], lead["location"]["country"]) == ("Firefox 131", "DE")
    assert lead["score"] > 0
    assert {reason["rule"] for reason in lead["reasons"]} >= {"first_visit", "download"}

    path = f"/leads/{lead['id']}"
    assert service.get(path, site.api_key)["page_views"] == 1
    (told,) = service.get(f"{path}/timeline", site.api_key)["data"]
    by_kind = {moment["kind"]: moment for moment in told["moments"]}
    assert list(by_kind) == ["page", "download"]
    assert by_kind["page"]["engaged_seconds"] == lead["engaged_seconds"]
    assert by_kind["page"]["scroll_percent"] > 0
    assert by_kind["download"]["detail"]["file_name"] == "flow-meter-datasheet.pdf"
    explained = service.get(f"{path}/explanation", site.api_key)
    assert sum(one["decayed_points"] for one in explained["contributions"]) == pytest.approx(explained["points"], rel=1e-9)
    assert {one["rule"] for one in explained["contributions"]} == {reason["rule"] for reason in lead["reasons"]}

    account = service.processed()
    assert (account.filtered, account.dead_lettered, account.duplicate) == (0, 0, 0)
