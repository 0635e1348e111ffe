"""Delivery: batches, retries under the same ids, and limits on what is kept and on what is in flight."""

import json
import time
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from .conftest import Site, serving

# What waits in storage: [time until which the collector wants quiet, event, event, …]
STORED = "JSON.parse(localStorage._wt_q || '[0]')"
WAITING = f"{STORED}.slice(1)"

# Writes down every request a page makes, and how many bytes of keepalive bodies are in flight at once. Whether a beacon
# has arrived nobody is told: it counts to the end.
METER = """
  window.calls = [];
  const { fetch, navigator } = window;
  const size = (body) => new TextEncoder().encode(body).length;
  let busy = 0, bytes = 0;
  const count = (call) => {
    calls.push(call);
    localStorage.peakBytes = Math.max(localStorage.peakBytes || 0, bytes);
    localStorage.peakRequests = Math.max(localStorage.peakRequests || 0, busy);
  };
  window.fetch = (url, options) => {
    const mine = options.keepalive ? size(options.body) : 0;
    bytes += mine;
    busy++;
    count({ how: 'fetch', keepalive: options.keepalive, length: options.body.length });
    const done = () => { bytes -= mine; busy-- };
    const answer = fetch(url, options);
    answer.then(done, done);
    return answer;
  };
  const sendBeacon = navigator.sendBeacon.bind(navigator);
  navigator.sendBeacon = (url, body) => {
    const taken = sendBeacon(url, body);
    if (taken) bytes += size(body);
    count({ how: 'beacon', taken, length: body.length });
    return taken;
  };
"""


def open_page(page: Page, site: Site, address: str = "/basic.html") -> None:
    page.goto(site.origin + address)
    site.wait_for(lambda: site.requests)


def message_ids(site: Site, *, accepted: bool = False) -> list[str]:
    return [event["messageId"] for event in site.sent(accepted=accepted)]


def waiting(page: Page, count: int) -> list[dict[str, Any]]:
    """The events in storage, as soon as there are so many."""
    page.wait_for_function(f"{WAITING}.length === {count}")
    events: list[dict[str, Any]] = page.evaluate(WAITING)
    return events


def asked(site: Site, times: int) -> bool:
    return len(site.requests) == times


def assert_each_came_once(site: Site) -> None:
    ids = message_ids(site, accepted=True)
    assert len(ids) == len(set(ids))


# ------------------------------------------------------------------ batches


def test_events_of_one_moment_travel_together(page: Page, site: Site) -> None:
    open_page(page, site)
    page.evaluate("for (let i = 0; i < 5; i++) warmtrail.track('Step', { i })")
    site.wait_for(lambda: site.events("Step"))
    assert [event["properties"]["i"] for event in site.requests[-1]["body"]["batch"]] == [0, 1, 2, 3, 4]
    assert len(site.requests) == 2


def test_a_second_request_waits_for_the_answer_to_the_first(page: Page, site: Site) -> None:
    page.add_init_script(METER)
    site.hang.set()
    open_page(page, site)
    for i in range(4):
        page.evaluate(f"warmtrail.track('Meanwhile', {{ i: {i} }})")
        page.wait_for_timeout(80)
    assert len(site.requests) == 1
    site.hang.clear()
    site.release.set()
    site.wait_for(lambda: site.events("Meanwhile"))
    page.wait_for_timeout(150)
    assert [event["properties"]["i"] for event in site.requests[1]["body"]["batch"]] == [0, 1, 2, 3]
    assert len(site.requests) == 2
    assert page.evaluate("localStorage.peakRequests") == "1"


# ------------------------------------------------------------------ a collector in trouble


