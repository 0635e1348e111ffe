"""The panel behind #wt-debug and #wt-opt-out: what it shows, and that the page does not feel it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tracker.core.refusals import STATUS

from .conftest import CONTROLS, USER_AGENT

STATIC = Path(__file__).parents[2] / "static"
PANEL = STATIC / "dist" / "snippet-panel.js"
SNIPPET = STATIC / "dist" / "snippet.js"
SITE = "https://www.halden.example"
COLLECTOR = "https://warmtrail.halden.example"
STRICT = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'none'"

WATCH = """
  window.violations = []; window.errors = [];
  addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective + ' ' + event.blockedURI));
  addEventListener('error', (event) => errors.push(event.message));
  addEventListener('unhandledrejection', (event) => errors.push('unhandled ' + event.reason));
"""

HTML = """<!doctype html>
<html lang="{lang}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
{before}
<p><a id="next" href="/pricing?plan=pro">Pricing</a> <a id="choices" href="#wt-opt-out">Privacy choices</a>
<form id="quote" action="/thanks"><input name="topic"><button>Send</button></form>
<p>{filler}
{scripts}
"""

Answer = tuple[int, dict[str, Any], dict[str, str]]
ACCEPTED: Answer = (200, {"success": True}, {})


@dataclass
class Shop:
    """A site and its collector, played by the browser's own network layer."""

    page: Page
    attributes: str = 'data-key="wk_test"'
    lang: str = "en"
    title: str = "Gateways"
    csp: str = ""
    before: str = ""  # a script that runs before the snippet
    collector: str = COLLECTOR
    copies: int = 1
    answers: list[Answer | None] = field(default_factory=list)  # None: the connection breaks
    sent: list[dict[str, Any]] = field(default_factory=list)
    loads: int = 0

    def answer(self, route: Route) -> None:
        request = route.request
        path = request.url.split("?")[0].split("//", 1)[1].partition("/")[2]
        free = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
        if path == "snippet.js":
            route.fulfill(path=SNIPPET, content_type="text/javascript", headers=free)
        elif path == "snippet-panel.js":
            self.loads += 1
            route.fulfill(path=PANEL, content_type="text/javascript", headers=free)
        elif path == "v1/batch":
            self.sent.append(json.loads(request.post_data or "{}"))
            answer = self.answers.pop(0) if self.answers else ACCEPTED
            if answer is None:
                return route.abort()
            status, body, headers = answer
            route.fulfill(status=status, json=body, headers={**free, **headers})
        elif path == "other":
            route.fulfill(body="the page's own")
        elif path == "gone":
            route.abort()
        elif path == "empty":
            route.fulfill(body="<!doctype html>", content_type="text/html")
        else:
            tag = f'<script async src="{self.collector}/snippet.js" {self.attributes}></script>'
            html = HTML.format(
                lang=self.lang,
                title=self.title,
                before=self.before and f"<script>{self.before}</script>",
                filler="More words. " * 400,
                scripts=tag * self.copies,
            )
            policy = {"Content-Security-Policy": self.csp} if self.csp else {}
            route.fulfill(body=html, content_type="text/html; charset=utf-8", headers=policy)
        return None

    def open(self, fragment: str = "#wt-debug", origin: str = SITE) -> Locator:
        self.page.goto(f"{origin}/products?utm_source=mail{fragment}")
        host = self.page.locator("wt-panel")
        if fragment:
            host.wait_for(state="attached")
        return host

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        batches = [event for body in self.sent for event in body["batch"]]
        return [event for event in batches if name in (None, event["type"], event.get("event"))]


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """One for all tests of this module: a new one for each takes longer than most of them."""
    context = browser.new_context(user_agent=USER_AGENT, locale="en-GB", reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=SITE)
    context.add_init_script(CONTROLS + WATCH)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(tab: Page) -> Page:
    tab.set_default_timeout(5000)
    tab.set_viewport_size({"width": 1280, "height": 720})
    tab.emulate_media(color_scheme="light")
    return tab


@pytest.fixture
def shop(page: Page) -> Iterator[Shop]:
    shop = Shop(page)
    page.route("**/*", shop.answer)
    page.goto(SITE + "/empty")
    page.evaluate("localStorage.clear(); sessionStorage.clear()")
    page.context.clear_cookies()
    yield shop
    page.unroute("**/*")


