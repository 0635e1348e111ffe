"""A lead as numbers that classes and groups are learned from, and such a number in words.

Features are named: ``visits``, ``topic:pumps``, ``country:DE``. Those of behaviour come from the totals that scoring keeps,
so that no history is folded. None of them changes as time passes: shares of heat fade in step, and counts stay.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from statistics import median
from typing import Final

import msgspec

from scorer.core.decay import DAY_MS
from scorer.core.interests import topic_label
from scorer.core.labels import Label, Language, pick
from scorer.core.next_steps import STAGE_WORDS
from scorer.core.phrases import MINUTE_MS
from scorer.core.regions import country_label
from scorer.core.rules import Card
from scorer.core.score import Totals
from scorer.core.scorecard import STAGES
from scorer.core.search import words_of
from scorer.core.titles import IN_WORDS, position_of

MAX_TITLE_WORDS: Final = 12
_UNKNOWN: Final = ("", "unknown")


class Seen(msgspec.Struct, frozen=True, gc=False):
    """What is known of a lead, as stored. Empty texts where nothing is."""

    totals: Totals
    visits: int = 0
    page_views: int = 0
    downloads: int = 0
    engaged_ms: int = 0
    visitors: int = 1
    """Its devices."""
    first_at: int = 0
    last_at: int = 0
    """Milliseconds since 1970 UTC."""
    title: str = ""
    industry: str = ""
    country: str = ""
    role: str = ""
    """Buying role."""
    channel: str = ""
    size: str = ""
    """Band of employees of its company."""


BASICS: Final[Mapping[str, tuple[Label, Label, Label]]] = {
    "visits": (
        Label("1 visit", "1 次访问"),
        Label("{n} visits", "{n} 次访问"),
        Label("no visit", "没有访问"),
    ),
    "pages": (
        Label("1 page viewed", "浏览 1 个页面"),
        Label("{n} pages viewed", "浏览 {n} 个页面"),
        Label("no page viewed", "没有浏览页面"),
    ),
    "downloads": (
        Label("1 download", "1 次下载"),
        Label("{n} downloads", "{n} 次下载"),
        Label("no download", "没有下载"),
    ),
    "minutes": (
        Label("1 minute of reading", "阅读 1 分钟"),
        Label("{n} minutes of reading", "阅读 {n} 分钟"),
        Label("hardly any reading", "几乎没有阅读"),
    ),
    "days": (
        Label("active on 1 day", "活跃 1 天"),
        Label("active on {n} days", "活跃 {n} 天"),
        Label("active on no day", "没有活跃的日子"),
    ),
    "gap": (
        Label("1 day between active days", "活跃日间隔 1 天"),
        Label("{n} days between active days", "活跃日间隔 {n} 天"),
        Label("no second active day", "没有第二个活跃日"),
    ),
    "span": (
        Label("known for 1 day", "已出现 1 天"),
        Label("known for {n} days", "已出现 {n} 天"),
        Label("first and last seen on one day", "首次与最近出现在同一天"),
    ),
    "devices": (
        Label("1 device", "1 台设备"),
        Label("{n} devices", "{n} 台设备"),
        Label("no device", "没有设备"),
    ),
}
"""Features that every lead has, kept as ``log(1 + n)``: the words for one, for several, and for none."""
_ONLY: Final = Label("only {told}", "仅{told}")
_KINDS: Final[Mapping[str, Label]] = {
    "did": Label("“{name}” {n} times", "“{name}”{n} 次"),
    "heat": Label("points from “{name}”", "得分来自“{name}”"),
    "topic": Label("reads about {name}", "关注{name}"),
    "stage": Label("stage: {name}", "阶段：{name}"),
    "industry": Label("industry: {name}", "行业：{name}"),
    "country": Label("country: {name}", "国家或地区：{name}"),
    "role": Label("part in the purchase: {name}", "采购角色：{name}"),
    "function": Label("role: {name}", "职能：{name}"),
    "seniority": Label("rank: {name}", "级别：{name}"),
    "size": Label("employees: {name}", "员工人数：{name}"),
    "channel": Label("came by: {name}", "来源渠道：{name}"),
    "title": Label("job title with “{name}”", "职位含“{name}”"),
}
_DID_ONCE: Final = Label("“{name}” once", "“{name}”1 次")
_OWN_NAMES: Final = ("role", "function", "seniority")
_CHANNELS: Final[Mapping[str, Label]] = {
    "campaign": Label("campaign", "推广活动"),
    "mail": Label("mail", "邮件"),
    "search": Label("search", "搜索"),
    "social": Label("social media", "社交媒体"),
    "assistant": Label("AI assistant", "AI 助手"),
    "referral": Label("link on another site", "外部链接"),
    "direct": Label("direct", "直接访问"),
    "paid_search": Label("paid search", "付费搜索"),
    "paid_social": Label("paid social media", "付费社交媒体"),
    "display": Label("display ad", "展示广告"),
    "event": Label("event", "展会与会议"),
}


def features_of(seen: Seen) -> dict[str, float]:
    """Return the features of a lead: ``BASICS`` as ``log(1 + n)``, times of rules as ``log(1 + n)``, shares from 0 to 1, and
    1 for each trait that it has. What it hasn't is left out.

    >>> told = features_of(Seen(Totals(heat=4.0, topics={"pumps": 4.0}), visits=3, country="DE"))
    >>> round(told["visits"], 3), told["topic:pumps"], told["country:DE"], "country:FR" in told
    (1.386, 1.0, 1.0, False)
    """
    totals = seen.totals
    days = sorted(totals.days)
    gaps = [later - earlier for earlier, later in pairwise(days)]
    numbers = {
        "visits": float(seen.visits),
        "pages": float(seen.page_views),
        "downloads": float(seen.downloads),
        "minutes": seen.engaged_ms / MINUTE_MS,
        "days": float(len(days)),
        "gap": float(median(gaps)) if gaps else 0.0,
        "span": max(0.0, (seen.last_at - seen.first_at) / DAY_MS),
        "devices": float(seen.visitors),
    }
    told = {name: math.log1p(number) for name, number in numbers.items()}
    for rule, total in totals.rules.items():
        if total.count:
            told[f"did:{rule}"] = math.log1p(total.count)
        if total.heat > 0 and totals.heat > 0:
            told[f"heat:{rule}"] = min(1.0, total.heat / totals.heat)
    told |= _shares("topic", totals.topics)
    told |= _shares("stage", dict(zip(STAGES, totals.stages, strict=True)))
    position = position_of(seen.title) if seen.title else None
    traits = {
        "industry": " ".join(seen.industry.lower().split()),
        "country": seen.country,
        "role": seen.role,
        "function": position.role if position else "",
        "seniority": position.seniority if position else "",
        "size": seen.size,
        "channel": seen.channel,
    }
    told |= {f"{name}:{value}": 1.0 for name, value in traits.items() if value not in _UNKNOWN}
    return told | {f"title:{word}": 1.0 for word in _title_words(seen.title)}


def subject_of(feature: str) -> str:
    """What a feature is about: of one thing, one is enough to be told."""
    kind, colon, name = feature.partition(":")
    return f"rule:{name}" if colon and kind in ("did", "heat") else feature


def told_feature(feature: str, value: float, card: Card, language: Language, *, low: bool = False) -> str:
    """A feature of a lead in words; *low*: it is remarkable for being little.

    >>> from scorer.core.scorecard import Hot, Scorecard
    >>> card = Card(Scorecard(1, Label("Tiny"), 40, Hot(60), 20, []), 0)
    >>> told_feature("downloads", math.log1p(3), card, "en"), told_feature("function:engineering", 1.0, card, "zh")
    ('3 downloads', '职能：工程技术')
    """
    if feature in BASICS:
        one, many, none = BASICS[feature]
        number = round(math.expm1(max(0.0, value)))
        if number == 0:
            return pick(none, language)
        told = pick(one if number == 1 else many, language).format(n=number)
        return pick(_ONLY, language).format(told=told) if low else told
    kind = feature.partition(":")[0]
    pattern = _KINDS.get(kind)
    if pattern is None:
        return feature
    times = round(math.expm1(max(0.0, value)))
    if kind == "did" and times == 1:
        pattern = _DID_ONCE
    # Not by format: what a lead calls itself may have braces in it.
    return pick(pattern, language).replace("{n}", str(times)).replace("{name}", named(feature, card, language))


def named(feature: str, card: Card, language: Language) -> str:
    """What stands behind the colon of a feature's name, in words: a rule's label, a topic's, a country's."""
    kind, _, name = feature.partition(":")
    if kind in ("did", "heat"):
        return pick(card.rules[name].label, language) if name in card.rules else name
    if kind == "topic":
        return topic_label(card, name, language)
    if kind == "country":
        return country_label(name, language)
    words: Mapping[str, Label] = {}
    if kind in _OWN_NAMES:
        words = IN_WORDS
    elif kind == "stage":
        words = STAGE_WORDS
    elif kind == "channel":
        words = _CHANNELS
    return pick(words[name], language) if name in words else name


def _shares(kind: str, parts: Mapping[str, float]) -> dict[str, float]:
    whole = sum(parts.values())
    return {f"{kind}:{name}": part / whole for name, part in parts.items() if part > 0} if whole > 0 else {}


def _title_words(title: str) -> Iterable[str]:
    # Of Chinese every end of a run is a word; those of a few letters are what titles share.
    words = (word for word in words_of([title[:200]]) if (len(word) >= 3 if word.isascii() else 2 <= len(word) <= 4))
    return sorted(words)[:MAX_TITLE_WORDS] if title else ()
