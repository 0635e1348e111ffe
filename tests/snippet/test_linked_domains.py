"""Links between a company's domains carry the visitor's id: once, for three minutes, in one browser, and leave no trace."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from .conftest import USER_AGENT, Site, pause, visiting

SHOP = "www.shop.example"
OTHER = "www.other.example"
KEPT = "[...Object.keys(localStorage), ...Object.keys(sessionStorage), document.cookie].filter(Boolean)"
VISITOR = "11111111-2222-4333-8444-555555555555"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def context(shared_context: BrowserContext) -> Iterator[BrowserContext]:
    """One browser for all tests here. Each has a site with a port of its own, and so storage that is empty."""
    yield shared_context
    for page in shared_context.pages:
        page.close()
    shared_context.clear_cookies()


def base36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return text or "0"


def passed(visitor: str = VISITOR, age_s: float = 0, user_agent: str = USER_AGENT) -> str:
    """What a link carries, made here from the format's description: id, time and FNV-1a of both and the user agent."""
    at = base36(int((time.time() - age_s) * 1000))
    total = 0x811C9DC5
    for letter in visitor + at + user_agent:
        total = (total ^ ord(letter)) * 0x01000193 % 2**32
    return f"{visitor}.{at}.{base36(total)}"


def open_page(page: Page, site: Site, host: str = SHOP, query: str = "") -> None:
    """Looks at a page for long enough to be counted, if anything is."""
    page.goto(site.at(host, f"/linked.html{query}"))
    page.wait_for_function("window.warmtrail?.version")
    pause(page, 120)


def link(page: Page, address: str, attributes: str = "") -> None:
    page.evaluate("html => document.getElementById('here').innerHTML = html", f'<a href="{address}" {attributes}>there</a>')


def address(page: Page) -> str:
    """What stands in the address bar now."""
    href: str = page.evaluate("location.href")
    return href


def arrived(page: Page, site: Site, count: int = 2) -> dict[str, Any]:
    """The page view after a link was followed."""
    site.wait_for(lambda: len(site.events("page")) >= count)
    view: dict[str, Any] = site.events("page")[count - 1]
    return view


def when_followed(page: Page) -> str:
    """What the link on the page is like when the browser is about to follow it."""
    page.evaluate("""() => addEventListener('click', (event) => {
      event.preventDefault();
      window.seen = document.querySelector('#here a').getAttribute('href');
    })""")
    page.locator("#here a").click()
    seen: str = page.evaluate("seen")
    return seen


def test_the_way_the_last_look_is_taken_sees_what_is_added(page: Page, site: Site) -> None:
    open_page(page, site)
    link(page, site.at(OTHER, "/linked.html"))
    assert "?_wt=" in when_followed(page)


def ids(site: Site) -> list[str]:
    return [event["anonymousId"] for event in site.events("page")]


def ids_seen(site: Site) -> list[str]:
    """The same, as soon as there is any."""
    site.wait_for(lambda: ids(site))
    return ids(site)


def told_of_no_parameter(site: Site) -> bool:
    return "_wt=" not in str(site.requests) and "_wt%3D" not in str(site.requests)


FOLLOW: list[tuple[str, dict[str, Any], str]] = [
    # how a link is followed, its attributes
    ("a click", {}, ""),
    ("the middle button", {"button": "middle"}, ""),
    ("Ctrl", {"modifiers": ["Control"]}, ""),
    ("Shift", {"modifiers": ["Shift"]}, ""),
    ("a new tab", {}, "target=_blank rel=noopener"),
]


@pytest.mark.parametrize(("how", "attributes"), [row[1:] for row in FOLLOW], ids=[row[0] for row in FOLLOW])
def test_a_followed_link_makes_one_visitor_of_two_domains(
    page: Page, context: BrowserContext, site: Site, how: dict[str, Any], attributes: str
) -> None:
    open_page(page, site)
    arrived(page, site, count=1)
    there = site.at(OTHER, "/linked.html?a=b")
    link(page, there, attributes)
    if how or attributes:
        with context.expect_page() as opened:
            page.locator("#here a").click(**how)
        target = opened.value
    else:
        page.locator("#here a").click()
        target = page
    view = arrived(page, site)
    assert len(set(ids(site))) == 1
    assert address(target) == there
    assert view["properties"]["url"] == there
    assert view["properties"]["search"] == "?a=b"
    [clicked] = site.events("Link Clicked")
    assert clicked["properties"]["url"] == there
    assert site.events("alias") == []
    assert told_of_no_parameter(site)
    if target is not page:
        pause(page, 120)
        assert page.locator("#here a").get_attribute("href") == there, "the link is as it was"
    # It is theirs from now on, and the next page has nothing of the parameter either.
    open_page(target, site, OTHER)
    assert len(set(ids(site))) == 1
    assert told_of_no_parameter(site)


