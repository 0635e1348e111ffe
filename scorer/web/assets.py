"""Style, scripts and pictures of the page, served under addresses that change with their content and never else."""

from __future__ import annotations

import hashlib
import mimetypes
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import msgspec

PREFIX: Final = "/assets"
_KINDS: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class Asset(msgspec.Struct, frozen=True):
    """A file as it is served."""

    content: bytes
    media_type: str
    tag: str
    """Changes with the content."""


@cache
def assets() -> dict[str, Asset]:
    """Return all files below ``static/`` by their path there."""
    return dict(_read(files("scorer.web").joinpath("static"), ""))


def asset_url(name: str) -> str:
    """Return the address of a file that exists; raise ``KeyError`` for any other."""
    return f"{PREFIX}/{assets()[name].tag}/{name}"


def _read(folder: Traversable, before: str) -> list[tuple[str, Asset]]:
    found = []
    for item in folder.iterdir():
        name = before + item.name
        if item.is_dir():
            found += _read(item, f"{name}/")
        else:
            content = item.read_bytes()
            ending = name[name.rfind(".") :]
            kind = _KINDS.get(ending) or mimetypes.guess_type(name)[0] or "text/plain; charset=utf-8"
            found.append((name, Asset(content, kind, hashlib.sha256(content).hexdigest()[:12])))
    return found
