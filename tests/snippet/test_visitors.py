"""Who it is, and whether they may be counted at all: identity, consent, opt-out signals, storage."""

import pytest
from playwright.sync_api import BrowserContext, Page

from .conftest import Site

STORED = "[...Object.keys(localStorage), ...Object.keys(sessionStorage), document.cookie].filter(Boolean)"


def open_page(page: Page, site: Site, address: str = "/basic.html") -> None:
    page.goto(site.origin + address)
    page.wait_for_function("window.warmtrail && warmtrail.version")


def ids(site: Site, name: str) -> list[tuple[str, str | None]]:
    return [(event["anonymousId"], event.get("userId")) for event in site.events(name)]


def test_a_visitor_keeps_one_id_across_pages_in_storage_and_cookie(page: Page, context: BrowserContext, site: Site) -> None:
    open_page(page, site)
    page.locator("#next").click()
    [first, second] = site.wait_for(lambda: len(ids(site, "page")) == 2 and ids(site, "page"))
    assert first == second
    [cookie] = context.cookies()
    assert (cookie["name"], cookie["value"], cookie["sameSite"]) == ("_wt", first[0], "Lax")
    assert 390 < (cookie["expires"] - page.evaluate("Date.now() / 1000")) / 86_400 < 396


def test_the_cookie_alone_brings_the_id_back(page: Page, site: Site) -> None:
    open_page(page, site)
    page.evaluate("localStorage.clear()")
    page.locator("#next").click()
    site.wait_for(lambda: len(ids(site, "page")) == 2)
    assert ids(site, "page")[0] == ids(site, "page")[1]


def test_commands_before_and_after_loading_both_work(page: Page, site: Site) -> None:
    open_page(page, site, "/early.html")
    page.evaluate("warmtrail.push(['group', 'acme', { name: 'Acme' }]); warmtrail.track('Later', { n: 1 })")
    site.wait_for(lambda: site.events("Later"))
    [identify] = site.events("identify")
    [group] = site.events("group")
    [asked] = site.events("Demo Requested")
    [view] = site.events("page")
    assert (identify["userId"], identify["traits"]) == ("ada", {"email": "ada@example.com"})
    assert (group["groupId"], group["traits"], group["userId"]) == ("acme", {"name": "Acme"}, "ada")
    assert asked["properties"]["plan"] == "pro"
    assert len({event["anonymousId"] for event in site.events()}) == 1
    assert view["userId"] == "ada"


def test_an_identified_visitor_stays_identified_and_traits_alone_are_enough(page: Page, site: Site) -> None:
    open_page(page, site)
    page.evaluate("warmtrail.identify({ email: 'ada@example.com' }); warmtrail.identify(42)")
    page.goto(site.origin + "/other.html")
    site.wait_for(lambda: len(ids(site, "page")) == 2)
    [anonymous, known] = site.events("identify")
    assert "userId" not in anonymous
    assert anonymous["traits"] == {"email": "ada@example.com"}
    assert known["userId"] == "42"
    assert ids(site, "page")[1] == (anonymous["anonymousId"], "42")


def test_a_different_person_starts_as_a_new_visitor(page: Page, site: Site) -> None:
    open_page(page, site)
    page.evaluate("warmtrail.identify('ada')")
    page.wait_for_timeout(120)
    page.evaluate("warmtrail.identify('ada'); warmtrail.identify('grace')")
    page.wait_for_timeout(120)
    page.goto(site.origin + "/plain.html")
    site.wait_for(lambda: len(site.events("Page Engaged")) == 2)
    [ada, again, grace] = ids(site, "identify")
    assert ada == again
    assert ada[1] == "ada"
    assert grace[1] == "grace"
    assert grace[0] != ada[0]
    owners = {view["properties"]["view_id"]: view["anonymousId"] for view in site.events("page")}
    assert set(owners.values()) == {ada[0], grace[0]}, "what grace sees is hers, from a page view on"
    for report in site.events("Page Engaged"):
        assert report["anonymousId"] == owners[report["properties"]["view_id"]]


def test_reset_forgets_the_person(page: Page, site: Site) -> None:
    open_page(page, site)
    page.evaluate("warmtrail.identify('ada'); warmtrail.reset(); warmtrail.track('After')")
    site.wait_for(lambda: site.events("After"))
    [after] = ids(site, "After")
    assert after[1] is None
    assert after[0] != ids(site, "identify")[0][0]


@pytest.mark.parametrize(
    "signal", ["globalPrivacyControl: { get: () => true }", "doNotTrack: { get: () => '1' }"], ids=["GPC", "DNT"]
)
def test_an_opt_out_signal_means_no_request_and_no_stored_key(page: Page, site: Site, signal: str) -> None:
    page.add_init_script(f"Object.defineProperties(Navigator.prototype, {{ {signal} }})")
    open_page(page, site, "/early.html")
    page.evaluate("warmtrail.identify('ada'); warmtrail.push(['consent', true], ['page'])")
    page.mouse.move(9, 9)
    page.wait_for_timeout(250)
    page.goto(site.origin + "/plain.html")
    page.wait_for_timeout(150)
    assert site.requests == []
    assert page.evaluate(STORED) == []


def test_the_signals_are_ignored_only_when_the_site_says_so(page: Page, site: Site) -> None:
    site.attributes = 'data-local data-respect="none"'
    page.add_init_script("Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })")
    open_page(page, site)
    site.wait_for(lambda: site.events("page"))


def test_required_consent_holds_everything_back_until_given_and_clears_it_when_withdrawn(page: Page, site: Site) -> None:
    site.attributes = 'data-local data-consent="required"'
    open_page(page, site, "/early.html")
    page.mouse.move(9, 9)
    page.wait_for_timeout(250)
    assert site.requests == []
    assert page.evaluate(STORED) == []

    page.evaluate("warmtrail.push(['consent', true])")
    site.wait_for(lambda: site.events("page"))
    assert len(site.events("identify")) == len(site.events("Demo Requested")) == len(site.events("page")) == 1
    assert page.evaluate(STORED) != []

    page.evaluate("warmtrail.track('Unsent'); warmtrail.consent(false); warmtrail.track('Refused')")
    before = len(site.requests)
    page.mouse.move(99, 99)
    page.wait_for_timeout(250)
    page.goto(site.origin + "/plain.html")
    page.wait_for_timeout(150)
    assert len(site.requests) == before
    assert page.evaluate(STORED) == []


def test_blocked_storage_means_memory(page: Page, site: Site) -> None:
    page.add_init_script("""
      const blocked = { get() { throw new DOMException('blocked', 'SecurityError') }, set() { throw new Error() } };
      Object.defineProperty(window, 'localStorage', blocked);
      Object.defineProperty(Document.prototype, 'cookie', blocked);
    """)
    open_page(page, site)
    page.evaluate("warmtrail.identify('ada'); history.pushState({}, '', '/next')")
    site.wait_for(lambda: len(site.events("page")) == 2)
    assert ids(site, "page")[1] == (ids(site, "page")[0][0], "ada")