@pytest.mark.parametrize("status", [503, 500, 429, 408])
def test_what_the_collector_could_not_take_is_sent_again_by_the_next_page(page: Page, site: Site, status: int) -> None:
    with serving() as collector:  # a connection of its own: on one used before, Chromium repeats after a 408 by itself
        collector.answers = [(status, {})]
        site.attributes = f'data-local data-host="{collector.origin}"'
        page.goto(site.origin + "/basic.html")
        [refused] = waiting(page, 1)
        page.goto(site.origin + "/other.html")
        collector.wait_for(lambda: len(collector.events("page", accepted=True)) == 2)
        assert collector.sent(accepted=True)[0] == refused
        assert_each_came_once(collector)
        page.wait_for_function("!localStorage._wt_q")


def test_what_a_collector_refused_that_was_down_arrives_once_it_is_up(page: Page, site: Site) -> None:
    with serving() as closed:
        port = closed.server_port
    site.attributes = f'data-local data-host="http://127.0.0.1:{port}"'
    page.goto(site.origin + "/basic.html")
    waiting(page, 1)
    page.locator("#next").click()
    page.wait_for_url("**/other.html")
    first = waiting(page, 3)
    assert [event.get("event", event["type"]) for event in first] == ["page", "Page Engaged", "page"]
    assert first[1]["properties"]["url"] == site.origin + "/basic.html"
    with serving(port) as collector:
        page.goto(site.origin + "/basic.html")
        collector.wait_for(lambda: len(collector.events("page")) == 3)
        # Between the two, time on the second page has been added.
        assert message_ids(collector)[:3] == [event["messageId"] for event in first]
        assert_each_came_once(collector)
    assert site.requests == []


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
        page.wait_for_timeout(90 + 3 * run)  # about when the page view goes out
    page.goto(site.origin + "/plain.html")
    site.wait_for(lambda: len(site.events("page")) == 10)
    page.wait_for_timeout(100)
    assert_each_came_once(site)


def test_its_own_waits_double(page: Page, site: Site) -> None:
    site.answers = [(503, {})] * 4
    page.clock.install()
    page.goto(site.origin + "/basic.html")
    page.clock.run_for(100)
    waits = []
    for count in range(1, 4):
        site.wait_for(partial(asked, site, count))
        page.wait_for_function(f"{WAITING}.length")
        page.wait_for_timeout(50)
        seconds = 0
        while len(site.requests) == count and seconds < 40:
            page.clock.run_for(1000)
            page.wait_for_timeout(80)  # Its clock is the test's; what it sends arrives in real time.
            seconds += 1
        waits.append(seconds)
    assert waits == [pytest.approx(5, abs=1), pytest.approx(10, abs=1), pytest.approx(20, abs=1)]


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_what_the_collector_refuses_for_good_is_dropped(page: Page, site: Site, status: int) -> None:
    site.answers = [(status, {"Retry-After": "1"})]
    open_page(page, site)
    [refused] = message_ids(site)
    page.evaluate("warmtrail.track('Later')")
    site.wait_for(lambda: site.events("Later"))
    page.goto(site.origin + "/other.html")
    site.wait_for(lambda: len(site.events("page")) == 2)
    assert message_ids(site).count(refused) == 1
    assert page.evaluate("localStorage._wt_q") is None


def test_an_answer_that_rejects_single_events_is_final(page: Page, site: Site) -> None:
    site.body = b'{"success": true, "rejected": [{"index": 0, "reason": "identity_missing"}]}'
    open_page(page, site)
    page.goto(site.origin + "/other.html")
    site.wait_for(lambda: len(site.events("page")) == 2)
    page.wait_for_timeout(150)
    assert_each_came_once(site)
    assert page.evaluate("localStorage._wt_q") is None


# ------------------------------------------------------------------ Retry-After


def test_retry_after_is_honoured_by_the_page_and_by_the_next_ones(page: Page, site: Site) -> None:
    site.answers = [(503, {"Retry-After": "4"})]
    open_page(page, site)
    waiting(page, 1)
    page.evaluate("warmtrail.track('Meanwhile')")
    waiting(page, 2)
    page.goto(site.origin + "/other.html")
    waiting(page, 4)  # with the time on the first page and the view of the second
    page.goto(site.origin + "/basic.html?3")
    site.wait_for(lambda: len(site.events("page", accepted=True)) == 3, timeout=9)
    first, second = site.requests[:2]
    assert 3.9 <= second["at"] - first["at"] <= 6
    assert [event.get("event", event["type"]) for event in second["body"]["batch"]][:2] == ["page", "Meanwhile"]
    assert second["body"]["batch"][0] == first["body"]["batch"][0]
    assert_each_came_once(site)


