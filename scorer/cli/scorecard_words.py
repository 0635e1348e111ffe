"""The words around scorecards on the terminal, in English and Chinese."""

from __future__ import annotations

from typing import Final

from scorer.core.labels import Language

WORDS: Final[dict[str, tuple[str, str]]] = {
    "number": ("no.", "编号"),
    "name": ("name", "名称"),
    "state": ("state", "状态"),
    "published": ("published", "发布时间"),
    "scored": ("leads scored", "已评分线索"),
    "current": ("current", "当前"),
    "filling": ("being scored", "评分中"),
    "past": ("past", "历史"),
    "dropped": ("dropped", "已放弃"),
    "now": ("now", "当前评分卡"),
    "proposed": ("proposed", "待决定"),
    "tried": ("proposed", "拟用评分卡"),
    "hot": ("hot leads", "热门线索"),
    "alerts": ("become hot, a week", "每周新增热门线索"),
    "wins": ("hot before they were won", "成交前 30 天内曾为热门"),
    "all": ("hot at all", "全部线索中曾为热门"),
    "lift": ("lift", "提升倍数"),
    "share": ("{part} of {whole} ({share:.0%})", "{whole} 条中的 {part} 条（{share:.0%}）"),
    "none": ("–", "—"),
    "looked at": (
        "{leads:,} leads with {events:,} events; alerts and wins of the last {days} days",
        "共 {leads:,} 条线索、{events:,} 个事件；提醒与成交按最近 {days} 天统计",
    ),
    "moves": (
        "{entering:,} enter the hot list, {leaving:,} leave it, {staying:,} stay",
        "{entering:,} 条进入热门名单，{leaving:,} 条离开，{staying:,} 条保留",
    ),
    "correlation": (
        "Order of all {ranked:,} leads with a score: rank correlation {rho:.3f} (1: the same, 0: unrelated, -1: reversed)",
        "全部 {ranked:,} 条有得分线索的排序：等级相关系数 {rho:.3f}（1 为一致，0 为无关，-1 为相反）",
    ),
    "threshold": (
        "For {per_week:,} hot leads a week: hot from {enter:g} points until below {leave:g}, warm from {warm:g}",
        "按每周 {per_week:,} 条热门线索计算：达到 {enter:g} 分为热，低于 {leave:g} 分退出，达到 {warm:g} 分为温",
    ),
    "rank": ("rank", "名次"),
    "who": ("who", "客户"),
    "lead": ("lead", "线索"),
    "score": ("score", "得分"),
    "rank now": ("rank now", "当前名次"),
    "score now": ("score now", "当前得分"),
    "list": ("The hot list it makes", "拟用评分卡的热门名单"),
    "leaves": ("No longer on it", "离开名单的线索"),
    "nobody": ("Nobody is hot by it.", "按此评分卡没有热门线索。"),
    "unknown": ("not yet known", "尚未识别"),
    "looking": ("looking at leads", "正在分析线索"),
    "scoring": ("scoring leads", "正在评分"),
    "in background": (
        "Scorecard {number} is being filled in the background; warmtrail scorecard list shows how far it is.",
        "评分卡 {number} 正在后台评分；可用 warmtrail scorecard list 查看进度。",
    ),
    "is current": ("Scorecard {number} is current.", "评分卡 {number} 已成为当前评分卡。"),
    "not current": (
        "Scorecard {number} was dropped meanwhile; scorecard {current} is current.",
        "评分卡 {number} 已被放弃；当前评分卡为 {current}。",
    ),
    "nothing wrong": ("{path}: nothing wrong", "{path}：没有问题"),
    "rescored": ("Every lead of {site} has been scored anew.", "已重新计算 {site} 的全部线索得分。"),
}


def word(name: str, language: Language, **parts: object) -> str:
    """Return a word or sentence in *language*, with its parts filled in.

    >>> word("is current", "en", number=3)
    'Scorecard 3 is current.'
    """
    text = WORDS[name][language == "zh"]
    return text.format(**parts) if parts else text
