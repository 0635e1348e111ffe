"""What visitors and colleagues wrote, made fit for a line of a mail, a chat or a table."""

from __future__ import annotations

import re
from typing import Final

_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line and paragraph separators, halves of surrogate pairs."""
_UNSEEN: Final = re.compile(r"[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Marks of direction (UAX #9), and what has no width. Not the joiners: some letters and emoji are made by them."""


def one_line(text: str, limit: int = 200) -> str:
    """Return *text* on one line of at most *limit* characters: nothing in it moves, hides or turns round other text.

    >>> one_line("Ada\\r\\nBcc: all\\u202e", 40), one_line("Ada\\n\\u202eLovelace ", 9)
    ('Ada Bcc: all', 'Ada Love…')
    """
    line = " ".join(_UNSEEN.sub("", _BREAKS.sub(" ", text)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
