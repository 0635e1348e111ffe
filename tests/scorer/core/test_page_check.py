"""A page is judged: each thing that may be wrong is found, named, and comes with its remedy; a good page has no fault."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from scorer.core.findings import Finding
from scorer.core.labels import Label
from scorer.core.page_check import Facts, Fetched, KnownSite, LastEvent, endpoint_of, judge
from scorer.core.page_tags import SnippetTag, read_page

NOW = 1_795_253_400_000
URL = "https://www.shop.example/"
T = "https://t.shop.example"
SCRIPT = b'(()=>{window.warmtrail={version:"0.1.0"}})({});'
OPEN = (("access-control-allow-origin", "*"),)
SHOP = KnownSite("shop", "wk_shop", ("https://www.shop.example",), {"key": "wk_shop"}, LastEvent("page", "", NOW, None))
BLOG = KnownSite("blog", "wk_blog", (), {"key": "wk_blog"}, None)
SHORT = f'<script async src="{T}/snippet.js?key=wk_shop"></script>'


def sha(kind: str = "sha384", content: bytes = SCRIPT) -> str:
    return f"{kind}-{base64.b64encode(hashlib.new(kind, content).digest()).decode()}"


def pinned(integrity: str, *, file: str = "snippet-0.1.0.js", more: str = 'crossorigin="anonymous"') -> str:
    return f'<script async src="{T}/{file}" integrity="{integrity}" {more} data-key="wk_shop"></script>'


def look(html: str = SHORT, **more: Any) -> list[Finding]:
    """The findings for a page, in English; what isn't said is in order."""
    site: KnownSite = more.get("site", SHOP)
    page = Fetched(more.get("url", URL), more.get("status", 200), more.get("headers", ()), html.encode())
    page = Fetched(page.url, error=Label(more["error"])) if "error" in more else page
    text = read_page(html, page.url)
    facts = Facts((site, BLOG), more.get("wanted"), "0.1.0", NOW)
    fetched = {tag.src: more.get("script", Fetched(tag.src, 200, OPEN, SCRIPT)) for tag in text.tags}
    answer = Fetched("", 405, (), b'{"reason":"method_not_allowed"}')
    fetched |= {endpoint_of(tag, facts.site_of(tag.key)): more.get("endpoint", answer) for tag in text.tags}
    return [sign.told("en") for sign in judge(page, text, fetched, facts)]


GOOD = [
    "https://www.shop.example/ can be read.",
    "The script loads: version 0.1.0.",
    "The tag's write key belongs to site 'shop'.",
    "No Content-Security-Policy stands in the way.",
    "t.shop.example is first-party here: visitors can be known again for thirteen months.",
    "The page's origin https://www.shop.example is one of the site's.",
    "Consent: Everybody is counted, but for those whose browser asks not to be.",
    "We see site 'shop': the last event (page view) came 0 s ago.",
]


@pytest.mark.parametrize(
    "html",
    [
        SHORT,
        f'<script src="{T}/snippet.js" data-key="wk_shop" type="text/javascript"></script>',
        f'<script src="{T}/snippet-0.1.0.js" data-key="wk_shop" data-consent="not-required"></script>',
    ],
)
def test_a_page_in_order_is_told_so(html: str) -> None:
    assert look(html) == [Finding("good", what) for what in GOOD]


def test_a_pinned_page_in_order_is_told_so() -> None:
    for integrity in (sha(), f"{sha('sha256', b'other')} {sha('sha512')}", f"{sha()} {sha(content=b'other')}"):
        found = look(pinned(integrity))
        assert {finding.verdict for finding in found} == {"good"}
        assert "The integrity hash fits the file served." in [finding.what for finding in found]


CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no page": ({"error": "no answer within 15 s"}, "wrong", "can't be read: no answer within 15 s"),
    "a page that is not there": ({"status": 404}, "wrong", "answers 404"),
    "no tag": ({"html": "<html>"}, "wrong", "no script tag of the snippet"),
    "no tag but a tag manager": (
        {"html": '<script src="https://www.googletagmanager.com/gtm.js?id=1"></script>'},
        "note",
        "no script tag of the snippet",
    ),
    "somebody else's snippet.js": (
        {"html": '<script src="/snippet.js"></script>', "script": Fetched("", 200, (), b"alert(1)")},
        "wrong",
        "no script tag of the snippet",
    ),
    "the tag twice": ({"html": SHORT * 2}, "note", "The page has 2 tags"),
    "two sites' tags": ({"html": SHORT + SHORT.replace("wk_shop", "wk_blog")}, "wrong", "with different keys"),
    "no key": ({"html": f'<script src="{T}/snippet.js"></script>'}, "wrong", "no write key"),
    "a frozen file is told no key by its address": (
        {"html": f'<script src="{T}/snippet-0.1.0.js?key=wk_shop"></script>'},
        "wrong",
        "no write key",
    ),
    "an unknown key": ({"html": SHORT.replace("wk_shop", "wk_sho")}, "wrong", "No site has the tag's write key 'wk_sho'"),
    "a secret key": ({"html": SHORT.replace("wk_shop", "sk_1")}, "wrong", "a server key, which is secret"),
    "another site's key": ({"wanted": "blog"}, "wrong", "belongs to site 'shop'"),
    "a module": ({"html": SHORT.replace("async", 'type="module"')}, "wrong", 'type="module"'),
    "a consent banner's type": ({"html": SHORT.replace("async", 'type="text/plain"')}, "note", 'type="text/plain"'),
    "http in https": ({"html": SHORT.replace("https://t", "http://t")}, "wrong", "browsers block it"),
    "no script": (
        {"script": Fetched("", 404)},
        "wrong",
        "can't be loaded: https://t.shop.example/snippet.js?key=wk_shop: an",
    ),
    "no server": ({"script": Fetched("", error=Label("refused"))}, "wrong", "can't be loaded"),
    "another file": ({"script": Fetched("", 200, OPEN, b"<html>")}, "wrong", "another file than the snippet"),
    "an old file": ({"script": Fetched("", 200, OPEN, SCRIPT.replace(b"0.1.0", b"0.0.9"))}, "note", "version 0.0.9"),
    "a wrong hash": ({"html": pinned(sha(content=b"other"))}, "wrong", "is not that of the file served"),
    "the weaker hash fits, the stronger doesn't": (
        {"html": pinned(f"{sha('sha256')} {sha('sha512', b'other')}")},
        "wrong",
        "is not that of the file served",
    ),
    "a hash of another kind": ({"html": pinned("md5-abc")}, "wrong", "of no known kind"),
    "a hash without crossorigin": ({"html": pinned(sha(), more="")}, "wrong", "without crossorigin"),
    "crossorigin and no leave": (
        {"html": pinned(sha()), "script": Fetched("", 200, (), SCRIPT)},
        "wrong",
        "doesn't allow the page's origin",
    ),
    "a hash of a file that changes": ({"html": pinned(sha(), file="snippet.js")}, "note", "this file changes"),
    "a policy against the script": (
        {"headers": (("Content-Security-Policy", "default-src *, script-src 'self'"),)},
        "wrong",
        "keeps the script from loading: script-src 'self'",
    ),
    "a policy against sending": (
        {"html": "<meta http-equiv=content-security-policy content=\"connect-src 'self'\">" + SHORT},
        "wrong",
        "keeps the snippet from sending: connect-src 'self'",
    ),
    "a policy that wants a nonce": (
        {"headers": (("content-security-policy", "script-src 'strict-dynamic' 'nonce-1'"),)},
        "wrong",
        "keeps the script from loading",
    ),
    "a proxy that passes on the script only": (
        {"endpoint": Fetched("", 404, (), b"<html>")},
        "wrong",
        "Events go nowhere: https://t.shop.example/v1/batch: answers 404",
    ),
    "a page on this machine": (
        {"url": "http://localhost:3000/"},
        "wrong",
        "on this machine, where the snippet does nothing",
    ),
    "a third party": ({"url": "https://www.other.example/"}, "note", "t.shop.example is another site than the page's"),
    "another origin": ({"url": "https://shop.example/"}, "wrong", "https://shop.example is none of the site's"),
    "any origin": ({"html": SHORT.replace("wk_shop", "wk_blog")}, "note", "pages of any origin"),
    "nothing heard": ({"html": SHORT.replace("wk_shop", "wk_blog")}, "note", "Nothing of site 'blog' is stored yet."),
    "an unknown consent": (
        {"html": SHORT.replace("async", 'data-consent="yes"')},
        "wrong",
        "There is no consent mode 'yes'",
    ),
    "consent required": ({"html": SHORT.replace("async", 'data-consent="required"')}, "note", "before the visitor agrees"),
}


