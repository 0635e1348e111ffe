"""Pages and browsers that lack, forbid or break what the snippet would like to use: it works with what there is."""

from typing import Any

import pytest
from playwright.sync_api import Page

from .conftest import Site

WATCH = """
  window.errors = [];
  addEventListener('error', ({ message }) => errors.push(message));
  addEventListener('unhandledrejection', ({ reason }) => errors.push('rejected: ' + reason));
  addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) =>
    errors.push(effectiveDirective + ': ' + blockedURI));
"""


def watched(page: Page) -> list[str]:
    """What the browser shows to developers from here on; the page itself collects its errors."""
    heard: list[str] = []
    page.add_init_script(WATCH)
    page.on("console", lambda message: heard.append(message.text))
    return heard


def one_view(site: Site) -> dict[str, Any]:
    site.wait_for(lambda: site.events("page"))
    [view] = site.events("page")
    return view


# ------------------------------------------------------------------ browsers

NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no') } });"
NO_COOKIES = "Object.defineProperty(document, 'cookie', { get() { throw Error('no') }, set() { throw Error('no') } });"
LACKING = {
    "localStorage throws": NO_STORAGE,
    "localStorage is null": "Object.defineProperty(window, 'localStorage', { value: null })",
    "cookies throw": NO_COOKIES,
    "both throw": NO_STORAGE + NO_COOKIES,
    "no sendBeacon": "delete Navigator.prototype.sendBeacon",
    "a sendBeacon that refuses": "navigator.sendBeacon = () => false",
    "no Web Locks": "delete Navigator.prototype.locks",
    "Web Locks that reject": "navigator.locks.request = () => Promise.reject(Error('no'))",
    "no crypto": "delete Crypto.prototype.randomUUID; delete Crypto.prototype.getRandomValues",
    "an Intl that knows no time zone": "delete window.Temporal; Intl.DateTimeFormat.prototype.resolvedOptions = () => ({})",
    "no Navigation API": "Object.defineProperty(window, 'navigation', { value: undefined })",
}


@pytest.mark.parametrize("lack", LACKING.values(), ids=LACKING)
def test_page_views_downloads_and_engaged_time_arrive_from_such_a_browser(page: Page, site: Site, lack: str) -> None:
    heard = watched(page)
    page.add_init_script(lack)
    page.goto(site.origin + "/strict.html")
    view = one_view(site)
    assert view["anonymousId"]
    page.locator("#file").click()
    site.wait_for(lambda: site.events("File Downloaded"))
    page.evaluate("setVisible(false)")
    page.evaluate("setVisible(true)")
    assert page.evaluate("errors") == []
    page.locator("#next").click()  # a browser without beacons but with storage sends with the next page
    site.wait_for(lambda: len(site.events("page")) == 2)
    site.wait_for(lambda: site.events("Page Engaged"))
    assert site.events("Page Engaged")[0]["properties"]["view_id"] == view["properties"]["view_id"]
    assert len(site.events("File Downloaded")) == 1
    assert page.evaluate("errors") == []
    assert heard == []


def test_a_stored_event_is_sent_once_where_there_are_no_locks(page: Page, site: Site) -> None:
    page.goto(site.origin + "/plain.html")
    page.evaluate("localStorage._wt_q = JSON.stringify([0, { type: 'track', event: 'Stored', messageId: 'one' }])")
    page.add_init_script("delete Navigator.prototype.locks")
    page.goto(site.origin + "/strict.html")
    one_view(site)
    page.wait_for_timeout(150)
    assert len(site.events("Stored")) == 1


def test_a_full_storage_costs_no_page_view(page: Page, site: Site) -> None:
    page.goto(site.origin + "/plain.html")
    page.evaluate("""
      for (let size = 1 << 22, i = 0; size; ) {
        try { localStorage['full' + i++] = 'x'.repeat(size) } catch (error) { size >>= 1 }
      }
    """)
    heard = watched(page)
    page.goto(site.origin + "/strict.html")
    first = one_view(site)
    page.locator("#next").click()
    site.wait_for(lambda: len(site.events("page")) == 2)
    assert site.events("page")[1]["anonymousId"] == first["anonymousId"], "the cookie knows it"
    assert site.events("Page Engaged")
    assert page.evaluate("[errors, Object.keys(localStorage).filter((key) => key.startsWith('_wt'))]") == [[], []]
    assert heard == []


# ------------------------------------------------------------------ Content-Security-Policy

