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
    "held": Label("Backup {file} of {at} holds the person still, {goes}.", "{at} 的备份 {file} 仍含此人数据，{goes}。"),
    "until": Label("until {at}", "直至 {at}"),
    "no end": Label("until you delete it", "直至您将其删除"),
    "is not scored": Label("{lead} is not scored any more.", "{lead} 不再被评分。"),
    "may be scored": Label("{lead} is scored again.", "{lead} 重新被评分。"),
    "consent given": Label("{lead} agreed: {purpose}.", "{lead} 已同意：{purpose}。"),
    "consent withdrawn": Label("{lead} took its consent back: {purpose}.", "{lead} 已撤回同意：{purpose}。"),
    "outside": Label("Copies may still be in", "以下位置可能仍有副本："),
}


def word(name: str, language: Language, **parts: Any) -> str:
    """Return a text with its parts."""
    return pick(_WORDS[name], language).format(**parts)