def message(page: Page, name: str) -> Locator:
    """The message with an event of this name."""
    return page.locator("wt-panel .message").filter(has=page.locator(".row", has_text=name))


def see(where: Locator, *texts: str) -> None:
    """Wait until all of it is there; the page itself looks at each frame, where expect() asks ever more rarely."""
    for text in texts:
        where.filter(has_text=text).wait_for()


def refused(reason: str) -> Answer:
    return (STATUS[reason], {"success": False, "reason": reason, "message": "in the collector's words"}, {})


# ---------------------------------------------------------------------- #wt-debug


def test_a_page_without_the_fragment_never_loads_the_panel(page: Page, shop: Shop) -> None:
    shop.open("")
    page.wait_for_function("window.warmtrail && warmtrail.version")
    page.wait_for_timeout(100)
    assert shop.loads == 0


def test_an_accepted_event_is_shown_with_all_of_it_behind_a_click(page: Page, shop: Shop) -> None:
    panel = shop.open()
    view = message(page, "Gateways")
    see(view, "Accepted")
    see(view, "200")
    see(view, "fetch · ")
    row = view.locator(".row")
    see(row, "page")
    see(row, "/products?utm_source=mail")
    row.click()
    [event] = shop.events("page")
    assert json.loads(view.locator("pre").inner_text()) == event
    row.click()
    expect(view.locator("pre")).to_be_hidden()
    expect(panel.locator(".tally")).to_have_text("1 accepted", use_inner_text=True)
    expect(panel.locator(".status")).to_have_text("Visits are observed.")
    state = panel.locator("dl").inner_text()
    for fact in ("0.1.0", "wk_test", COLLECTOR + "/v1/batch", "not required", event["anonymousId"]):
        assert fact in state


def test_each_kind_of_event_says_what_matters_about_it(page: Page, shop: Shop) -> None:
    panel = shop.open()
    message(page, "Gateways").wait_for()
    page.evaluate("""
      warmtrail.identify('ada', { email: 'ada@halden.example' });
      warmtrail.track('Page Engaged', { engaged_ms: 12340, scroll_percent: 40 });
      warmtrail.track('File Downloaded', { file_name: 'prices.pdf' });
    """)
    rows = message(page, "Page Engaged").locator(".row")
    for text in ("identifyadaemail", "12.3 s · 40 % · /products", "prices.pdf"):
        expect(rows.filter(has_text=text)).to_have_count(1)
    see(panel.locator("dl"), "12.3 s in this view")
    see(panel.locator("dl"), "ada")


ANSWERS: list[tuple[Answer, list[str]]] = [
    (refused("origin_not_allowed"), ["Refused", "403", f"The site does not list the origin {SITE}.", "origin_not_allowed"]),
    (refused("write_key_unknown"), ["Refused", "401", "No site has this write key.", "write_key_unknown"]),
    ((400, {"success": False, "reason": "moon_full", "message": "No wolves."}, {}), ["Refused", "No wolves. moon_full"]),
    ((404, {"error": "not found"}, {}), ["Strange answer", "404", "Are data-host and data-path right?"]),
    (ACCEPTED, ["Accepted", "200"]),
]


def test_every_answer_is_told_in_plain_words(page: Page, shop: Shop) -> None:
    panel = shop.open()
    see(message(page, "Gateways"), "Accepted")
    for number, (answer, words) in enumerate(ANSWERS):
        shop.answers = [answer]
        page.evaluate("(name) => warmtrail.track(name)", f"Case {number}")
        see(message(page, f"Case {number}"), *words)
    expect(panel.locator(".tally")).to_have_text("2 accepted 3 refused", use_inner_text=True)


def test_a_refused_event_among_accepted_ones_is_pointed_out(page: Page, shop: Shop) -> None:
    panel = shop.open()
    see(message(page, "Gateways"), "Accepted")
    shop.answers = [(200, {"success": True, "rejected": [{"index": 1, "reason": "url_invalid"}]}, {})]
    page.evaluate("warmtrail.track('Good'); warmtrail.track('Bad'); warmtrail.track('Fine')")
    see(message(page, "Bad"), "1 of 3 refused")
    events = message(page, "Bad").locator(".event")
    see(events.nth(1), "Its url is neither a web address nor a path. url_invalid")
    for other in (0, 2):
        expect(events.nth(other).locator(".why")).to_be_hidden()
    expect(panel.locator(".tally")).to_have_text("3 accepted 1 refused", use_inner_text=True)


