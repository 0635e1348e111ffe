"""What a look at an installation finds, and what to do about it."""

from __future__ import annotations

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    verdict: Literal["good", "note", "wrong"]
    what: str
    mend: str = ""
    """What to do about it; empty when nothing is to be done."""
