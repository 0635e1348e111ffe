"""The words of a digest around what it tells of leads, in English and Chinese."""

from __future__ import annotations

from datetime import date, timedelta, tzinfo
from typing import Final

from scorer.core.digest import Facts
from scorer.core.formats import clock_text, count_text
from scorer.core.labels import Label, Language, pick
from scorer.core.working_hours import local_time

WORDS: Final[dict[str, Label]] = {
    "title": Label("Your week in leads", "线索周报"),
    "segment": Label("segment “{name}”", "分组“{name}”"),
    # The numbers
    "entered": Label("New hot", "新增热门"),
    "identified": Label("Identified", "确认身份"),
    "contacted": Label("Contacted", "已联系"),
    "won": Label("Won", "成交"),
    "on last week": Label("on last week", "较上周"),
    "why join": Label(" · ", "；"),
    "numbers text": Label(
        "New hot {entered} ({entered_before} the week before), identified {identified} ({identified_before}), "
        "contacted {contacted} ({contacted_before}), won {won} ({won_before}), lost {lost} ({lost_before}), "
        "cooled {left} ({left_before})",
        "新增热门 {entered}（上周 {entered_before}），确认身份 {identified}（{identified_before}），"
        "已联系 {contacted}（{contacted_before}），成交 {won}（{won_before}），丢单 {lost}（{lost_before}），"
        "降温 {left}（{left_before}）",
    ),
    # The sections
    "hot": Label("New and hot", "新的热门线索"),
    "hot about": Label(
        "Became hot this week and still are. The first is the one to call first.", "本周升温且仍热门，按优先级排列。"
    ),
    "rising": Label("Rising", "升温"),
    "rising about": Label("Hot before, and hotter now.", "此前已热门，现在更热。"),
    "cooling": Label("Cooled off", "降温"),
    "cooling about": Label("Left the hot list this week.", "本周离开热门名单。"),
    "idle": Label("Claimed, and quiet since", "已认领但无进展"),
    "idle about": Label("No note, no outcome for three days or more.", "三天以上没有备注或结果。"),
    "back": Label("Coming back", "即将恢复"),
    "back about": Label("Put off until a day of the week to come.", "推迟的线索将于未来一周内恢复。"),
    "closed": Label("Won and lost", "成交与丢单"),
    "content": Label("What worked", "有效内容"),
    "content about": Label("Of the leads that became hot this week.", "本周升温线索的关注情况。"),
    "topics": Label("They read about", "阅读的主题"),
    "documents": Label("They downloaded", "下载的资料"),
    # The lines
    "somebody": Label("Somebody not yet known", "尚未识别的访客"),
    "score": Label("score {score}", "得分 {score}"),
    "by": Label("{step} by {due}", "{due} 前：{step}"),
    "claimed by": Label("claimed by {owner}", "已由 {owner} 认领"),
    "with": Label("{owner}, quiet since {day}", "{owner}，自 {day} 起无进展"),
    "with long": Label("{owner}, quiet for weeks", "{owner}，数周无进展"),
    "ran out": Label("{owner}'s claim ran out; nobody has the lead", "{owner} 的认领已到期，目前无人跟进"),
    "on": Label("back on {day}", "{day} 恢复"),
    "lost": Label("Lost", "丢单"),
    "leads": Label("{n} leads", "{n} 条线索"),
    "lead": Label("1 lead", "1 条线索"),
    "more": Label("and {n} more", "另有 {n} 条"),
    "open": Label("Open the hot list", "打开热门名单"),
    # The end
    "why": Label(
        "You get this every {weekday} at {time} ({zone}) because {email} is subscribed to the leads of {site}.",
        "您收到此邮件，是因为 {email} 订阅了 {site} 的线索周报（每{weekday} {time}，{zone}）。",
    ),
    "unsubscribe": Label("Unsubscribe", "退订"),
    # The subject
    "hot one": Label("1 new hot lead", "新增 1 条热门线索"),
    "hot many": Label("{n} new hot leads", "新增 {n} 条热门线索"),
    "won one": Label("1 won", "成交 1 条"),
    "won many": Label("{n} won", "成交 {n} 条"),
    "rising one": Label("1 rising", "1 条升温"),
    "rising many": Label("{n} rising", "{n} 条升温"),
    "idle one": Label("1 claimed and quiet", "1 条已认领但无进展"),
    "idle many": Label("{n} claimed and quiet", "{n} 条已认领但无进展"),
    "back one": Label("1 coming back", "1 条即将恢复"),
    "back many": Label("{n} coming back", "{n} 条即将恢复"),
    "other": Label("What changed", "本周变化"),
    "and": Label(", ", "，"),
    "subject": Label("{what} · {site}, {week}", "{what} · {site}（{week}）"),
    "alive subject": Label("A quiet month · {site}", "本月平静 · {site}"),
    "alive": Label(
        "Nothing new about the leads of {site} in four weeks. Warmtrail is alive and watching; this line is sent so that "
        "you know.",
        "四周以来，{site} 的线索没有新变化。Warmtrail 运行正常，特此告知。",
    ),
}
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAYS_ZH: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_SYMBOLS: Final[dict[str, Label]] = {
    "EUR": Label("€"),
    "USD": Label("$", "US$"),
    "GBP": Label("£"),
    "CNY": Label("CN¥", "¥"),
    "JPY": Label("¥", "JP¥"),
}
"""As CLDR writes them in each language."""


