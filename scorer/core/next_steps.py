"""What a salesperson should do next with a lead, by when, and why: rules of the scorecard, of which the first that fits.

A rule fits when all its conditions hold *and* it can be said: if its reason has a placeholder that nothing is known for, or
its due time can't be told (``best_hour`` of a lead without best hours), the next rule is tried. So no sentence ever has
a gap, and a rule with ``{topic}`` needs no condition to say that it wants one. The last rule must fit always.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, tzinfo
from typing import Any, Final, Literal

import msgspec

from scorer.core.cycle import CyclePosition
from scorer.core.decay import DAY_MS
from scorer.core.labels import Label, Language, Problem, already_taken, lint_id, pick
from scorer.core.one_line import one_line
from scorer.core.rhythm import Momentum, Rhythm
from scorer.core.working_hours import Span, in_days, local_time, next_business_noon, next_in_window, within_business_day
from tracker.core.channels import Channel

Action = Literal["call", "identify", "send_material", "follow_up", "invite_colleague", "wait", "nurture", "let_go"]
DueName = Literal["today", "next_business_day", "best_hour", "before_cooling", "next_visit"]
Role = Literal["decider", "influencer", "user", "unknown"]
Status = Literal["open", "claimed", "contacted", "snoozed", "won", "lost", "junk", "not_now"]
_Unknown = Literal["unknown"]
# As in scorer.core.rules and scorer.core.scorecard, which can't be imported: these rules are a part of a card.
_Tier = Literal["hot", "warm", "cold"]
_Stage = Literal["awareness", "consideration", "decision"]
_Grade = Literal["A", "B", "C", "D"]

COOLING_MS = 2 * DAY_MS
"""A lead that leaves the hot list within this time is cooling."""
MAX_NEXT_STEPS = 100
MAX_DAYS = 365
MAX_TEXT = 200
MAX_WORDS = 80
"""Characters of a topic, name or file that a reason shows."""

PLACEHOLDERS: Final = ("topic", "days", "colleague", "hour", "company", "document", "stage")
"""Words that a reason may have in braces: the lead's first interest; full days since its last visit began; an engaged
colleague; the next best hours for a call; its company; what it downloaded last; its stage of the purchase."""

STAGE_WORDS: Final[Mapping[str, Label]] = {
    "awareness": Label("awareness", "认知"),
    "consideration": Label("consideration", "考虑"),
    "decision": Label("decision", "决策"),
}
_BRACES = re.compile(r"\{(\w*)\}")


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a rule fits. All that is given must hold; of a list one entry, where ``unknown`` is what isn't known."""

    tier: list[_Tier] | None = None
    stage: list[_Stage | _Unknown] | None = None
    grade: list[_Grade | _Unknown] | None = None
    """Fit to the ideal customer."""
    identified: bool | None = None
    """Name or e-mail known."""
    downloaded: bool | None = None
    """Has downloaded something that the card values."""
    cooling: bool | None = None
    """Leaves the hot list within two days."""
    unusual_silence: bool | None = None
    """Silent for longer than is usual for it."""
    silent_days: float | None = None
    """Days since its last visit began, at least. Not for a lead that was never seen."""
    overdue: bool | None = None
    """Its likely next visit should have begun."""
    expected_within_days: float | None = None
    """Its likely next visit is at most so many days away."""
    best_hour_today: bool | None = None
    """One of its best hours for a call is still to come today, or going on."""
    topic: list[str] | None = None
    """Ids of topics, one of which is its first interest."""
    has_topic: bool | None = None
    alone_at_account: bool | None = None
    """The only engaged person of a known company."""
    role: list[Role] | None = None
    status: list[Status] | None = None
    cycle: list[CyclePosition | _Unknown] | None = None
    """Where it stands in the site's decision cycle."""
    momentum: list[Momentum | _Unknown] | None = None
    source_channel: list[Channel | _Unknown] | None = None
    """How its first visit came."""


class InDays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Due at noon of the first business day that is at least so many days away; 0 is today."""

    days: int


Due = DueName | InDays
"""By when. ``today``: within the business day. ``next_business_day``: its noon. ``best_hour``: the end of the lead's next
best hours. ``before_cooling``: today, and before it leaves the hot list. ``next_visit``: within the business day of its
likely next visit."""


class NextStepRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One line of the list: what to do, when it fits, until when, and how to say why."""

    id: str
    label: Label
    """What the salesperson is told to do."""
    action: Action
    when: When = When()
    due: Due
    why: Label
    """The reason, with words in braces as in ``PLACEHOLDERS``."""


