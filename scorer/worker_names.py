"""What workers are called in Redis: unlike any other, and by the version of the program that they run."""

from __future__ import annotations

import uuid
from typing import Final

from tracker.assets import release

_UNKNOWN: Final = "unknown"


def new_worker_name() -> str:
    """Return a name that no other worker has."""
    return f"{uuid.uuid4().hex}@{present_version() or _UNKNOWN}"


def version_in(name: str) -> str:
    """Return the version that a worker's name tells of; empty where it tells none."""
    version = name.partition("@")[2]
    return "" if version == _UNKNOWN else version


def present_version() -> str:
    """Return this program's version; empty in a source tree in which nothing was built."""
    present = release()
    return present.version if present else ""