def test_a_wait_of_its_own_does_not_bind_the_next_page(page: Page, site: Site) -> None:
    site.answers = [(503, {})]
    open_page(page, site)
    waiting(page, 1)
    assert not page.evaluate(STORED)[0]


def test_an_absurd_retry_after_ends_within_a_day(page: Page, site: Site) -> None:
    site.answers = [(503, {"Retry-After": str(365 * 86_400)})]
    page.clock.install()
    page.goto(site.origin + "/basic.html")
    page.clock.run_for(100)
    waiting(page, 1)
    hours = (page.evaluate(STORED)[0] - page.evaluate("Date.now()")) / 3.6e6
    assert 12 < hours < 24
    page.clock.fast_forward("12:00:00")
    page.wait_for_timeout(100)
    assert len(site.requests) == 1
    page.clock.fast_forward("12:00:00")
    site.wait_for(lambda: site.events("page", accepted=True))


def test_a_clock_that_was_set_back_does_not_silence_for_long(page: Page, site: Site) -> None:
    site.answers = [(503, {"Retry-After": "3600"})]
    open_page(page, site)
    [refused] = waiting(page, 1)
    # An hour's wait that was noted when the clock was a year ahead.
    page.goto(site.origin + "/plain.html")
    page.evaluate(f"localStorage._wt_q = JSON.stringify([{STORED}[0] + 365 * 864e5, ...{WAITING}])")
    page.goto(site.origin + "/other.html")
    site.wait_for(lambda: len(site.events("page", accepted=True)) == 2)
    assert refused["messageId"] in message_ids(site, accepted=True)


@pytest.mark.parametrize("value", ["0", "Wed, 21 Oct 2099 07:28:00 GMT", "soon"])
def test_a_retry_after_that_says_nothing_does_not_make_a_storm(page: Page, site: Site, value: str) -> None:
    """Proxies in front of the collector may send a date, which is as good HTTP as seconds are."""
    site.answers = [(503, {"Retry-After": value})] * 1000
    open_page(page, site)
    page.wait_for_timeout(1500)
    assert len(site.requests) <= 2
    waiting(page, 1)


# ------------------------------------------------------------------ limits


def test_the_store_of_unsent_events_is_bounded(page: Page, site: Site) -> None:
    site.answers = [(503, {"Retry-After": "600"})]
    open_page(page, site)
    waiting(page, 1)
    page.evaluate("for (let i = 0; i < 150; i++) warmtrail.track('Many', { i })")
    assert [event["properties"]["i"] for event in waiting(page, 100)] == list(range(50, 150))
    page.evaluate("for (let i = 0; i < 9; i++) warmtrail.track('Long', { i, text: 'x'.repeat(9000) })")
    page.wait_for_function("JSON.parse(localStorage._wt_q).pop().event === 'Long'")
    stored = page.evaluate("localStorage._wt_q")
    assert 50_000 < len(stored) < 65_536
    assert [event["properties"]["i"] for event in json.loads(stored)[1:]] == [3, 4, 5, 6, 7, 8]
    page.evaluate("warmtrail.track('Too long', { text: 'x'.repeat(70_000) })")
    waiting(page, 0)
    assert len(site.requests) == 1