def test_what_the_collector_cannot_take_now_waits_and_is_counted(page: Page, shop: Shop) -> None:
    shop.answers = [(503, {"success": False, "reason": "overloaded", "message": "Later."}, {"Retry-After": "60"})]
    panel = shop.open()
    see(message(page, "Gateways"), "Not taken now", "503", "Too many events wait in the collector.", "after 60 s")
    expect(panel.locator(".tally")).to_have_text("0 accepted 1 waiting", use_inner_text=True)
    see(panel.locator(".notes"), "They wait in this browser until")


def test_no_answer_names_the_likely_causes(page: Page, shop: Shop) -> None:
    shop.answers = [None]
    shop.open()
    see(message(page, "Gateways"), "No answer")
    see(message(page, "Gateways"), "An ad blocker stopped it, or the collector cannot be reached")


def test_a_content_security_policy_that_blocks_is_named_with_the_remedy(page: Page, shop: Shop) -> None:
    shop.csp = f"default-src 'self' {COLLECTOR}; connect-src 'self'"
    shop.open()
    see(message(page, "Gateways"), f"Add {COLLECTOR} to connect-src")


def test_a_beacon_is_shown_and_that_nobody_hears_its_answer(page: Page, shop: Shop) -> None:
    panel = shop.open()
    message(page, "Gateways").wait_for()
    page.evaluate("warmtrail.track('Last words'); setVisible(false)")
    leaving = message(page, "Last words")
    see(leaving, "Handed to the browser", "beacon · ", "Nobody can hear the answer")
    expect(panel.locator(".tally")).to_contain_text("unheard", use_inner_text=True)


SIGNAL = "Object.defineProperty(Navigator.prototype, '%s', { get: () => %s })"
GPC = SIGNAL % ("globalPrivacyControl", "true")
DNT = SIGNAL % ("doNotTrack", "'1'")
REFUSED = "localStorage._wt = JSON.stringify({ a: 0 }); document.cookie = '_wt=0'"


@pytest.mark.parametrize(
    ("attributes", "before", "origin", "words"),
    [
        ('data-key="wk_test"', GPC, SITE, "asks not to be tracked (Global Privacy Control)"),
        ('data-key="wk_test"', DNT, SITE, "asks not to be tracked (Do Not Track)"),
        (
            'data-key="wk_test" data-respect="dnt"',
            GPC + ";" + DNT,
            SITE,
            "tracked (Do Not Track), and the site honours that",
        ),
        ('data-key="wk_test"', "", "http://localhost", "this is localhost or a file"),
        ('data-key="wk_test" data-consent="required"', "", SITE, "consent is required and not given yet"),
        ('data-key="wk_test"', REFUSED, SITE, "this visitor has opted out"),
        ('data-key="wk_test"', "setVisible(false)", SITE, "the page is in the background"),
        ("", "", SITE, "the script tag has no data-key"),
    ],
    ids=["GPC", "DNT", "only DNT honoured", "local", "no consent yet", "opted out", "hidden", "no key"],
)
def test_if_nothing_is_sent_the_head_line_says_why(
    page: Page, shop: Shop, attributes: str, before: str, origin: str, words: str
) -> None:
    shop.attributes = attributes
    shop.before = before
    panel = shop.open(origin=origin)
    see(panel.locator(".status"), words)


def test_consent_given_in_the_meantime_changes_the_head_line(page: Page, shop: Shop) -> None:
    shop.attributes += ' data-consent="cookieless"'
    panel = shop.open()
    see(panel.locator(".status"), "without an id and without storage")
    page.evaluate("warmtrail.consent(true)")
    expect(panel.locator(".status")).to_have_text("Visits are observed.")
    see(panel.locator("dl"), "cookieless · given")


