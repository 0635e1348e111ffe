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
from scorer.core.findings import NOTHING, Sign, Verdict, filled, sign
from scorer.core.labels import Label
from scorer.core.page_tags import PageText, SnippetTag
from scorer.core.page_words import (
    AND,
    ANSWERS,
    CONSENT,
    DURATIONS,
    FOUND,
    LINKS_TAG,
    NO_ANSWER_LIKE_A_COLLECTOR,
    NOT_FROZEN,
    PAGE_VIEW,
)
from tracker.core.origins import origin_allowed, shared_domain

QUIET_MS: Final = 2 * 86_400_000
"""After so long without an event a site is called quiet."""

_VERSION: Final = re.compile(rb"""version:\s*["']([\w.-]+)["']""")
_LOCAL: Final = re.compile(r"127\.|\[?::1|localhost$")
_SCRIPT_TYPES: Final = ("", "text/javascript", "application/javascript", "text/ecmascript", "application/ecmascript")
_HASHES: Final = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}


class Fetched(msgspec.Struct, frozen=True):
    """What came when an address was asked for."""

    url: str
    """After redirects."""
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    error: Label = NOTHING
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


def judge(page: Fetched, text: PageText, fetched: Mapping[str, Fetched], facts: Facts) -> Iterator[Sign]:
    """Yield what is right and wrong about *page*, the most basic first.

    *fetched* has what came from each tag's ``src`` and from each endpoint (see ``endpoint_of``), by the address asked for.
    """
    if page.error != NOTHING:
        yield _found("wrong", "page unreadable", url=page.url, error=page.error)
        return
    if page.status >= 400:
        yield _found("wrong", "page refused", url=page.url, status=page.status)
        return
    yield _found("good", "page read", url=page.url)
    tags = [tag for tag in text.tags if tag.key or b"warmtrail" in fetched[tag.src].body]
    if not tags:
        yield _missing(text)
        yield from (_heard(site, facts.now_ms) for site in facts.sites if site.name == facts.wanted)
        return
    if len(tags) > 1:
        if len({tag.key for tag in tags}) > 1:
            yield _found("wrong", "tags differ", count=len(tags))
        else:
            yield _found("note", "tags repeated", count=len(tags))
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


def _found(verdict: Verdict, name: str, /, **parts: object) -> Sign:
    return sign(FOUND, verdict, name, **parts)


def _missing(text: PageText) -> Sign:
    if text.tag_managers:
        managers = Label(AND.en.join(text.tag_managers), AND.zh.join(text.tag_managers))
        return _found("note", "no tag, but managers", managers=managers)
    return _found("wrong", "no tag")


def _script(tag: SnippetTag, page_url: str, script: Fetched, version: str) -> Iterator[Sign]:
    """Whether the browser loads and runs the file."""
    kind = tag.attributes.get("type", "").strip().lower()
    if kind == "module":
        yield _found("wrong", "a module")
    elif kind not in _SCRIPT_TYPES:
        yield _found("note", "another type", kind=kind)
    if page_url.startswith("https:") and tag.src.startswith("http:"):
        yield _found("wrong", "http in https", src=tag.src)
    if script.error != NOTHING or script.status != 200:
        came = script.error if script.error != NOTHING else filled(ANSWERS, status=script.status)
        yield _found("wrong", "script missing", src=tag.src, found=came)
        return
    if b"warmtrail" not in script.body:
        yield _found("wrong", "another script", src=tag.src)
        return
    found_version = _VERSION.search(script.body)
    served = found_version[1].decode() if found_version else Label("unknown", "未知")
    if version and served != version:
        yield _found("note", "script of another version", served=served, version=version)
    else:
        yield _found("good", "script loads", served=served)
    yield from _integrity(tag, page_url, script)


def _integrity(tag: SnippetTag, page_url: str, script: Fetched) -> Iterator[Sign]:
    """Whether the file passes the browser's check of its integrity hash."""
    wanted = [one.partition("?")[0] for one in tag.attributes.get("integrity", "").split()]
    known = [one for one in wanted if one.partition("-")[0] in _HASHES]
    if not known:
        if wanted:
            yield _found("wrong", "hash of no kind")
        return
    foreign = _origin_of(tag.src) != _origin_of(page_url)
    if foreign and "crossorigin" not in tag.attributes:
        yield _found("wrong", "hash without crossorigin")
    elif foreign and not {"*", _origin_of(page_url)} & set(script.header("access-control-allow-origin")):
        yield _found("wrong", "origin not allowed by script")
    strongest = max(one.partition("-")[0] for one in known)  # sha256, sha384, sha512 sort by strength
    served = base64.b64encode(_HASHES[strongest](script.body).digest()).decode()
    if f"{strongest}-{served}" not in known:
        yield _found("wrong", "hash wrong", more=NOTHING if tag.version_asked else NOT_FROZEN)
    elif not tag.version_asked:
        yield _found("note", "hash fits for now")
    else:
        yield _found("good", "hash fits")