@pytest.mark.parametrize("character", ["x", "价"])
def test_keepalive_bodies_in_flight_stay_below_what_browsers_allow(page: Page, site: Site, character: str) -> None:
    page.add_init_script(METER)
    site.hang.set()
    open_page(page, site)
    site.hang.clear()
    large = f"warmtrail.track('Large', {{ text: '{character}'.repeat(9000) }})"
    page.evaluate(large)  # waits for the answer
    site.release.set()
    site.wait_for(lambda: site.events("Large"))
    site.release.clear()
    site.hang.set()
    page.wait_for_timeout(100)
    page.evaluate(large)
    site.wait_for(lambda: len(site.events("Large")) == 2)  # unanswered
    page.evaluate(large)
    page.evaluate("location.href = '/plain.html'")
    page.wait_for_url("**/plain.html")
    site.wait_for(lambda: len(site.events("Large")) == 3)
    bytes_each = len(character.encode()) * 9000
    assert 2 * bytes_each < page.evaluate("+localStorage.peakBytes") < 60_000
    assert page.evaluate("localStorage.peakRequests") == "1"
    assert page.evaluate("localStorage._wt_q") is None


def test_a_beacon_that_the_browser_has_no_room_for_is_saved(page: Page, site: Site) -> None:
    page.add_init_script(METER)
    site.hang.set()
    open_page(page, site)
    for i in range(3):
        page.evaluate(
            f"warmtrail.track('Large', {{ i: {i}, text: '价'.repeat(9000) }}); setVisible(false); setVisible(true)"
        )
    assert [call["taken"] for call in page.evaluate("calls.filter(({ how }) => how === 'beacon')")] == [True, True, False]
    assert [event["properties"]["i"] for event in waiting(page, 2) if event["event"] == "Large"] == [2]
    page.goto(site.origin + "/plain.html")
    site.hang.clear()
    site.release.set()
    page.goto(site.origin + "/other.html")
    site.wait_for(lambda: len(site.events("Large")) == 3)
    page.wait_for_timeout(100)
    assert sorted(event["properties"]["i"] for event in site.events("Large")) == [0, 1, 2]


def test_a_large_body_goes_without_keepalive_and_survives_leaving(page: Page, site: Site) -> None:
    page.add_init_script(METER)
    open_page(page, site)
    page.evaluate("warmtrail.track('Large', { i: 0, text: 'x'.repeat(25000) })")
    site.wait_for(lambda: site.events("Large"))
    page.wait_for_timeout(100)
    calls = page.evaluate("calls")
    assert [call["keepalive"] for call in calls] == [True, False]
    assert calls[1]["length"] > 10_000
    site.hang.set()
    page.evaluate("warmtrail.track('Large', { i: 1, text: 'x'.repeat(25000) })")  # cut off by leaving
    site.wait_for(lambda: len(site.events("Large")) == 2)
    page.evaluate("warmtrail.track('Large', { i: 2, text: 'x'.repeat(25000) })")  # never started
    page.goto(site.origin + "/plain.html")
    saved = page.evaluate(WAITING)
    assert sorted(event["properties"]["i"] for event in saved if event["event"] == "Large") == [1, 2]
    site.hang.clear()
    site.release.set()
    page.goto(site.origin + "/other.html")
    site.wait_for(lambda: len(site.sent("Large")) == 4)
    page.wait_for_timeout(100)
    arrived = [event["messageId"] for event in site.sent("Large") if event["properties"]["i"] == 1]
    assert len(arrived) == 2
    assert len(set(arrived)) == 1
    assert len(site.sent("Large")) == 4


@pytest.mark.parametrize("beacon", ["() => false", "undefined", "() => { throw Error('blocked') }"])
def test_what_no_beacon_takes_is_sent_by_the_next_page(page: Page, site: Site, beacon: str) -> None:
    open_page(page, site)
    page.evaluate(f"Object.defineProperty(navigator, 'sendBeacon', {{ value: {beacon} }})")
    page.evaluate("warmtrail.track('Last'); document.querySelector('#next').click()")
    page.wait_for_url("**/other.html")
    site.wait_for(lambda: len(site.events("page")) == 2)
    page.wait_for_timeout(100)
    # On a slow machine the first of them is sent before the page is left, and perhaps cut off by that.
    assert sorted(event.get("event", event["type"]) for event in site.events()) == ["Last", "Page Engaged", "page", "page"]
    assert_each_came_once(site)


