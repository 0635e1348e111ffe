"""The snippet as it is served: file, compressed form, entity tag and integrity hash, read once."""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import lru_cache
from pathlib import Path

import msgspec


class Asset(msgspec.Struct, frozen=True):
    """One served file."""

    content: bytes
    compressed: bytes
    etag: str
    integrity: str
    """Value for the ``integrity`` attribute of a script tag."""


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
        content = path.read_bytes()
    except (OSError, ValueError):  # no such file, or a name that no file can have
        return None
    digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
    etag = hashlib.sha256(content).hexdigest()[:20]
    return Asset(content, gzip.compress(content, 9, mtime=0), etag, f"sha384-{digest}")
