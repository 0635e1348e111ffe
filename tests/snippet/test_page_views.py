"""Page views: exactly one for every page really seen, and the wire format they travel in."""

import json
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from tests.chromium import launch

from .conftest import ARGUMENTS, PAGES, USER_AGENT, RealWindow, Site, visiting

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
QUIET_MS = 220  # in which a page view that is due arrives: it is counted after 50 ms and sent after 50 more


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One for all tests here: every site has a port of its own, and so its own storage."""
    with visiting(browser) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    yield page
    page.close()


def paths(site: Site) -> list[str]:
    return [e["properties"]["path"] + e["properties"]["search"] for e in site.events("page")]


def has_views(site: Site, count: int) -> bool:
    return len(paths(site)) >= count


def titles(site: Site) -> list[str]:
    return [e["properties"]["title"] for e in site.events("page")]


def open_page(page: Page, site: Site, address: str = "/basic.html") -> None:
    page.goto(site.origin + address)
    site.wait_for(lambda: site.events("page"))


def expect(page: Page, site: Site, *expected: str) -> None:
    """These page views, and no more to come."""
    site.wait_for(lambda: len(paths(site)) >= len(expected))
    page.wait_for_timeout(QUIET_MS)
    assert paths(site) == list(expected)
    assert len({event["properties"]["view_id"] for event in site.events("page")}) == len(expected)


def test_a_page_view_is_one_segment_event_sent_without_preflight(page: Page, site: Site) -> None:
    open_page(page, site, "/basic.html?utm_source=news&utm_campaign=spring&email=a@b.c#part")
    page.wait_for_timeout(200)
    [request] = site.requests
    body = request["body"]
    [event] = body["batch"]
    address = site.origin + "/basic.html?utm_source=news&utm_campaign=spring&email=a@b.c"
    assert request["path"] == "/v1/batch"
    assert request["type"].startswith("text/plain")
    assert set(body) == {"writeKey", "sentAt", "batch", "cookieless"}
    assert body["cookieless"] is False
    assert body["writeKey"] == "wk_test"
    assert set(event) == {"type", "messageId", "anonymousId", "timestamp", "context", "properties"}
    assert UUID.fullmatch(event["messageId"])
    assert UUID.fullmatch(event["anonymousId"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["timestamp"])
    view_id = event["properties"].pop("view_id")
    assert UUID.fullmatch(view_id)
    assert event["type"] == "page"
    assert event["properties"] == {
        "url": address,
        "path": "/basic.html",
        "title": "Basic",
        "referrer": "",
        "search": "?utm_source=news&utm_campaign=spring&email=a@b.c",
    }
    context = event["context"]
    assert context.pop("automation") is page.evaluate("navigator.webdriver")
    assert context == {"locale": "en-GB", "timezone": "Europe/Berlin"}, "the collector reads the campaign in the address"


# --------------------------------------------------------------------------- addresses


def test_stripped_parameters_leave_no_trace(page: Page, site: Site) -> None:
    site.attributes = 'data-local data-strip="email,token"'
    open_page(page, site, "/basic.html?email=a@b.c&utm_source=news&token=s3cret#token=s3cret")
    page.evaluate("""() => {
      const links = ['https://partner.example/?token=s3cret&a=1', '/list.pdf?a=1&email=a@b.c', 'mailto:ask@b.example'];
      addEventListener('click', (event) => event.preventDefault());
      for (const href of links) document.body.appendChild(Object.assign(document.createElement('a'), { href })).click();
      history.replaceState({}, '', '?token=s3cret&email=a@b.c&page=2');
    }""")
    page.wait_for_timeout(QUIET_MS)
    page.locator("#next").evaluate("(link) => { location.href = link.href }")
    expect(page, site, "/basic.html?utm_source=news", "/other.html")

    text = json.dumps([request["body"] for request in site.requests])
    assert not re.search("a(@|%40)b[.]c|s3cret|token|email", text)
    assert [e["properties"]["url"] for e in site.events("Link Clicked")] == [
        "https://partner.example/?a=1",
        "mailto:ask@b.example",
    ]
    assert [e["properties"]["url"] for e in site.events("File Downloaded")] == [site.origin + "/list.pdf?a=1"]
    views = [event["properties"] for event in site.events("page")]
    assert [view["search"] for view in views] == ["?utm_source=news", ""]
    assert views[1]["referrer"] == site.origin + "/basic.html?page=2"


def test_a_referrer_within_an_application_is_stripped_too(page: Page, site: Site) -> None:
    site.attributes = 'data-local data-strip="token"'
    open_page(page, site, "/basic.html?token=s3cret&a=1#part")
    page.evaluate("history.pushState({}, '', '/second?token=s3cret#part')")
    expect(page, site, "/basic.html?a=1", "/second")
    assert "s3cret" not in json.dumps([request["body"] for request in site.requests])
    assert site.events("page")[1]["properties"]["referrer"] == site.origin + "/basic.html?a=1"


def test_without_data_strip_parameters_stay_and_fragments_go(page: Page, site: Site) -> None:
    open_page(page, site, "/basic.html?utm_source=news&utm_medium=mail&token=1#part")
    page.evaluate("location.href = '/other.html?gclid=2#part'")
    expect(page, site, "/basic.html?utm_source=news&utm_medium=mail&token=1", "/other.html?gclid=2")
    views = [event["properties"] for event in site.events("page")]
    assert [view["url"] for view in views] == [site.origin + path for path in paths(site)]
    assert views[1]["referrer"] == views[0]["url"]
    assert "#" not in json.dumps([request["body"] for request in site.requests])


# --------------------------------------------------------------------------- one for each page


def test_a_page_stays_one_whatever_is_done_on_it(page: Page, site: Site) -> None:
    open_page(page, site)
    page.mouse.click(400, 400)
    page.mouse.wheel(0, 500)
    page.keyboard.press("Tab")
    page.evaluate("setVisible(false); setVisible(true); setFocused(false); setFocused(true)")
    page.evaluate("document.title = 'News (1)'; dispatchEvent(new Event('load')); dispatchEvent(new Event('pageshow'))")
    expect(page, site, "/basic.html")


def test_a_second_copy_of_the_snippet_does_nothing(page: Page, site: Site) -> None:
    open_page(page, site, "/twice.html")
    page.evaluate("history.pushState({}, '', '/second')")
    expect(page, site, "/twice.html", "/second")


def test_a_reload_is_one_more(page: Page, site: Site) -> None:
    open_page(page, site)
    page.reload()
    expect(page, site, "/basic.html", "/basic.html")


def test_the_title_counts_that_stands_after_the_script(page: Page, site: Site) -> None:
    open_page(page, site, "/head.html")
    assert page.evaluate("titleAtTheTime") == ""
    expect(page, site, "/head.html")
    assert titles(site) == ["After the script"]


# --------------------------------------------------------------------------- routes


def test_routes_of_a_single_page_application_are_page_views(page: Page, site: Site) -> None:
    open_page(page, site)
    steps = [
        ("history.pushState({}, '', '/a'); document.title = 'A'", "/a"),
        ("history.pushState({}, '', '/a?product=2')", "/a?product=2"),
        ("history.replaceState({}, '', '/b')", "/b"),
        ("history.back()", "/a"),
    ]
    for count, (script, path) in enumerate(steps, start=2):
        page.evaluate(script)
        site.wait_for(partial(has_views, site, count))
        assert paths(site)[-1] == path
    views = [event["properties"] for event in site.events("page")]
    assert views[1]["title"] == "A", "the title is set after the address"
    assert views[1]["referrer"] == views[0]["url"]
    assert len({view["view_id"] for view in views}) == 5
    assert [e["properties"]["view_id"] for e in site.events("Page Engaged")] == [v["view_id"] for v in views[:-1]]


# What the page does, and which page views come of it after its first.
ROUTES: dict[str, list[str]] = {
    "0": [],
    # the same page
    "history.replaceState({}, '', location.href)": [],
    "history.pushState({}, '', location.pathname)": [],
    "history.replaceState({}, '', '?filter=steel')": [],
    "history.replaceState({}, '', '?filter=steel'); setTimeout(() => history.pushState({}, '', '?filter=steel'), 90)": [],
    "location.hash = 'part'": [],
    "history.pushState({}, '', '#top'); history.back()": [],
    "history.pushState({}, '', '/elsewhere'); history.replaceState({}, '', '/basic.html')": [],
    "location.hash = 'wt-debug'": [],
    # another
    "history.pushState({}, '', '?page=2')": ["/basic.html?page=2"],
    "history.pushState({}, '', '/b')": ["/b"],
    "history.replaceState({}, '', '/b')": ["/b"],
    # a redirect
    "history.pushState({}, '', '/old'); history.replaceState({}, '', '/new')": ["/new"],
    "history.pushState({}, '', '/old'); history.pushState({}, '', '/new')": ["/new"],
    "history.pushState({}, '', '/old'); Promise.resolve().then(() => history.pushState({}, '', '/new'))": ["/new"],
    # So routers keep the scroll position: vue-router before each push.
    "history.replaceState({ top: 9 }, ''); history.pushState({}, '', '?page=2')": ["/basic.html?page=2"],
}


def test_a_new_address_is_one_page_view_and_the_same_or_a_redirect_none(context: BrowserContext, site: Site) -> None:
    """All at the same time, each in a tab and on a host of its own."""
    site.attributes = ""
    hosts = {script: f"case-{number}.halden.example" for number, script in enumerate(ROUTES)}

    def found(script: str) -> list[str]:
        urls = [event["properties"]["url"] for event in site.events("page")]
        return [url.removeprefix(site.at(hosts[script], "")) for url in urls if url.startswith(site.at(hosts[script], "/"))]

    tabs = []
    for script, host in hosts.items():
        tabs.append(context.new_page())
        tabs[-1].goto(site.at(host))
        site.wait_for(partial(found, script))
        tabs[-1].evaluate(f"() => {{ {script} }}")
    site.wait_for(lambda: all(len(found(script)) > len(expected) for script, expected in ROUTES.items()))
    tabs[0].wait_for_timeout(2 * QUIET_MS)
    assert {script: found(script) for script in ROUTES} == {
        script: ["/basic.html", *expected] for script, expected in ROUTES.items()
    }
    for tab in tabs:
        tab.close()


def test_the_title_counts_that_is_set_after_the_address(page: Page, site: Site) -> None:
    open_page(page, site)
    page.evaluate("history.pushState({}, '', '/a'); setTimeout(() => { document.title = 'A' })")
    site.wait_for(lambda: len(paths(site)) == 2)
    page.evaluate("history.pushState({}, '', '/b'); requestAnimationFrame(() => { document.title = 'B' })")
    expect(page, site, "/basic.html", "/a", "/b")
    assert titles(site) == ["Basic", "A", "B"]


def test_in_hash_mode_the_fragment_is_the_page(page: Page, site: Site) -> None:
    site.attributes = "data-local data-hash"
    open_page(page, site, "/basic.html#/start")
    steps = [
        ("location.hash = '/pricing'", "/basic.html#/pricing"),
        ("history.pushState({}, '', '#/contact')", "/basic.html#/contact"),
        ("history.replaceState({}, '', '#/imprint')", "/basic.html#/imprint"),
        ("history.back()", "/basic.html#/pricing"),
        ("location.href = '#/imprint'; location.href = '#/news'", "/basic.html#/news"),
    ]
    expected = ["/basic.html#/start"]
    for script, path in steps:
        page.evaluate(script)
        expected.append(path)
        site.wait_for(lambda: len(paths(site)) >= len(expected))
    page.evaluate("location.hash = '/news'; history.replaceState({}, '', '#/news')")
    expect(page, site, *expected)
    views = [event["properties"] for event in site.events("page")]
    assert [view["url"] for view in views] == [site.origin + path for path in expected]
    assert [view["referrer"] for view in views] == ["", *(view["url"] for view in views[:-1])]


@pytest.mark.parametrize("name", ["#wt-debug", "#wt-opt-out"])
def test_in_hash_mode_a_page_that_opens_with_the_panel_is_one_page(page: Page, site: Site, name: str) -> None:
    site.attributes = "data-local data-hash"
    open_page(page, site, f"/basic.html{name}")
    page.locator("wt-panel").wait_for(state="attached")
    expect(page, site, f"/basic.html{name}")  # the collector cuts off a fragment that is no route


# --------------------------------------------------------------------------- never seen, or seen later


def test_a_page_in_the_background_counts_once_when_it_is_looked_at_with_the_route_of_then(page: Page, site: Site) -> None:
    page.goto(site.origin + "/plain.html")
    page.evaluate("window.name = 'background'")
    page.goto(site.origin + "/basic.html")
    page.wait_for_function("window.warmtrail && warmtrail.version")
    page.evaluate("history.pushState({}, '', '/while-hidden'); warmtrail.push(['track', 'Early'])")
    page.wait_for_timeout(250)
    assert site.requests == []
    page.evaluate("setVisible(true); setVisible(false); setVisible(true)")
    site.wait_for(lambda: site.events("page"))
    page.wait_for_timeout(150)
    assert paths(site) == ["/while-hidden"]
    assert len(site.events("Early")) == 1


def test_a_route_that_changes_behind_another_tab_counts_when_the_page_is_shown(page: Page, site: Site) -> None:
    open_page(page, site)
    page.evaluate("setVisible(false); history.pushState({}, '', '/logged-out')")
    expect(page, site, "/basic.html")
    page.evaluate("history.replaceState({}, '', '/login')")
    page.wait_for_timeout(QUIET_MS)
    page.evaluate("setVisible(true)")
    expect(page, site, "/basic.html", "/login")


def test_a_link_opened_in_the_background_counts_when_its_tab_comes_to_the_front(window: RealWindow, site: Site) -> None:
    first = window.open(site.origin + "/basic.html")
    site.wait_for(lambda: paths(site) == ["/basic.html"])
    first.click("#next", control=True)
    second = window.tab("/other.html")
    second.wait_until("window.warmtrail?.version")
    assert second.evaluate("document.visibilityState") == "hidden"
    time.sleep(2 * QUIET_MS / 1000)
    assert {event["properties"]["url"] for event in site.events()} == {site.origin + "/basic.html"}

    second.show()
    site.wait_for(lambda: paths(site) == ["/basic.html", "/other.html"])
    assert site.events("page")[1]["properties"]["referrer"] == site.origin + "/basic.html"
    first.show()
    second.wait_until("document.visibilityState === 'hidden'")
    second.show()
    second.wait_until("document.visibilityState === 'visible'")
    time.sleep(QUIET_MS / 1000)
    assert paths(site) == ["/basic.html", "/other.html"]


def test_a_link_opened_in_the_background_and_closed_again_never_counts(window: RealWindow, site: Site) -> None:
    first = window.open(site.origin + "/basic.html")
    site.wait_for(lambda: paths(site) == ["/basic.html"])
    first.click("#next", control=True)
    second = window.tab("/other.html")
    second.wait_until("window.warmtrail?.version")
    time.sleep(QUIET_MS / 1000)
    second.close()
    time.sleep(2 * QUIET_MS / 1000)
    assert {event["properties"]["url"] for event in site.events()} == {site.origin + "/basic.html"}


@pytest.mark.parametrize("is_wanted", [True, False], ids=["and then wanted", "and never wanted"])
def test_a_page_the_browser_prerendered_counts_when_somebody_goes_there(
    window: RealWindow, site: Site, is_wanted: bool
) -> None:
    """By speculation rules, in the browser's own way. What DevTools look at prerenders nothing: another tab reports."""
    helper = window.open(site.origin + "/plain.html")
    helper.wait_until("location.pathname === '/plain.html'")
    tab = window.open(site.origin + "/prerendering.html")
    site.wait_for(lambda: paths(site) == ["/prerendering.html"])
    site.wait_for(lambda: not tab.is_attached())
    helper.evaluate("localStorage.prerender = 1")
    helper.wait_until("localStorage.loaded")
    assert helper.evaluate("localStorage.loaded") == '[true,"hidden","string"]'
    time.sleep(2 * QUIET_MS / 1000)
    assert paths(site) == ["/prerendering.html"]
    assert "/prerendered.html" in site.visits
    assert "prerendered.html" not in json.dumps([request["body"] for request in site.requests])

    if is_wanted:
        helper.evaluate("localStorage.go = 1")
        site.wait_for(lambda: len(paths(site)) == 2)
    else:
        tab.close()
    time.sleep(QUIET_MS / 1000)
    assert paths(site) == ["/prerendering.html", "/prerendered.html"][: 1 + is_wanted]
    if is_wanted:
        started = "performance.getEntriesByType('navigation')[0].activationStart"
        assert window.tab("/prerendered.html").evaluate(started) > 0, "the prerendered page is the one that was shown"
        assert site.events("page")[1]["properties"]["referrer"] == site.origin + "/prerendering.html"


