"""One sentence a report: what its figures mean, and where they are too few to mean anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from scorer.core.contact_speed import ContactSpeed
from scorer.core.content import MIN_DECIDED, MIN_READERS, Verdict
from scorer.core.durations import MIN_FOR_QUARTILES
from scorer.core.formats import count_text, percent_text
from scorer.core.funnel import Funnel
from scorer.core.labels import Label, Language, pick
from scorer.core.lost_reasons import Losses
from scorer.core.proportions import Rate, rate
from scorer.core.score_bands import ScoreBand
from scorer.outlets.report_shapes import AttentionReport, ChannelCount, ContentReport, CycleReport
from scorer.web.words import word

FEW: Final = 5
"""Fewer cases than this are told of as cases, not as a rate."""
GOOD_SCORE: Final = 60.0
"""Where the upper bands begin."""

WORDS: Final[dict[str, Label]] = {
    "funnel": Label(
        "Of {all} leads first seen in these days, {identified} said who they are, {hot} became hot and {won} were won.",
        "这段时间首次出现的 {all} 条线索中，{identified} 条表明了身份，{hot} 条成为热门，{won} 条成交。",
    ),
    "funnel waiting": Label(
        "{waiting} of the {hot} hot ones were never spoken with: most is to be gained there.",
        "{hot} 条热门线索中有 {waiting} 条从未联系过：这里最有提升空间。",
    ),
    "funnel won": Label(
        "Of {contacted} spoken with, {won} were won.",
        "已联系的 {contacted} 条中，{won} 条成交。",
    ),
    "sources hot": Label(
        "{channel} brought the most hot leads: {hot} of {all}.",
        "带来热门线索最多的渠道是{channel}：{all} 条中的 {hot} 条。",
    ),
    "sources none hot": Label(
        "{channel} brought the most leads, {leads} of {all}; none of them has become hot yet.",
        "带来线索最多的渠道是{channel}：{all} 条中的 {leads} 条；其中尚无热门线索。",
    ),
    "sources won": Label(
        "Most customers came by {channel}: {won} of {all}.",
        "带来客户最多的渠道是{channel}：{all} 个中的 {won} 个。",
    ),
    "sources few": Label(
        "Won so far: {all}, too few to tell which channel sells.",
        "目前成交 {all} 条，数量太少，无法判断哪个渠道更能带来成交。",
    ),
    "cycle": Label(
        "Half of these {n} deals were won within {median} days of the first touch, the middle half within {p25} to {p75}.",
        "这 {n} 笔成交中，一半在首次接触后 {median} 天内完成，中间一半用时 {p25} 至 {p75} 天。",
    ),
    "cycle few": Label(
        "Deals whose duration is known: {n}. From five on there is a usual time to tell.",
        "已知用时的成交有 {n} 笔，达到五笔后才能说明通常的用时。",
    ),
    "attention most": Label("{topic} got the most readers: {n} leads.", "读者最多的主题是“{topic}”：{n} 条线索。"),
    "attention apart": Label(
        "Later winners read about {topic} far more often than others: {winners} against {others}.",
        "后来成交的线索阅读“{topic}”的比例远高于其他线索：{winners} 对 {others}。",
    ),
    "attention alike": Label(
        "No topic sets later winners apart from the others by more than chance may.",
        "没有哪个主题能把后来成交的线索与其他线索区分开，差异可能只是偶然。",
    ),
    "attention few": Label(
        "Won later: {winners} of these leads, too few to say what winners read.",
        "这些线索中后来成交的有 {winners} 条，数量太少，无法说明成交者读了什么。",
    ),
    "content": Label(
        "{tested} pages and documents had readers enough to compare: {wins} go before wins, {losses} before losses.",
        "有足够读者可供比较的页面和资料共 {tested} 个：{wins} 个多见于成交之前，{losses} 个多见于丢单之前。",
    ),
    "content first": Label(
        "{title} sets winners apart most: {won} of winners had read it, {lost} of others.",
        "最能区分成交者的是“{title}”：成交线索中 {won} 读过，其他线索中 {lost} 读过。",
    ),
    "content alike": Label(
        "Of {tested} pages and documents, none sets winners apart from others by more than chance may.",
        "在 {tested} 个页面和资料中，没有哪个能把成交线索与其他线索区分开，差异可能只是偶然。",
    ),
    "content few": Label(
        "Decided leads that had read anything: {won} won, {lost} lost or junk. From {least} of each on, and {readers} "
        "readers of a page, there is something to compare.",
        "已有结果且读过内容的线索：成交 {won} 条，丢单或无效 {lost} 条。"
        "两类各达到 {least} 条、且某个页面有 {readers} 位读者后才能比较。",
    ),
    "losses": Label(
        "Of {all} leads lost in these days, {n} were lost for one reason above all: {reason}.",
        "这段时间丢单的 {all} 条线索中，最主要的原因是“{reason}”：{n} 条。",
    ),
    "losses unsaid": Label(
        "Of {all} leads lost in these days, nobody said why.", "这段时间丢单的 {all} 条线索都没有说明原因。"
    ),
    "losses partly said": Label("Of {n} of them nobody said why.", "其中 {n} 条没有说明原因。"),
    "scores": Label(
        "With a score of {edge} or more, {high_won} of {high} decided leads were won; below it, {low_won} of {low}.",
        "得分不低于 {edge} 的线索中，已有结果的 {high} 条里 {high_won} 条成交；低于它的 {low} 条里 {low_won} 条成交。",
    ),
    "scores right": Label("The score keeps its word.", "得分是可信的。"),
    "scores wrong": Label(
        "High scores were won more seldom than low ones: the scorecard needs work.", "高分反而更少成交：评分卡需要调整。"
    ),
    "scores chance": Label(
        "The difference may still be chance: more outcomes will tell.", "差异仍可能是偶然：需要更多结果才能判断。"
    ),
    "contact": Label(
        "Half of those spoken with waited {median} or less.", "已联系的线索中，一半的等待时间不超过 {median}。"
    ),
    "contact hour": Label(
        "{share} of hot leads were spoken with within the hour.", "{share} 的热门线索在一小时内得到联系。"
    ),
    "contact few": Label(
        "Spoken with after they became hot: {n}. From five on there is a usual time to tell.",
        "成为热门后已联系的线索有 {n} 条，达到五条后才能说明通常的等待时间。",
    ),
    "contact waiting": Label("Still waiting for a first word: {n}.", "仍在等待首次联系：{n} 条。"),
}


def funnel_words(funnel: Funnel, language: Language) -> str:
    """What the funnel says; of at least one lead."""
    reached = {step.step: step.reached for step in funnel.steps}
    whole, hot, contacted = reached["visitors"], reached["hot"], reached["contacted"]
    said = [
        _say(
            "funnel",
            language,
            all=count_text(whole),
            identified=count_text(reached["identified"]),
            hot=count_text(hot),
            won=count_text(reached["won"]),
        )
    ]
    if hot and contacted < hot / 2:
        said.append(_say("funnel waiting", language, waiting=count_text(hot - contacted), hot=count_text(hot)))
    elif contacted:
        said.append(_say("funnel won", language, won=count_text(reached["won"]), contacted=count_text(contacted)))
    return _joined(said, language)


def sources_words(channels: Sequence[ChannelCount], language: Language) -> str:
    """What first touches say; of at least one lead."""
    named = [one for one in channels if one.channel is not None] or list(channels)
    whole, all_hot, won = (sum(getattr(one, name) for one in channels) for name in ("leads", "hot", "won"))
    hottest, most = max(named, key=lambda one: (one.hot, one.leads)), max(named, key=lambda one: one.leads)
    if all_hot:
        channel = channel_word(hottest.channel, language)
        said = [_say("sources hot", language, channel=channel, hot=count_text(hottest.hot), all=count_text(all_hot))]
    else:
        channel = channel_word(most.channel, language)
        said = [_say("sources none hot", language, channel=channel, leads=count_text(most.leads), all=count_text(whole))]
    if won >= FEW:
        best = max(named, key=lambda one: one.won)
        channel = channel_word(best.channel, language)
        said.append(_say("sources won", language, channel=channel, won=count_text(best.won), all=count_text(won)))
    else:
        said.append(_say("sources few", language, all=count_text(won)))
    return _joined(said, language)


def cycle_words(report: CycleReport, language: Language) -> str:
    """What the durations say."""
    days = report.days
    if days.median is None or days.p25 is None or days.p75 is None:
        return _say("cycle few", language, n=days.count)
    return _say(
        "cycle",
        language,
        n=count_text(days.count),
        median=days_text(days.median),
        p25=days_text(days.p25),
        p75=days_text(days.p75),
    )


def attention_words(report: AttentionReport, language: Language) -> str:
    """What readers say; of at least one topic."""
    first = report.topics[0]
    said = [_say("attention most", language, topic=first.label, n=count_text(first.attention.readers))]
    if report.winners < FEW:
        return _joined([*said, _say("attention few", language, winners=report.winners)], language)
    ahead = [one for one in report.topics if _above(one.attention.winners, one.attention.others)]
    if not ahead:
        return _joined([*said, _say("attention alike", language)], language)
    best = max(ahead, key=lambda one: (one.attention.winners.rate or 0.0) - (one.attention.others.rate or 0.0))
    winners, others = (percent_text(one.rate or 0.0) for one in (best.attention.winners, best.attention.others))
    return _joined(
        [*said, _say("attention apart", language, topic=best.label, winners=winners, others=others)],
        language,
    )


def content_words(report: ContentReport, language: Language) -> str:
    """What readers' fates say; of at least one decided lead."""
    if not report.tested:
        least = {"least": MIN_DECIDED, "readers": MIN_READERS}
        return _say("content few", language, won=count_text(report.won), lost=count_text(report.lost), **least)
    told = [*report.pages, *report.documents]
    wins, losses = ([one for one in told if one.verdict == verdict] for verdict in ("wins", "losses"))
    if not wins and not losses:
        return _say("content alike", language, tested=count_text(report.tested))
    counts = {"tested": count_text(report.tested), "wins": len(wins), "losses": len(losses)}
    said = [_say("content", language, **counts)]
    if wins:
        first = min(wins, key=lambda one: one.p_value or 0.0)
        won, lost = (percent_text(one.rate or 0.0) for one in (first.won, first.lost))
        said.append(_say("content first", language, title=first.title or first.url, won=won, lost=lost))
    return _joined(said, language)


