"""What the command about the audit log says, in English and Chinese."""

from __future__ import annotations

from typing import Any, Final

from scorer.core.labels import Label, Language, pick

WORDS: Final = {
    "intact": Label(
        "chain intact, {lines} lines, {emptied} of them without their words. Head: {head}",
        "哈希链完整，共 {lines} 行，其中 {emptied} 行已清空内容。链尾：{head}",
    ),
    "written": Label("{lines} lines written to {path}.", "已将 {lines} 行写入 {path}。"),
    "emptied": Label("(taken out: the person is forgotten)", "（已清空：此人已被遗忘）"),
}


def word(name: str, language: Language, **parts: Any) -> str:
    """Return a text with its parts."""
    return pick(WORDS[name], language).format(**parts)
