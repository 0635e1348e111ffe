"""Judge a page by what a visitor's browser would make of it: whether the snippet in it loads, runs and is listened to."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urljoin, urlsplit

import msgspec

from scorer.core.csp import forbidding, split_policies
from scorer.core.findings import Finding
from scorer.core.page_tags import PageText, SnippetTag
from tracker.core.origins import origin_allowed, shared_domain

QUIET_MS: Final = 2 * 86_400_000
"""After so long without an event a site is called quiet."""

_VERSION: Final = re.compile(rb"""version:\s*["']([\w.-]+)["']""")
_LOCAL: Final = re.compile(r"127\.|\[?::1|localhost$")
_SCRIPT_TYPES: Final = ("", "text/javascript", "application/javascript", "text/ecmascript", "application/ecmascript")
_CONSENT: Final = {
    "not-required": "Everybody is counted, but for those whose browser asks not to be.",
    "required": "Nothing is sent or stored before the visitor agrees.",
    "cookieless": "Nothing is stored in the browser before the visitor agrees; until then, visits of one day hang together.",
}
_LOOK: Final = "open the page in a browser with #wt-debug at the end of its address."
_HASHES: Final = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}


class Fetched(msgspec.Struct, frozen=True):
    """What came when an address was asked for."""

    url: str
    """After redirects."""
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    error: str = ""
    """Why nothing came; empty when something did."""

    def header(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for given, value in self.headers if given.lower() == name]


class LastEvent(msgspec.Struct, frozen=True):
    """The event of a site that was stored last."""

    kind: str
    name: str
    received_ms: int
    label: str | None
    """Why it doesn't count, ``None`` if it does."""


class KnownSite(msgspec.Struct, frozen=True):
    """What the service knows of a site."""

    name: str
    write_key: str
    origins: tuple[str, ...]
    told: Mapping[str, str | int]
    """What the snippet is to be told (see ``tracker.snippet_settings``)."""
    last: LastEvent | None
    """``None`` while nothing is stored."""


class Facts(msgspec.Struct, frozen=True):
    """What else is needed to judge a page."""

    sites: tuple[KnownSite, ...]
    wanted: str | None
    """Name of the site that the page is said to be of, ``None`` if that wasn't said."""
    version: str
    """The present version of the snippet, empty where it isn't built."""
    now_ms: int

    def site_of(self, key: str) -> KnownSite | None:
        """Return the site with this write key."""
        return next((site for site in self.sites if site.write_key == key), None)


def endpoint_of(tag: SnippetTag, site: KnownSite | None) -> str:
    """Return the address to which the snippet in *tag* sends."""
    told = site.told if site is not None and tag.is_short else {}
    path = tag.attributes.get("data-path") or str(told.get("path", "/v1/batch"))
    try:
        return urljoin(tag.attributes.get("data-host") or tag.src, path)
    except ValueError:
        return tag.src


def judge(page: Fetched, text: PageText, fetched: Mapping[str, Fetched], facts: Facts) -> Iterator[Finding]:
    """Yield what is right and wrong about *page*, the most basic first.

    *fetched* has what came from each tag's ``src`` and from each endpoint (see ``endpoint_of``), by the address asked for.
    """
    if page.error:
        yield Finding("wrong", f"{page.url} can't be read: {page.error}", "Is the address right? Does it open in a browser?")
        return
    if page.status >= 400:
        yield Finding("wrong", f"{page.url} answers {page.status}.", "Name a page that opens in a browser without a login.")
        return
    yield Finding("good", f"{page.url} can be read.")
    tags = [tag for tag in text.tags if tag.key or b"warmtrail" in fetched[tag.src].body]
    if not tags:
        yield _missing(text)
        yield from (_heard(site, facts.now_ms) for site in facts.sites if site.name == facts.wanted)
        return
    if len(tags) > 1:
        if len({tag.key for tag in tags}) > 1:
            mend = "Keep one tag: the first that loads works, the others stand idle, and which is first may change."
            yield Finding("wrong", f"The page has {len(tags)} tags of the snippet, with different keys.", mend)
        else:
            mend = "Remove all but one; those that load later stand idle."
            yield Finding("note", f"The page has {len(tags)} tags of the snippet.", mend)
    policies = [*text.policies, *(one for value in page.header("content-security-policy") for one in split_policies(value))]
    for tag in tags:
        site = facts.site_of(tag.key)
        yield from _script(tag, page.url, fetched[tag.src], facts.version)
        yield from _key(tag, site, facts)
        yield from _allowed(tag, policies, page.url, endpoint_of(tag, site))
        yield from _collector(tag, page.url, endpoint_of(tag, site), fetched)
        if site is not None:
            yield from _origin(page.url, site)
            yield from _settings(tag, site, text.linked)
            yield _heard(site, facts.now_ms)


