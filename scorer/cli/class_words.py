"""The words around classes and groups on the terminal, in English and Chinese."""

from __future__ import annotations

from typing import Final

from scorer.core.labels import Label, Language, pick

WORDS: Final[dict[str, Label]] = {
    "label": Label("label", "标签"),
    "by people": Label("by people", "人工"),
    "learned": Label("learned", "推断"),
    "group": Label("group", "群组"),
    "leads": Label("leads", "线索"),
    "won": Label("won", "成交"),
    "what": Label("what makes it different", "特点"),
    "no scheme": Label(
        "No lead has a label yet. Give one with: warmtrail classes label LEAD SCHEME LABEL",
        "还没有线索有标签。添加方法：warmtrail classes label 线索 分类体系 标签",
    ),
    "unsure": Label("Unsure of {n:,} leads.", "有 {n:,} 条线索无法判断。"),
    "is labelled": Label("{lead} is {label} in {scheme}.", "{lead} 在“{scheme}”中为 {label}。"),
    "is not labelled": Label("{lead} has no label in {scheme}.", "{lead} 在“{scheme}”中没有标签。"),
    "is imported": Label(
        "{rows:,} rows: {changed:,} labels changed, {refused:,} rows refused.",
        "共 {rows:,} 行：更改 {changed:,} 个标签，拒绝 {refused:,} 行。",
    ),
    "line": Label("line {line}: {reason}", "第 {line} 行：{reason}"),
    "and more": Label("and {n:,} more", "另有 {n:,} 行"),
    "no groups": Label(
        "Nobody has looked for groups yet. Do it with: warmtrail groups make",
        "还没有寻找过群组。方法：warmtrail groups make",
    ),
}


def word(name: str, language: Language, /, **parts: object) -> str:
    """Return a word or sentence in *language*, with its parts filled in.

    >>> word("unsure", "en", n=1200)
    'Unsure of 1,200 leads.'
    """
    text = pick(WORDS[name], language)
    return text.format(**parts) if parts else text
