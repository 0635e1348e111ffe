"""A scorecard in plain words: what each rule is about, whom the site looks for, and what differs between two cards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from scorer.core.fit import TRAIT, Criterion
from scorer.core.labels import Label, Language, Patterns, listed, pick
from scorer.core.next_steps import Due, InDays
from scorer.core.regions import country_label
from scorer.core.scorecard import Behaviour, Match, Rule, Scorecard, Topic
from scorer.core.titles import IN_WORDS

SHOWN: Final = 4
"""Patterns of a list that are named; of the others how many there are."""

BEHAVIOURS: Final[Mapping[Behaviour, Label]] = {
    "first_visit": Label("The first visit", "首次访问"),
    "new_day": Label("A visit on another day", "在另一天访问"),
    "return": Label("A visit after a long silence", "沉寂后再次访问"),
    "arrival": Label("A visit by the way it came", "按来源渠道的访问"),
    "page_view": Label("A page viewed", "浏览页面"),
    "dwell": Label("Time spent reading in a visit", "一次访问的阅读时长"),
    "download": Label("A file downloaded", "下载文件"),
    "link": Label("A link followed", "点击链接"),
    "form": Label("A form sent", "提交表单"),
    "identify": Label("Says who it is", "表明身份"),
    "group": Label("Names its company", "说明所属公司"),
    "event": Label("An event", "事件"),
    "mail_click": Label("A link in a mail followed", "点击邮件中的链接"),
}
_CLAUSES: Final[Mapping[str, Label]] = {
    "path": Label("path {}", "路径 {}"),
    "not_path": Label("not {}", "不含 {}"),
    "url": Label("address {}", "地址 {}"),
    "title": Label("title with {}", "标题含 {}"),
    "topic": Label("about {}", "主题 {}"),
    "stage": Label("of the stage {}", "阶段 {}"),
    "extension": Label("extension {}", "扩展名 {}"),
    "file": Label("file name {}", "文件名 {}"),
    "form": Label("form {}", "表单 {}"),
    "not_form": Label("not the form {}", "不含表单 {}"),
    "event": Label("named {}", "名称 {}"),
    "campaign": Label("campaign {}", "推广活动 {}"),
    "channel": Label("by {}", "渠道 {}"),
    "source": Label("from {}", "来自 {}"),
}
_AND_MORE: Final = Label("{} and {} more", "{} 等 {} 项")
_SILENCE: Final = Label("at least {} quiet days", "至少沉寂 {} 天")
FIELDS: Final[Mapping[str, Label]] = {
    "industry": Label("industry", "行业"),
    "employees": Label("employees", "员工数"),
    "role": Label("function", "职能"),
    "seniority": Label("rank", "职级"),
    "buying_role": Label("part in the purchase", "采购角色"),
    "country": Label("country", "国家"),
    "region": Label("region", "地区"),
    "budget": Label("budget", "预算"),
    "need": Label("need", "需求"),
    "company_domain": Label("company's domain", "公司域名"),
    "email_domain": Label("e-mail domain", "邮箱域名"),
}
_AT_LEAST: Final = Label("at least {:,.10g}", "至少 {:,.10g}")
_AT_MOST: Final = Label("at most {:,.10g}", "至多 {:,.10g}")
DUE: Final[Mapping[str, Label]] = {
    "today": Label("today", "今天"),
    "next_business_day": Label("next business day", "下一工作日"),
    "best_hour": Label("in the lead's best hours", "线索的最佳时段"),
    "before_cooling": Label("before it cools", "冷却之前"),
    "next_visit": Label("at the likely next visit", "预计下次访问时"),
}
_IN_DAYS: Final = Label("in {} days", "{} 天内")
_HEAD: Final[tuple[tuple[Label, Callable[[Scorecard], float | None]], ...]] = (
    (Label("Hot from", "热线索门槛"), lambda card: card.hot.enter),
    (Label("Stays hot down to the share", "保持热度的比例"), lambda card: card.hot.leave_ratio),
    (Label("Hot leads a week", "每周热线索数"), lambda card: card.hot.per_week),
    (Label("Warm from", "温线索门槛"), lambda card: card.warm),
    (Label("Half-life in days", "半衰期（天）"), lambda card: card.half_life_days),
    (Label("Points that score 50", "得 50 分所需点数"), lambda card: card.p50),
)
_PARTS: Final[tuple[tuple[Label, Callable[[Scorecard], object]], ...]] = (
    (Label("Topics", "主题"), lambda card: (card.topics, card.topic_properties)),
    (Label("Fit", "匹配度"), lambda card: card.fit),
    (Label("Exclusions", "排除规则"), lambda card: card.exclusions),
    (Label("Next steps", "下一步"), lambda card: card.next_steps),
)
_ADDED, _REMOVED, _CHANGED = Label("added", "新增"), Label("removed", "删除"), Label("changed", "已更改")
_POINTS, _A_DAY, _IN_ALL = Label("points", "点数"), Label("times a day", "每日次数"), Label("times in all", "总次数")
_MATCH, _NAME = Label("what it is about", "匹配内容"), Label("name", "名称")


class Difference(msgspec.Struct, frozen=True):
    """One thing in which two cards differ."""

    what: str
    """The rule, figure or section."""
    change: str
    """What about it: ``points 8 → 10``."""


def told_rule(rule: Rule, language: Language) -> str:
    """What a rule is about.

    >>> told_rule(Rule("a", Label("A"), "page_view", 1, Match(path=["*/pricing*", "*/plans*"])), "en")
    'A page viewed: path */pricing*, */plans*'
    """
    clauses = list(_clauses(rule.match, language))
    if rule.match.min_silence_days is not None:
        clauses.append(pick(_SILENCE, language).format(f"{rule.match.min_silence_days:g}"))
    behaviour = pick(BEHAVIOURS[rule.on], language)
    if not clauses:
        return behaviour
    return f"{behaviour}：{'；'.join(clauses)}" if language == "zh" else f"{behaviour}: {'; '.join(clauses)}"


def told_topic(topic: Topic, language: Language) -> str:
    """What makes a page be about a topic."""
    return ("；" if language == "zh" else "; ").join(_clauses(topic.match, language))


def told_criterion(criterion: Criterion, language: Language) -> str:
    """What good customers have in common.

    >>> told_criterion(Criterion("size", Label("Size"), "employees", at_least=250), "en")
    'employees at least 250'
    >>> told_criterion(Criterion("part", Label("Part"), "buying_role", values=["decider", "user"]), "zh")
    '采购角色 决策者、使用者'
    """
    name = criterion.field.removeprefix(TRAIT)
    words = [pick(FIELDS[name], language) if name in FIELDS else name]
    if criterion.values is not None:
        words.append(_named([_value(name, one, language) for one in listed(criterion.values)], language))
    if criterion.at_least is not None:
        words.append(pick(_AT_LEAST, language).format(criterion.at_least))
    if criterion.at_most is not None:
        words.append(pick(_AT_MOST, language).format(criterion.at_most))
    return " ".join(words)


def _value(field: str, value: str, language: Language) -> str:
    """A value as people read it: functions, ranks and countries have names of ours, whatever isn't a pattern."""
    if field in ("role", "seniority", "buying_role") and value.lower() in IN_WORDS:
        return pick(IN_WORDS[value.lower()], language)
    return country_label(value, language) if field == "country" and "*" not in value else value


