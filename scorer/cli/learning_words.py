"""The words around learning on the terminal, in English and Chinese."""

from __future__ import annotations

from typing import Final

from scorer.core.labels import Language

WORDS: Final[dict[str, tuple[str, str]]] = {
    "learning": ("learning", "正在学习"),
    "proposed": ("Scorecard {number} is proposed.", "已提出评分卡 {number} 作为提案。"),
    "how to go on": (
        "Publish it with: warmtrail scorecard promote {number} --why …; refuse it with: warmtrail scorecard refuse {number} "
        "--why …",
        "发布：warmtrail scorecard promote {number} --why …；否决：warmtrail scorecard refuse {number} --why …",
    ),
    "dry run": ("Nothing was kept.", "未保存任何内容。"),
    "refused": ("Scorecard {number} is refused.", "评分卡 {number} 的提案已否决。"),
    "based on": (
        "{wins:,} leads won and {losses:,} not, as they stood at {snapshots:,} past moments; {censored:,} too young to "
        "tell. Won means within {days} days.",
        "成交线索 {wins:,} 条，未成交 {losses:,} 条，共 {snapshots:,} 个历史时点；另有 {censored:,} 条时间尚短，无法判断。"
        "“成交”指 {days} 天内成交。",
    ),
    "advice": (
        "Advice only: 50 won and 50 lost leads are needed to tell whether it is better.",
        "仅供参考：至少需要 50 条成交与 50 条未成交线索，才能判断是否更好。",
    ),
    "no_better": (
        "Not shown to rank better than scorecard {base}: the interval of the gain includes 0.",
        "未能证明排序优于评分卡 {base}：提升的区间包含 0。",
    ),
    "better": (
        "Ranks better than scorecard {base}: the whole interval of the gain is above 0.",
        "排序优于评分卡 {base}：提升的整个区间均大于 0。",
    ),
    "half-lives": ("Half-lives tried (AUC within the training data)", "尝试的半衰期（训练数据内的 AUC）"),
    "half-life": ("half-life", "半衰期"),
    "days": ("{days:g} days", "{days:g} 天"),
    "chosen": ("chosen", "已选用"),
    "weights": ("Points", "分值"),
    "rule": ("rule", "规则"),
    "before": ("before", "原分值"),
    "after": ("after", "新分值"),
    "leads": ("leads", "线索"),
    "judgement": (
        "Backtest: {wins:,} wins in {snapshots:,} moments of {leads:,} leads, judged from {origins} origins on what came "
        "after",
        "回测：{leads:,} 条线索的 {snapshots:,} 个时点，其中成交 {wins:,} 个；从 {origins} 个起点以其后的结果评判",
    ),
    "grouped": ("With no company on both sides", "同一公司不同时出现在两侧"),
    "ranked by": ("ranked by", "排序依据"),
    "proposal": ("proposal", "提案"),
    "current": ("current card", "当前评分卡"),
    "recency": ("last seen", "最近访问时间"),
    "pages": ("pages viewed", "浏览页数"),
    "auc": ("AUC", "曲线下面积（AUC）"),
    "average precision": ("average precision", "平均精度"),
    "lift": ("lift at {capacity:,} a week", "每周 {capacity:,} 条的提升倍数"),
    "brier": ("Brier score", "Brier 分数"),
    "guessing": (
        "Guessing has an AUC of 0.5 and an average precision of {rate:.3f}.",
        "随机猜测的 AUC 为 0.5，平均精度为 {rate:.3f}。",
    ),
    "gain": ("Gain in AUC over the current card: {gain}", "相对当前评分卡的 AUC 提升：{gain}"),
    "chances": ("Chances told, and what came of them (mean error {error})", "给出的概率与实际结果（平均误差 {error}）"),
    "told": ("told", "给出的概率"),
    "won": ("won", "成交"),
    "share": ("share", "比例"),
    "suspects": (
        "These tell too much by themselves; look whether they are written after the fact",
        "以下特征单独就过于准确，请检查是否为事后记录",
    ),
    "alone": ("AUC alone", "单独 AUC"),
    "with": ("with it", "包含时"),
    "without": ("without it", "排除时"),
    "shadow": (
        "Since {day}, of {leads:,} leads {wins:,} were won: AUC {proposal} by the proposal, {current} by the current card.",
        "自 {day} 起，{leads:,} 条线索中成交 {wins:,} 条：提案 AUC {proposal}，当前评分卡 AUC {current}。",
    ),
    "no judgement": ("There was too little to judge by.", "数据过少，无法评判。"),
    "no proposal": ("Nothing has been learned on this site yet.", "该站点尚无学习结果。"),
    "number": ("no.", "编号"),
    "made": ("made", "生成时间"),
    "state": ("state", "状态"),
    "state proposed": ("proposed", "待决定"),
    "state published": ("published", "已发布"),
    "state refused": ("refused", "已否决"),
    "verdict": ("verdict", "结论"),
    "verdict advice": ("advice only", "仅供参考"),
    "verdict no_better": ("no better", "未见更好"),
    "verdict better": ("better", "更好"),
    "gain column": ("gain in AUC", "AUC 提升"),
    "none": ("–", "—"),
}


def word(name: str, language: Language, **parts: object) -> str:
    """Return a word or sentence in *language*, with its parts filled in.

    >>> word("refused", "en", number=3)
    'Scorecard 3 is refused.'
    """
    text = WORDS[name][language == "zh"]
    return text.format(**parts) if parts else text