@pytest.fixture
def browser_with_page_cache(playwright_driver: Playwright) -> Iterator[Browser]:
    with launch(playwright_driver, *ARGUMENTS, ignore_default_args=["--disable-back-forward-cache"]) as browser:
        yield browser


def test_a_page_restored_from_the_back_forward_cache_is_one_new_page_view(
    browser_with_page_cache: Browser, site: Site
) -> None:
    page = browser_with_page_cache.new_page(user_agent=USER_AGENT)
    open_page(page, site)
    page.evaluate("addEventListener('pageshow', (event) => { window.restored = event.persisted })")
    page.goto(site.origin + "/plain.html")
    page.evaluate("setTimeout(() => history.back())")
    page.wait_for_url("**/basic.html", wait_until="commit")
    page.wait_for_function("window.restored !== undefined")
    assert page.evaluate("window.restored") is True
    site.wait_for(lambda: len(paths(site)) == 2)
    page.wait_for_timeout(200)
    assert paths(site) == ["/basic.html", "/basic.html"]
    assert len({event["properties"]["view_id"] for event in site.events("page")}) == 2


# --------------------------------------------------------------------------- addresses of developers


def test_localhost_is_ignored(page: Page, site: Site) -> None:
    site.attributes = ""
    for host in ("127.0.0.1", "localhost", "[::1]"):
        page.goto(site.at(host))
        page.wait_for_function("window.warmtrail && warmtrail.version")
        page.evaluate("warmtrail.identify('ada'); history.pushState({}, '', '/second'); warmtrail.page()")
        page.wait_for_timeout(QUIET_MS)
        page.evaluate("setVisible(false); setVisible(true)")
    page.goto("about:blank")
    page.wait_for_timeout(QUIET_MS)
    assert site.requests == []