def _missing(text: PageText) -> Finding:
    what = "The page's text has no script tag of the snippet."
    if text.tag_managers:
        who = " and ".join(text.tag_managers)
        return Finding("note", what, f"{who} may insert it, which can't be seen from here: {_LOOK}")
    mend = f"Put it before </head>: warmtrail site show NAME prints it. If a script of the page inserts it, {_LOOK}"
    return Finding("wrong", what, mend)


def _script(tag: SnippetTag, page_url: str, script: Fetched, version: str) -> Iterator[Finding]:
    """Whether the browser loads and runs the file."""
    kind = tag.attributes.get("type", "").strip().lower()
    if kind == "module":
        yield Finding("wrong", 'The tag has type="module": the snippet can\'t find its settings.', "Remove the type.")
    elif kind not in _SCRIPT_TYPES:
        mend = "Right if a consent banner changes the type once the visitor agrees; else remove it."
        yield Finding("note", f'The tag has type="{kind}": browsers don\'t run it as it stands.', mend)
    if page_url.startswith("https:") and tag.src.startswith("http:"):
        yield Finding("wrong", f"{tag.src} is http in a page that is https: browsers block it.", "Write https.")
    if script.error or script.status != 200:
        found = script.error or f"answers {script.status}"
        mend = "Correct the address, or the proxy there."
        yield Finding("wrong", f"The script can't be loaded: {tag.src}: {found}.", mend)
        return
    if b"warmtrail" not in script.body:
        mend = "Correct the address, or let the proxy pass it on to the service."
        yield Finding("wrong", f"{tag.src} is another file than the snippet.", mend)
        return
    found_version = _VERSION.search(script.body)
    served = found_version[1].decode() if found_version else "unknown"
    if version and served != version:
        mend = f"This service has {version}. Fine if the page pins it; else some cache or proxy keeps an old file."
        yield Finding("note", f"The script loads: version {served}.", mend)
    else:
        yield Finding("good", f"The script loads: version {served}.")
    yield from _integrity(tag, page_url, script)


def _integrity(tag: SnippetTag, page_url: str, script: Fetched) -> Iterator[Finding]:
    """Whether the file passes the browser's check of its integrity hash."""
    wanted = [one.partition("?")[0] for one in tag.attributes.get("integrity", "").split()]
    known = [one for one in wanted if one.partition("-")[0] in _HASHES]
    if not known:
        if wanted:
            mend = "Copy it from: warmtrail site show NAME"
            yield Finding("wrong", "The tag's integrity hash is of no known kind: browsers ignore it.", mend)
        return
    foreign = _origin_of(tag.src) != _origin_of(page_url)
    if foreign and "crossorigin" not in tag.attributes:
        what = "The tag has an integrity hash without crossorigin: browsers block the script."
        yield Finding("wrong", what, 'Add crossorigin="anonymous".')
    elif foreign and not {"*", _origin_of(page_url)} & set(script.header("access-control-allow-origin")):
        mend = "The service sends Access-Control-Allow-Origin: *; some proxy takes it away."
        yield Finding("wrong", "The script's answer doesn't allow the page's origin, as crossorigin demands.", mend)
    strongest = max(one.partition("-")[0] for one in known)  # sha256, sha384, sha512 sort by strength
    served = base64.b64encode(_HASHES[strongest](script.body).digest()).decode()
    if f"{strongest}-{served}" not in known:
        mend = "Copy the pinned form from: warmtrail site show NAME"
        if not tag.version_asked:
            mend += ". A file that is not frozen by its version changes with settings and releases."
        yield Finding("wrong", "The integrity hash is not that of the file served: browsers block the script.", mend)
    elif not tag.version_asked:
        mend = "Pin snippet-<version>.js instead: warmtrail site show NAME"
        yield Finding("note", "The integrity hash fits, but this file changes with settings and releases.", mend)
    else:
        yield Finding("good", "The integrity hash fits the file served.")