@pytest.mark.parametrize(("given", "verdict", "what"), CASES.values(), ids=CASES)
def test_a_fault_is_found_and_comes_with_its_remedy(given: dict[str, Any], verdict: str, what: str) -> None:
    found = [finding for finding in look(**given) if what in finding.what]
    assert [finding.verdict for finding in found] == [verdict], look(**given)
    assert found[0].mend
    assert all(bool(finding.mend) is (finding.verdict != "good") for finding in look(**given))


TOLD = {"key": "wk_shop", "consent": "required", "idle": 60, "path": "/t/batch"}


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (SHORT, []),
        (
            f'<script src="{T}/snippet.js" data-key="wk_shop"></script>',
            [("wrong", "consent=required"), ("note", "idle=60"), ("wrong", "path=/t/batch")],
        ),
        (SHORT.replace("async", 'data-idle="60" data-consent="cookieless"'), [("note", "consent=required")]),
        (pinned(sha(), more='crossorigin data-consent="required" data-idle="60" data-path="/t/batch"'), []),
    ],
)
def test_settings_of_the_site_that_do_not_reach_the_tag_are_named(html: str, expected: list[tuple[str, str]]) -> None:
    site = KnownSite("shop", "wk_shop", SHOP.origins, TOLD, SHOP.last)
    found = [one for one in look(html, site=site) if "does not reach" in one.what]
    assert [(one.verdict, one.what.split()[3]) for one in found] == expected


@pytest.mark.parametrize(
    ("last", "verdict", "what"),
    [
        (LastEvent("page", "", NOW - 12_000, None), "good", "We see site 'shop': the last event (page view) came 12 s ago."),
        (LastEvent("track", "Page Engaged", NOW - 130_000, None), "good", "(Page Engaged) came 2 min ago."),
        (LastEvent("identify", "", NOW + 5, None), "good", "(identify) came 0 s ago."),
        (
            LastEvent("page", "", NOW - 5 * 86_400_000, None),
            "note",
            "has been quiet: the last event (page view) came 5 days",
        ),
        (LastEvent("page", "", NOW - 60_000, "bot"), "note", "came 60 s ago; it was filtered as bot."),
        (None, "note", "Nothing of site 'shop' is stored yet."),
    ],
)
def test_it_is_told_when_the_site_was_last_heard_of(last: LastEvent | None, verdict: str, what: str) -> None:
    found = look(site=KnownSite("shop", "wk_shop", SHOP.origins, SHOP.told, last))[-1]
    assert (found.verdict, what in found.what) == (verdict, True), found


def test_linked_domains_reach_the_page_by_a_tag_of_their_own() -> None:
    site = KnownSite("shop", "wk_shop", SHOP.origins, {"key": "wk_shop", "domains": "a.cn,b.cn"}, SHOP.last)
    tag = f'<script src="{T}/snippet.js" data-key="wk_shop"></script>'

    def missing(html: str) -> list[str]:
        return [one.what for one in look(html, site=site) if "does not reach" in one.what]

    links = f'<script src="{T}/snippet-links.js" data-domains="a.cn,b.cn"></script>'
    assert missing(links + tag) == missing(SHORT) == []
    assert missing(tag) == ["The site's setting domains=a.cn,b.cn does not reach this tag."]
    assert len(missing(links.replace(",b.cn", "") + tag)) == 1


def test_without_a_tag_the_site_asked_for_is_still_told_of() -> None:
    assert look("<html>", wanted="shop")[-1].what == GOOD[-1]


@pytest.mark.parametrize(
    ("src", "attributes", "expected"),
    [
        ("/snippet.js?key=wk_shop", {}, f"{T}/t/batch"),
        ("/snippet.js", {"data-key": "wk_shop"}, f"{T}/v1/batch"),
        ("/snippet.js", {"data-key": "wk_shop", "data-path": "/p"}, f"{T}/p"),
        ("/snippet.js?key=wk_shop", {"data-host": "https://c.example"}, "https://c.example/t/batch"),
        ("/snippet.js", {"data-host": "https://["}, f"{T}/snippet.js"),
    ],
)
def test_the_snippet_sends_to(src: str, attributes: dict[str, str], expected: str) -> None:
    site = KnownSite("shop", "wk_shop", (), TOLD, None)
    assert endpoint_of(SnippetTag(T + src, attributes), site) == expected