def test_the_keyboard_carries_it_too(page: Page, site: Site) -> None:
    open_page(page, site)
    link(page, site.at(OTHER, "/linked.html"))
    page.locator("#here a").press("Enter")
    arrived(page, site)
    assert len(set(ids(site))) == 1


def test_a_link_in_an_icon_or_an_open_shadow_root_carries_it(page: Page, site: Site) -> None:
    open_page(page, site)
    page.evaluate(
        "address => { here.attachShadow({ mode: 'open' }).innerHTML = `<a href='${address}'><b>there</b></a>` }",
        site.at(OTHER, "/linked.html"),
    )
    page.get_by_text("there").click()
    arrived(page, site)
    assert len(set(ids(site))) == 1


def test_a_link_without_parameters_and_one_with_a_fragment_arrive_as_they_are(page: Page, site: Site) -> None:
    for number, query in enumerate(
        ["", "#part", "?a=b#part", "?flag", "?q=a%20b,c;d~e&q=2&empty=", "?url=https://a.example/b?c"]
    ):
        site.requests.clear()
        open_page(page, site)
        link(page, site.at(OTHER, f"/linked.html{query}"))
        page.locator("#here a").click()
        arrived(page, site)
        assert address(page) == site.at(OTHER, f"/linked.html{query}"), number
        assert len(set(ids(site))) == 1, number


UNTOUCHED = [
    # a link that carries nothing
    "http://www.shop.example:PORT/linked.html",
    "/linked.html",
    "#part",
    "http://www.stranger.example:PORT/linked.html",
    "http://www.notother.example:PORT/linked.html",
    "http://other.example.evil.example:PORT/linked.html",
    "http://www.other.example:PORT/files/report.pdf",
    "http://www.other.example:PORT/files/report.PDF?v=1",
    "http://www.other.example:PORT/dl?file=report.pdf",
    "http://www.other.example:PORT/photo.webp",
    "mailto:sales@other.example",
    "javascript:void 0",
]


@pytest.mark.parametrize("untouched", UNTOUCHED)
def test_files_the_own_host_and_strangers_are_left_alone(page: Page, site: Site, untouched: str) -> None:
    open_page(page, site)
    untouched = untouched.replace("PORT", str(site.server_port))
    link(page, untouched)
    assert when_followed(page) == untouched


@pytest.mark.parametrize("attributes", ["download", 'download="a.csv"'])
def test_a_link_with_the_attribute_download_is_left_alone(page: Page, site: Site, attributes: str) -> None:
    open_page(page, site)
    export = site.at(OTHER, "/export")
    link(page, export, attributes)
    assert when_followed(page) == export


def test_a_file_that_a_parameter_names_is_one_download(page: Page, site: Site) -> None:
    open_page(page, site)
    link(page, site.at(OTHER, "/dl?file=report.pdf"))
    page.locator("#here a").click()
    pause(page, 150)
    assert [event["properties"]["url"] for event in site.events("File Downloaded")] == [
        site.at(OTHER, "/dl?file=report.pdf")
    ]
    assert told_of_no_parameter(site)


def test_whoever_the_target_knew_by_another_id_is_joined_by_an_alias(
    page: Page, context: BrowserContext, site: Site
) -> None:
    open_page(page, site, OTHER)
    page.evaluate("warmtrail.identify('ada')")
    open_page(page, site, SHOP)
    link(page, site.at(OTHER, "/linked.html"))
    page.locator("#here a").click()
    arrived(page, site, 3)
    pause(page, 100)
    before, here, there = ids(site)
    assert before != here == there
    [alias] = site.events("alias")
    assert (alias["anonymousId"], alias["previousId"]) == (here, before)
    assert "userId" not in alias, "the name belonged to the id before"
    assert {cookie["value"] for cookie in context.cookies()} == {here}
    # Once is enough.
    open_page(page, site, OTHER)
    assert len(site.events("alias")) == 1


