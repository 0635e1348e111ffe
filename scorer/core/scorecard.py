"""A scorecard: which behaviour earns how many points. Plain JSON that a salesperson can read and a linter can judge.

A published card is numbered and never changes; to change a weight is to publish the next number.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any, Literal, TypeVar, get_args

import msgspec

from scorer.core.exclusions import DEFAULT_EXCLUSIONS, Exclusion, lint_exclusions
from scorer.core.fit import IdealCustomer, lint_fit
from scorer.core.globs import TOPIC, TopicCapture
from scorer.core.labels import Label, Patterns, Problem, already_taken, lint_id, lint_patterns, listed
from scorer.core.next_steps import DEFAULT_NEXT_STEPS, NextStepRule, lint_next_steps
from tracker.core.channels import Channel
from tracker.core.shape_words import shape_in_chinese

Behaviour = Literal[
    "first_visit",
    "new_day",
    "return",
    "arrival",
    "page_view",
    "dwell",
    "download",
    "link",
    "form",
    "identify",
    "group",
    "event",
    "mail_click",
]
Stage = Literal["awareness", "consideration", "decision"]
STAGES: tuple[Stage, ...] = ("awareness", "consideration", "decision")

FORMAT = 1
MAX_POINTS = 1000
MAX_RULES = 1000
MIN_DWELL_SECONDS = 10
"""Below this nobody has read anything: visitors screen first and read then (Liu, White, Dumais, SIGIR 2010)."""


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a behaviour must be about. All keys given must hold; of a list one entry. Case never matters."""

    path: Patterns | None = None
    """Globs on the page's path."""
    not_path: Patterns | None = None
    url: Patterns | None = None
    """Globs on the whole address, query included."""
    title: Patterns | None = None
    """Texts the title contains."""
    topic: Patterns | None = None
    """Ids of topics."""
    stage: Patterns | None = None
    """Stages of topics: the page, file, link or form is about a topic of that stage. Not the stage that the lead is in."""
    extension: Patterns | None = None
    """File extensions, with or without the dot."""
    file: Patterns | None = None
    """Globs on the file name."""
    form: Patterns | None = None
    """Globs on the form's id or name."""
    not_form: Patterns | None = None
    event: Patterns | None = None
    """Globs on the name of a ``track`` event."""
    properties: dict[str, str | int | float | bool] | None = None
    """Properties the event must carry with these values."""
    campaign: Patterns | None = None
    """Globs on the name of the campaign, of a visit or of the mail that a link was in."""
    channel: Patterns | None = None
    """How a visit came: channels as ``tracker.core.channels`` names them."""
    source: Patterns | None = None
    """Globs on the engine, network, assistant, site or campaign source that a visit came from."""
    min_silence_days: float | None = None
    """Days without a sign of the visitor before it returned."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of the card: a behaviour, and the points it earns each time, at most ``cap_per_day`` times a day."""

    id: str
    label: Label
    on: Behaviour
    points: float = 0.0
    """0 to 1,000 a time. A rule of 0 points earns nothing and says so in the open. Not for ``dwell``."""
    match: Match = Match()
    buckets: list[tuple[float, float]] = msgspec.field(default_factory=list)
    """``dwell`` only: ``[at least so many engaged seconds in the visit, points]``, both rising from line to line."""
    cap_per_day: int = 3
    """Times a day (of the site) that it earns; for ``dwell``, how many visits of a day do."""
    cap_total: int | None = None
    """Times in all that it earns for one visitor. ``None``: no such limit."""
    stage: Stage | None = None
    """Stage of the purchase it speaks of; ``None`` when it speaks of none."""


