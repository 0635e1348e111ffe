"""What visitors and colleagues wrote, made fit for a line of a mail, a chat or a table."""

from __future__ import annotations

import re
from typing import Final

_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line and paragraph separators, halves of surrogate pairs."""
_UNSEEN: Final = re.compile(r"[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Marks of direction (UAX #9), and what has no width. Not the joiners: some letters and emoji are made by them."""
_MOVING: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Control characters but for tabs and ends of lines, separators, and what turns round the text that follows."""


def standing(text: str) -> str:
    """Return *text* without what a terminal obeys, what HTML has no place for, and what turns round other text (Trojan
    Source, CVE-2021-42574). Lines and tabs stay.

    >>> standing("a\\x1b[2Jb\\n\\tc\\u202ed")
    'a[2Jb\\n\\tcd'
    """
    return _MOVING.sub("", text)


def one_line(text: str, limit: int = 200) -> str:
    """Return *text* on one line of at most *limit* characters: nothing in it moves, hides or turns round other text.

    >>> one_line("Ada\\r\\nBcc: all\\u202e", 40), one_line("Ada\\n\\u202eLovelace ", 9)
    ('Ada Bcc: all', 'Ada Love…')
    """
    line = " ".join(_UNSEEN.sub("", _BREAKS.sub(" ", text)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