def test_the_format_is_the_one_described(page: Page, site: Site) -> None:
    open_page(page, site, query=f"?a=b&_wt={passed()}&c=d#part")
    assert ids_seen(site) == [VISITOR]
    assert address(page) == site.at(SHOP, "/linked.html?a=b&c=d#part")
    assert told_of_no_parameter(site)


REFUSED = [
    # why, what stands in the address
    ("older than three minutes", lambda: passed(age_s=185)),
    ("from a future that is no wrong clock", lambda: passed(age_s=-185)),
    ("a changed checksum", lambda: passed()[:-1] + ("0" if passed()[-1] != "0" else "1")),
    ("another id under the same checksum", lambda: "9" + passed()[1:]),
    ("another browser", lambda: passed(user_agent=USER_AGENT + " Edg/140")),
    ("opted out", lambda: "0"),
    ("an id only", lambda: VISITOR),
    ("nothing", lambda: ""),
    ("dots", lambda: "..."),
    ("a script", lambda: "%3Cscript%3E.1.1"),
    ("broken encoding", lambda: "%E0%A4%A"),
    ("a long text", lambda: "x" * 5000),
]


@pytest.mark.parametrize("make", [make for _, make in REFUSED], ids=[name for name, _ in REFUSED])
def test_what_is_not_fresh_and_whole_is_ignored_and_still_taken_away(page: Page, site: Site, make: Any) -> None:
    open_page(page, site, query=f"?a=b&_wt={make()}")
    [visitor] = ids_seen(site)
    assert visitor != VISITOR
    assert len(visitor) == 36
    assert address(page) == site.at(SHOP, "/linked.html?a=b")
    assert told_of_no_parameter(site)
    assert site.events("alias") == []


@pytest.mark.parametrize("age_s", [0, 170, -170])
def test_three_minutes_and_a_clock_that_is_a_little_off_are_allowed(page: Page, site: Site, age_s: int) -> None:
    open_page(page, site, query=f"?_wt={passed(age_s=age_s)}")
    assert ids_seen(site) == [VISITOR]


def test_a_link_that_was_sent_to_somebody_else_does_not_make_them_the_same(page: Page, site: Site, browser: Browser) -> None:
    query = f"?_wt={passed()}"
    open_page(page, site, query=query)
    context = browser.new_context(user_agent=USER_AGENT.replace("X11; Linux", "Windows NT 10.0; Win64;"))
    open_page(context.new_page(), site, query=query)
    context.close()
    mine, theirs = site.wait_for(lambda: len(ids(site)) == 2 and ids(site))
    assert mine == VISITOR != theirs


def test_without_consent_the_target_keeps_nothing_and_with_it_the_id_that_came(page: Page, site: Site) -> None:
    site.attributes_of[OTHER] = 'data-consent="required"'
    open_page(page, site)
    link(page, site.at(OTHER, "/linked.html"))
    page.locator("#here a").click()
    page.wait_for_url("**other.example**")
    pause(page, 200)
    assert len(site.events("page")) == 1
    assert page.evaluate(KEPT) == []
    assert address(page) == site.at(OTHER, "/linked.html")
    page.evaluate("warmtrail.consent(true)")
    arrived(page, site)
    open_page(page, site, OTHER)
    site.wait_for(lambda: len(ids(site)) == 3)
    assert len(set(ids(site))) == 1


def test_a_page_without_consent_gives_no_id_away(page: Page, site: Site) -> None:
    site.attributes_of[SHOP] = 'data-consent="required"'
    open_page(page, site)
    link(page, site.at(OTHER, "/linked.html"))
    with page.expect_request("**other.example**/linked.html*") as asked:
        page.locator("#here a").click()
    assert "_wt" not in asked.value.url


@pytest.mark.parametrize("consent", ["not-required", "cookieless"])
def test_who_has_refused_carries_nothing_and_stays_refused(page: Page, site: Site, consent: str) -> None:
    site.attributes = f'data-consent="{consent}"'
    open_page(page, site)
    page.evaluate("warmtrail.consent(false)")
    link(page, site.at(OTHER, "/linked.html"))
    with page.expect_request("**other.example**/linked.html*") as asked:
        page.locator("#here a").click()
    assert "_wt" not in asked.value.url
    before = len(site.requests)
    open_page(page, site, SHOP, query=f"?_wt={passed()}")
    page.evaluate("warmtrail.track('Refused')")
    pause(page, 100)
    assert not any(VISITOR in str(request) for request in site.requests[before:])
    assert site.events("Refused") == []
    assert page.evaluate("document.cookie") == "_wt=0"
    assert address(page) == site.at(SHOP, "/linked.html")


