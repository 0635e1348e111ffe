"""Page views: exactly one for every page really seen, and the wire format they travel in."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright

from .conftest import QUIET, USER_AGENT, Site, chromium_path

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def paths(site: Site) -> list[str]:
    return [e["properties"]["path"] + e["properties"]["search"] for e in site.events("page")]


def open_page(page: Page, site: Site, address: str = "/basic.html") -> None:
    page.goto(site.origin + address)
    site.wait_for(lambda: site.events("page"))


def test_a_page_view_is_one_segment_event_sent_without_preflight(page: Page, site: Site) -> None:
    open_page(page, site, "/basic.html?utm_source=news&utm_campaign=spring&email=a@b.c#part")
    page.wait_for_timeout(200)
    [request] = site.requests
    body = request["body"]
    [event] = body["batch"]
    address = site.origin + "/basic.html?utm_source=news&utm_campaign=spring&email=a@b.c"
    assert request["path"] == "/v1/batch"
    assert request["type"].startswith("text/plain")
    assert set(body) == {"writeKey", "sentAt", "batch"}
    assert body["writeKey"] == "wk_test"
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
    assert context == {
        "locale": "en-GB",
        "timezone": "Europe/Berlin",
        "campaign": {"source": "news", "name": "spring"},
    }


def test_stripped_parameters_leave_no_trace(page: Page, site: Site) -> None:
    site.attributes = 'data-local data-strip="email,token"'
    open_page(page, site, "/basic.html?email=a@b.c&utm_source=news&token=1")
    page.locator("#next").click()
    site.wait_for(lambda: len(paths(site)) == 2)
    assert "a@b.c" not in str(site.requests)
    assert paths(site) == ["/basic.html?utm_source=news", "/other.html"]
    assert site.events("page")[1]["properties"]["referrer"] == site.origin + "/basic.html?utm_source=news"


def test_a_second_copy_of_the_snippet_does_nothing(page: Page, site: Site) -> None:
    open_page(page, site, "/twice.html")
    page.wait_for_timeout(300)
    assert paths(site) == ["/twice.html"]


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
        site.wait_for(lambda count=count: len(paths(site)) == count)
        assert paths(site)[-1] == path
    views = [event["properties"] for event in site.events("page")]
    assert views[1]["title"] == "A", "the title is set after the address"
    assert views[1]["referrer"] == views[0]["url"]
    assert len({view["view_id"] for view in views}) == 5
    assert [e["properties"]["view_id"] for e in site.events("Page Engaged")] == [v["view_id"] for v in views[:-1]]


@pytest.mark.parametrize(
    "script",
    [
        "history.replaceState({}, '', location.href)",
        "history.pushState({}, '', location.pathname)",
        "history.replaceState({}, '', '?filter=steel')",
        "location.hash = 'part'",
        "history.pushState({}, '', '#top'); history.back()",
    ],
)
def test_an_address_that_names_the_same_page_is_no_page_view(page: Page, site: Site, script: str) -> None:
    open_page(page, site)
    page.evaluate(script)
    page.wait_for_timeout(250)
    assert paths(site) == ["/basic.html"]


def test_a_redirect_within_one_task_is_one_page_view(page: Page, site: Site) -> None:
    open_page(page, site)
    page.evaluate("history.pushState({}, '', '/old'); history.replaceState({}, '', '/new')")
    page.wait_for_timeout(250)
    assert paths(site) == ["/basic.html", "/new"]


def test_in_hash_mode_the_fragment_is_the_page(page: Page, site: Site) -> None:
    site.attributes = "data-local data-hash"
    open_page(page, site, "/basic.html#/start")
    page.evaluate("location.hash = '/pricing'")
    site.wait_for(lambda: len(paths(site)) == 2)
    page.wait_for_timeout(150)
    assert paths(site) == ["/basic.html#/start", "/basic.html#/pricing"]


def test_a_background_tab_counts_when_it_is_looked_at(page: Page, site: Site) -> None:
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


def test_localhost_is_ignored_unless_asked_for(page: Page, site: Site) -> None:
    site.attributes = ""
    page.goto(site.origin + "/basic.html")
    page.wait_for_function("window.warmtrail && warmtrail.version")
    page.evaluate("warmtrail.identify('ada')")
    page.wait_for_timeout(250)
    assert site.requests == []


@pytest.fixture
def browser_with_page_cache(playwright_driver: Playwright) -> Iterator[Browser]:
    browser = playwright_driver.chromium.launch(
        executable_path=chromium_path(), args=QUIET, ignore_default_args=["--disable-back-forward-cache"]
    )
    yield browser
    browser.close()


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
