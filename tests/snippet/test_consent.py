"""Whether somebody may be counted at all: consent, refusal, opt-out signals, and that nothing else is ever sent or kept."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from .conftest import Site, pause

WWW = "www.shop.example"
DOCS = "docs.shop.example"
KEPT = "[...Object.keys(localStorage), ...Object.keys(sessionStorage), document.cookie].filter(Boolean)"


@pytest.fixture
def context(shared_context: BrowserContext) -> Iterator[BrowserContext]:
    """One browser for all tests here. Each has a site with a port of its own, and so storage that is empty."""
    yield shared_context
    for page in shared_context.pages:
        page.close()
    shared_context.clear_cookies()


def open_page(page: Page, site: Site, path: str = "/basic.html", host: str = WWW) -> None:
    """Looks at a page for long enough to be counted, if anything is."""
    page.goto(site.at(host, path))
    page.wait_for_function("window.warmtrail?.version")
    pause(page, 120)


def use(page: Page) -> None:
    """Everything that is told of somebody who may be counted."""
    page.evaluate("""() => {
      scrollTo(0, 500);
      const link = document.body.appendChild(document.createElement('a'));
      link.onclick = (event) => event.preventDefault();
      for (const href of ['/files/report.pdf', 'https://www.partner.example/', 'mailto:a@b.example']) {
        link.href = href;
        link.click();
      }
      history.pushState({}, '', '/basic.html?n=' + Math.random());
      const form = document.body.appendChild(document.createElement('form'));
      form.onsubmit = () => false;
      form.innerHTML = '<input name="a" value="typed" data-wt-capture>';
      form.requestSubmit();
    }""")
    page.mouse.move(9, 9)
    page.mouse.wheel(0, 200)
    page.keyboard.press("a")
    pause(page, 60)


def names(site: Site) -> list[str]:
    return [event.get("event", event["type"]) for event in site.events()]


def settled(page: Page, site: Site) -> list[str]:
    """The names of all that was sent, once nothing more comes."""
    pause(page, 150)
    return names(site)


def anonymous_ids(site: Site, name: str = "page") -> list[str | None]:
    return [event.get("anonymousId") for event in site.events(name)]


# ---------------------------------------------------------------------- consent="required"

REQUIRED = 'data-consent="required"'


def test_without_required_consent_nothing_is_sent_or_kept_over_several_pages(
    page: Page, context: BrowserContext, site: Site
) -> None:
    site.attributes = REQUIRED
    for path in ("/early.html", "/basic.html", "/downloads.html", "/basic.html?a=b#c"):
        open_page(page, site, path)
        use(page)
        page.evaluate(
            "warmtrail.identify('ada'); warmtrail.push(['page']); warmtrail.group('acme'); warmtrail.track('Asked');"
            "setVisible(false); setVisible(true)"
        )
        assert page.evaluate(KEPT) == []
    open_page(page, site, host=DOCS)
    page.goto(site.at(WWW, "/plain.html"))
    pause(page, 100)
    assert site.requests == []
    assert context.cookies() == []


def test_consent_starts_without_reload_with_the_present_page_and_the_calls_that_waited(page: Page, site: Site) -> None:
    site.attributes = REQUIRED
    open_page(page, site, "/early.html")
    page.evaluate("warmtrail.push(['consent', true])")
    site.wait_for(lambda: len(site.events()) >= 3)
    assert settled(page, site) == ["identify", "Demo Requested", "page"]
    [view] = site.events("page")
    assert view["properties"]["url"] == site.at(WWW, "/early.html")
    assert {(event["anonymousId"], event["userId"]) for event in site.events()} == {(view["anonymousId"], "ada")}
    assert page.evaluate("JSON.parse(localStorage._wt)") == {"a": view["anonymousId"], "u": "ada", "c": 1}
    use(page)
    assert {"File Downloaded", "Link Clicked", "Form Submitted"} <= set(settled(page, site))


@pytest.mark.parametrize("answer", ["undefined", "null", "0", "''", "false"])
def test_consent_that_is_not_given_is_none(page: Page, site: Site, answer: str) -> None:
    site.attributes = REQUIRED
    open_page(page, site)
    page.evaluate(f"warmtrail.consent({answer})")
    use(page)
    assert settled(page, site) == []
    assert page.evaluate(KEPT) == []


def test_consent_is_remembered_and_may_be_given_again(page: Page, site: Site) -> None:
    site.attributes = REQUIRED
    open_page(page, site)
    page.evaluate("warmtrail.consent(true)")
    open_page(page, site, "/other.html")
    page.evaluate("warmtrail.consent(true); warmtrail.consent(true)")
    pause(page, 100)
    open_page(page, site)
    site.wait_for(lambda: len(site.events("page")) == 3)
    assert len(set(anonymous_ids(site))) == 1


def test_consent_called_before_the_snippet_has_loaded_counts(page: Page, site: Site) -> None:
    site.attributes = REQUIRED
    page.add_init_script("window.warmtrail = [['track', 'First'], ['consent', true]]")
    open_page(page, site)
    assert settled(page, site) == ["First", "page"]


def test_subdomains_that_are_told_of_consent_as_they_load_share_the_id(page: Page, site: Site) -> None:
    site.attributes = REQUIRED
    page.add_init_script("window.warmtrail = [['consent', true]]")
    for count, host in enumerate((WWW, DOCS, WWW), start=1):
        open_page(page, site, host=host)
        site.wait_for(lambda count=count: len(site.events("page")) == count)
    assert len(set(anonymous_ids(site))) == 1


def test_withdrawing_required_consent_sends_one_event_and_clears_all(
    page: Page, context: BrowserContext, site: Site
) -> None:
    site.attributes = REQUIRED
    open_page(page, site)
    page.evaluate("warmtrail.consent(true); warmtrail.identify('ada')")
    site.wait_for(lambda: site.events("page"))
    page.evaluate(
        "warmtrail.track('Unsent'); warmtrail.consent(false); warmtrail.track('Refused'); warmtrail.consent(false)"
    )
    assert page.evaluate(KEPT) == []
    use(page)
    for path in ("/other.html", "/early.html"):
        open_page(page, site, path)
        use(page)
        assert page.evaluate(KEPT) == []
    open_page(page, site, host=DOCS)
    [view] = site.events("page")
    [withdrawn] = site.events("Consent Withdrawn")
    assert names(site)[-1] == "Consent Withdrawn"
    assert "Unsent" not in names(site)
    assert "Refused" not in names(site)
    assert withdrawn["anonymousId"] == view["anonymousId"]
    assert withdrawn["properties"] == {"view_id": view["properties"]["view_id"], "url": site.at(WWW)}
    assert context.cookies() == []


def test_what_a_busy_collector_has_refused_is_forgotten_when_consent_is_withdrawn(page: Page, site: Site) -> None:
    site.attributes = REQUIRED
    site.answers = [(503, {"Retry-After": "1"})] * 3
    open_page(page, site)
    page.evaluate("warmtrail.consent(true)")
    page.wait_for_function("localStorage._wt_q?.includes('\"page\"')")
    page.evaluate("warmtrail.consent(false)")
    assert page.evaluate(KEPT) == []
    pause(page, 1200)
    assert page.evaluate(KEPT) == []
    assert [request["body"]["batch"][0]["type"] for request in site.requests if request["status"] == 200] == []


def test_what_is_on_its_way_when_consent_is_withdrawn_is_not_kept(page: Page, site: Site) -> None:
    site.attributes = REQUIRED
    open_page(page, site)
    page.route("**/v1/batch", lambda route: None)  # never answered
    page.evaluate("warmtrail.consent(true)")
    pause(page, 150)
    page.evaluate("warmtrail.consent(false); dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert page.evaluate(KEPT) == []
    page.unroute("**/v1/batch")


def test_another_tab_stops_at_its_next_look(context: BrowserContext, site: Site) -> None:
    site.attributes = REQUIRED
    one, other = context.new_page(), context.new_page()
    open_page(one, site)
    one.evaluate("warmtrail.consent(true)")
    open_page(other, site, "/other.html")
    site.wait_for(lambda: len(site.events("page")) == 2)
    other.evaluate("setVisible(false)")
    one.evaluate("warmtrail.consent(false)")
    site.wait_for(lambda: site.events("Consent Withdrawn"))
    other.wait_for_function("localStorage.length === 0")  # its process hears of it a moment later
    sent = len(site.requests)
    other.evaluate("setVisible(true)")
    use(other)
    other.evaluate("warmtrail.track('Refused'); setVisible(false)")
    for page in (one, other):
        open_page(page, site)
        use(page)
        assert page.evaluate(KEPT) == []
    assert len(site.requests) == sent
    assert context.cookies() == []


def test_another_tab_in_view_stops_at_its_next_page(context: BrowserContext, site: Site) -> None:
    site.attributes = REQUIRED
    one, other = context.new_page(), context.new_page()
    open_page(one, site)
    one.evaluate("warmtrail.consent(true)")
    open_page(other, site, "/other.html")
    one.evaluate("warmtrail.consent(false)")
    site.wait_for(lambda: site.events("Consent Withdrawn"))
    before = len(site.events())
    other.evaluate("history.pushState({}, '', '/next')")
    pause(other, 150)
    use(other)
    other.evaluate("warmtrail.track('Refused')")
    open_page(other, site, "/other.html")
    use(other)
    # The time spent on the page before may be the last that is heard.
    assert settled(other, site)[before:] in ([], ["Page Engaged"])
    assert other.evaluate(KEPT) == []


def test_consent_after_a_withdrawal_makes_another_visitor(page: Page, site: Site) -> None:
    site.attributes = REQUIRED
    open_page(page, site)
    page.evaluate("warmtrail.consent(true); warmtrail.identify('ada')")
    site.wait_for(lambda: site.events("identify"))
    page.evaluate("warmtrail.consent(false); warmtrail.consent(true)")
    site.wait_for(lambda: len(site.events("page")) == 2)
    first, second = anonymous_ids(site)
    assert first != second
    assert "userId" not in site.events("page")[1]


# ---------------------------------------------------------------------- consent is not required


def test_a_refusal_is_remembered_across_pages_and_subdomains(page: Page, context: BrowserContext, site: Site) -> None:
    open_page(page, site)
    page.evaluate("warmtrail.identify('ada'); warmtrail.consent(false)")
    assert page.evaluate("[Object.keys(localStorage), JSON.parse(localStorage._wt).u, document.cookie]") == [
        ["_wt"],
        None,
        "_wt=0",
    ]
    for path, host in [("/early.html", WWW), ("/basic.html", DOCS), ("/basic.html", WWW)]:
        open_page(page, site, path, host)
        use(page)
        page.evaluate("warmtrail.identify('ada'); warmtrail.page()")
    page.goto(site.at(WWW, "/plain.html"))
    assert settled(page, site) == ["page", "Consent Withdrawn"]
    [cookie] = context.cookies()
    assert (cookie["value"], cookie["domain"]) == ("0", ".shop.example")
    assert 390 < (cookie["expires"] - page.evaluate("Date.now() / 1000")) / 86_400 < 396


@pytest.mark.parametrize("lost", ["localStorage.clear()", "document.cookie = '_wt=;max-age=0;path=/;domain=.shop.example'"])
def test_either_of_storage_and_cookie_remembers_a_refusal(page: Page, site: Site, lost: str) -> None:
    open_page(page, site)
    page.evaluate("warmtrail.consent(false)")
    page.evaluate(f"() => {{ {lost} }}")
    open_page(page, site, "/other.html")
    use(page)
    assert settled(page, site) == ["page", "Consent Withdrawn"]


def test_a_refusal_taken_back_makes_another_visitor_at_once(page: Page, site: Site) -> None:
    open_page(page, site)
    page.evaluate("warmtrail.identify('ada'); warmtrail.consent(false)")
    open_page(page, site, "/other.html")
    page.evaluate("warmtrail.consent(true)")
    open_page(page, site)
    open_page(page, site, host=DOCS)
    site.wait_for(lambda: len(site.events("page")) == 4)
    first, *others = anonymous_ids(site)
    assert [event["properties"]["path"] for event in site.events("page")[1:]] == [
        "/other.html",
        "/basic.html",
        "/basic.html",
    ]
    assert len(set(others)) == 1
    assert first not in others
    assert all("userId" not in event for event in site.events("page")[1:])


def test_consent_that_nobody_asked_for_changes_nothing(page: Page, site: Site) -> None:
    open_page(page, site)
    page.evaluate("warmtrail.consent(true)")
    open_page(page, site, "/other.html")
    assert names(site).count("page") == 2
    assert len(set(anonymous_ids(site))) == 1


# ---------------------------------------------------------------------- consent="cookieless"

COOKIELESS = 'data-consent="cookieless"'


def test_cookieless_visitors_are_counted_without_any_key_or_id(page: Page, context: BrowserContext, site: Site) -> None:
    site.attributes = COOKIELESS
    for path, host in [("/basic.html", WWW), ("/other.html", WWW), ("/basic.html", DOCS)]:
        open_page(page, site, path, host)
        use(page)
        assert page.evaluate(KEPT) == []
    page.goto(site.at(WWW, "/plain.html"))
    site.wait_for(lambda: len(site.events("Page Engaged")) >= 3)
    assert {"page", "Page Engaged", "File Downloaded", "Link Clicked", "Form Submitted"} == set(names(site))
    assert len(site.events("File Downloaded")) == 3
    assert not any("anonymousId" in event or "userId" in event for event in site.events())
    assert [request["body"].get("cookieless") for request in site.requests] == [True] * len(site.requests)
    assert context.cookies() == []


def test_cookieless_is_said_in_no_other_mode(page: Page, site: Site) -> None:
    open_page(page, site)
    use(page)
    page.goto(site.at(WWW, "/plain.html"))
    assert "page" in settled(page, site)
    assert not any(request["body"].get("cookieless") for request in site.requests)


def test_cookieless_visitors_forget_an_id_that_was_kept_before(page: Page, context: BrowserContext, site: Site) -> None:
    open_page(page, site)
    page.evaluate("warmtrail.identify('ada')")
    site.attributes = COOKIELESS
    open_page(page, site, "/other.html")
    assert page.evaluate(KEPT) == []
    assert context.cookies() == []
    assert anonymous_ids(site)[1] is None
    assert "userId" not in site.events("page")[1]


def test_a_failure_of_the_collector_is_kept_in_memory_only(page: Page, site: Site) -> None:
    site.attributes = COOKIELESS
    site.answers = [(503, {"Retry-After": "1"})]
    open_page(page, site)
    site.wait_for(lambda: site.requests)
    page.evaluate("warmtrail.track('Later')")
    pause(page, 100)
    assert page.evaluate(KEPT) == []
    site.wait_for(lambda: site.events("Later", accepted=True))
    assert [event.get("event", event["type"]) for event in site.events(accepted=True)] == ["page", "Later"]
    assert page.evaluate(KEPT) == []


def test_consent_of_a_cookieless_visitor_begins_with_a_page_view_of_their_own(page: Page, site: Site) -> None:
    site.attributes = COOKIELESS
    open_page(page, site)
    page.evaluate("warmtrail.track('Before'); warmtrail.consent(true); warmtrail.track('After')")
    site.wait_for(lambda: site.events("After"))
    open_page(page, site, "/other.html")
    first, second, third = site.events("page")
    assert anonymous_ids(site, "Before") == [None]
    assert "anonymousId" not in first
    assert first["properties"]["view_id"] != second["properties"]["view_id"]
    assert second["properties"]["path"] == "/basic.html"
    assert second["anonymousId"] == third["anonymousId"] == anonymous_ids(site, "After")[0]
    view_ids = {event["properties"]["view_id"] for event in site.events() if event.get("anonymousId")}
    assert first["properties"]["view_id"] not in view_ids, "no event with an id tells who was there before"
    for request in site.requests:
        has_ids = {"anonymousId" in event for event in request["body"]["batch"]}
        assert len(has_ids) == 1, "no request tells either"
        assert bool(request["body"].get("cookieless")) is not has_ids.pop()


def test_a_cookieless_visitor_may_refuse_too(page: Page, site: Site) -> None:
    site.attributes = COOKIELESS
    open_page(page, site)
    page.evaluate("warmtrail.consent(false)")
    use(page)
    open_page(page, site, "/other.html")
    use(page)
    assert settled(page, site) == ["page", "Consent Withdrawn"]
    [withdrawn] = site.events("Consent Withdrawn")
    assert "anonymousId" not in withdrawn
    assert page.evaluate("document.cookie") == "_wt=0"


# ---------------------------------------------------------------------- Global Privacy Control, Do Not Track

GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })"
DNT = "Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1' })"
SIGNALS = [
    # the setting, whether GPC stops all, whether DNT does
    ("", True, True),
    ('data-respect="gpc dnt"', True, True),
    ('data-respect="dnt gpc"', True, True),
    ('data-respect="gpc"', True, False),
    ('data-respect="dnt"', False, True),
    ('data-respect="none"', False, False),
]


@pytest.mark.parametrize("signal", ["GPC", "DNT"])
@pytest.mark.parametrize(("attribute", "gpc", "dnt"), SIGNALS, ids=[row[0] or "default" for row in SIGNALS])
def test_a_signal_is_honoured_as_the_site_says(
    page: Page, context: BrowserContext, site: Site, attribute: str, gpc: bool, dnt: bool, signal: str
) -> None:
    site.attributes = attribute
    page.add_init_script(GPC if signal == "GPC" else DNT)
    open_page(page, site, "/early.html")
    page.evaluate("warmtrail.push(['consent', true], ['page'])")
    use(page)
    page.goto(site.at(WWW, "/plain.html"))
    stops = gpc if signal == "GPC" else dnt
    assert (settled(page, site) == []) is stops
    assert (page.evaluate(KEPT) == []) is stops
    assert (context.cookies() == []) is stops


@pytest.mark.parametrize("signal", ["globalPrivacyControl', { get: () => false", "doNotTrack', { get: () => '0'"])
def test_a_signal_that_is_off_is_none(page: Page, site: Site, signal: str) -> None:
    page.add_init_script(f"Object.defineProperty(Navigator.prototype, '{signal} }})")
    open_page(page, site)
    assert settled(page, site) == ["page"]


@pytest.mark.parametrize("signal", [GPC, DNT], ids=["GPC", "DNT"])
def test_a_signal_clears_what_was_kept_before_and_withdraws_nothing(
    page: Page, context: BrowserContext, site: Site, signal: str
) -> None:
    site.answers = [(503, {})] * 2
    open_page(page, site)
    page.evaluate("warmtrail.identify('ada')")
    page.wait_for_function("localStorage._wt_q")
    page.goto(site.at(WWW, "/plain.html"))
    sent = len(site.requests)
    page.add_init_script(signal)
    open_page(page, site, "/other.html")
    assert context.cookies() == []
    assert page.evaluate(KEPT) == []
    pause(page, 1200)
    assert len(site.requests) == sent


@pytest.mark.parametrize("answer", ["true", "false"])
def test_a_signal_is_answer_enough_and_nothing_is_kept_of_another_one(
    page: Page, context: BrowserContext, site: Site, answer: str
) -> None:
    page.add_init_script(GPC)
    open_page(page, site)
    page.evaluate(f"warmtrail.consent({answer})")
    open_page(page, site, "/other.html")
    assert settled(page, site) == []
    assert page.evaluate(KEPT) == []
    assert context.cookies() == []


def test_a_page_that_clears_its_storage_loses_nobody(page: Page, site: Site) -> None:
    open_page(page, site)
    page.evaluate("localStorage.clear(); sessionStorage.clear(); warmtrail.track('After')")
    page.evaluate("history.pushState({}, '', '/next')")
    site.wait_for(lambda: len(site.events("page")) == 2)
    open_page(page, site, "/other.html")
    assert len({event["anonymousId"] for event in site.events()}) == 1
    assert len(site.events("page")) == 3


# ---------------------------------------------------------------------- what is sent at all

VIEW = {"view_id", "url"}
SENT = {
    # event: its properties, everything beyond which would be news to docs/events.md
    "page": {*VIEW, "path", "search", "title", "referrer"},
    "Page Engaged": {*VIEW, "engaged_ms", "scroll_percent"},
    "File Downloaded": {*VIEW, "file_name", "extension"},
    "Link Clicked": VIEW,
    "Form Submitted": {*VIEW, "form_id", "form_name", "fields"},
    "Consent Withdrawn": VIEW,
    "Own": {*VIEW, "mine"},
    "identify": set(),
    "group": set(),
}
OF_EVENTS = {"type", "event", "messageId", "timestamp", "context", "anonymousId", "userId", "properties"}


def test_nothing_is_ever_sent_but_what_the_documentation_lists(page: Page, site: Site) -> None:
    open_page(page, site, "/basic.html?utm_source=news&gclid=1#secret-fragment")
    use(page)
    page.evaluate(
        "warmtrail.identify('ada', { email: 'ada@example.com' }); warmtrail.group('acme', { name: 'Acme' });"
        "warmtrail.track('Own', { mine: 1 }); warmtrail.page('Named'); setVisible(false); setVisible(true)"
    )
    page.locator("#quote button").click()
    page.wait_for_url("**/plain.html*")
    open_page(page, site, "/forms.html")
    page.locator("#order button").click()
    page.wait_for_url("**/plain.html*")
    open_page(page, site, "/other.html")
    page.evaluate("warmtrail.reset()")
    pause(page, 60)
    page.evaluate("warmtrail.consent(false)")
    site.wait_for(lambda: site.events("Consent Withdrawn"))

    assert set(names(site)) == set(SENT)
    for request in site.requests:
        assert set(request["body"]) - {"cookieless"} == {"writeKey", "sentAt", "batch"}
        assert request["body"].get("cookieless") in (None, False)
    for event in site.events():
        name = event.get("event", event["type"])
        more: dict[str, set[str]] = {"page": {"name"}, "identify": {"traits"}, "group": {"groupId", "traits"}}
        assert set(event) <= OF_EVENTS | more.get(name, set()), name
        assert set(event["context"]) <= {"locale", "timezone", "automation"}
        properties: dict[str, Any] = event.get("properties", {})
        assert set(properties) == SENT[name] or (name == "File Downloaded" and set(properties) <= SENT[name]), name
    everything = str(site.requests)
    assert "secret-fragment" not in everything
    assert "hunter2" not in everything
    assert "unmarked" not in everything