def test_a_cookieless_page_carries_and_takes_nothing(page: Page, site: Site) -> None:
    site.attributes = 'data-consent="cookieless"'
    open_page(page, site, query=f"?_wt={passed()}")
    assert VISITOR not in str(site.requests)
    assert page.evaluate(KEPT) == []
    assert told_of_no_parameter(site)
    page.evaluate("warmtrail.consent(true)")
    arrived(page, site)
    assert site.events("page")[1]["anonymousId"] == VISITOR


def test_a_signal_stops_it_all(page: Page, site: Site) -> None:
    page.add_init_script("Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })")
    open_page(page, site, query=f"?_wt={passed()}")
    assert site.requests == []
    assert page.evaluate(KEPT) == []
    assert address(page) == site.at(SHOP, "/linked.html")


def test_reset_after_arrival_makes_another_visitor_for_good(page: Page, site: Site) -> None:
    open_page(page, site, query=f"?_wt={passed()}")
    page.evaluate("warmtrail.reset()")
    arrived(page, site)
    page.evaluate("history.pushState({}, '', '/next'); setVisible(false); setVisible(true)")
    arrived(page, site, 3)
    open_page(page, site)
    arrived(page, site, 4)
    first, *others = ids(site)
    assert first == VISITOR
    assert len(others) == 3
    assert len(set(others)) == 1
    assert VISITOR not in others


def test_a_refusal_after_arrival_is_one_for_good(page: Page, site: Site) -> None:
    open_page(page, site, query=f"?_wt={passed()}")
    page.evaluate("warmtrail.consent(false)")
    page.evaluate("history.pushState({}, '', '/next'); warmtrail.track('Refused')")
    pause(page, 100)
    open_page(page, site)
    page.evaluate("warmtrail.consent(true)")
    arrived(page, site)
    assert site.events("Refused") == []
    assert ids(site)[0] == VISITOR != ids(site)[1]


def test_an_application_keeps_its_own_state_and_sees_one_page_view(page: Page, site: Site) -> None:
    open_page(page, site, query=f"?a=b&_wt={passed()}#part")
    assert page.evaluate("history.state") == {"route": 1}
    assert page.evaluate("history.length") == 2, "about:blank and this page"
    assert len(site.events("page")) == 1


def test_commands_that_were_waiting_are_not_lost(page: Page, site: Site) -> None:
    page.add_init_script("window.warmtrail = [['identify', 'ada']]")
    open_page(page, site, query=f"?_wt={passed()}")
    [identify] = site.wait_for(lambda: site.events("identify"))
    assert (identify["anonymousId"], identify["userId"]) == (VISITOR, "ada")


def test_blocked_storage_stops_nothing(page: Page, site: Site) -> None:
    page.add_init_script("""
      const blocked = { get() { throw new DOMException('blocked', 'SecurityError') }, set() { throw new Error() } };
      Object.defineProperty(window, 'localStorage', blocked);
      Object.defineProperty(Document.prototype, 'cookie', blocked);
    """)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    open_page(page, site, query=f"?_wt={passed()}")
    link(page, site.at(OTHER, "/linked.html"))
    page.locator("#here a").click()
    page.wait_for_url("**other.example**")
    assert ids_seen(site)[0] == VISITOR
    assert errors == []


def test_both_ways_through_two_browsers_are_two_visitors(site: Site, browser: Browser) -> None:
    for before in (0, 3):
        with visiting(browser) as context:
            page = context.new_page()
            open_page(page, site)
            arrived(page, site, before + 1)
            link(page, site.at(OTHER, "/linked.html"))
            page.locator("#here a").click()
            arrived(page, site, before + 2)
            link(page, site.at(SHOP, "/linked.html"))
            page.locator("#here a").click()
            arrived(page, site, before + 3)
    views = [event["anonymousId"] for event in site.events("page")]
    first, second = views[:3], views[3:]
    assert len(set(first)) == len(set(second)) == 1
    assert first != second
    assert site.events("alias") == []
    assert {urlsplit(event["properties"]["url"]).query for event in site.events("page")} == {""}
