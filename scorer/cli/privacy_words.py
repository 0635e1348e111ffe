"""The words around a person's own data on the terminal, in English and Chinese."""

from __future__ import annotations

from typing import Any, Final

from scorer.core.labels import Label, Language, pick

_WORDS: Final = {
    "written": Label("{rows} rows written to {path}.", "已将 {rows} 行写入 {path}。"),
    "sure": Label(
        "Erase {leads} leads and {browsers} browsers for good?", "确定永久抹除 {leads} 条线索与 {browsers} 个浏览器的数据？"
    ),
    "erased": Label("Erased, {at}. Record {id}.", "已于 {at} 抹除，记录编号 {id}。"),
    "what": Label("what", "内容"),
    "rows": Label("rows", "行数"),
    "refused": Label("Refused events", "被拒收的事件"),
    "emptied": Label("{what} (emptied)", "{what}（仅清空内容）"),
    "outside": Label("Copies may still be in", "以下位置可能仍有副本："),
}


def word(name: str, language: Language, **parts: Any) -> str:
    """Return a text with its parts."""
    return pick(_WORDS[name], language).format(**parts)
