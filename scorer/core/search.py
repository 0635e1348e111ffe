"""The words by which a lead is found: what is kept of its texts, and when a search finds them.

A search finds a lead when each of its words begins one of the lead's. Case and accents don't count. Chinese, Japanese and
Korean are written without spaces, so that of a run of such letters every end is a word, and any part of it is found.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

MAX_WORDS: Final = 60
"""Words kept of a lead."""
MAX_WORD: Final = 40
"""Letters kept of a word, and looked at of a word that is searched for."""
MAX_SOUGHT: Final = 6
"""Words looked at of a search."""
AFTER_ALL: Final = "\U0010ffff"
"""Sorts after everything: what begins with ``x`` lies from ``x`` up to ``x`` with this behind it, by code point."""

_WORD: Final = re.compile(r"[^\W_]+")
# Kana, Han with its extensions, and Hangul, of which decomposing has left the single letters.
_WITHOUT_SPACES: Final = re.compile(
    "[\u1100-\u11ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]{2,}"
)


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """Return the words that are kept of a lead's texts; of very many the first.

    >>> sorted(words_of(["Zoë O'Neil", "zoe@halden.example", "华东电机"]))
    ['example', 'halden', 'neil', 'o', "o'neil", 'zoe', 'zoe@halden.example', '东电机', '华东电机', '机', '电机']
    """
    found: dict[str, None] = {}
    for text in texts:
        for word in _words(text):
            found.setdefault(word[:MAX_WORD])
            if len(found) == MAX_WORDS:
                return frozenset(found)
    return frozenset(found)


def sought(search: str) -> tuple[str, ...]:
    """Return the words of a search; of very many the first.

    >>> sought("  Müller @Halden ")
    ('muller', '@halden')
    """
    return tuple(dict.fromkeys(part[:MAX_WORD] for part in _plain(search).split()))[:MAX_SOUGHT]


def finds(wanted: Iterable[str], words: Iterable[str]) -> bool:
    """Whether each of the *wanted* words begins one of the *words*."""
    kept = list(words)
    return all(any(word.startswith(one) for word in kept) for one in wanted)


def _words(text: str) -> Iterator[str]:
    for part in _plain(text).split():
        yield part
        for match in _WORD.finditer(part):
            yield match[0]
            for run in _WITHOUT_SPACES.finditer(match[0]):
                yield from (run[0][start:] for start in range(len(run[0])))


def _plain(text: str) -> str:
    """Small letters without accents, in one of their ways of being written, and nothing that can't be stored."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in apart if unicodedata.category(one) not in ("Mn", "Cc", "Cs", "Cf") or one.isspace())