def test_localhost_counts_if_asked_for_and_every_other_host_always(page: Page, site: Site) -> None:
    expected = []
    for host, attributes in [
        ("127.0.0.1", "data-local"),
        ("localhost", 'data-local="true"'),
        ("[::1]", 'data-local=""'),
        ("127.0.0.1", 'data-local="false"'),
        ("www.halden.example", ""),
        ("localhost.halden.example", ""),
    ]:
        site.attributes = attributes
        page.goto(site.at(host))
        expected.append(site.at(host))
        site.wait_for(partial(has_views, site, len(expected)))
    assert [event["properties"]["url"] for event in site.events("page")] == expected


@pytest.mark.parametrize(("attributes", "counts"), [("", False), ("data-local", True)])
def test_a_file_is_ignored_unless_asked_for(page: Page, site: Site, tmp_path: Path, attributes: str, counts: bool) -> None:
    tag = f'<script src="{site.origin}/snippet.js" data-key="wk_test" {attributes}></script>'
    file = tmp_path / "page.html"
    file.write_text((PAGES / "basic.html").read_text().replace("{{snippet}}", tag))
    page.goto(file.as_uri())
    assert page.evaluate("warmtrail.version")
    page.evaluate("warmtrail.track('Opened')")
    if counts:
        site.wait_for(lambda: site.events("page"))
        assert site.events("page")[0]["properties"]["url"] == file.as_uri()
    else:
        page.wait_for_timeout(2 * QUIET_MS)
        assert site.requests == []


def test_own_errors_never_reach_the_page(page: Page, site: Site) -> None:
    errors: list[object] = []
    page.on("pageerror", lambda error: errors.append(error))
    open_page(page, site)
    page.evaluate("""() => {
      const loop = {}; loop.loop = loop;
      warmtrail.track('Circular', loop);
      warmtrail.push(['nonsense'], null, 7, ['identify']);
      window.fetch = () => { throw new Error('no fetch') };
      warmtrail.track('Lost');
      document.body.insertAdjacentHTML('beforeend', '<a id="bad" href="http://[">bad</a>');
      document.getElementById('bad').click();
    }""")
    page.wait_for_timeout(250)
    assert errors == []