def test_no_request_needs_a_preflight(page: Page, site: Site) -> None:
    with serving() as collector:
        collector.answers = [(503, {"Retry-After": "1"})]
        site.attributes = f'data-local data-host="{collector.origin}"'
        page.goto(site.origin + "/basic.html")
        waiting(page, 1)
        page.goto(site.origin + "/other.html")
        collector.wait_for(lambda: len(collector.events("page", accepted=True)) == 2)
        page.evaluate("warmtrail.track('Large', { text: 'x'.repeat(25000) })")
        collector.wait_for(lambda: collector.events("Large"))
        page.goto(site.origin + "/plain.html")
        collector.wait_for(lambda: len(collector.events("Page Engaged")) == 2)  # by beacon
        kinds = [(request["path"], request["type"].lower()) for request in collector.requests]
    assert set(kinds) == {("/v1/batch", "text/plain;charset=utf-8")}


def test_collector_and_path_can_be_elsewhere(page: Page, site: Site) -> None:
    with serving() as collector:
        site.attributes = f'data-local data-host="{collector.origin}" data-path="/w/b"'
        page.goto(site.origin + "/basic.html")
        collector.wait_for(lambda: collector.requests)
        assert [request["path"] for request in collector.requests] == ["/w/b"]
    assert site.requests == []


# ------------------------------------------------------------------ several tabs

# All tabs set off at the same moment.
TOGETHER = "new BroadcastChannel('go').onmessage = ({ data }) => { location.href = data }"


def has_all(site: Site, views: int, stored: str) -> bool:
    return len(site.events("page", accepted=True)) >= views and stored in message_ids(site, accepted=True)


def renderers(browser: Browser) -> int:
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return sum(process["type"] == "renderer" for process in processes)


@pytest.mark.parametrize("tabs", [2, 8])
def test_tabs_that_open_together_send_what_is_stored_once(
    browser: Browser, context: BrowserContext, page: Page, site: Site, tabs: int
) -> None:
    page.goto(site.origin + "/plain.html")
    for _ in range(tabs):
        tab = context.new_page()
        tab.add_init_script(TOGETHER)
        tab.goto(site.origin + "/plain.html")
    assert renderers(browser) > tabs, "each in a process of its own, which has its own view of the storage"
    rounds = 12
    for turn in range(rounds):
        stored = [{"type": "track", "event": "Stored", "messageId": f"{turn}-{i}", "properties": {}} for i in range(3)]
        page.evaluate("(events) => { localStorage._wt_q = JSON.stringify([0, ...events]) }", stored)
        page.evaluate(f"new BroadcastChannel('go').postMessage('/other.html?turn={turn}')")
        views = (turn + 1) * tabs
        site.wait_for(partial(has_all, site, views, f"{turn}-2"), timeout=20)
    page.wait_for_timeout(200)
    once = [f"{turn}-{i}" for turn in range(rounds) for i in range(3)]
    assert sorted(event["messageId"] for event in site.sent("Stored", accepted=True)) == sorted(once)
    assert_each_came_once(site)


def test_a_tab_whose_request_hangs_holds_up_no_other(context: BrowserContext, page: Page, site: Site) -> None:
    page.goto(site.origin + "/plain.html")
    page.evaluate("localStorage._wt_q = JSON.stringify([0, { type: 'track', event: 'Stored', messageId: 'one' }])")
    site.hang.set()
    page.goto(site.origin + "/other.html")
    site.wait_for(lambda: site.events("Stored"))
    site.hang.clear()
    started = time.monotonic()
    other = context.new_page()
    other.goto(site.origin + "/basic.html")
    site.wait_for(lambda: len(site.events("page")) == 2)
    assert time.monotonic() - started < 3
    assert message_ids(site).count("one") == 1