def _key(tag: SnippetTag, site: KnownSite | None, facts: Facts) -> Iterator[Finding]:
    """Whose events these are."""
    if not tag.key:
        mend = 'Add data-key="wk_…"; warmtrail site show NAME prints the whole tag.'
        yield Finding("wrong", "The tag has no write key: nothing is sent.", mend)
    elif tag.key.startswith("sk_"):
        mend = "Take it out at once and put the write key (wk_…) there. Whoever has read it can send events in your name."
        yield Finding("wrong", "The tag holds a server key, which is secret.", mend)
    elif site is None:
        mend = "warmtrail site list shows the keys that are known. A copied key is easily cut off."
        yield Finding("wrong", f"No site has the tag's write key {tag.key[:60]!r}.", mend)
    elif facts.wanted is not None and site.name != facts.wanted:
        mend = f"Put the tag of site {facts.wanted!r} there: warmtrail site show {facts.wanted!r}"
        yield Finding("wrong", f"The tag's write key belongs to site {site.name!r}.", mend)
    else:
        yield Finding("good", f"The tag's write key belongs to site {site.name!r}.")


def _allowed(tag: SnippetTag, policies: list[str], page_url: str, endpoint: str) -> Iterator[Finding]:
    """Whether the page's Content-Security-Policy lets the snippet load and send."""
    if not policies:
        yield Finding("good", "No Content-Security-Policy stands in the way.")
        return
    nonce, integrity = tag.attributes.get("nonce", ""), tag.attributes.get("integrity", "")
    stops = forbidding(policies, "script-src", tag.src, page_url, nonce=nonce, integrity=integrity)
    if stops:
        mend = f"Add {_origin_of(tag.src)} to script-src."
        if "'strict-dynamic'" in stops.lower():
            mend = "Give the tag the nonce of the page's other scripts; with 'strict-dynamic', addresses don't count."
        yield Finding("wrong", f"The Content-Security-Policy keeps the script from loading: {stops[:200]}", mend)
    silences = forbidding(policies, "connect-src", endpoint, page_url)
    if silences:
        mend = f"Add {_origin_of(endpoint)} to connect-src."
        yield Finding("wrong", f"The Content-Security-Policy keeps the snippet from sending: {silences[:200]}", mend)
    if not stops and not silences:
        yield Finding("good", "The Content-Security-Policy lets the script load and send.")


def _collector(tag: SnippetTag, page_url: str, endpoint: str, fetched: Mapping[str, Fetched]) -> Iterator[Finding]:
    """Whether somebody listens where the snippet sends to, and whether that is the page's own site."""
    answer = fetched.get(endpoint)
    if answer is not None and (answer.error or b"method_not_allowed" not in answer.body):
        found = answer.error or f"answers {answer.status}, not as a collector does"
        mend = "Let the proxy pass this path on to the service, or correct data-host and data-path."
        yield Finding("wrong", f"Events go nowhere: {endpoint}: {found}.", mend)
    if _LOCAL.match(_host_of(page_url)) and "data-local" not in tag.attributes:
        mend = "Add data-local to the tag while you try it there."
        yield Finding("wrong", "The page is on this machine, where the snippet does nothing.", mend)
    ours = _host_of(endpoint)
    if shared_domain(_host_of(page_url), ours) is not None:
        yield Finding("good", f"{ours} is first-party here: visitors can be known again for thirteen months.")
    else:
        mend = "Give the service a name of the page's own domain: content blockers stop fewer such requests, and Safari"
        mend += " may then keep the visitor's id for longer than seven days."
        yield Finding("note", f"{ours} is another site than the page's.", mend)


