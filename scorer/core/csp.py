"""What a Content-Security-Policy lets a page load and send to, as far as the snippet is concerned.

Source: the matching algorithms of Content Security Policy Level 3 (W3C), sections 6.7.2 and 6.8.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit

Purpose = Literal["script-src", "connect-src"]

_ASKED: Final[dict[Purpose, tuple[str, ...]]] = {
    "script-src": ("script-src-elem", "script-src", "default-src"),
    "connect-src": ("connect-src", "default-src"),
}
"""The directives that decide, the first that there is."""

_HOST_SOURCE: Final = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<host>\*|(?:\*\.)?[^/:*]+)(?::(?P<port>\d+|\*))?(?P<path>/.*)?", re.IGNORECASE
)
_PORTS: Final = {"http": 80, "https": 443}


def split_policies(header: str) -> list[str]:
    """Return the policies in the value of a header, which may hold several."""
    return [policy.strip() for policy in header.split(",") if policy.strip()]


def forbidding(
    policies: Iterable[str], purpose: Purpose, url: str, page_url: str, *, nonce: str = "", integrity: str = ""
) -> str:
    """Return the directive that keeps a page from *url*, as it is written; empty where all policies let it.

    *nonce* and *integrity* are those of the script tag.

    >>> forbidding(["default-src 'self'; script-src *"], "connect-src", "https://b.example/v1", "https://a.example/")
    "default-src 'self'"
    """
    for policy in policies:
        directives: dict[str, list[str]] = {}
        for part in policy.split(";"):
            words = part.split()
            if words:
                directives.setdefault(words[0].lower(), words[1:])  # a repeated directive is ignored
        name = next((name for name in _ASKED[purpose] if name in directives), None)
        if name is not None and not _allows(directives[name], purpose, urlsplit(url), urlsplit(page_url), nonce, integrity):
            return " ".join([name, *directives[name]])
    return ""


def _allows(sources: list[str], purpose: Purpose, url: SplitResult, page: SplitResult, nonce: str, integrity: str) -> bool:
    lowered = [source.lower() for source in sources]
    if purpose == "script-src":
        if nonce and f"'nonce-{nonce}'" in sources:
            return True
        hashes = integrity.split()
        if hashes and all(f"'{one}'" in sources for one in hashes):
            return True
        if "'strict-dynamic'" in lowered:
            return False  # Then only nonces and hashes let a tag of the page itself.
    return any(_matches(source, url, page) for source in sources)


def _matches(source: str, url: SplitResult, page: SplitResult) -> bool:
    if source.lower() == "'self'":
        return _same_host(url, page) and _scheme_fits(page.scheme, url.scheme)
    if source.startswith("'"):
        return False
    if source == "*":
        return url.scheme in ("http", "https")
    if re.fullmatch(r"[a-z][a-z0-9+.-]*:", source, re.IGNORECASE):
        return _scheme_fits(source[:-1].lower(), url.scheme)
    found = _HOST_SOURCE.fullmatch(source)
    if found is None:
        return False
    scheme, host, port, path = found["scheme"], found["host"].lower(), found["port"], found["path"]
    return (
        _scheme_fits((scheme or page.scheme).lower(), url.scheme)
        and _host_fits(host, (url.hostname or "").lower())
        and _port_fits(port, url)
        and _path_fits(path, url.path or "/")
    )


def _same_host(url: SplitResult, page: SplitResult) -> bool:
    same_port = _port(url) == _port(page) or (_port(page) == 80 and _port(url) == 443)
    return url.hostname == page.hostname and same_port


def _scheme_fits(wanted: str, given: str) -> bool:
    return wanted == given or (wanted == "http" and given == "https")


def _host_fits(wanted: str, given: str) -> bool:
    if wanted == "*":
        return True
    return given.endswith(wanted[1:]) if wanted.startswith("*.") else given == wanted


def _port_fits(wanted: str | None, url: SplitResult) -> bool:
    if wanted is None:
        return _port(url) == _PORTS.get(url.scheme)
    return wanted == "*" or int(wanted) == _port(url) or (wanted == "80" and _port(url) == 443)


def _path_fits(wanted: str | None, given: str) -> bool:
    if wanted is None or wanted == "/":
        return True
    return given.startswith(wanted) if wanted.endswith("/") else given == wanted


def _port(url: SplitResult) -> int | None:
    return url.port or _PORTS.get(url.scheme)