def test_what_may_surprise_is_noted(page: Page, shop: Shop) -> None:
    shop.copies = 2
    shop.attributes += ' data-respect="none"'
    shop.before = GPC + "; Object.defineProperty(Navigator.prototype, 'webdriver', { get: () => true })"
    panel = shop.open()
    see(panel.locator(".notes"), "on this page 2 times", "which this page ignores", "remote-controlled")


def test_messages_from_before_the_panel_was_open_are_counted(page: Page, shop: Shop) -> None:
    shop.open("")
    page.wait_for_function("window.warmtrail && warmtrail.version")
    page.wait_for_function("performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/v1/batch'))")
    page.evaluate("location.hash = 'wt-debug'")
    see(page.locator("wt-panel .notes"), "Messages sent before this panel was open: 1.")


def test_following_a_link_keeps_the_panel_and_what_was_sent_while_leaving(page: Page, shop: Shop) -> None:
    shop.open()
    message(page, "Gateways").wait_for()
    page.evaluate("warmtrail.track('Farewell')")
    page.locator("#next").click()
    page.wait_for_url(SITE + "/pricing?plan=pro#wt-debug")
    expect(message(page, "Gateways")).to_have_count(2)
    expect(message(page, "Farewell")).to_have_count(1)
    expect(page.locator("wt-panel h3")).to_have_text(["/pricing?plan=pro", "/products?utm_source=mail"])
    assert all("wt-debug" not in json.dumps(event) for event in shop.events())

    page.locator("#quote button").click()
    page.wait_for_url(SITE + "/thanks?topic=#wt-debug")
    expect(message(page, "Form Submitted")).to_have_count(1)


def test_a_link_that_the_page_handles_itself_is_left_alone(page: Page, shop: Shop) -> None:
    shop.open()
    message(page, "Gateways").wait_for()
    page.evaluate("""next.addEventListener('click', (event) => {
      event.preventDefault(); history.pushState({}, '', next.getAttribute('href')); })""")
    page.locator("#next").click()
    assert page.url == SITE + "/pricing?plan=pro"
    assert page.locator("#next").get_attribute("href") == "/pricing?plan=pro"
    expect(page.locator("wt-panel .status")).to_be_visible()


def test_the_page_s_own_requests_are_neither_touched_nor_shown(page: Page, shop: Shop) -> None:
    shop.open()
    message(page, "Gateways").wait_for()
    body = page.evaluate("fetch('/other', { method: 'POST', body: 'wk' }).then((answer) => answer.text())")
    assert body == "the page's own"
    assert page.evaluate("navigator.sendBeacon('/other', new Blob(['x']))") is True
    page.add_script_tag(content="fetch('/gone')")
    page.wait_for_function("errors.some((error) => error.includes('unhandled TypeError'))")
    assert page.evaluate("(() => { try { navigator.sendBeacon() } catch (error) { return error.name } })()") == "TypeError"
    expect(page.locator("wt-panel .message")).to_have_count(1)


def test_nothing_done_in_the_panel_counts_as_a_click(page: Page, shop: Shop) -> None:
    panel = shop.open()
    message(page, "Gateways").wait_for()
    for name in ("State", "Copy", "page"):
        panel.get_by_text(name, exact=True).first.click()
    panel.get_by_label("Fold or unfold").click()
    page.wait_for_timeout(120)
    assert shop.events("Link Clicked") == shop.events("File Downloaded") == shop.events("Form Submitted") == []


def test_copy_gives_all_as_json_and_clear_empties(page: Page, shop: Shop) -> None:
    panel = shop.open()
    see(message(page, "Gateways"), "Accepted")
    panel.get_by_role("button", name="Copy").click()
    expect(panel.get_by_role("button", name="Copied")).to_be_visible()
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert [(one["outcome"], one["status"], one["events"]) for one in copied["messages"]] == [
        ("accepted", 200, shop.events("page"))
    ]
    panel.get_by_role("button", name="Clear").click()
    expect(page.locator("wt-panel .message")).to_have_count(0)
    see(panel.locator(".empty"), "No message yet.")


