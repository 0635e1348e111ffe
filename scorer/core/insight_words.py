"""What deals and readings say of a lead, in words: why something is recommended, and what an expected value is told from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from scorer.core.labels import Label, Language, pick
from scorer.core.recommending import Recommendation, Who

_WHY: Final[dict[tuple[Who, bool], Label]] = {
    ("winners", True): Label(
        "{n} of {all} who bought after reading about {topic}{also} read this; {who} has not",
        "读过“{topic}”后成交的 {all} 位客户{also}中，有 {n} 位读过这项内容；{who}还没有读过",
    ),
    ("winners", False): Label(
        "{n} of {all} who bought{also} read this; {who} has not",
        "成交的 {all} 位客户{also}中，有 {n} 位读过这项内容；{who}还没有读过",
    ),
    ("further_on", True): Label(
        "Nobody has bought yet. {n} of {all} who are about to decide and read about {topic}{also} have read this; "
        "{who} has not",
        "尚无成交。处于决策阶段且读过“{topic}”的 {all} 条线索{also}中，有 {n} 条读过这项内容；{who}还没有读过",
    ),
    ("further_on", False): Label(
        "Nobody has bought yet. {n} of {all} who are about to decide{also} have read this; {who} has not",
        "尚无成交。处于决策阶段的 {all} 条线索{also}中，有 {n} 条读过这项内容；{who}还没有读过",
    ),
}
_ALSO: Final = {"stage": Label("as far on", "阶段相同"), "industry": Label("of the same industry", "行业相同")}
_SOMEBODY: Final = Label("this lead", "该线索")
_TRAITS: Final = {
    "topic": Label("the same interest", "关注主题相同"),
    "size": Label("companies of the same size", "公司规模相同"),
    "grade": Label("the same fit", "匹配等级相同"),
}


def why_recommended(one: Recommendation, topic: str, name: str, language: Language) -> str:
    """Return why something is shown to a lead; *topic* is the one in common in words, *name* the lead's (empty: unknown).

    >>> told = Recommendation("page", "/a", "A", "winners", 4, 6, 1.8, ("topic",), "pumps")
    >>> why_recommended(told, "pumps", "Ada", "en")
    '4 of 6 who bought after reading about pumps read this; Ada has not'
    """
    also = [pick(label, language) for trait, label in _ALSO.items() if trait in one.alike_in]
    brackets = ("（{}）", "，") if language == "zh" else (" ({})", ", ")
    return pick(_WHY[one.who, bool(one.topic)], language).format(
        n=one.readers,
        all=one.of,
        topic=topic,
        also=brackets[0].format(brackets[1].join(also)) if also else "",
        who=name or pick(_SOMEBODY, language),
    )


def traits_in_common(traits: Sequence[str], language: Language) -> str:
    """Return by what deals are like a lead, in words; empty for nothing.

    >>> traits_in_common(("topic", "size"), "en")
    'the same interest, companies of the same size'
    """
    return ("，" if language == "zh" else ", ").join(pick(_TRAITS[one], language) for one in traits)
