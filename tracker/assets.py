"""The snippet as it is served: file, compressed form and entity tag, made once; with a site's settings inside or without."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

_NO_SETTINGS: Final = re.compile(rb"\(\{\}\)(;?\s*)\Z")
_NO_DOMAINS: Final = re.compile(rb"""\((?:""|'')\)(;?\s*)\Z""")
"""The ends of the built snippet and of its part for linked domains: calls whose one argument is what they are told."""


class Asset(msgspec.Struct, frozen=True):
    """One served file."""

    content: bytes
    compressed: bytes
    etag: str


class Frozen(msgspec.Struct, frozen=True):
    """A file that never changes."""

    file: str
    sha384: str
    """Value for the ``integrity`` attribute of a script tag."""


class Release(msgspec.Struct, frozen=True):
    """The version of the snippet that is built in, as its manifest tells it."""

    version: str
    file: str
    sha384: str
    links: Frozen | None = None
    """The part for linked domains."""


class BuildError(Exception):
    """The built snippet isn't what this program expects: it can't be told settings."""


def static_folder() -> Path:
    """Return the folder of the built snippet: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "static"
    return installed if installed.is_dir() else package.parent / "static"


@lru_cache
def snippet(file_name: str = "snippet.js") -> Asset | None:
    """Return the built snippet of this name, ``None`` if there is none (a version that never was)."""
    path = static_folder() / "dist" / file_name
    if path.parent != static_folder() / "dist":
        return None
    try:
        return _asset(path.read_bytes())
    except (OSError, ValueError):  # no such file, or a name that no file can have
        return None


def snippet_with(told: Mapping[str, str | int]) -> Asset | None:
    """Return the present snippet with its settings inside, ``None`` if it isn't built.

    With linked domains the part for these comes first. Raises ``BuildError`` for a build without a place for settings.
    """
    domains = told.get("domains")
    return _snippet_with(settings_literal(told), settings_literal(domains) if domains else "")


def settings_literal(told: Mapping[str, str | int] | str | int) -> str:
    """Return *told* as it stands in a script: JSON in ASCII, which no encoding of a page changes.

    Nothing in it ends a script element, should somebody put the file's text into a page.

    >>> settings_literal({"key": "wk_1", "strip": "</script>"})
    '{"key":"wk_1","strip":"\\\\u003c/script>"}'
    """
    return json.dumps(told, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")


# A site has one text at a time, and a changed one leaves its old behind: 500 take 4 MB at most.
@lru_cache(maxsize=500)
def _snippet_with(settings: str, domains: str) -> Asset | None:
    plain, links = snippet(), snippet("snippet-links.js")
    if plain is None or (domains and links is None):
        return None
    content = _told(plain.content, _NO_SETTINGS, settings)
    if domains and links is not None:
        content = _told(links.content, _NO_DOMAINS, domains) + content
    return _asset(content)


def _told(content: bytes, nothing: re.Pattern[bytes], literal: str) -> bytes:
    told, found = nothing.subn(lambda end: b"(" + literal.encode("ascii") + b")" + end[1], content)
    if not found:
        raise BuildError("a file in static/dist does not end in a call that can be told something")
    return told


def release() -> Release | None:
    """Return what the manifest says of the present version, ``None`` if there is none."""
    try:
        return msgspec.json.decode((static_folder() / "dist" / "manifest.json").read_bytes(), type=Release)
    except (OSError, msgspec.DecodeError):
        return None


def _asset(content: bytes) -> Asset:
    return Asset(content, gzip.compress(content, 9, mtime=0), hashlib.sha256(content).hexdigest()[:20])
