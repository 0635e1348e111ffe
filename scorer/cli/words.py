"""The words around leads on the terminal, in English and Chinese. What is said *of* a lead is in ``scorer.core.phrases``."""

from __future__ import annotations

from typing import Final

from scorer.core.rules import Language

WORDS: Final[dict[str, tuple[str, str]]] = {
    "score": ("score", "得分"),
    "who": ("who", "客户"),
    "why": ("why", "原因"),
    "wants": ("wants", "关注"),
    "next": ("what next", "下一步"),
    "stage": ("stage", "阶段"),
    "visits": ("visits", "访问"),
    "read": ("read", "阅读"),
    "downloads": ("downloads", "下载"),
    "came by": ("came by", "来源"),
    "device": ("device", "设备"),
    "last pages": ("last pages", "最近页面"),
    "points": ("points", "分值"),
    "when": ("when", "时间"),
    "what": ("what", "行为"),
    "where": ("where", "位置"),
    "now": ("now", "现值"),
    "all": ("all together", "合计"),
    "unknown": ("unknown", "未知"),
    "somebody": ("Somebody not yet known", "尚未识别的访客"),
    "nobody": ("Nobody is hot at present.", "目前没有热门线索。"),
    "everybody": ("warmtrail hot --min-score 0 lists everybody.", "warmtrail hot --min-score 0 可列出全部线索。"),
    "last seen": ("last seen {ago}", "最近访问：{ago}"),
    "one visit": ("1 visit", "1 次访问"),
    "n visits": ("{n} visits", "{n} 次访问"),
    "one page": ("1 page in {time}", "{time}内 1 个页面"),
    "n pages": ("{n} pages in {time}", "{time}内 {n} 个页面"),
    "one download": ("1 download", "1 次下载"),
    "n downloads": ("{n} downloads", "{n} 次下载"),
    "recent visits": ("{n} ({week} in 7 days, {month} in 30)", "{n}（7 天内 {week} 次，30 天内 {month} 次）"),
    "minutes": ("{n} min", "{n} 分钟"),
    "seconds": ("{n} s", "{n} 秒"),
    "by": ("{action} by {time}", "{time} 前{action}"),
    "hot from to": ("{score} ({tier}), hot since {since}, cools {until}", "{score}（{tier}），{since} 起热门，{until} 降温"),
    "score and tier": ("{score} ({tier})", "{score}（{tier}）"),
    "hot": ("hot", "热"),
    "warm": ("warm", "温"),
    "cold": ("cold", "冷"),
    "awareness": ("awareness", "认知"),
    "consideration": ("consideration", "考虑"),
    "decision": ("decision", "决策"),
    "call": ("call", "致电"),
    "identify": ("identify", "识别身份"),
    "send_material": ("send material", "发送资料"),
    "follow_up": ("follow up", "跟进"),
    "nurture": ("nurture", "持续培育"),
    "campaign": ("campaign", "推广活动"),
    "mail": ("mail", "邮件"),
    "search": ("search", "搜索"),
    "social": ("social", "社交媒体"),
    "assistant": ("assistant", "AI 助手"),
    "referral": ("referral", "外部链接"),
    "direct": ("direct", "直接访问"),
    "date": ("%a %d %b %H:%M", "%m-%d %H:%M"),
}


def word(name: str, language: Language, **parts: object) -> str:
    """Return a word or sentence in *language*, with its parts filled in.

    >>> word("n visits", "zh", n=3)
    '3 次访问'
    """
    text = WORDS[name][language == "zh"]
    return text.format(**parts) if parts else text


def counted(number: int, noun: str, language: Language, **parts: object) -> str:
    """Return a number of visits, pages or downloads in words; *noun* in the singular.

    >>> counted(1, "visit", "en"), counted(2, "visit", "en")
    ('1 visit', '2 visits')
    """
    return word(f"one {noun}" if number == 1 else f"n {noun}s", language, n=number, **parts)
