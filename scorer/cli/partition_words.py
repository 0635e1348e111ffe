"""The words around partitions on the terminal, in English and Chinese."""

from __future__ import annotations

from typing import Any, Final

from scorer.core.labels import Label, Language, pick

_WORDS: Final = {
    "partitions": Label("{count} partitions take events.", "{count} 个分区接收事件。"),
    "older": Label(
        "{waiting} entries are left in partitions from before the raise; they are processed first.",
        "扩容前的分区中还有 {waiting} 个条目，会先行处理。",
    ),
}


def word(name: str, language: Language, **parts: Any) -> str:
    """Return a text with its parts."""
    return pick(_WORDS[name], language).format(**parts)