def told_due(due: Due, language: Language) -> str:
    """By when a step is due."""
    return pick(_IN_DAYS, language).format(due.days) if isinstance(due, InDays) else pick(DUE[due], language)


def differences(before: Scorecard, after: Scorecard, language: Language) -> list[Difference]:
    """Return in what two cards differ: figures first, then rules in the order of the new card, then whole sections."""
    found = [
        Difference(pick(name, language), _from_to(read(before), read(after)))
        for name, read in _HEAD
        if read(before) != read(after)
    ]
    old = {rule.id: rule for rule in before.rules}
    new = {rule.id for rule in after.rules}
    for rule in after.rules:
        label = pick(rule.label, language)
        if rule.id not in old:
            found.append(Difference(label, pick(_ADDED, language)))
        elif rule != old[rule.id]:
            found.append(Difference(label, ", ".join(_of_rule(old[rule.id], rule, language))))
    gone = (rule for rule in before.rules if rule.id not in new)
    found += [Difference(pick(rule.label, language), pick(_REMOVED, language)) for rule in gone]
    changed = pick(_CHANGED, language)
    return found + [Difference(pick(name, language), changed) for name, read in _PARTS if read(before) != read(after)]


def _of_rule(before: Rule, after: Rule, language: Language) -> Iterator[str]:
    if (before.points, before.buckets) != (after.points, after.buckets):
        values = (_worth(before), _worth(after))
        yield f"{pick(_POINTS, language)} {values[0]} → {values[1]}"
    if before.cap_per_day != after.cap_per_day:
        yield f"{pick(_A_DAY, language)} {_from_to(before.cap_per_day, after.cap_per_day)}"
    if before.cap_total != after.cap_total:
        yield f"{pick(_IN_ALL, language)} {_from_to(before.cap_total, after.cap_total)}"
    if (before.on, before.match, before.stage) != (after.on, after.match, after.stage):
        yield f"{pick(_MATCH, language)} {pick(_CHANGED, language)}"
    if before.label != after.label:
        yield f"{pick(_NAME, language)} {pick(_CHANGED, language)}"


def _worth(rule: Rule) -> str:
    if rule.on == "dwell":
        return " ".join(f"{seconds:g}s:{points:g}" for seconds, points in rule.buckets)
    return f"{rule.points:g}"


def _from_to(before: float | None, after: float | None) -> str:
    return " → ".join("–" if value is None else f"{value:g}" for value in (before, after))


def _clauses(match: Match, language: Language) -> Iterator[str]:
    for key, label in _CLAUSES.items():
        patterns: Patterns | None = getattr(match, key)
        if patterns is not None:
            yield pick(label, language).format(_named(patterns, language))
    for name, value in (match.properties or {}).items():
        yield f"{name} = {value}"


def _named(patterns: Patterns, language: Language) -> str:
    names: Sequence[str] = listed(patterns)
    joined = ("、" if language == "zh" else ", ").join(names[:SHOWN])
    if len(names) <= SHOWN:
        return joined
    return pick(_AND_MORE, language).format(joined, len(names) if language == "zh" else len(names) - SHOWN)