class Situation(msgspec.Struct, frozen=True):
    """What the next step depends on. ``None`` and empty texts are what isn't known."""

    tier: _Tier
    identified: bool
    """Name or e-mail known."""
    downloaded: bool = False
    """Has downloaded something that the card values."""
    stage: _Stage | None = None
    grade: _Grade | None = None
    cools_at: int | None = None
    """When it leaves the hot list, milliseconds since 1970 UTC; ``None`` when it isn't on it."""
    rhythm: Rhythm = Rhythm()
    topic: str = ""
    """Id of its first interest."""
    topic_words: str = ""
    """That interest in the reader's words; the id stands in when they are empty."""
    document: str = ""
    """Title or file name of what it downloaded last."""
    company: str = ""
    colleagues: int = 0
    """Other engaged people of its company."""
    colleague: str = ""
    """Name of the most engaged of them."""
    role: Role = "unknown"
    status: Status = "open"
    cycle: CyclePosition | None = None
    source_channel: Channel | None = None


class NextStep(msgspec.Struct, frozen=True):
    """What to do: the rule that says so, until when (milliseconds since 1970 UTC), and the reason and order in words."""

    rule: str
    action: Action
    due: int
    why: str
    label: str


def next_step(
    rules: Sequence[NextStepRule],
    situation: Situation,
    now_ms: int,
    zone: tzinfo,
    language: Language = "en",
    holidays: Collection[date] = (),
) -> NextStep:
    """What the first rule that fits says. Which one that is doesn't depend on the language; it is never due before now.

    Parameters
    ----------
    rules
        As ``lint_next_steps`` found nothing wrong with them.
    situation
        What is known of the lead.
    now_ms
        Now, in milliseconds since 1970 UTC.
    zone
        The lead's time zone, else the site's: due times are business hours in it.
    language
        In which reason and order are said.
    holidays
        Dates in the zone on which nobody works.

    Raises
    ------
    ValueError
        No rule fits, which a last rule without conditions prevents.

    Examples
    --------
    >>> from datetime import UTC
    >>> step = next_step(DEFAULT_NEXT_STEPS, Situation("hot", identified=False), now_ms=0, zone=UTC)
    >>> step.rule, step.why
    ('identify', 'Hot, but still anonymous: find out who it is')
    """
    best = next_in_window(now_ms, situation.rhythm.best_hours, zone, holidays)
    facts = _facts(situation, now_ms, zone, best)
    words = _words(situation, zone, best, language)
    for rule in rules:
        if not _holds(rule.when, facts) or not _placeholders(rule.why) <= words.keys():
            continue
        due = _due(rule.due, situation, now_ms, zone, best, holidays)
        if due is not None:
            why = _BRACES.sub(lambda found: words[found[1]], pick(rule.why, language))
            return NextStep(rule.id, rule.action, due, why, pick(rule.label, language))
    raise ValueError("no rule fits: the last one must be without conditions")


def lint_next_steps(
    rules: Sequence[tuple[str, NextStepRule]], topics: Collection[str] | None = None, path: str = "next_steps"
) -> Iterator[Problem]:
    """All that is wrong with a list of rules, each given with its place (``next_steps[3]``).

    ``topics`` are the ids that a rule may ask for; ``None`` when pages can name topics of their own. ``path`` is the
    place of the whole list.
    """
    if len(rules) > MAX_NEXT_STEPS:
        yield Problem(
            path, f"at most {MAX_NEXT_STEPS}, not {len(rules)}", f"最多 {MAX_NEXT_STEPS} 条，而不是 {len(rules)} 条"
        )
        return  # Each is compared with those before it.
    seen: set[str] = set()
    certain: list[tuple[str, NextStepRule]] = []
    for place, rule in rules:
        if rule.id in seen:
            yield already_taken(place, rule.id)
        seen.add(rule.id)
        yield from _lint_rule(place, rule, topics)
        covering = next((other for other in certain if _covers(other[1].when, rule.when)), None)
        if covering:
            earlier = f"{covering[0]} ({covering[1].id!r})"
            yield Problem(
                place,
                f"is never reached: {earlier} fits whenever this one does",
                f"永远不会用到：凡符合此规则的情形，都已符合 {earlier}",
            )
        elif _certain(rule):
            certain.append((place, rule))
    if not rules or not _certain(rules[-1][1]) or rules[-1][1].when != When():
        yield Problem(
            path,
            "the last rule must fit always: "
            "no conditions, no words in braces, and due today, the next_business_day or in days",
            "最后一条规则须始终适用：没有条件，没有花括号中的词，期限为 today、next_business_day 或若干天（days）",
        )