def test_closing_leaves_nothing_behind_and_the_same_address_opens_it_again(page: Page, shop: Shop) -> None:
    panel = shop.open()
    message(page, "Gateways").wait_for()
    panel.get_by_label("Close").click()
    assert page.url == SITE + "/products?utm_source=mail"
    expect(panel.locator("section")).to_have_count(0)
    assert page.evaluate("sessionStorage.length") == 0
    assert "[native code]" in page.evaluate("fetch.toString() + navigator.sendBeacon.toString()")
    assert page.evaluate("fetch.toString()").count("{") == 1
    for _ in range(2):
        page.evaluate("location.hash = ''; location.hash = 'wt-debug'")
        page.wait_for_timeout(60)
    expect(page.locator("wt-panel section")).to_have_count(1)
    page.evaluate("warmtrail.track('Again')")
    expect(message(page, "Again")).to_have_count(1)


def test_a_page_that_throws_the_panel_out_gets_it_back(page: Page, shop: Shop) -> None:
    shop.open()
    message(page, "Gateways").wait_for()
    page.evaluate("document.querySelector('wt-panel').remove()")
    expect(message(page, "Gateways")).to_be_visible()


def test_what_comes_from_outside_is_text(page: Page, shop: Shop) -> None:
    evil = "<img src=x onerror=alert(1)>"
    shop.title = evil.replace("<", "&lt;")
    shop.answers = [(400, {"success": False, "reason": evil, "message": evil}, {})]
    panel = shop.open()
    see(message(page, evil), "Refused")
    page.evaluate("(name) => warmtrail.track(name, { file_name: name })", evil)
    page.locator("wt-panel .row", has_text="track").click()
    see(message(page, "track").locator("pre"), evil)
    expect(panel.locator("img")).to_have_count(0)
    assert page.evaluate("errors") == []


# ---------------------------------------------------------------------- #wt-opt-out


def test_a_visitor_opts_out_and_back_in(page: Page, shop: Shop) -> None:
    shop.open("")
    page.wait_for_function("localStorage._wt")
    visitor = json.loads(page.evaluate("localStorage._wt"))["a"]
    page.locator("#choices").click()
    dialog = page.get_by_role("dialog", name="Your visits to www.halden.example")
    see(dialog, "This site observes your visits.")
    see(dialog, "warmtrail.halden.example, and to nobody else.")

    dialog.get_by_role("button", name="Stop observing my visits").click()
    see(dialog, "Your visits are not observed, because you refused.")
    see(dialog, "Done. From now on your visits are not observed.")
    see(dialog, f"Earlier visits are filed under {visitor}.")
    assert str(json.loads(page.evaluate("localStorage._wt"))["a"]) == "0"
    assert page.evaluate("document.cookie") == "_wt=0"
    dialog.get_by_role("button", name="Close").click()
    page.wait_for_url(SITE + "/products?utm_source=mail")
    before = len(shop.events("page"))

    page.locator("#choices").click()
    see(dialog, "because you refused")
    dialog.get_by_role("button", name="Allow it").click()
    see(dialog, "This site observes your visits.")
    see(dialog, "Done. From now on your visits are observed.")
    page.wait_for_timeout(120)
    assert len(shop.events("page")) == before + 1
    assert json.loads(page.evaluate("localStorage._wt"))["a"] not in (0, "0", visitor)


@pytest.mark.parametrize(
    ("attributes", "before", "words", "button"),
    [
        ("", GPC, "because your browser asks not to be tracked (Global Privacy Control)", None),
        ("", DNT, "because your browser asks not to be tracked (Do Not Track)", None),
        ("", REFUSED, "because you refused", "Allow it"),
        ('data-consent="required"', "", "not observed unless you agree", "Allow it"),
        ('data-consent="cookieless"', "", "stores nothing in your browser", "Stop observing my visits"),
    ],
    ids=["GPC", "DNT", "refused", "consent required", "cookieless"],
)
def test_the_dialog_tells_the_present_state(
    page: Page, shop: Shop, attributes: str, before: str, words: str, button: str | None
) -> None:
    shop.attributes += " " + attributes
    shop.before = before
    dialog = shop.open("#wt-opt-out").locator("dialog")
    see(dialog.locator(".now"), words)
    expect(dialog.get_by_role("button")).to_have_text([button, "Close"] if button else ["Close"])
    heading = "Observed" if button == "Stop observing my visits" else "Would be observed"
    expect(dialog.locator("dt").first).to_have_text(heading)