def _key(tag: SnippetTag, site: KnownSite | None, facts: Facts) -> Iterator[Sign]:
    """Whose events these are."""
    if not tag.key:
        yield _found("wrong", "no key")
    elif tag.key.startswith("sk_"):
        yield _found("wrong", "secret key")
    elif site is None:
        yield _found("wrong", "unknown key", key=tag.key[:60])
    elif facts.wanted is not None and site.name != facts.wanted:
        yield _found("wrong", "another site's key", site=site.name, wanted=facts.wanted)
    else:
        yield _found("good", "key known", site=site.name)


def _allowed(tag: SnippetTag, policies: list[str], page_url: str, endpoint: str) -> Iterator[Sign]:
    """Whether the page's Content-Security-Policy lets the snippet load and send."""
    if not policies:
        yield _found("good", "no policy")
        return
    nonce, integrity = tag.attributes.get("nonce", ""), tag.attributes.get("integrity", "")
    stops = forbidding(policies, "script-src", tag.src, page_url, nonce=nonce, integrity=integrity)
    if stops:
        way = "without nonce" if "'strict-dynamic'" in stops.lower() else "by address"
        yield _found("wrong", f"policy stops script {way}", policy=stops[:200], origin=_origin_of(tag.src))
    silences = forbidding(policies, "connect-src", endpoint, page_url)
    if silences:
        yield _found("wrong", "policy silences", policy=silences[:200], origin=_origin_of(endpoint))
    if not stops and not silences:
        yield _found("good", "policy allows")


def _collector(tag: SnippetTag, page_url: str, endpoint: str, fetched: Mapping[str, Fetched]) -> Iterator[Sign]:
    """Whether somebody listens where the snippet sends to, and whether that is the page's own site."""
    answer = fetched.get(endpoint)
    if answer is not None and (answer.error != NOTHING or b"method_not_allowed" not in answer.body):
        answered = filled(NO_ANSWER_LIKE_A_COLLECTOR, status=answer.status)
        yield _found("wrong", "no collector", endpoint=endpoint, found=answered if answer.error == NOTHING else answer.error)
    if _LOCAL.match(_host_of(page_url)) and "data-local" not in tag.attributes:
        yield _found("wrong", "page on this machine")
    ours = _host_of(endpoint)
    if shared_domain(_host_of(page_url), ours) is not None:
        yield _found("good", "first-party", host=ours)
    else:
        yield _found("note", "third-party", host=ours)


def _origin(page_url: str, site: KnownSite) -> Iterator[Sign]:
    """Whether events of this page are taken."""
    origin = _origin_of(page_url)
    if not site.origins:
        yield _found("note", "any origin", site=site.name, origins=origin)
    elif origin_allowed(origin, site.origins):
        yield _found("good", "origin known", origin=origin)
    else:
        yield _found("wrong", "origin unknown", origin=origin, site=site.name, origins=",".join([*site.origins, origin]))


def _settings(tag: SnippetTag, site: KnownSite, linked: str | None) -> Iterator[Sign]:
    """Which consent it waits for, and whether the site's other settings reach it."""
    consent = tag.attributes.get("data-consent") or (str(site.told.get("consent", "")) if tag.is_short else "")
    consent = consent or "not-required"
    if consent not in CONSENT:
        yield _found("wrong", "no such consent", consent=consent, modes=", ".join(CONSENT))
    elif consent == "required":
        yield _found("note", "consent awaited", means=CONSENT[consent])
    else:
        yield _found("good", "consent", means=CONSENT[consent])
    for name, value in site.told.items():
        # Linked domains are told to a part of their own; with the short form it comes inside the file.
        given = tag.attributes.get(f"data-{name}") if name != "domains" else linked
        fits = given is not None and (name == "hash" or given == str(value))
        if name == "key" or fits or (tag.is_short and given is None):
            continue
        if given is not None:
            yield _found("note", "attribute wins", name=name, value=value)
            continue
        attribute = {"hash": "data-hash", "domains": LINKS_TAG}.get(name, f'data-{name}="{value}"')
        # The others change what is counted; these, whether something is sent that must not be, or to nobody.
        verdict: Verdict = "wrong" if name in ("consent", "respect", "path") else "note"
        yield _found(verdict, "setting does not arrive", name=name, value=value, attribute=attribute, site=site.name)


def _heard(site: KnownSite, now_ms: int) -> Sign:
    """When something of the site was last stored."""
    if site.last is None:
        return _found("note", "nothing heard", site=site.name)
    ago = now_ms - site.last.received_ms
    event = PAGE_VIEW if site.last.kind == "page" else site.last.name or site.last.kind
    if site.last.label:
        verdict: Verdict = "note"
        name = "heard, but filtered"
    else:
        verdict, name = ("note", "quiet") if ago > QUIET_MS else ("good", "heard")
    return _found(verdict, name, site=site.name, event=event, ago=_duration(ago), label=site.last.label)


def _duration(ms: int) -> Label:
    seconds = max(0, ms) // 1000
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return filled(DURATIONS[unit], n=seconds // size)
    return filled(DURATIONS["s"], n=seconds)


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = f":{parts.port}" if parts.port and parts.port != default else ""
    return f"{parts.scheme}://{_host_of(url)}{port}"


def _host_of(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host