def _facts(lead: Situation, now_ms: int, zone: tzinfo, best: Span | None) -> dict[str, Any]:
    """What each field of ``When`` is compared with."""
    rhythm = lead.rhythm
    expected = rhythm.next_visit_at
    today = local_time(now_ms, zone).date()
    return {
        "tier": lead.tier,
        "stage": lead.stage or "unknown",
        "grade": lead.grade or "unknown",
        "identified": lead.identified,
        "downloaded": lead.downloaded,
        "cooling": lead.cools_at is not None and now_ms <= lead.cools_at < now_ms + COOLING_MS,
        "unusual_silence": rhythm.unusual_silence,
        "silent_days": rhythm.silence_days,
        "overdue": rhythm.overdue_days is not None,
        "expected_within_days": (expected - now_ms) / DAY_MS if expected is not None and expected >= now_ms else None,
        "best_hour_today": best is not None and local_time(best.from_ms, zone).date() == today,
        "topic": lead.topic,
        "has_topic": bool(lead.topic or lead.topic_words),
        "alone_at_account": bool(lead.company) and lead.colleagues == 0,
        "role": lead.role,
        "status": lead.status,
        "cycle": lead.cycle or "unknown",
        "momentum": rhythm.momentum or "unknown",
        "source_channel": lead.source_channel or "unknown",
    }


def _given(when: When) -> dict[str, Any]:
    values = {name: getattr(when, name) for name in when.__struct_fields__}
    return {name: value for name, value in values.items() if value is not None}


def _holds(when: When, facts: Mapping[str, Any]) -> bool:
    return all(_one_holds(name, wanted, facts[name]) for name, wanted in _given(when).items())


def _one_holds(name: str, wanted: Any, fact: Any) -> bool:
    if isinstance(wanted, list):
        return fact in wanted
    if name == "silent_days":
        return fact is not None and fact >= wanted
    if name == "expected_within_days":
        return fact is not None and fact <= wanted
    return bool(fact == wanted)


def _due(due: Due, lead: Situation, now_ms: int, zone: tzinfo, best: Span | None, holidays: Collection[date]) -> int | None:
    """Milliseconds since 1970 UTC, not before now; ``None`` when that can't be told."""
    if isinstance(due, InDays):
        return in_days(now_ms, due.days, zone, holidays)
    if due == "today":
        return within_business_day(now_ms, zone, holidays)
    if due == "next_business_day":
        return next_business_noon(now_ms, zone, holidays)
    if due == "best_hour":
        return best.to_ms if best else None
    if due == "before_cooling":
        if lead.cools_at is None or lead.cools_at < now_ms:
            return None
        return min(within_business_day(now_ms, zone, holidays), lead.cools_at)
    expected = lead.rhythm.next_visit_at
    if expected is None or expected < now_ms:
        return None
    return within_business_day(expected, zone, holidays)


def _words(lead: Situation, zone: tzinfo, best: Span | None, language: Language) -> dict[str, str]:
    """What is known to put into braces."""
    silence = lead.rhythm.silence_days
    known = {
        "topic": lead.topic_words or lead.topic,
        "days": "" if silence is None else str(int(silence)),
        "colleague": lead.colleague,
        "hour": _hours(best, zone) if best else "",
        "company": lead.company,
        "document": lead.document,
        "stage": pick(STAGE_WORDS[lead.stage], language) if lead.stage else "",
    }
    shown = {name: one_line(text, MAX_WORDS) for name, text in known.items()}
    return {name: text for name, text in shown.items() if text}


def _hours(best: Span, zone: tzinfo) -> str:
    start, end = (local_time(at, zone) for at in best)
    return f"{start:%H}:00–{end:%H}:00"


def _placeholders(text: Label) -> set[str]:
    """Of both languages, so that the same rule fits in both."""
    return {*_BRACES.findall(text.en), *_BRACES.findall(text.zh)}


def _certain(rule: NextStepRule) -> bool:
    """Nothing but its conditions can keep it from fitting."""
    return not _placeholders(rule.why) and (isinstance(rule.due, InDays) or rule.due in ("today", "next_business_day"))


def _covers(wider: When, narrower: When) -> bool:
    """Where ``narrower`` holds, ``wider`` holds."""
    asked = _given(narrower)
    for name, value in _given(wider).items():
        if name not in asked:
            return False
        covered = set(asked[name]) <= set(value) if isinstance(value, list) else _one_holds(name, value, asked[name])
        if not covered:
            return False
    return True