def test_where_consent_is_required_a_refusal_leaves_nothing_stored(page: Page, shop: Shop) -> None:
    shop.attributes += ' data-consent="required"'
    dialog = shop.open("#wt-opt-out").locator("dialog")
    dialog.get_by_role("button", name="Allow it").click()
    see(dialog.locator(".now"), "This site observes your visits.")
    page.wait_for_function("localStorage._wt")
    dialog.get_by_role("button", name="Stop observing my visits").click()
    see(dialog.locator(".now"), "not observed unless you agree")
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_a_double_click_is_one_decision(page: Page, shop: Shop) -> None:
    dialog = shop.open("#wt-opt-out").locator("dialog")
    dialog.get_by_role("button", name="Stop observing my visits").dblclick()
    see(dialog, "because you refused")


def test_a_browser_without_storage_is_told_that_the_choice_is_fleeting(page: Page, shop: Shop) -> None:
    shop.before = """
      const blocked = { get() { throw new DOMException('blocked', 'SecurityError') }, set() { throw new Error() } };
      for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, blocked);
      Object.defineProperty(Document.prototype, 'cookie', blocked);
    """
    dialog = shop.open("#wt-opt-out").locator("dialog")
    dialog.get_by_role("button", name="Stop observing my visits").click()
    see(dialog.locator(".now"), "because you refused")
    see(dialog, "only until you leave the page")


def test_the_dialog_is_used_with_the_keyboard_alone(page: Page, shop: Shop) -> None:
    focused = "document.querySelector('wt-panel')?.shadowRoot.activeElement?.textContent"
    shop.open("")
    page.wait_for_function("window.warmtrail && warmtrail.version")
    page.locator("#choices").focus()
    page.keyboard.press("Enter")
    page.locator("wt-panel dialog").wait_for()
    assert page.evaluate(focused) == "Your visits to www.halden.example"
    seen = []
    for _ in range(2):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(focused))
    assert seen == ["Stop observing my visits", "Close"]
    page.keyboard.press("Shift+Tab")
    outline = "getComputedStyle(document.querySelector('wt-panel').shadowRoot.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate(focused).startswith("Done.")
    page.keyboard.press("Escape")
    page.wait_for_url(SITE + "/products?utm_source=mail")
    assert page.evaluate("document.activeElement.id") == "choices"


# ---------------------------------------------------------------------- both


def test_the_debug_panel_is_used_with_the_keyboard_alone(page: Page, shop: Shop) -> None:
    shop.open()
    see(message(page, "Gateways"), "Accepted")
    page.locator("#quote button").focus()
    seen = []
    for _ in range(6):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate("""() => { const node = document.activeElement.shadowRoot?.activeElement;
              return node && (node.getAttribute('aria-label') || node.className || node.textContent) }""")
        )
    assert seen == ["Fold or unfold", "Close", "State", "Copy", "Clear", "row"]
    page.keyboard.press("Enter")
    expect(page.locator("wt-panel pre")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("wt-panel .scroll")).to_be_hidden()
    expect(page.locator("wt-panel .status")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("wt-panel .scroll")).to_be_visible()


def test_the_two_may_be_open_together(page: Page, shop: Shop) -> None:
    panel = shop.open()
    message(page, "Gateways").wait_for()
    page.locator("#choices").click()
    panel.locator("dialog").get_by_role("button", name="Stop observing my visits").click()
    see(message(page, "Consent Withdrawn"), "beacon")
    page.keyboard.press("Escape")
    expect(panel.locator("dialog")).to_have_count(0)
    assert page.url.endswith("#wt-debug")
    see(panel.locator(".status"), "this visitor has opted out")


@pytest.mark.parametrize("fragment", ["#wt-debug", "#wt-opt-out"])
def test_a_strict_content_security_policy_is_kept(page: Page, shop: Shop, fragment: str) -> None:
    shop.csp = STRICT
    shop.collector = SITE
    panel = shop.open(fragment)
    panel.locator("button").first.wait_for()
    if fragment == "#wt-debug":
        see(message(page, "Gateways"), "Accepted")
        message(page, "Gateways").locator(".row").click()
    box = panel.locator("section, dialog").evaluate("(node) => getComputedStyle(node).borderRadius")
    assert box != "0px", "the style sheet is in force"
    assert page.evaluate("[violations, errors]") == [[], []]