POLICIES = {
    "self": "default-src 'none'; script-src 'self'; connect-src 'self'",
    "nonce": "default-src 'none'; script-src 'nonce-abc'; connect-src 'self'",
    "strict-dynamic": "default-src 'none'; script-src 'nonce-abc' 'strict-dynamic'; connect-src 'self'; base-uri 'none'",
    "trusted types": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_strict_content_security_policy_is_not_violated(page: Page, site: Site, policy: str) -> None:
    site.attributes = 'data-local nonce="abc"'
    site.headers = {"Content-Security-Policy": policy}
    heard = watched(page)
    page.goto(site.origin + "/strict.html")
    one_view(site)
    page.locator("#file").click()
    page.evaluate("history.pushState(null, '', '/strict.html?pushed'); setVisible(false); setVisible(true)")
    site.wait_for(lambda: len(site.events("page")) == 2 and site.events("File Downloaded") and site.events("Page Engaged"))
    assert page.evaluate("errors") == []
    page.locator("#next").click()
    site.wait_for(lambda: len(site.events("page")) == 3)
    assert page.evaluate("errors") == []
    assert heard == []


def test_a_policy_that_forbids_the_collector_is_obeyed(page: Page, site: Site) -> None:
    site.headers = {"Content-Security-Policy": "default-src 'none'; script-src 'self'"}
    watched(page)
    page.goto(site.origin + "/strict.html")
    site.wait_for(lambda: page.evaluate("errors"))
    page.wait_for_timeout(600)
    assert page.evaluate("errors") == [f"connect-src: {site.origin}/v1/batch"]  # once: it waits before the next attempt
    assert site.requests == []


# ------------------------------------------------------------------ frames and markup


def test_a_sandboxed_frame_is_a_page_without_storage(page: Page, site: Site) -> None:
    heard = watched(page)
    page.goto(site.origin + "/frame.html?sandbox=allow-scripts&src=/strict.html")
    view = one_view(site)
    assert view["properties"]["url"] == site.origin + "/strict.html"
    assert view["anonymousId"]
    frame = page.frames[1]
    assert frame.evaluate("origin") == "null"
    assert frame.evaluate("errors") == []
    page.goto(site.origin + "/plain.html")
    site.wait_for(lambda: site.events("Page Engaged"))
    assert len(site.events("page")) == 1
    assert page.evaluate("[document.cookie, Object.keys(localStorage)]") == ["", []]
    assert heard == []


def test_a_frame_of_another_site_is_a_page(page: Page, site: Site) -> None:
    heard = watched(page)
    page.goto(f"{site.at('localhost', '/frame.html')}?src={site.origin}/strict.html")
    view = one_view(site)
    assert view["properties"]["url"] == site.origin + "/strict.html"
    assert page.frames[1].evaluate("errors") == []
    page.goto(site.origin + "/plain.html")
    site.wait_for(lambda: site.events("Page Engaged"))
    assert len(site.events("page")) == 1
    assert heard == []


def test_as_a_module_it_does_nothing(page: Page, site: Site) -> None:
    heard = watched(page)
    page.goto(site.origin + "/module.html")
    site.wait_for(lambda: "/snippet.js" in site.visits)
    page.wait_for_timeout(300)
    assert page.evaluate("[typeof warmtrail, errors, document.cookie, Object.keys(localStorage)]") == [
        "undefined",
        [],
        "",
        [],
    ]
    assert site.requests == []
    assert heard == []


def test_markup_that_hides_properties_does_no_harm(page: Page, site: Site) -> None:
    heard = watched(page)
    page.goto(site.origin + "/clobbered.html")
    view = one_view(site)
    assert view["properties"]["path"] == "/clobbered.html"
    assert isinstance(page.evaluate("warmtrail.version"), str)
    page.locator("#warmtrail").click()
    site.wait_for(lambda: site.events("File Downloaded"))
    assert site.events("File Downloaded")[0]["properties"]["url"] == site.origin + "/elsewhere/report.pdf"
    page.locator("#send").click()
    page.wait_for_url("**/plain.html?**")
    [sent] = site.wait_for(lambda: site.events("Form Submitted"))
    assert {key: sent["properties"][key] for key in ("form_id", "form_name", "fields")} == {
        "form_id": "quote",
        "form_name": "ask",
        "fields": {"topic": "gateways"},
    }
    assert heard == []


def test_a_form_whose_fields_hide_its_methods_is_submitted_all_the_same(page: Page, site: Site) -> None:
    heard = watched(page)
    page.goto(site.origin + "/clobbered.html")
    one_view(site)
    page.evaluate("document.querySelector('#send-worse').click()")
    page.wait_for_url("**/plain.html?getAttribute=**")
    assert page.evaluate("errors") == []
    assert heard == []
