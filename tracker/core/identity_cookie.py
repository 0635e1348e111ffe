"""The cookie by which a first-party collector confirms the visitor's id that the snippet has chosen.

The snippet writes the same cookie itself. Safari keeps cookies that scripts have set for seven days only, and those that a
server of the same site has set for as long as they say.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from tracker.core.origins import host_name, shared_domain

NAME: Final = "_wt"
MAX_AGE_SECONDS: Final = 34_000_000
"""Thirteen months, as in the snippet."""

_ID: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
_SENT: Final = re.compile(rf"(?:^|;)[ \t]*{NAME}=([^;]*)")
_LONGEST: Final = 300
"""Characters of an origin or host that are looked at: what is remembered must stay small whoever asks."""


def identity_cookie(visitor: str, origin: str | None, host: str | None, cookies: str | None) -> str:
    """Return the value of ``Set-Cookie`` that keeps *visitor*; empty where none may be set.

    None may be set for another site's page (*origin* and *host* share no registrable domain), for an id that is not the
    snippet's, and where the browser shows by *cookies* that it has another id by now, or ``0``: its user has opted out.
    """
    if not origin or not host or len(origin) > _LONGEST or len(host) > _LONGEST or not _ID.fullmatch(visitor):
        return ""
    attributes = _attributes(origin, host)
    if not attributes or (cookies and any(sent.strip() != visitor for sent in _SENT.findall(cookies))):
        return ""
    return f"{NAME}={visitor}{attributes}"


@lru_cache(maxsize=4096)
def _attributes(origin: str, host: str) -> str:
    """Return the attributes of the cookie; empty where the page is not of the collector's own site.

    Remembered, since a site has a handful of origins and each request asks.
    """
    scheme, _, authority = origin.partition("://")
    if scheme not in ("http", "https") or not origin.isascii():
        return ""
    domain = shared_domain(host_name(authority), host_name(host))
    if domain is None:
        return ""
    where = f"; Domain={domain}" if domain else ""
    secure = "; Secure" if scheme == "https" else ""
    return f"{where}; Path=/; Max-Age={MAX_AGE_SECONDS}; SameSite=Lax{secure}"