_VERDICTS: Final[dict[Verdict, Label]] = {
    "wins": Label("precedes wins", "多见于成交之前"),
    "losses": Label("precedes losses", "多见于丢单之前"),
    "no_difference": Label("no difference seen", "未见差异"),
    "too_few": Label("too few to tell", "数量太少，无法判断"),
}


def verdicts(language: Language) -> dict[Verdict, str]:
    """Return the words for what is said of content."""
    return {name: pick(label, language) for name, label in _VERDICTS.items()}


def losses_words(found: Losses, language: Language) -> str:
    """What is lost for; of at least one loss."""
    told = [one for one in found.reasons if one.reason is not None]
    if not told:
        return _say("losses unsaid", language, all=count_text(found.lost))
    most, unsaid = told[0], sum(one.lost.count for one in found.reasons if one.reason is None)
    said = [_say("losses", language, all=count_text(found.lost), n=count_text(most.lost.count), reason=most.reason or "")]
    if unsaid:
        said.append(_say("losses partly said", language, n=count_text(unsaid)))
    return _joined(said, language)


def scores_words(bands: Sequence[ScoreBand], language: Language) -> str:
    """What the bands say."""
    high, low = (_pooled(bands, upper) for upper in (True, False))
    said = _say(
        "scores",
        language,
        edge=int(GOOD_SCORE),
        high_won=count_text(high.count),
        high=count_text(high.of),
        low_won=count_text(low.count),
        low=count_text(low.of),
    )
    verdict = "scores right" if _above(high, low) else "scores wrong" if _above(low, high) else "scores chance"
    return _joined([said, _say(verdict, language)], language)