def said(name: str, language: Language, /, **parts: object) -> str:
    """Return a word or sentence with its parts filled in.

    >>> said("more", "zh", n=3)
    '另有 3 条'
    """
    text = pick(WORDS[name], language)
    return text.format(**parts) if parts else text


def counted(name: str, number: int, language: Language) -> str:
    """Return a number of something in words; *name* without ``one`` or ``many``.

    >>> counted("hot", 1, "en"), counted("hot", 1200, "en")
    ('1 new hot lead', '1,200 new hot leads')
    """
    return said(f"{name} {'one' if number == 1 else 'many'}", language, n=count_text(number))


def headline(facts: Facts, language: Language) -> str:
    """Return what matters most of a week, at most three things.

    The new hot leads, the deals won, then what asks for something to be done.
    """
    counts = (
        ("hot", facts.numbers.entered),
        ("won", facts.numbers.won),
        ("idle", facts.idle.count),
        ("rising", facts.rising.count),
        ("back", facts.back.count),
    )
    told = [_with_value(counted(name, count, language), name, facts, language) for name, count in counts if count][:3]
    return said("and", language).join(told) or said("other", language)


def _with_value(text: str, name: str, facts: Facts, language: Language) -> str:
    sums = " + ".join(money_words(value, currency, language) for currency, value in facts.won_value)
    if name != "won" or not sums:
        return text
    return f"{text}（{sums}）" if language == "zh" else f"{text} ({sums})"


def week_text(first: date, language: Language) -> str:
    """Return the week of a Monday.

    >>> week_text(date(2026, 11, 16), "en"), week_text(date(2026, 11, 30), "en"), week_text(date(2026, 11, 30), "zh")
    ('16–22 November 2026', '30 November – 6 December 2026', '2026年11月30日–12月6日')
    """
    last = first + timedelta(days=6)
    if language == "zh":
        end = f"{last.day}日" if last.month == first.month else f"{last.month}月{last.day}日"
        end = end if last.year == first.year else f"{last.year}年{end}"
        return f"{first.year}年{first.month}月{first.day}日–{end}"
    end = f"{last.day} {_MONTHS[last.month - 1]} {last.year}"
    if last.month == first.month:
        return f"{first.day}–{end}"
    begin = f"{first.day} {_MONTHS[first.month - 1]}"
    return f"{begin} – {end}" if last.year == first.year else f"{begin} {first.year} – {end}"


def day_words(at_ms: int, zone: tzinfo, language: Language) -> str:
    """Return a day near now: the year goes without saying.

    >>> from datetime import UTC
    >>> day_words(0, UTC, "en"), day_words(0, UTC, "zh")
    ('Thu 1 Jan', '1月1日周四')
    """
    at = local_time(at_ms, zone)
    if language == "zh":
        return f"{at.month}月{at.day}日{_DAYS_ZH[at.weekday()]}"
    return f"{_DAYS[at.weekday()][:3]} {at.day} {_MONTHS[at.month - 1][:3]}"


def due_words(at_ms: int, zone: tzinfo, language: Language) -> str:
    """Return a day near now with its time: ``Thu 1 Jan, 09:00``."""
    return f"{day_words(at_ms, zone, language)}{', ' if language == 'en' else ' '}{clock_text(at_ms, zone)}"


def weekday_words(weekday: int, language: Language) -> str:
    """Return the name of a day of the week; 0 is Monday."""
    return (_DAYS_ZH if language == "zh" else _DAYS)[weekday]


def money_words(value: float, currency: str, language: Language) -> str:
    """Return an amount of money, without cents.

    >>> money_words(48000, "EUR", "en"), money_words(48000, "CNY", "zh"), money_words(1200.4, "CHF", "en")
    ('€48,000', '¥48,000', 'CHF\\xa01,200')
    """
    known = _SYMBOLS.get(currency.upper())
    before = pick(known, language) if known else f"{currency.upper()}\N{NO-BREAK SPACE}" if currency else ""
    return f"{before}{count_text(value)}"
