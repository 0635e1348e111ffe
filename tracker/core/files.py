"""What a downloaded file is called: names as people read them, out of names as addresses spell them."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote, urlsplit

_EXTENSION: Final = re.compile(r"\.(\w{1,10})$", re.ASCII)
_LONGEST: Final = 300


def name_file(properties: dict[str, Any] | None, url: str) -> dict[str, Any] | None:
    """Return *properties* of a download with a readable ``file_name`` and ``extension``, or without where there is none.

    The name is that of the sender, else of *url*: its last segment, percent-escapes undone. The extension is that of the
    sender, else that of the name, in lower case.
    """
    given = properties or {}
    name = _last_segment(given.get("file_name")) or _last_segment(url)
    extension = given.get("extension")
    if not isinstance(extension, str) or not extension.strip("."):
        found = _EXTENSION.search(name)
        extension = found[1] if found else ""
    readable = {"file_name": name, "extension": extension.lower().lstrip(".")[:20]}
    rest = {key: value for key, value in given.items() if key not in readable}
    return rest | {key: value for key, value in readable.items() if value} or None


def _last_segment(value: Any) -> str:
    """Return the last part of a name, a path or an address; empty for anything else and for a folder."""
    if not isinstance(value, str):
        return ""
    if "://" in value:
        try:
            value = urlsplit(value).path
        except ValueError:  # no address after all
            return ""
    with suppress(UnicodeDecodeError):  # escapes of another encoding: shown as they stand
        value = unquote(value, errors="strict")
    if value in ("blob:", "data:"):  # all that is kept of an address that a page made up
        return ""
    return re.split(r"[/\\]", value)[-1].replace("\0", "").strip()[:_LONGEST]
