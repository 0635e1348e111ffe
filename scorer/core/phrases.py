"""The sentences that salespeople read, in English and Chinese, and how times and counts are said."""

from __future__ import annotations

from typing import Literal

from scorer.core.decay import DAY_MS
from scorer.core.labels import Label, Language, pick

MINUTE_MS, HOUR_MS = 60_000, 3_600_000

Phrase = Literal[
    "now",
    "minute",
    "minutes",
    "hour",
    "hours",
    "days",
    "reason_once",
    "reason_often",
    "reason_visit",
    "reason_visits",
    "why_call",
    "why_call_topic",
    "why_identify",
    "why_follow_up",
    "why_send_material",
    "why_send_material_topic",
    "why_nurture",
]

PHRASES: dict[Phrase, Label] = {
    "now": Label("moments ago", "刚刚"),
    "minute": Label("1 minute ago", "1 分钟前"),
    "minutes": Label("{n} minutes ago", "{n} 分钟前"),
    "hour": Label("1 hour ago", "1 小时前"),
    "hours": Label("{n} hours ago", "{n} 小时前"),
    "days": Label("{n} days ago", "{n} 天前"),
    "reason_once": Label("{label}, {ago}", "{label}，{ago}"),
    "reason_often": Label("{label} {n} times, last {ago}", "{label} {n} 次，最近一次在 {ago}"),
    "reason_visit": Label("{label} in 1 visit, {ago}", "{label}（1 次访问），{ago}"),
    "reason_visits": Label("{label} in {n} visits, last {ago}", "{label}（{n} 次访问），最近一次在 {ago}"),
    "why_call": Label("Hot, and we know who it is", "热度高，且已知道是谁"),
    "why_call_topic": Label("Hot, and interested in {topic}", "热度高，关注“{topic}”"),
    "why_identify": Label("Hot, but still anonymous: find out who it is", "热度高，但仍是匿名访客：先弄清对方是谁"),
    "why_follow_up": Label("Cooling: drops off the hot list soon", "热度正在下降，即将离开热门名单"),
    "why_send_material": Label("Downloads material, but isn't ready for a call", "下载过资料，但还不到打电话的时候"),
    "why_send_material_topic": Label("Downloads material and reads about {topic}", "下载过资料，正在了解“{topic}”"),
    "why_nurture": Label("Not enough interest yet: keep in touch", "兴趣还不够：保持联系"),
}


def say(phrase: Phrase, language: Language, **words: object) -> str:
    """A phrase with its words filled in.

    >>> say("hours", "zh", n=2)
    '2 小时前'
    """
    return pick(PHRASES[phrase], language).format(**words)


def ago(at_ms: int, now_ms: int, language: Language) -> str:
    """How long ago ``at_ms`` was at ``now_ms``: minutes within the hour, hours within two days, then days.

    >>> ago(0, 7_200_000, "en")
    '2 hours ago'
    """
    passed = now_ms - at_ms
    if passed < MINUTE_MS:
        return say("now", language)
    if passed < HOUR_MS:
        n = passed // MINUTE_MS
        return say("minute" if n == 1 else "minutes", language, n=n)
    if passed < 2 * DAY_MS:
        n = passed // HOUR_MS
        return say("hour" if n == 1 else "hours", language, n=n)
    return say("days", language, n=passed // DAY_MS)
