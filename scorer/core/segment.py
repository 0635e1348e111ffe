"""A segment: a saved filter over leads. Plain JSON that a salesperson can read, a linter judge, and a database answer.

Every test is true or false, never in between: of what isn't known of a lead each test is false, but for ``not`` (and
``known: false``), which is true whenever the test it turns round isn't. So a segment and its ``not`` share the leads out
between them.

Texts are compared the same way by every database: the letters A to Z whatever their case, other letters as written, in small
letters, in capitals, or with a capital at the beginning of words (see ``spellings``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, get_args

import msgspec

from scorer.core.decay import DAY_MS
from scorer.core.exclusions import EXCLUDED
from scorer.core.labels import Label
from scorer.core.next_steps import Status
from scorer.core.phrases import MINUTE_MS
from scorer.core.regions import country_of_name
from scorer.core.scorecard import STAGES
from scorer.core.titles import BUYING_ROLES
from tracker.core.channels import Channel

Test = Literal["is", "in", "not", "at_least", "at_most", "contains", "known"]
Level = Literal["region", "group", "organisation", "person"]
Measure = Literal["visits", "page_views", "downloads", "engaged_minutes", "active_days"]

MAX_LEVELS: Final = 5
"""Combinations within each other; the outermost is the first."""
MAX_CONDITIONS: Final = 50
MAX_VALUES: Final = 100
"""Texts of one list."""
MAX_ALL_VALUES: Final = 500
"""Texts of a whole filter: what a database can be asked at once without making everybody wait."""
MAX_TEXT: Final = 200
MAX_WITHIN_DAYS: Final = 3650
MAX_NUMBER: Final = 1e9
UNKNOWN: Final = "unknown"

_CHOICE: Final[tuple[Test, ...]] = ("is", "in", "not")
_MAYBE: Final[tuple[Test, ...]] = (*_CHOICE, "known")
_TEXT: Final[tuple[Test, ...]] = (*_CHOICE, "contains", "known")
_NUMBER: Final[tuple[Test, ...]] = ("at_least", "at_most")


class Field(msgspec.Struct, frozen=True):
    """What a condition may ask of a lead."""

    label: Label
    tests: tuple[Test, ...]
    choices: tuple[str, ...] = ()
    """All the values there are; empty when any text will do."""
    level: Level | None = None
    """What leads have in common that share it. ``None`` for what says how warm a lead is rather than who."""


FIELDS: Final[Mapping[str, Field]] = {
    "kind": Field(Label("Kind", "类型"), _CHOICE, ("person", "visitor")),
    "name": Field(Label("Name", "姓名"), _TEXT, level="person"),
    "email": Field(Label("E-mail", "邮箱"), _TEXT, level="person"),
    "email_domain": Field(Label("E-mail domain", "邮箱域名"), _MAYBE, level="organisation"),
    "title": Field(Label("Job title", "职位"), _TEXT, level="group"),
    "role": Field(Label("Buying role", "采购角色"), _MAYBE, BUYING_ROLES, level="group"),
    "company": Field(Label("Company", "公司"), _TEXT, level="organisation"),
    "company_domain": Field(Label("Company domain", "公司域名"), _TEXT, level="organisation"),
    "account": Field(Label("Account", "客户编号"), _MAYBE, level="organisation"),
    "industry": Field(Label("Industry", "行业"), _TEXT, level="group"),
    "employees": Field(Label("Employees", "员工人数"), (*_NUMBER, "known"), level="group"),
    "country": Field(Label("Country", "国家或地区"), _MAYBE, level="region"),
    "region": Field(Label("Region", "省市"), _TEXT, level="region"),
    "channel": Field(Label("Channel", "渠道"), _CHOICE, get_args(Channel)),
    "status": Field(Label("Status", "状态"), _CHOICE, get_args(Status)),
    "owner": Field(Label("Owner", "负责人"), _TEXT),
    "exclusion": Field(Label("Excluded as", "排除原因"), _MAYBE, tuple(EXCLUDED)),
    "score": Field(Label("Score", "得分"), _NUMBER),
    "points": Field(Label("Points", "分值"), _NUMBER),
    "priority": Field(Label("Priority", "优先级"), _NUMBER),
    "tier": Field(Label("Tier", "热度"), _CHOICE, ("hot", "warm", "cold")),
    "grade": Field(Label("Fit", "匹配等级"), _MAYBE, ("A", "B", "C", "D", UNKNOWN), level="group"),
    "stage": Field(Label("Stage", "阶段"), _MAYBE, (*STAGES, UNKNOWN)),
    "topic": Field(Label("Interest", "关注主题"), _MAYBE),
    "class": Field(Label("Class", "分类"), _MAYBE, level="group"),
    "group": Field(Label("Group", "群组"), _MAYBE),
    "visits": Field(Label("Visits", "访问次数"), _NUMBER),
    "page_views": Field(Label("Page views", "浏览页数"), _NUMBER),
    "downloads": Field(Label("Downloads", "下载次数"), _NUMBER),
    "engaged_minutes": Field(Label("Engaged minutes", "有效阅读分钟数"), _NUMBER),
    "visitors": Field(Label("Devices", "设备数"), _NUMBER),
    "first_seen_days": Field(Label("Days since first seen", "首次出现距今天数"), _NUMBER),
    "last_seen_days": Field(Label("Days since last seen", "最近出现距今天数"), _NUMBER),
    "account_score": Field(Label("Company's score", "公司得分"), (*_NUMBER, "known"), level="organisation"),
    "account_leads": Field(Label("People of the company", "公司线索人数"), (*_NUMBER, "known"), level="organisation"),
}
"""The closed list of fields. Those with the test ``known`` may be unknown."""

SCORES: Final = ("score", "account_score")
"""Fields from 0 to below 100."""
MEASURES: Final[Mapping[Measure, Label]] = {
    "visits": Label("Visits", "访问次数"),
    "page_views": Label("Page views", "浏览页数"),
    "downloads": Label("Downloads", "下载次数"),
    "engaged_minutes": Label("Engaged minutes", "有效阅读分钟数"),
    "active_days": Label("Active days", "活跃天数"),
}
"""What is added up over the visits of a window."""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One field and one test; ``at_least`` and ``at_most`` together are one."""

    field: str
    is_: str | None = msgspec.field(default=None, name="is")
    in_: tuple[str, ...] | None = msgspec.field(default=None, name="in")
    not_: str | tuple[str, ...] | None = msgspec.field(default=None, name="not")
    at_least: float | None = None
    at_most: float | None = None
    contains: str | None = None
    """Beginning of the field's text or of a later word of it; for scripts without spaces, any part of it."""
    known: bool | None = None


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """From, to, or both; the bound itself is within."""

    at_least: float | None = None
    at_most: float | None = None

    def hold(self, value: float) -> bool:
        """Whether *value* is within."""
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What all visits that began in the last days add up to; 0 without any. One measure is given."""

    within_days: float
    visits: Bounds | None = None
    page_views: Bounds | None = None
    downloads: Bounds | None = None
    engaged_minutes: Bounds | None = None
    active_days: Bounds | None = None
    """Days of the site on which visits began."""

    @property
    def measure(self) -> tuple[Measure, Bounds]:
        """The measure given and its bounds."""
        return next((name, bounds) for name in MEASURES if (bounds := getattr(self, name)) is not None)

    def since(self, now_ms: int) -> int:
        """When the window began: milliseconds since 1970 UTC."""
        return now_ms - round(self.within_days * DAY_MS)


class AllOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Every part holds."""

    all: tuple[Segment, ...]


class AnyOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """At least one part holds."""

    any: tuple[Segment, ...]


class Not(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The part doesn't hold."""

    part: Segment = msgspec.field(name="not")


Segment = AllOf | AnyOf | Not | Condition | Window


class VisitFacts(msgspec.Struct, frozen=True):
    """A visit, as far as windows ask."""

    started_at: int
    day: int
    """Number of the day of the site on which it began."""
    page_views: int = 0
    downloads: int = 0
    engaged_ms: int = 0


class LeadFacts(msgspec.Struct, frozen=True):
    """What a filter may ask of a lead."""

    values: Mapping[str, str | float | Sequence[str] | None]
    """By the names of ``FIELDS``; what is missing, ``None`` or empty isn't known. Several texts of ``topic``, ``region`` and
    ``class``; those of ``class`` as ``class_text`` writes them.
    Scores, points, priority, tier and days are as of now."""
    visits: Sequence[VisitFacts] = ()


def matches(segment: Segment, facts: LeadFacts, now_ms: int) -> bool:
    """Whether a lead is in a segment. One that is excluded is in none that doesn't ask for ``exclusion``.

    >>> matches(Condition(field="country", not_="Germany"), LeadFacts({"country": "FR"}), 0)
    True
    """
    if facts.values.get("exclusion") and not asks_for_excluded(segment):
        return False
    return _holds(segment, facts, now_ms)


def conditions(segment: Segment) -> Iterator[Condition | Window]:
    """The conditions of a filter, in the order in which they are written."""
    if isinstance(segment, Condition | Window):
        yield segment
    else:
        for part in _parts(segment):
            yield from conditions(part)


def asks_for_excluded(segment: Segment) -> bool:
    """Whether a filter has a condition on ``exclusion``: only then excluded leads can be in it."""
    return any(isinstance(one, Condition) and one.field == "exclusion" for one in conditions(segment))


def level(segment: Segment) -> Level:
    """What the leads of a segment have in common, the narrowest that a condition asks for: a region; being of a group
    (industry, size, fit, role); an organisation; else they are single persons.

    >>> level(AllOf((Condition(field="country", is_="DE"), Condition(field="tier", is_="hot"))))
    'region'
    """
    asked = {FIELDS[one.field].level for one in conditions(segment) if isinstance(one, Condition)}
    return next((name for name in reversed(get_args(Level)) if name in asked), "person")


def class_text(scheme: str, label: str) -> str:
    """How a filter names a class.

    >>> class_text("Product line", "Pumps")
    'Product line: Pumps'
    """
    return f"{scheme}: {label}"


# How texts are compared.

MARKS: Final = "-_.,/@(&+:'\""
"""What parts words beside a space."""

_ASCII: Final = {capital: capital + 32 for capital in range(ord("A"), ord("Z") + 1)}
_SPACES: Final = {ord(mark): " " for mark in MARKS}
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
"""Letters of scripts that put no space between words."""


def folded(text: str) -> str:
    """*text* with the letters A to Z small. Other letters stay: databases don't agree on what is their other case."""
    return text.translate(_ASCII)


def spellings(text: str) -> tuple[str, ...]:
    """How *text* may be written, each folded: as it is, small, in capitals, with a capital at the beginning of words.

    >>> spellings(" Halden"), spellings("Öre")
    (('halden',), ('Öre', 'öre'))
    """
    text = text.strip()
    return tuple(dict.fromkeys(folded(one) for one in (text, text.lower(), text.upper(), text.title())))


def worded(text: str) -> str:
    """A text, folded, with a space before every word of it."""
    return " " + folded(text).translate(_SPACES)


def beginnings(text: str) -> tuple[str, ...]:
    """What a text as ``worded`` gives it must have in it to contain *text*."""
    before = "" if _UNSPACED.match(text.strip()) else " "
    return tuple(dict.fromkeys(before + one.translate(_SPACES).strip() for one in spellings(text)))


def wanted(condition: Condition) -> tuple[str, ...]:
    """The values that ``is``, ``in`` or ``not`` names, one of which the field must have (or must not have).

    Countries are told by code or name, and come as they are stored.
    """
    told = next(one for one in (condition.is_, condition.in_, condition.not_) if one is not None)
    values = (told,) if isinstance(told, str) else told
    return tuple(country_of_name(one) for one in values) if condition.field == "country" else values


# How a filter is answered.


def _holds(segment: Segment, facts: LeadFacts, now_ms: int) -> bool:
    if isinstance(segment, AllOf):
        return all(_holds(part, facts, now_ms) for part in segment.all)
    if isinstance(segment, AnyOf):
        return any(_holds(part, facts, now_ms) for part in segment.any)
    if isinstance(segment, Not):
        return not _holds(segment.part, facts, now_ms)
    if isinstance(segment, Window):
        measure, bounds = segment.measure
        return bounds.hold(_added_up(measure, [one for one in facts.visits if one.started_at >= segment.since(now_ms)]))
    return _passes(segment, facts.values.get(segment.field))


def _added_up(measure: Measure, visits: Sequence[VisitFacts]) -> float:
    if measure == "visits":
        return len(visits)
    if measure == "active_days":
        return len({visit.day for visit in visits})
    if measure == "engaged_minutes":
        return sum(visit.engaged_ms for visit in visits) / MINUTE_MS
    return sum(visit.page_views if measure == "page_views" else visit.downloads for visit in visits)


def _parts(segment: AllOf | AnyOf | Not) -> tuple[Segment, ...]:
    if isinstance(segment, Not):
        return (segment.part,)
    return segment.all if isinstance(segment, AllOf) else segment.any


def _passes(condition: Condition, value: str | float | Sequence[str] | None) -> bool:
    if value == "" or (value == UNKNOWN and FIELDS[condition.field].choices):
        value = None
    if condition.known is not None:
        return (value is not None and value != () and value != []) == condition.known
    if condition.at_least is not None or condition.at_most is not None:
        bounds = Bounds(condition.at_least, condition.at_most)
        return isinstance(value, int | float) and bounds.hold(value)
    assert not isinstance(value, int | float)
    if condition.not_ is not None:
        return not _is_one(condition, value)
    if condition.contains is not None:
        text = value if isinstance(value, str) else ", ".join(value or ())
        return any(one in worded(text) for one in beginnings(condition.contains))
    return _is_one(condition, value)


def _is_one(condition: Condition, value: str | Sequence[str] | None) -> bool:
    values = wanted(condition)
    if FIELDS[condition.field].choices:
        return (value or UNKNOWN) in values
    told = () if value is None else (value,) if isinstance(value, str) else value
    return any(folded(text) in spellings(one) for text in told for one in values)
