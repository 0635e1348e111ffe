"""Delivery: batches, retries under the same ids, and limits on what is kept and what is in flight."""

import json

import pytest
from playwright.sync_api import Page

from .conftest import Site

WAITING = "JSON.parse(localStorage._wt_q || '[0]').slice(1).map((event) => event.messageId)"


def open_page(page: Page, site: Site, address: str = "/basic.html") -> None:
    page.goto(site.origin + address)
    site.wait_for(lambda: site.requests)


def message_ids(site: Site, *, accepted: bool = False) -> list[str]:
    return [event["messageId"] for event in site.events(accepted=accepted)]


def test_events_of_one_moment_travel_together(page: Page, site: Site) -> None:
    open_page(page, site)
    page.evaluate("for (let i = 0; i < 5; i++) warmtrail.track('Step', { i })")
    site.wait_for(lambda: site.events("Step"))
    assert [event["properties"]["i"] for event in site.requests[-1]["body"]["batch"]] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("status", [503, 500, 429])
def test_what_the_collector_could_not_take_is_sent_again_by_the_next_page(page: Page, site: Site, status: int) -> None:
    site.answers = [(status, {})]
    open_page(page, site)
    page.wait_for_function(f"{WAITING}.length === 1")
    refused = message_ids(site)
    page.goto(site.origin + "/other.html")
    site.wait_for(lambda: len(site.events("page", accepted=True)) == 2)
    assert message_ids(site, accepted=True).count(refused[0]) == 1
    assert len(message_ids(site, accepted=True)) == len(set(message_ids(site, accepted=True)))
    assert page.evaluate(WAITING) == []


def test_time_spent_while_the_collector_is_down_is_not_lost(page: Page, site: Site) -> None:
    site.answers = [(503, {})]
    open_page(page, site)
    page.wait_for_function(f"{WAITING}.length === 1")
    page.locator("#next").click()
    site.wait_for(lambda: site.events("Page Engaged", accepted=True))
    [report] = site.events("Page Engaged", accepted=True)
    assert report["properties"]["url"] == site.origin + "/basic.html"


def test_a_request_without_an_answer_is_sent_again_by_the_next_page(page: Page, site: Site) -> None:
    site.hang.set()
    open_page(page, site)
    unanswered = message_ids(site)
    page.wait_for_timeout(1100)
    page.goto(site.origin + "/plain.html")
    site.hang.clear()
    site.release.set()
    page.goto(site.origin + "/other.html")
    site.wait_for(lambda: message_ids(site).count(unanswered[0]) == 2)


def test_a_request_sent_just_before_leaving_is_not_sent_twice(page: Page, site: Site) -> None:
    for run in range(10):
        page.goto(f"{site.origin}/basic.html?run={run}")
        page.wait_for_function("window.warmtrail && warmtrail.version")
        page.wait_for_timeout(40 + 3 * run)  # about when the page view goes out
    page.goto(site.origin + "/plain.html")
    site.wait_for(lambda: len({event["messageId"] for event in site.events("page")}) == 10)
    assert len(message_ids(site)) == len(set(message_ids(site)))


def test_retry_after_is_honoured(page: Page, site: Site) -> None:
    site.answers = [(503, {"Retry-After": "2"})]
    open_page(page, site)
    page.wait_for_function(f"{WAITING}.length === 1")
    page.evaluate("warmtrail.track('Meanwhile')")
    site.wait_for(lambda: site.events("Meanwhile", accepted=True))
    first, second = site.requests
    assert 1.9 <= second["at"] - first["at"] <= 3
    assert second["body"]["batch"][0]["messageId"] == first["body"]["batch"][0]["messageId"]


def test_retries_back_off(page: Page, site: Site) -> None:
    site.answers = [(503, {})] * 3
    page.clock.install()
    open_page(page, site)
    waits = []
    for count in range(1, 4):
        page.wait_for_function("JSON.parse(localStorage._wt_q || '[]').length")
        page.wait_for_timeout(50)
        seconds = 0
        while len(site.requests) == count and seconds < 40:
            page.clock.run_for(1000)
            page.wait_for_timeout(30)
            seconds += 1
        waits.append(seconds)
    assert waits == [pytest.approx(5, abs=1.5), pytest.approx(10, abs=1.5), pytest.approx(20, abs=2.5)]


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_what_the_collector_refuses_for_good_is_dropped(page: Page, site: Site, status: int) -> None:
    site.answers = [(status, {})]
    open_page(page, site)
    page.wait_for_timeout(150)
    refused = message_ids(site)
    assert page.evaluate(WAITING) == []
    page.goto(site.origin + "/other.html")
    site.wait_for(lambda: len(site.events("page")) == 2)
    assert message_ids(site).count(refused[0]) == 1


def test_the_store_of_unsent_events_is_bounded(page: Page, site: Site) -> None:
    site.answers = [(503, {})] * 50
    open_page(page, site)
    page.wait_for_function(f"{WAITING}.length === 1")
    page.evaluate("for (let i = 0; i < 150; i++) warmtrail.track('Many', { i })")
    page.wait_for_function(f"{WAITING}.length === 100")
    page.evaluate("for (let i = 0; i < 9; i++) warmtrail.track('Long', { text: 'x'.repeat(9000) })")
    page.wait_for_timeout(150)
    stored = page.evaluate("localStorage._wt_q")
    assert len(stored) <= 64_000
    assert json.loads(stored)[-1]["event"] == "Long"


def test_large_batches_do_not_exceed_the_keepalive_allowance(page: Page, site: Site) -> None:
    page.add_init_script("""
      window.calls = [];
      const original = window.fetch;
      window.fetch = (url, options) => (calls.push([options.keepalive, options.body.length]), original(url, options));
    """)
    site.hang.set()
    open_page(page, site)
    for _ in range(4):
        page.evaluate("warmtrail.track('Large', { text: 'x'.repeat(25000) })")
        page.wait_for_timeout(100)
    calls = page.evaluate("calls")
    assert len(calls) == 5
    assert sum(size for keepalive, size in calls if keepalive) < 60_000
    site.wait_for(lambda: len(site.events("Large")) == 4)


def test_two_tabs_send_an_unsent_event_once(page: Page, site: Site) -> None:
    site.answers = [(503, {})]
    open_page(page, site)
    page.wait_for_function(f"{WAITING}.length === 1")
    refused = message_ids(site)[0]
    page.goto(site.origin + "/plain.html")
    tabs = [page.context.new_page() for _ in range(2)]
    for tab in tabs:
        tab.goto(site.origin + "/other.html", wait_until="commit")
    site.wait_for(lambda: len(site.events("page", accepted=True)) == 3)
    page.wait_for_timeout(200)
    assert message_ids(site, accepted=True).count(refused) == 1


def test_collector_and_path_can_be_elsewhere(page: Page, site: Site) -> None:
    other = site.origin.replace("127.0.0.1", "localhost")
    site.attributes = f'data-local data-host="{other}" data-path="/w/b"'
    open_page(page, site)
    assert [request["path"] for request in site.requests] == ["/w/b"], "no preflight"
