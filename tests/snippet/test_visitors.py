"""Who it is: one id for a browser on all subdomains, who they say they are, and what starts another visitor."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from .conftest import Site, pause

WWW = "www.shop.example"
DOCS = "docs.shop.example"
STORED = "JSON.parse(localStorage._wt || '{}')"


@pytest.fixture
def context(shared_context: BrowserContext) -> Iterator[BrowserContext]:
    """One browser for all tests here. Each has a site with a port of its own, and so storage that is empty."""
    yield shared_context
    for page in shared_context.pages:
        page.close()
    shared_context.clear_cookies()


def open_page(page: Page, site: Site, host: str, path: str = "/basic.html") -> None:
    """Looks at a page until it is counted: who leaves within a twentieth of a second has seen nothing."""
    before = len(site.events("page"))
    page.goto(site.at(host, path))
    site.wait_for(lambda: len(site.events("page")) > before)


def views(site: Site, count: int) -> list[tuple[str, str | None]]:
    """anonymousId and userId of all page views, once there are so many."""
    site.wait_for(lambda: len(site.events("page")) >= count)
    assert len(site.events("page")) == count
    return ids(site, "page")


def ids(site: Site, name: str) -> list[tuple[str, str | None]]:
    return [(event["anonymousId"], event.get("userId")) for event in site.events(name)]


def told(page: Page, site: Site) -> list[dict[str, Any]]:
    """All that was sent, up to now."""
    page.evaluate("setTimeout(() => warmtrail.track('Told'), 60)")
    site.wait_for(lambda: site.events("Told"))
    return site.events()


# ---------------------------------------------------------------------- where the id is kept

HOSTS = [
    # host of the page, domain of the cookie (a dot before: subdomains too)
    ("www.shop.example", ".shop.example"),
    ("shop.example", ".shop.example"),
    ("a.b.c.shop.example", ".shop.example"),
    ("www.firm.co.uk", ".firm.co.uk"),
    ("a.github.io", ".a.github.io"),
    ("127.0.0.1", "127.0.0.1"),
    ("localhost", "localhost"),
]


@pytest.mark.parametrize(("host", "domain"), HOSTS, ids=[host for host, _ in HOSTS])
def test_the_id_is_kept_in_one_cookie_of_the_registrable_domain(
    page: Page, context: BrowserContext, site: Site, host: str, domain: str
) -> None:
    open_page(page, site, host)
    [(anonymous_id, _)] = views(site, 1)
    [cookie] = context.cookies()
    expires = cookie.pop("expires")
    assert 390 < (expires - page.evaluate("Date.now() / 1000")) / 86_400 < 396, "thirteen months"
    assert cookie.pop("domain").removeprefix(".") == domain.removeprefix(".")
    assert cookie == {
        "name": "_wt",
        "value": anonymous_id,
        "path": "/",
        "httpOnly": False,
        "secure": False,
        "sameSite": "Lax",
    }
    assert page.evaluate(STORED) == {"a": anonymous_id}
    assert page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]") == ["_wt"]


TWO_PAGES = [
    # one page, another one, whether they know the visitor by one id
    (WWW, WWW, True),
    (WWW, DOCS, True),
    (WWW, "shop.example", True),
    ("shop.example", "a.b.shop.example", True),
    ("www.firm.co.uk", "docs.firm.co.uk", True),
    ("www.firm.co.uk", "www.other.co.uk", False),
    ("a.github.io", "b.github.io", False),
    (WWW, "www.other.example", False),
    ("127.0.0.1", "127.0.0.1", True),
    ("localhost", "localhost", True),
]


@pytest.mark.parametrize(("one", "other", "is_shared"), TWO_PAGES, ids=[f"{one} {other}" for one, other, _ in TWO_PAGES])
def test_subdomains_share_the_id_and_strangers_do_not(page: Page, site: Site, one: str, other: str, is_shared: bool) -> None:
    open_page(page, site, one)
    open_page(page, site, other)
    first, second = views(site, 2)
    assert (first == second) is is_shared


LOST = [
    # what the browser has lost between two pages, what the visitor still is
    ("nothing", "", "id and name"),
    ("the storage", "localStorage.clear()", "id"),
    ("the cookie", "document.cookie = '_wt=;max-age=0;path=/;domain=.shop.example'", "id and name"),
    ("both", "localStorage.clear(); document.cookie = '_wt=;max-age=0;path=/;domain=.shop.example'", "somebody else"),
    ("broken storage", "localStorage._wt = '{'", "id"),
    ("storage of another program", "localStorage._wt = '7'", "id"),
    ("storage that says null", "localStorage._wt = 'null'", "id"),
    ("an emptied cookie", "document.cookie = '_wt=;path=/;domain=.shop.example'", "id and name"),
]


@pytest.mark.parametrize(("script", "still"), [row[1:] for row in LOST], ids=[row[0] for row in LOST])
def test_each_of_storage_and_cookie_brings_the_id_back(
    page: Page, context: BrowserContext, site: Site, script: str, still: str
) -> None:
    open_page(page, site, WWW)
    page.evaluate("warmtrail.identify('ada')")
    site.wait_for(lambda: site.events("identify"))
    page.evaluate(f"() => {{ {script} }}")
    open_page(page, site, WWW, "/other.html")
    (before, _), (after, name) = views(site, 2)
    assert (after == before) is (still != "somebody else")
    assert name == ("ada" if still == "id and name" else None)
    assert [cookie["value"] for cookie in context.cookies()] == [after]
    assert page.evaluate(STORED)["a"] == after


def test_the_cookie_wins_over_the_storage_and_the_name_of_the_one_before_is_not_inherited(
    page: Page, context: BrowserContext, site: Site
) -> None:
    open_page(page, site, WWW)
    page.evaluate("warmtrail.identify('ada')")
    # Elsewhere on the domain somebody logs out.
    open_page(page, site, DOCS)
    page.evaluate("warmtrail.reset()")
    open_page(page, site, WWW, "/other.html")
    page.evaluate("warmtrail.track('Later')")
    site.wait_for(lambda: site.events("Later"))
    first, second, after_reset, third = views(site, 4)
    assert first == second == (first[0], None)
    assert after_reset[0] != first[0]
    assert third == after_reset == ids(site, "Later")[0]
    assert third[1] is None
    assert page.evaluate(STORED) == {"a": third[0]}
    assert [cookie["value"] for cookie in context.cookies()] == [third[0]]


def test_a_tab_left_open_follows_when_another_one_has_changed_the_visitor(context: BrowserContext, site: Site) -> None:
    one, other = context.new_page(), context.new_page()
    open_page(one, site, WWW)
    one.evaluate("warmtrail.identify('ada')")
    open_page(other, site, DOCS)
    other.evaluate("warmtrail.reset()")
    site.wait_for(lambda: len(site.events("page")) == 3)
    one.evaluate("setVisible(false); setVisible(true); warmtrail.track('Back')")
    site.wait_for(lambda: site.events("Back"))
    assert ids(site, "Back") == [(ids(site, "page")[2][0], None)]


def test_blocked_storage_means_memory(page: Page, site: Site) -> None:
    page.add_init_script("""
      const blocked = { get() { throw new DOMException('blocked', 'SecurityError') }, set() { throw new Error() } };
      Object.defineProperty(window, 'localStorage', blocked);
      Object.defineProperty(Document.prototype, 'cookie', blocked);
    """)
    open_page(page, site, WWW)
    page.evaluate("warmtrail.identify('ada'); history.pushState({}, '', '/next')")
    first, second = views(site, 2)
    assert second == (first[0], "ada")


def test_full_storage_leaves_the_cookie(page: Page, site: Site) -> None:
    page.add_init_script("""
      Storage.prototype.setItem = function () { throw new DOMException('full', 'QuotaExceededError') };
      Object.defineProperty(window, 'localStorage', { value: new Proxy({}, {
        set() { throw new DOMException('full', 'QuotaExceededError') }, get() {}, deleteProperty: () => true }) });
    """)
    open_page(page, site, WWW)
    open_page(page, site, WWW, "/other.html")
    first, second = views(site, 2)
    assert first == second


# ---------------------------------------------------------------------- who they say they are


def test_commands_before_and_after_loading_both_work(page: Page, site: Site) -> None:
    open_page(page, site, WWW, "/early.html")
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
    open_page(page, site, WWW)
    page.evaluate("warmtrail.identify({ email: 'ada@example.com' }); warmtrail.identify(42)")
    for path in ("/other.html", "/basic.html"):
        open_page(page, site, WWW, path)
    _, second, third = views(site, 3)
    anonymous, known = site.events("identify")
    assert "userId" not in anonymous
    assert anonymous["traits"] == {"email": "ada@example.com"}
    assert known["userId"] == "42"
    assert second == third == (anonymous["anonymousId"], "42")


def test_a_different_person_starts_as_a_new_visitor_with_a_new_page_view(page: Page, site: Site) -> None:
    open_page(page, site, WWW)
    page.evaluate("warmtrail.identify('ada')")
    pause(page, 60)
    page.evaluate("warmtrail.identify('ada'); warmtrail.identify('grace')")
    pause(page, 60)
    page.goto(site.at(WWW, "/plain.html"))
    site.wait_for(lambda: len(site.events("Page Engaged")) == 2)
    [ada, again, grace] = ids(site, "identify")
    assert ada == again
    assert ada[1] == "ada"
    assert grace[1] == "grace"
    assert grace[0] != ada[0]
    assert len(site.events("page")) == 2
    owners = {view["properties"]["view_id"]: view["anonymousId"] for view in site.events("page")}
    assert set(owners.values()) == {ada[0], grace[0]}, "what grace sees is hers, from a page view on"
    for report in site.events("Page Engaged"):
        assert report["anonymousId"] == owners[report["properties"]["view_id"]]


@pytest.mark.parametrize("nobody", ["null", "undefined", "''", "0", "{}"])
def test_identifying_nobody_changes_nobody(page: Page, site: Site, nobody: str) -> None:
    open_page(page, site, WWW)
    page.evaluate(f"warmtrail.identify('ada'); warmtrail.identify({nobody}); warmtrail.track('After')")
    site.wait_for(lambda: site.events("After"))
    assert ids(site, "After") == ids(site, "identify")[:1]
    assert len(site.events("page")) == 1


def test_reset_forgets_the_person_for_good(page: Page, site: Site) -> None:
    open_page(page, site, WWW)
    page.evaluate("warmtrail.identify('ada'); warmtrail.reset(); warmtrail.track('After')")
    site.wait_for(lambda: site.events("After"))
    open_page(page, site, DOCS)
    open_page(page, site, WWW, "/other.html")
    before, *others = views(site, 4)
    [after] = ids(site, "After")
    assert after[1] is None
    assert after[0] != before[0]
    assert others == [after] * 3, "the same page anew, and those after it"


def test_two_resets_are_two_visitors_and_views(page: Page, site: Site) -> None:
    open_page(page, site, WWW)
    page.evaluate("warmtrail.reset()")
    site.wait_for(lambda: len(site.events("page")) == 2)
    page.evaluate("warmtrail.reset()")
    assert len(set(views(site, 3))) == 3


# ---------------------------------------------------------------------- before anybody looks


def open_in_background(page: Page, site: Site, path: str) -> None:
    page.goto(site.at(WWW, "/plain.html"))
    page.evaluate("window.name = 'background'")
    page.goto(site.at(WWW, path))
    page.wait_for_function("window.warmtrail?.version")


@pytest.mark.parametrize(
    ("path", "commands"),
    [
        ("/early.html", ""),
        ("/basic.html", "warmtrail.identify('ada', { email: 'ada@example.com' }); warmtrail.track('Demo Requested')"),
    ],
    ids=["before the snippet has loaded", "after that"],
)
def test_commands_wait_until_the_page_is_looked_at(page: Page, site: Site, path: str, commands: str) -> None:
    open_in_background(page, site, path)
    page.evaluate(f"() => {{ {commands} }}")
    pause(page, 200)
    assert site.requests == []
    assert page.evaluate("[...Object.keys(localStorage), document.cookie].filter(Boolean)") == []
    page.evaluate("setVisible(true)")
    events = told(page, site)
    assert [event.get("event", event["type"]) for event in events] == ["identify", "Demo Requested", "page", "Told"]
    assert {event["userId"] for event in events} == {"ada"}
    assert len({event["anonymousId"] for event in events}) == 1


def test_a_page_that_nobody_looks_at_sends_nothing(page: Page, site: Site) -> None:
    open_in_background(page, site, "/early.html")
    page.evaluate("warmtrail.track('Unseen'); warmtrail.reset(); warmtrail.page()")
    page.goto(site.at(WWW, "/plain.html"))
    pause(page, 150)
    assert site.requests == []
