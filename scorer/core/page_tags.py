"""What the text of a page says about the snippet: its script tags, its policies, and who else may insert scripts."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final
from urllib.parse import parse_qs, urljoin, urlsplit

import msgspec

_FILE: Final = re.compile(r"/snippet(-\d+\.\d+\.\d+(?:-(?!panel\b|links\b)[\w.]+)?)?\.js$")
_LINKS_FILE: Final = re.compile(r"/snippet(-\d+\.\d+\.\d+(?:-[\w.]+)?)?-links\.js$")
_KEY: Final = re.compile(r"(wk|sk)_")
_NOT_RUN: Final = ("noscript", "template", "textarea")
_TAG_MANAGERS: Final = {
    "googletagmanager.com/gtm.js": "Google Tag Manager",
    "googletagmanager.com/ns.html": "Google Tag Manager",
    "tags.tiqcdn.com": "Tealium",
    "assets.adobedtm.com": "Adobe Experience Platform",
    "/container_": "Matomo Tag Manager",
    "commander1.com": "Commanders Act",
    "ensighten.com": "Ensighten",
    "piwik.pro": "Piwik PRO",
}


class SnippetTag(msgspec.Struct, frozen=True):
    """A script tag that seems to be the snippet's."""

    src: str
    """Absolute."""
    attributes: dict[str, str]

    @property
    def is_short(self) -> bool:
        """Whether the file comes with the site's settings inside: no frozen one, and asked for with a key."""
        return not self.version_asked and bool(_key_asked(self.src))

    @property
    def key(self) -> str:
        """The key that it sends with, empty for none. That of the attribute wins; a frozen file is told none."""
        return self.attributes.get("data-key") or (_key_asked(self.src) if self.is_short else "")

    @property
    def version_asked(self) -> str:
        """The version that its address names, empty for the present one."""
        found = _FILE.search(urlsplit(self.src).path)
        return found[1].removeprefix("-") if found and found[1] else ""


class PageText(msgspec.Struct, frozen=True):
    """What was found in a page."""

    tags: list[SnippetTag]
    policies: list[str]
    """Those of its meta elements."""
    tag_managers: list[str]
    """Names of programs in the page that insert scripts."""
    linked: str | None
    """What the tag of the part for linked domains is told; ``None`` if there is no such tag."""


def read_page(text: str, url: str) -> PageText:
    """Return what the page *text* at *url* says."""
    reader = _Reader(url)
    try:
        reader.feed(text)
        reader.close()
    except AssertionError:
        pass  # Python's parser gives up on some broken declarations; what came before them counts.
    managers = [name for mark, name in _TAG_MANAGERS.items() if mark in text]
    return PageText(reader.tags, reader.policies, list(dict.fromkeys(managers)), reader.linked)


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[SnippetTag] = []
        self.policies: list[str] = []
        self.linked: str | None = None
        self._base = url
        self._based = False
        self._not_run = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes: dict[str, str] = {}
        for name, value in attrs:
            attributes.setdefault(name, value or "")
        if tag in _NOT_RUN:
            self._not_run += 1
        elif tag == "base" and not self._based and "href" in attributes:
            self._base, self._based = _joined(self._base, attributes["href"]), True
        elif tag == "meta" and attributes.get("http-equiv", "").strip().lower() == "content-security-policy":
            self.policies.append(attributes.get("content", ""))
        elif tag == "script" and not self._not_run and attributes.get("src", "").strip():
            src = _joined(self._base, attributes["src"].strip())
            if _LINKS_FILE.search(urlsplit(src).path):
                self.linked = attributes.get("data-domains", "")
            elif (
                _FILE.search(urlsplit(src).path) or _KEY.match(attributes.get("data-key", "")) or _KEY.match(_key_asked(src))
            ):
                # A proxy may have renamed the file; the key says whose it is.
                self.tags.append(SnippetTag(src, attributes))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)  # HTML knows no empty script or template: the slash means nothing.

    def handle_endtag(self, tag: str) -> None:
        if tag in _NOT_RUN and self._not_run:
            self._not_run -= 1


def _key_asked(src: str) -> str:
    return parse_qs(urlsplit(src).query).get("key", [""])[0]


def _joined(base: str, address: str) -> str:
    try:
        joined = urljoin(base, address)
        urlsplit(joined).port  # noqa: B018  # raises for a port that is none
    except ValueError:
        return base
    return joined