def contact_words(speed: ContactSpeed, language: Language) -> str:
    """What the speed of first contact says."""
    if speed.contacted < MIN_FOR_QUARTILES or speed.seconds.median is None:
        said = [_say("contact few", language, n=speed.contacted)]
    else:
        said = [_say("contact", language, median=wait_text(speed.seconds.median, language))]
        hour = next((one.contacted for one in speed.windows if one.seconds == 3600), None)
        if hour is not None and hour.rate is not None:
            said.append(_say("contact hour", language, share=percent_text(hour.rate)))
    if speed.waiting:
        said.append(_say("contact waiting", language, n=count_text(speed.waiting)))
    return _joined(said, language)


_WAITS: Final = {
    "seconds": Label("{n} s", "{n} 秒"),
    "minutes": Label("{n} min", "{n} 分钟"),
    "hours": Label("{n} h", "{n} 小时"),
    "days": Label("{n} days", "{n} 天"),
}
_NOBODY_KNOWS: Final = Label("Not known", "未知")


def channel_word(channel: str | None, language: Language) -> str:
    """Return the word for a channel; ``None``: nobody knows how they came."""
    return word("channel", channel, language) if channel else pick(_NOBODY_KNOWS, language)


def wait_text(seconds: float, language: Language) -> str:
    """A time that somebody waited, in its greatest unit.

    >>> wait_text(90, "en"), wait_text(7200, "zh"), wait_text(216_000, "en")
    ('2 min', '2 小时', '2.5 days')
    """
    for name, length, least in (("days", 86_400, 172_800), ("hours", 3600, 3600), ("minutes", 60, 60)):
        if seconds >= least:
            n = f"{seconds / length:.1f}".removesuffix(".0") if name != "minutes" else str(int(seconds / length + 0.5))
            return pick(_WAITS[name], language).format(n=n)
    return pick(_WAITS["seconds"], language).format(n=int(seconds))


def days_text(days: float) -> str:
    """Days, with a decimal below ten.

    >>> days_text(3.25), days_text(41.7)
    ('3.2', '42')
    """
    return f"{days:.1f}".removesuffix(".0") if days < 10 else count_text(days)


def _say(phrase: str, language: Language, **words: object) -> str:
    return pick(WORDS[phrase], language).format(**words)


def _joined(sentences: Sequence[str], language: Language) -> str:
    # A sentence may begin with the name of a topic.
    return "".join(sentences) if language == "zh" else " ".join(one[:1].upper() + one[1:] for one in sentences)


def _above(one: Rate, other: Rate) -> bool:
    """Whether a share is above another by more than chance: their intervals don't meet."""
    return one.low is not None and other.high is not None and one.low > other.high


def _pooled(bands: Sequence[ScoreBand], upper: bool) -> Rate:
    some = [one.won_rate for one in bands if (one.at_least >= GOOD_SCORE) is upper]
    return rate(sum(one.count for one in some), sum(one.of for one in some))
