"""What was found out about classes and groups, in sentences that say how far it is to be believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from scorer.core.classifying import MIN_CLASSES, MIN_EXAMPLES, ClassJudgement, learnable
from scorer.core.formats import count_text, percent_text
from scorer.core.grouping import MIN_LEADS, GroupModel
from scorer.core.labels import Label, Language, pick
from scorer.core.proportions import Rate

_WORDS: Final[Mapping[str, Label]] = {
    "tells": Label(
        "Of leads it hadn't learned from, it classes {share}, and {right} of these rightly (between {low} and {high}, 19 "
        "times in 20); always saying “{commonest}” would be right about {majority}. It keeps silent about the others.",
        "对未参与学习的线索，模型会判断其中 {share}，判断正确率为 {right}（20 次中有 19 次在 {low} 到 {high} 之间）；"
        "若一律回答“{commonest}”，正确率为 {majority}。其余线索不作判断。",
    ),
    "no_better": Label(
        "It tells nothing: on leads it hadn't learned from it is right in {all}, which is not better than always saying the "
        "commonest, “{commonest}” ({majority}). More labels may help; or what leads do doesn't show what they are.",
        "模型不作任何判断：对未参与学习的线索，其正确率为 {all}，并不比一律回答最常见的“{commonest}”（{majority}）更好。"
        "增加标签或许有帮助；也可能线索的行为本身看不出类别。",
    ),
    "unsure": Label(
        "It tells nothing yet: it is better than always saying “{commonest}”, but can't be right in four of five cases "
        "about enough leads ({all} right in all, against {majority}). More labels will help.",
        "模型暂不作判断：虽然比一律回答“{commonest}”更好，但尚不能对足够多的线索做到五次中对四次"
        "（总正确率 {all}，对照 {majority}）。增加标签会有帮助。",
    ),
    "few": Label(
        "It can be learned once two labels have {least} leads each; {ready} have.",
        "当两个标签各有 {least} 条线索时即可学习；目前有 {ready} 个标签达到。",
    ),
    "waits": Label("There are enough labels; it has not been learned yet.", "标签已足够，尚未学习。"),
    "left out": Label("Too rare to be learned: {names}.", "样本太少，未参与学习：{names}。"),
    "examples": Label("Learned from {examples} labelled leads.", "学习自 {examples} 条已标注的线索。"),
    "groups": Label(
        "{groups} groups among {leads} leads. How clear they are: {silhouette} (leads without groups: {chance} at most; 1 "
        "is the clearest). Made from two halves, they agree by {stability}.",
        "在 {leads} 条线索中找到 {groups} 个群组。清晰度：{silhouette}（无群组时最多 {chance}；1 为最清晰）。"
        "用两半数据分别划分，一致程度为 {stability}。",
    ),
    "no_clear": Label(
        "No clear groups among {leads} leads: they differ by degrees, and any border would be made up.",
        "{leads} 条线索中没有清晰的群组：差异是渐变的，任何界线都是人为的。",
    ),
    "too_few": Label(
        "Groups are looked for among {least} leads or more that have looked at a page; there are {leads}.",
        "浏览过页面的线索达到 {least} 条后才会寻找群组；目前有 {leads} 条。",
    ),
}


def told_judgement(judgement: ClassJudgement, language: Language) -> str:
    """How far a scheme's model is to be believed, in a sentence or two."""
    words = {
        "share": percent_text(judgement.told.of / judgement.examples),
        "right": _share(judgement.told),
        "low": percent_text(judgement.told.low or 0.0),
        "high": percent_text(judgement.told.high or 0.0),
        "all": _share(judgement.accuracy),
        "commonest": judgement.commonest,
        "majority": _share(judgement.told_majority if judgement.verdict == "tells" else judgement.majority),
    }
    return _filled(judgement.verdict, language, **words)


def told_examples(judgement: ClassJudgement, language: Language) -> str:
    """From how much it was learned, and what was left out."""
    parts = [_filled("examples", language, examples=count_text(judgement.examples))]
    if judgement.left_out:
        names = ("、" if language == "zh" else ", ").join(judgement.left_out)
        parts.append(_filled("left out", language, names=names))
    return ("" if language == "zh" else " ").join(parts)


def told_missing(labels: Mapping[str, int], language: Language) -> str:
    """What a scheme that wasn't learned needs."""
    ready = len(learnable(labels)[0])
    if ready >= MIN_CLASSES:
        return _filled("waits", language)
    return _filled("few", language, least=str(MIN_EXAMPLES), ready=str(ready))


def told_groups(model: GroupModel, language: Language) -> str:
    """What came of looking for groups."""
    figures = {
        name: "–" if value is None else f"{value:.2f}"
        for name, value in (
            ("silhouette", model.silhouette),
            ("chance", model.chance_silhouette),
            ("stability", model.stability),
        )
    }
    counts = {"groups": str(len(model.groups)), "leads": count_text(model.leads), "least": str(MIN_LEADS)}
    return _filled(model.verdict, language, **figures, **counts)


def _share(rate: Rate) -> str:
    return percent_text(rate.rate or 0.0)


def _filled(name: str, language: Language, **words: str) -> str:
    # Not by format: a label may have braces in it.
    parts = pick(_WORDS[name], language).split("{")
    return parts[0] + "".join(words[word] + rest for word, _, rest in (part.partition("}") for part in parts[1:]))
