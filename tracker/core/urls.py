"""What an address says: a clean page URL, its host, its campaign."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

MAX_URL = 2000
"""Characters of a URL that are kept."""

_CAMPAIGN_FIELDS: Final = {
    "utm_campaign": "name",
    "utm_source": "source",
    "utm_medium": "medium",
    "utm_term": "term",
    "utm_content": "content",
}
APP_SCHEME: Final = "android-app://"
"""What Android's browsers give as referrer when an app has opened the page; behind it stands the id of the app's package."""
_APP: Final = re.compile(
    rf"{APP_SCHEME}(?P<package>[a-z]\w*(?:\.[a-z]\w*)+)(?:[/?#].*)?", re.ASCII | re.IGNORECASE | re.DOTALL
)
_PLAIN: Final = re.compile(r"https?://[^/?:]|/(?!/)")
"""Begins the address of a page that has nothing to be taken off it, neither a fragment nor a name and a password."""
_MAX_PACKAGE: Final = 223
"""Characters of a package's id: Android installs none with a longer one."""
_CONTACT_SCHEMES: Final = ("mailto", "tel", "sms", "callto", "skype", "whatsapp", "weixin", "ftp")


def clean_url(url: str) -> str | None:
    """Return *url* without fragment, user name and password, cut to ``MAX_URL`` characters; ``None`` if it is no page's.

    A page's URL is http or https with a host, or a path that starts with a slash. A fragment that is a route of a script
    (``#/pricing``, ``#!/pricing``) names a page and stays.

    >>> clean_url("https://me:secret@shop.example/a?b=1#c")
    'https://shop.example/a?b=1'
    >>> clean_url("javascript:alert(1)") is None
    True
    """
    url = url.strip()
    if "#" not in url and "@" not in url and _PLAIN.match(url):
        # The common case by far; splitting costs five times as much.
        return url if len(url) <= MAX_URL else url[:MAX_URL].rstrip()
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    route = parts.fragment if parts.fragment.startswith(("/", "!/")) else ""
    if parts.scheme.lower() in ("http", "https") and host.strip() == host != "" and not host.startswith(":"):
        return urlunsplit((parts.scheme.lower(), host, parts.path, parts.query, route))[:MAX_URL].rstrip()
    if not parts.scheme and not parts.netloc and parts.path.startswith("/") and not parts.path.startswith("//"):
        return urlunsplit(("", "", parts.path, parts.query, route))[:MAX_URL].rstrip()
    return None


def clean_link(url: str) -> str | None:
    """Return the target of a link or download as it is kept; ``None`` if it is nothing a person would follow.

    Beside pages: addresses to write to or to call, and files that a page made itself (of which only the scheme is kept).

    >>> clean_link("mailto:sales@shop.example"), clean_link("blob:https://shop.example/1-2")
    ('mailto:sales@shop.example', 'blob:')
    """
    scheme, colon, _ = url.strip().partition(":")
    if colon and scheme.lower() in _CONTACT_SCHEMES:
        return url.strip()[:MAX_URL]
    if colon and scheme.lower() in ("blob", "data"):
        return f"{scheme.lower()}:"
    return clean_url(url)


def clean_referrer(url: str) -> str:
    """Return where a page was come from, as it is kept: a page's URL, or an Android app's; empty for anything else.

    Of an app only the id of its package stays, in lower case: what follows may be the address of somebody's search.

    >>> clean_referrer("android-app://com.google.android.gm/inbox?q=x"), clean_referrer("about:client")
    ('android-app://com.google.android.gm/', '')
    """
    if url.startswith("http"):
        return clean_url(url) or ""
    url = url.strip()
    if url[: len(APP_SCHEME)].lower() != APP_SCHEME:
        return clean_url(url) or ""
    found = _APP.fullmatch(url)
    return f"{APP_SCHEME}{found['package'].lower()}/" if found and len(found["package"]) <= _MAX_PACKAGE else ""


@lru_cache(maxsize=4096)
def campaign_of(url: str) -> tuple[tuple[str, str], ...]:
    """Return the campaign in a URL's ``utm_`` parameters as sorted ``(field, value)`` pairs; empty when there is none."""
    if "utm_" not in url:
        return ()
    try:
        query = urlsplit(url).query
    except ValueError:
        return ()
    found = {_CAMPAIGN_FIELDS[name]: value[:200] for name, value in parse_qsl(query) if name in _CAMPAIGN_FIELDS and value}
    return tuple(sorted(found.items()))


@lru_cache(maxsize=4096)
def host_of(url: str) -> str:
    """Return the lower-case host of *url* without ``www.``; empty when it has none."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.")
