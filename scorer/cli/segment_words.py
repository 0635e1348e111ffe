"""The words around segments on the terminal, in English and Chinese."""

from __future__ import annotations

from typing import Final

from scorer.core.labels import Language

WORDS: Final[dict[str, tuple[str, str]]] = {
    "number": ("no.", "编号"),
    "name": ("name", "名称"),
    "level": ("level", "层级"),
    "leads": ("leads", "线索"),
    "hot": ("hot", "热"),
    "warm": ("warm", "温"),
    "region": ("region", "地区"),
    "group": ("group", "群体"),
    "organisation": ("organisation", "组织"),
    "person": ("person", "个人"),
    "is segment": (
        "{name} is segment {id}: {leads:,} leads now, {hot:,} hot.",
        "{name} 是第 {id} 号分组：现有 {leads:,} 条线索，其中 {hot:,} 条热门。",
    ),
    "segment and level": ("{name} is segment {id}, on the level {level}.", "{name} 是第 {id} 号分组，层级：{level}。"),
    "counts": ("{leads:,} leads now, {hot:,} hot, {warm:,} warm", "现有 {leads:,} 条线索：{hot:,} 条热，{warm:,} 条温"),
    "no segment": (
        "No segment yet. Make one with: warmtrail segment add NAME --where JSON",
        "还没有分组。创建方法：warmtrail segment add 名称 --where JSON",
    ),
    "is gone": ("{name} is gone; its leads are not.", "{name} 已删除，其线索不受影响。"),
}


def word(name: str, language: Language, /, **parts: object) -> str:
    """Return a word or sentence in *language*, with its parts filled in.

    >>> word("is gone", "en", name="Hot")
    'Hot is gone; its leads are not.'
    """
    text = WORDS[name][language == "zh"]
    return text.format(**parts) if parts else text
