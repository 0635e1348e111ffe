"""Which names belong to one owner: the registrable domain of a host, by the public suffix list."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final

from publicsuffixlist import PublicSuffixList

MAX_HOST: Final = 253
"""Characters of a host name; a longer one is none."""

_HOST: Final = re.compile(r"[\w-]+(\.[\w-]+)*")
_IPV4: Final = re.compile(r"\d+(\.\d+){3}")


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str:
    """Return the part of *host* that somebody can register, in lower case; empty where there is none.

    None have addresses, single names (``localhost``) and public suffixes themselves. The list's private part counts: at
    ``github.io`` each name has an owner of its own.

    >>> registrable_domain("www.shop.example.co.uk"), registrable_domain("ada.github.io"), registrable_domain("10.0.0.1")
    ('example.co.uk', 'ada.github.io', '')
    """
    if len(host) > MAX_HOST or not _HOST.fullmatch(host) or _IPV4.fullmatch(host):
        return ""
    return _suffixes().privatesuffix(host.lower()) or ""


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