def test_chinese_if_the_page_is(page: Page, shop: Shop) -> None:
    shop.lang = "zh-Hant"
    shop.answers = [refused("write_key_unknown")]
    panel = shop.open()
    expect(panel.locator(".status")).to_have_text("正在观察访问。")
    see(message(page, "Gateways"), "没有站点使用这个写入密钥。请核对 data-key。 write_key_unknown")


def test_chinese_if_the_browser_is(page: Page, shop: Shop) -> None:
    shop.before = SIGNAL % ("language", "'zh-CN'")
    dialog = shop.open("#wt-opt-out").locator("dialog")
    dialog.get_by_role("button", name="停止记录我的访问").click()
    see(dialog, "您的访问不会被记录，因为您已拒绝。")
    see(dialog, "已完成。从现在起不再记录您的访问。")


def test_every_refusal_has_words_in_both_languages() -> None:
    source = (STATIC / "panel.js").read_text()
    assert {reason: source.count(f"\n        {reason}: ") for reason in STATUS} == dict.fromkeys(STATUS, 2)


@pytest.mark.parametrize("fragment", ["#wt-debug", "#wt-opt-out"])
def test_a_phone_scrolls_nothing_sideways_and_the_page_does_not_move(page: Page, shop: Shop, fragment: str) -> None:
    page.set_viewport_size({"width": 375, "height": 700})
    size = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight, document.body.offsetTop]"
    shop.open("")
    before = page.evaluate(size)
    page.evaluate("(fragment) => location.hash = fragment", fragment)
    box = page.locator("wt-panel").locator("section, dialog")
    box.wait_for()
    if fragment == "#wt-debug":
        page.evaluate("warmtrail.track('W'.repeat(200), { file_name: 'x'.repeat(300) + '.pdf' })")
        page.locator("wt-panel .row", has_text="track").click()
    page.wait_for_timeout(250)
    assert page.evaluate(size) == before
    wide = """(box) => [box, ...box.querySelectorAll('*:not(.aside, svg, svg *)')].filter((node) => {
      const { left, right } = node.getBoundingClientRect();
      return left < -.5 || right > 375.5 }).map((node) => node.outerHTML)"""
    assert box.evaluate(wide) == []
    assert box.evaluate("(box) => [box, ...box.children].every((node) => node.scrollWidth <= node.clientWidth + 1)")
    small = "(box) => [...box.querySelectorAll('button')].filter((b) => b.offsetHeight && b.offsetHeight < 24).length"
    assert box.evaluate(small) == 0


CONTRAST = """(box) => {
  const rgb = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = (colour) => { const [r, g, b] = rgb(colour).map((v) => linear(v / 255));
    return .2126 * r + .7152 * g + .0722 * b };
  const ground = (node) => { const { backgroundColor: colour } = getComputedStyle(node);
    return rgb(colour)[3] === 0 ? ground(node.parentNode) : colour };
  const written = (node) => node.checkVisibility() &&
    [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  return [...box.querySelectorAll('*')].filter(written).map((node) => {
    const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
    return [node.className || node.localName, node.textContent.slice(0, 30), (a + .05) / (b + .05)] });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_in_light_and_dark(page: Page, shop: Shop, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    rejection = {"success": True, "rejected": [{"index": 0, "reason": "url_invalid"}]}
    panel = shop.open()
    message(page, "Gateways").wait_for()
    page.evaluate("warmtrail.track('Zero'); setVisible(false); setVisible(true)")
    message(page, "Zero").wait_for()
    busy: Answer = (503, {"reason": "overloaded"}, {"Retry-After": "9"})
    answers: dict[str, Answer] = {"One": (200, rejection, {}), "Two": busy}
    for name, answer in answers.items():
        shop.answers = [answer]
        page.evaluate("(name) => { warmtrail.track(name); warmtrail.track(name) }", name)
        see(message(page, name), str(answer[0]))
    page.locator("wt-panel .row").first.click()
    measured = panel.locator("section").evaluate(CONTRAST)
    page.locator("#choices").click()
    measured += panel.locator("dialog").evaluate(CONTRAST)
    assert len(measured) > 40
    assert [found for found in measured if found[2] < 4.5] == []