def _lint_rule(place: str, rule: NextStepRule, topics: Collection[str] | None) -> Iterator[Problem]:
    yield from lint_id(place, rule.id)
    yield from _lint_text(f"{place}.label", rule.label, frozenset())
    yield from _lint_text(f"{place}.why", rule.why, frozenset(PLACEHOLDERS))
    if isinstance(rule.due, InDays) and not 0 <= rule.due.days <= MAX_DAYS:
        yield _out_of_range(f"{place}.due.days", rule.due.days)
    for name, value in _given(rule.when).items():
        if isinstance(value, list) and not value:
            yield Problem(
                f"{place}.when.{name}", "must not be empty; leave it out if it doesn't matter", "不能为空；如无关紧要请省略"
            )
        elif name in ("silent_days", "expected_within_days") and not 0 <= value <= MAX_DAYS:
            yield _out_of_range(f"{place}.when.{name}", value)
    for topic in rule.when.topic or []:
        if topics is not None and topic not in topics:
            yield Problem(f"{place}.when.topic", f"there is no topic {topic!r}", f"没有主题 {topic!r}")


def _out_of_range(place: str, days: float) -> Problem:
    return Problem(place, f"must be from 0 to {MAX_DAYS}, not {days:g}", f"须在 0 到 {MAX_DAYS} 之间，而不是 {days:g}")


def _lint_text(place: str, text: Label, allowed: Collection[str]) -> Iterator[Problem]:
    if not text.en.strip():
        yield Problem(f"{place}.en", "must not be empty", "不能为空")
    for language, words in (("en", text.en), ("zh", text.zh)):
        if len(words) > MAX_TEXT:
            yield Problem(
                f"{place}.{language}",
                f"at most {MAX_TEXT} characters, not {len(words)}",
                f"最多 {MAX_TEXT} 个字符，而不是 {len(words)} 个",
            )
        for name in _BRACES.findall(words):
            if name not in allowed:
                usable = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS) if allowed else ""
                yield Problem(
                    f"{place}.{language}",
                    f"{{{name}}} can't be filled in; what can: {usable or 'nothing'}",
                    f"无法填入 {{{name}}}；可填入的：{usable or '无'}",
                )
        if set(_BRACES.sub("", words)) & {"{", "}"}:
            yield Problem(
                f"{place}.{language}",
                "braces are only for words that are filled in, as in {topic}",
                "花括号只用于要填入的词，例如 {topic}",
            )


_CALL = Label("Call", "致电")
_FOLLOW_UP = Label("Follow up", "跟进")
_SEND = Label("Send material", "发送资料")
_IDENTIFY = Label("Find out who it is", "弄清对方是谁")
_LET_GO = Label("Let it go", "暂时放手")