def _origin(page_url: str, site: KnownSite) -> Iterator[Finding]:
    """Whether events of this page are taken."""
    origin = _origin_of(page_url)
    if not site.origins:
        mend = f"warmtrail site set {site.name!r} origins={origin}"
        yield Finding("note", "The site takes events from pages of any origin.", mend)
    elif origin_allowed(origin, site.origins):
        yield Finding("good", f"The page's origin {origin} is one of the site's.")
    else:
        mend = f"warmtrail site set {site.name!r} origins={','.join([*site.origins, origin])}"
        yield Finding("wrong", f"The page's origin {origin} is none of the site's: its events are refused.", mend)


def _settings(tag: SnippetTag, site: KnownSite, linked: str | None) -> Iterator[Finding]:
    """Which consent it waits for, and whether the site's other settings reach it."""
    consent = tag.attributes.get("data-consent") or (str(site.told.get("consent", "")) if tag.is_short else "")
    consent = consent or "not-required"
    if consent not in _CONSENT:
        mend = f"Write one of {', '.join(_CONSENT)}."
        yield Finding("wrong", f"There is no consent mode {consent!r}.", mend)
    elif consent == "required":
        mend = 'See that the page\'s consent banner calls warmtrail.push(["consent", true]).'
        yield Finding("note", f"Consent: {_CONSENT[consent]}", mend)
    else:
        yield Finding("good", f"Consent: {_CONSENT[consent]}")
    for name, value in site.told.items():
        # Linked domains are told to a part of their own; with the short form it comes inside the file.
        given = tag.attributes.get(f"data-{name}") if name != "domains" else linked
        fits = given is not None and (name == "hash" or given == str(value))
        if name == "key" or fits or (tag.is_short and given is None):
            continue
        what = f"The site's setting {name}={value} does not reach this tag"
        if given is not None:
            yield Finding("note", f"{what}: data-{name} wins.", "Remove the attribute if the site's setting shall count.")
            continue
        attribute = {"hash": "data-hash", "domains": "the tag of snippet-links.js"}.get(name, f'data-{name}="{value}"')
        mend = f"Add {attribute}, or use the short form: warmtrail site show {site.name!r}"
        # The others change what is counted; these, whether something is sent that must not be, or to nobody.
        yield Finding("wrong" if name in ("consent", "respect", "path") else "note", f"{what}.", mend)


def _heard(site: KnownSite, now_ms: int) -> Finding:
    """When something of the site was last stored."""
    if site.last is None:
        mend = "Open the page in a browser, wait a few seconds, and ask again."
        return Finding("note", f"Nothing of site {site.name!r} is stored yet.", mend)
    what = "page view" if site.last.kind == "page" else site.last.name or site.last.kind
    ago = now_ms - site.last.received_ms
    seen = f"the last event ({what}) came {_duration(ago)} ago"
    if site.last.label:
        mend = "docs/events.md says what is filtered and why."
        return Finding("note", f"We see site {site.name!r}: {seen}; it was filtered as {site.last.label}.", mend)
    if ago > QUIET_MS:
        mend = "Look in the browser's network panel whether the snippet still loads and sends."
        return Finding("note", f"Site {site.name!r} has been quiet: {seen}.", mend)
    return Finding("good", f"We see site {site.name!r}: {seen}.")


def _duration(ms: int) -> str:
    seconds = max(0, ms) // 1000
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = f":{parts.port}" if parts.port and parts.port != default else ""
    return f"{parts.scheme}://{_host_of(url)}{port}"


def _host_of(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host