class Topic(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What pages are about. Either a named one, or one whose path pattern has ``{topic}`` in the place of the name."""

    match: Match
    id: str = ""
    label: Label | None = None
    stage: Stage | None = None
    """Stage of the purchase in which people read about it, for rules to match; it adds nothing to a lead's own by itself."""


class Hot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a lead is hot: from ``enter`` points, until below ``enter * leave_ratio``."""

    enter: float
    leave_ratio: float = 0.7
    per_week: int | None = None
    """Hot leads that the team can take on in a week. Simulating and publishing the card then set ``enter`` to what would
    have given as many in each of the last four weeks; ``None`` leaves it as it is."""


class Scorecard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A whole card, as ``parse`` reads it."""

    format: int
    name: Label
    p50: float
    """Points that score 50."""
    hot: Hot
    warm: float
    """Points from which a lead is warm."""
    rules: list[Rule]
    topics: list[Topic] = msgspec.field(default_factory=list)
    topic_properties: list[str] = msgspec.field(default_factory=lambda: ["topic", "product"])
    """Properties of events whose value names what the event is about; the first that is there."""
    half_life_days: float = 14.0
    fit: IdealCustomer | None = None
    """Whom the site looks for. ``None``: fit stays unknown."""
    exclusions: list[Exclusion] = msgspec.field(default_factory=lambda: list(DEFAULT_EXCLUSIONS))
    """Who is kept off the hot list, and why."""
    next_steps: list[NextStepRule] = msgspec.field(default_factory=lambda: list(DEFAULT_NEXT_STEPS))
    """What to do next; of the rules the first that fits."""


class ScorecardError(ValueError):
    """A card can't be used; ``problems`` says why, all at once."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


_ALLOWED: dict[str, frozenset[str]] = {
    "first_visit": frozenset(),
    "new_day": frozenset(),
    "return": frozenset({"min_silence_days"}),
    "page_view": frozenset({"path", "not_path", "url", "title", "topic", "stage"}),
    "dwell": frozenset(),
    "download": frozenset({"path", "not_path", "url", "topic", "stage", "extension", "file"}),
    "link": frozenset({"path", "not_path", "url", "topic", "stage"}),
    "form": frozenset({"path", "not_path", "url", "topic", "stage", "form", "not_form"}),
    "identify": frozenset(),
    "group": frozenset(),
    "event": frozenset({"event", "properties"}),
    "mail_click": frozenset({"campaign"}),
    "arrival": frozenset({"channel", "source", "campaign"}),
    "topic": frozenset({"path", "not_path", "url", "title"}),
}


def parse(data: object) -> Scorecard:
    """Read a card from plain data (what ``json.loads`` gives).

    Raises ``ScorecardError`` with every problem ``lint`` finds.

    >>> parse({"format": 1}).rules
    Traceback (most recent call last):
    scorer.core.scorecard.ScorecardError: $: Object missing required field `name`; rules: a card needs at least one rule
    """
    problems = lint(data)
    if problems:
        raise ScorecardError(problems)
    return msgspec.convert(data, Scorecard)


def written_out(body: str) -> dict[str, Any]:
    """Return a card, given as JSON, with the sections that it leaves to the shipped ones: what somebody edits.

    >>> body = '{"format": 1, "name": {"en": "x"}, "p50": 4, "hot": {"enter": 6}, "warm": 2, "rules": []}'
    >>> sorted(written_out(body).keys() - {"format", "name", "p50", "hot", "warm", "rules"})
    ['exclusions', 'next_steps']
    """
    told: dict[str, Any] = msgspec.json.decode(body)
    card = msgspec.convert(told, Scorecard)
    return told | {"exclusions": msgspec.to_builtins(card.exclusions), "next_steps": msgspec.to_builtins(card.next_steps)}


def json_schema() -> dict[str, Any]:
    """The card's JSON schema, for editors. It knows shapes; ``lint`` also knows what makes sense."""
    return msgspec.json.schema(Scorecard)


def lint(data: object) -> list[Problem]:
    """All that is wrong with a card given as plain data; an empty list for a card that can be published.

    >>> [str(problem) for problem in lint([])]
    ['$: a scorecard is a JSON object']
    """
    if not isinstance(data, dict):
        return [Problem("$", "a scorecard is a JSON object", "评分卡须为 JSON 对象")]
    problems: list[Problem] = []
    sections: dict[str, list[object]] = {"rules": [], "topics": [], "exclusions": [], "next_steps": []}
    head = _read({**data, **sections}, Scorecard, "", problems)
    rules = _read_each(data.get("rules", []), Rule, "rules", problems)
    topics = _read_each(data.get("topics", []), Topic, "topics", problems)
    exclusions = _read_each(data.get("exclusions", []), Exclusion, "exclusions", problems)
    steps = _read_each(data.get("next_steps", []), NextStepRule, "next_steps", problems)
    if data.get("rules", []) == []:
        problems.append(Problem("rules", "a card needs at least one rule", "评分卡至少需要一条规则"))
    if head is not None:
        problems += _lint_head(head)
        if len(head.topic_properties) > 20 or not all(0 < len(name) <= 60 for name in head.topic_properties):
            told = "at most 20 names of 1 to 60 characters", "最多 20 个名称，每个 1 到 60 个字符"
            problems.append(Problem("topic_properties", *told))
        if head.fit is not None:
            problems += lint_fit(head.fit)
    if len(exclusions) == len(data.get("exclusions", [])):
        problems += lint_exclusions([rule for _, rule in exclusions])
    problems += _lint_topics(topics)
    names = {topic.id for _, topic in topics if topic.id}
    captures = any(not topic.id for _, topic in topics)
    stages = {topic.stage for _, topic in topics}
    if "next_steps" in data and len(steps) == len(data["next_steps"]):
        problems += lint_next_steps(steps, topics=None if captures else names)
    problems += _repeated(rules)
    for path, rule in rules:
        problems += _lint_rule(path, rule)
        for topic in listed(rule.match.topic):
            if topic not in names and not captures:
                problems.append(Problem(f"{path}.match.topic", f"there is no topic {topic!r}", f"没有主题 {topic!r}"))
        problems += _lint_stages(path, rule, stages)
    return problems


Part = TypeVar("Part")


def _read(value: object, kind: type[Part], path: str, problems: list[Problem]) -> Part | None:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message, found, place = str(error).partition(" - at `$")
        where = path + place.rstrip("`") if found else path
        problems.append(Problem(where.lstrip(".") or "$", message, shape_in_chinese(message)))
        return None


def _read_each(values: object, kind: type[Part], path: str, problems: list[Problem]) -> list[tuple[str, Part]]:
    if not isinstance(values, list):
        problems.append(Problem(path, "must be a list", "须为列表"))
        return []
    if len(values) > MAX_RULES:
        problems.append(
            Problem(path, f"at most {MAX_RULES}, not {len(values)}", f"最多 {MAX_RULES} 项，而不是 {len(values)} 项")
        )
        return []
    read = []
    for index, value in enumerate(values):
        part = _read(value, kind, f"{path}[{index}]", problems)
        if part is not None:
            read.append((f"{path}[{index}]", part))
    return read


def _lint_head(card: Scorecard) -> Iterator[Problem]:
    if card.format != FORMAT:
        yield Problem(
            "format",
            f"must be {FORMAT}, the only format there is, not {card.format}",
            f"须为 {FORMAT}（目前唯一的格式），而不是 {card.format}",
        )
    if not 1 <= card.half_life_days <= 365:
        days = card.half_life_days
        yield Problem("half_life_days", f"must be from 1 to 365, not {days:g}", f"须在 1 到 365 之间，而不是 {days:g}")
    if not _positive(card.p50):
        yield Problem("p50", "the points that score 50 must be above 0", "得分 50 对应的分值须大于 0")
    if not _positive(card.hot.enter):
        told = "the points from which a lead is hot must be above 0", "线索成为热门的分值须大于 0"
        yield Problem("hot.enter", *told)
    if not 0 < card.hot.leave_ratio < 1:
        ratio = card.hot.leave_ratio
        yield Problem(
            "hot.leave_ratio", f"must be above 0 and below 1, not {ratio:g}", f"须大于 0 且小于 1，而不是 {ratio:g}"
        )
    if card.hot.per_week is not None and not 1 <= card.hot.per_week <= 100_000:
        some = card.hot.per_week
        yield Problem("hot.per_week", f"must be from 1 to 100,000, not {some}", f"须在 1 到 100,000 之间，而不是 {some}")
    if not 0 < card.hot.leave_ratio < 1:
        pass
    elif _positive(card.hot.enter) and not 0 < card.warm <= card.hot.enter * card.hot.leave_ratio:
        limit = card.hot.enter * card.hot.leave_ratio
        yield Problem(
            "warm",
            f"must be above 0 and at most {limit:g}, where a hot lead leaves, so that it cools to warm",
            f"须大于 0 且不超过 {limit:g}（热门线索在此离开名单），这样它才会先降为“温”",
        )


def _lint_rule(path: str, rule: Rule) -> Iterator[Problem]:
    yield from lint_id(path, rule.id)
    yield from _lint_match(f"{path}.match", rule.match, rule.on)
    if rule.cap_per_day < 1:
        yield Problem(
            f"{path}.cap_per_day",
            "must be at least 1; give the rule 0 points to switch it off",
            "须至少为 1；如要停用此规则，请把分值设为 0",
        )
    if rule.cap_total is not None and rule.cap_total < 1:
        told = "must be at least 1, or left out for no limit", "须至少为 1；不设上限时请省略"
        yield Problem(f"{path}.cap_total", *told)
    if rule.on == "dwell":
        yield from _lint_dwell(path, rule)
        return
    if rule.buckets:
        yield Problem(f"{path}.buckets", "only a dwell rule has buckets", "只有 dwell 规则才有 buckets")
    if not 0 <= rule.points <= MAX_POINTS:
        yield Problem(
            f"{path}.points",
            f"must be from 0 to {MAX_POINTS}, not {rule.points:g}",
            f"须在 0 到 {MAX_POINTS} 之间，而不是 {rule.points:g}",
        )
    if rule.on == "return" and not _positive(rule.match.min_silence_days or 0):
        told = "a return rule needs the days of silence, above 0", "return 规则需要沉默天数，须大于 0"
        yield Problem(f"{path}.match.min_silence_days", *told)
    for name in listed(rule.match.channel):
        if name not in get_args(Channel):
            yield _not_one_of(f"{path}.match.channel", get_args(Channel), name)
    if rule.on == "event" and not listed(rule.match.event):
        yield Problem(f"{path}.match.event", "an event rule needs the event's name", "event 规则需要事件名称")


def _lint_stages(path: str, rule: Rule, stages: Collection[Stage | None]) -> Iterator[Problem]:
    for name in listed(rule.match.stage) if "stage" in _ALLOWED[rule.on] else ():
        if name not in STAGES:
            yield _not_one_of(f"{path}.match.stage", STAGES, name)
        elif name not in stages:
            yield Problem(
                f"{path}.match.stage",
                f'no topic has the stage {name!r}; give one "stage": "{name}"',
                f'没有主题属于阶段 {name!r}；请给某个主题加上 "stage": "{name}"',
            )


def _lint_dwell(path: str, rule: Rule) -> Iterator[Problem]:
    if rule.points:
        yield Problem(f"{path}.points", "a dwell rule gives its points in buckets", "dwell 规则的分值写在 buckets 中")
    if rule.cap_total is not None:
        told = "a dwell rule is limited by cap_per_day only", "dwell 规则只能用 cap_per_day 限制"
        yield Problem(f"{path}.cap_total", *told)
    if not rule.buckets:
        yield Problem(
            f"{path}.buckets",
            "a dwell rule needs buckets: [[at least seconds, points], …]",
            "dwell 规则需要 buckets：[[至少秒数, 分值], …]",
        )
    seconds, points = 0.0, 0.0
    for index, (at_least, worth) in enumerate(rule.buckets):
        if index == 0 and at_least < MIN_DWELL_SECONDS:
            yield Problem(
                f"{path}.buckets[0]",
                f"the first bucket begins at {MIN_DWELL_SECONDS} s or later",
                f"第一档须从 {MIN_DWELL_SECONDS} 秒或更晚开始",
            )
        elif not (math.isfinite(at_least) and at_least > seconds):
            yield Problem(f"{path}.buckets[{index}]", "seconds must rise from bucket to bucket", "各档秒数须逐档增加")
        if not points < worth <= MAX_POINTS:
            yield Problem(
                f"{path}.buckets[{index}]",
                f"points must rise from bucket to bucket, up to {MAX_POINTS}",
                f"各档分值须逐档增加，最高 {MAX_POINTS}",
            )
        seconds, points = at_least, worth


def _lint_topics(topics: list[tuple[str, Topic]]) -> Iterator[Problem]:
    yield from _repeated([(path, topic) for path, topic in topics if topic.id])
    for path, topic in topics:
        captures = [pattern for pattern in listed(topic.match.path) if TOPIC in pattern]
        yield from _lint_match(f"{path}.match", topic.match, "topic")
        if topic.match == Match():
            yield Problem(f"{path}.match", "a topic needs a match", "主题需要匹配条件")
        if topic.id:
            yield from lint_id(path, topic.id)
            if captures:
                yield Problem(
                    f"{path}.match.path",
                    f"a topic with an id can't have {TOPIC} in its path as well",
                    f"有 id 的主题，路径中不能再有 {TOPIC}",
                )
        elif not captures or len(captures) != len(listed(topic.match.path)):
            yield Problem(
                path,
                f"a topic needs an id, or {TOPIC} in each of its path patterns",
                f"主题需要 id，或者每个路径模式中都有 {TOPIC}",
            )
        for pattern in captures:
            problem = TopicCapture.problem(pattern)
            if problem:
                yield Problem(f"{path}.match.path", f"{pattern!r}: {problem.en}", f"{pattern!r}：{problem.zh}")


def _lint_match(path: str, match: Match, on: str) -> Iterator[Problem]:
    for key in match.__struct_fields__:
        value = getattr(match, key)
        if value is None:
            continue
        if key not in _ALLOWED[on]:
            allowed = ", ".join(sorted(_ALLOWED[on]))
            yield Problem(
                f"{path}.{key}",
                f"{on} can't be matched by {key}; it takes {allowed or 'nothing'}",
                f"{on} 不能用 {key} 匹配；" + (f"可用的有 {allowed}" if allowed else "它不接受任何条件"),
            )
        elif isinstance(value, (str, list)):
            yield from lint_patterns(f"{path}.{key}", listed(value))


def _repeated(parts: list[tuple[str, Rule]] | list[tuple[str, Topic]]) -> Iterator[Problem]:
    seen: set[str] = set()
    for path, part in parts:
        if part.id in seen:
            yield already_taken(path, part.id)
        seen.add(part.id)


def _not_one_of(path: str, choices: Collection[str], name: str) -> Problem:
    listing = ", ".join(choices)
    return Problem(path, f"one of {listing}, not {name!r}", f"须为 {listing} 之一，而不是 {name!r}")


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0