DEFAULT_NEXT_STEPS: Final[tuple[NextStepRule, ...]] = (
    NextStepRule(
        id="back-again",
        label=_FOLLOW_UP,
        action="follow_up",
        when=When(tier=["hot"], identified=True, status=["lost", "not_now"]),
        due="today",
        why=Label("Said no before, and is hot again: ask what has changed", "曾经拒绝，现在热度又高：了解情况有何变化"),
    ),
    NextStepRule(
        id="closed",
        label=Label("Nothing to do", "无需行动"),
        action="wait",
        when=When(status=["won", "lost", "junk"]),
        due=InDays(30),
        why=Label("The outcome is known already", "结果已记录"),
    ),
    NextStepRule(
        id="put-off",
        label=Label("Wait", "等待"),
        action="wait",
        when=When(status=["snoozed", "not_now"]),
        due=InDays(7),
        why=Label("Put off for now", "已暂缓"),
    ),
    NextStepRule(
        id="cooling",
        label=Label("Follow up before it cools", "趁热度未降跟进"),
        action="follow_up",
        when=When(tier=["hot"], identified=True, cooling=True),
        due="before_cooling",
        why=Label("Cooling: drops off the hot list soon", "热度正在下降，即将离开热门名单"),
    ),
    NextStepRule(
        id="silent",
        label=_FOLLOW_UP,
        action="follow_up",
        when=When(tier=["hot", "warm"], identified=True, unusual_silence=True),
        due="today",
        why=Label("Silent for {days} days, which is unusual for it", "已有 {days} 天没有动静，对它来说不寻常"),
    ),
    NextStepRule(
        id="contacted",
        label=Label("Follow up on the contact", "跟进上次联系"),
        action="follow_up",
        when=When(tier=["hot"], identified=True, status=["contacted"]),
        due="next_business_day",
        why=Label("Contacted, and still hot: ask what is missing", "已联系过，热度仍高：问问还缺什么"),
    ),
    NextStepRule(
        id="invite-colleague",
        label=Label("Invite the colleague who decides", "邀请能做决定的同事"),
        action="invite_colleague",
        when=When(
            tier=["hot"],
            identified=True,
            alone_at_account=True,
            role=["influencer", "user"],
            stage=["awareness", "consideration", "unknown"],
        ),
        due="today",
        why=Label(
            "Hot, but the only one of {company} so far, and not the one who decides",
            "热度高，但目前是 {company} 唯一的访客，且不是决策者",
        ),
    ),
    NextStepRule(
        id="call-best-hour-topic",
        label=_CALL,
        action="call",
        when=When(tier=["hot"], identified=True, best_hour_today=True),
        due="best_hour",
        why=Label(
            "Hot, and interested in {topic}; often there {hour}, local time",
            "热度高，关注“{topic}”；常在当地时间 {hour} 来访",
        ),
    ),
    NextStepRule(
        id="call-best-hour",
        label=_CALL,
        action="call",
        when=When(tier=["hot"], identified=True, best_hour_today=True),
        due="best_hour",
        why=Label(
            "Hot, and we know who it is; often there {hour}, local time",
            "热度高，且已知道是谁；常在当地时间 {hour} 来访",
        ),
    ),
    NextStepRule(
        id="call-topic",
        label=_CALL,
        action="call",
        when=When(tier=["hot"], identified=True),
        due="today",
        why=Label("Hot, and interested in {topic}", "热度高，关注“{topic}”"),
    ),
    NextStepRule(
        id="call",
        label=_CALL,
        action="call",
        when=When(tier=["hot"], identified=True),
        due="today",
        why=Label("Hot, and we know who it is", "热度高，且已知道是谁"),
    ),
    NextStepRule(
        id="identify-company",
        label=_IDENTIFY,
        action="identify",
        when=When(tier=["hot"]),
        due="today",
        why=Label(
            "Hot, but still anonymous: find out who it is at {company}",
            "热度高，但仍是匿名访客：先弄清是 {company} 的哪一位",
        ),
    ),
    NextStepRule(
        id="identify",
        label=_IDENTIFY,
        action="identify",
        when=When(tier=["hot"]),
        due="today",
        why=Label("Hot, but still anonymous: find out who it is", "热度高，但仍是匿名访客：先弄清对方是谁"),
    ),
    NextStepRule(
        id="send-material-topic",
        label=_SEND,
        action="send_material",
        when=When(tier=["warm"], identified=True, downloaded=True, status=["open", "claimed"]),
        due="next_business_day",
        why=Label("Downloads material and reads about {topic}", "下载过资料，正在了解“{topic}”"),
    ),
    NextStepRule(
        id="send-material",
        label=_SEND,
        action="send_material",
        when=When(tier=["warm"], identified=True, downloaded=True, status=["open", "claimed"]),
        due="next_business_day",
        why=Label("Downloads material, but isn't ready for a call", "下载过资料，但还不到打电话的时候"),
    ),
    NextStepRule(
        id="send-material-read",
        label=_SEND,
        action="send_material",
        when=When(tier=["warm"], identified=True, status=["open", "claimed"]),
        due="next_business_day",
        why=Label("Reads about {topic}, but isn't ready for a call", "正在了解“{topic}”，但还不到打电话的时候"),
    ),
    NextStepRule(
        id="wait-for-visit",
        label=Label("Wait for its next visit", "等待下次来访"),
        action="wait",
        when=When(tier=["warm"], expected_within_days=3),
        due="next_visit",
        why=Label("Comes regularly, and is expected back soon", "定期来访，预计很快会再来"),
    ),
    NextStepRule(
        id="let-go-unfit",
        label=_LET_GO,
        action="let_go",
        when=When(tier=["cold"], grade=["D"]),
        due="next_business_day",
        why=Label("Shows little interest, and isn't the customer you look for", "兴趣不大，也不是目标客户"),
    ),
    NextStepRule(
        id="let-go-silent",
        label=_LET_GO,
        action="let_go",
        when=When(silent_days=60),
        due="next_business_day",
        why=Label(
            "Silent for {days} days: it comes back to this list when it visits again",
            "已有 {days} 天没有动静：再次来访时会重新出现",
        ),
    ),
    NextStepRule(
        id="nurture",
        label=Label("Keep in touch", "保持联系"),
        action="nurture",
        due=InDays(30),
        why=Label("Not enough interest yet: keep in touch", "兴趣还不够：保持联系"),
    ),
)
"""The rules of a card that has none of its own."""
