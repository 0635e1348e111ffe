"""Who is no lead whatever the score: staff, competitors, students, customers, people looking for a job, robots.

An exclusion takes nothing from a score. It keeps a lead off the list for as long as it holds, with its reason in the open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Literal

import msgspec

from scorer.core.globs import Globs, folded
from scorer.core.labels import Label, Language, Patterns, Problem, already_taken, lint_id, lint_patterns, listed, pick
from scorer.core.objecting import OBJECTION
from scorer.core.observing import UNOBSERVED
from scorer.core.profile import Profile, texts_of, trait_of
from scorer.core.titles import SENIORITIES

ExclusionReason = Literal["staff", "competitor", "student", "customer", "unsubscribed", "careers", "robot", "other"]
Excluded = ExclusionReason | Literal["unobserved", "objection"]
Scalar = str | int | float | bool

MAX_EXCLUSIONS = 200
REASONS: dict[ExclusionReason, Label] = {
    "staff": Label("Own staff", "本公司员工"),
    "competitor": Label("Competitor", "竞争对手"),
    "student": Label("Student", "学生"),
    "customer": Label("Already a customer", "已是客户"),
    "unsubscribed": Label("Wants no messages", "已退订"),
    "careers": Label("Looking for a job", "求职者"),
    "robot": Label("Suspected robot", "疑似机器人"),
    "other": Label("Excluded", "已排除"),
}
EXCLUDED: dict[str, Label] = {
    **{str(name): label for name, label in REASONS.items()},
    UNOBSERVED: Label("Seen too briefly", "观察时间尚短"),
    OBJECTION: Label("Doesn't want to be scored", "不愿被评分"),
}
"""Every reason for which a lead is kept off the lists: those that people and cards may give, what a site waits for, and the
lead's own word."""


class ExclusionMatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whom an exclusion is for. All keys given must hold; of a list one entry. Patterns are globs, case never matters."""

    email: Patterns | None = None
    email_domain: Patterns | None = None
    """On all that follows the ``@``; ``example.com`` doesn't include ``mail.example.com``, ``*.example.com`` does."""
    company_domain: Patterns | None = None
    """On the registrable domain."""
    company: Patterns | None = None
    """On the company's name."""
    title: Patterns | None = None
    """On the job title as told."""
    seniority: Patterns | None = None
    """On the rank that the job title says, as in ``titles.SENIORITIES``."""
    trait: dict[str, Scalar | list[Scalar]] | None = None
    """Traits that must have these values; ``company.plan`` is one of the company. Texts are globs."""
    event: Patterns | None = None
    """On the names of ``track`` events seen so far."""
    only_paths: Patterns | None = None
    """On page paths: every page viewed matches."""
    min_pages: int = 2
    """Pages that must have been viewed before ``only_paths`` holds."""


class Exclusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule that tells who is no lead."""

    id: str
    label: Label
    reason: ExclusionReason
    match: ExclusionMatch


class Behaviour(msgspec.Struct, frozen=True):
    """What a lead did, as far as exclusions ask."""

    events: frozenset[str] = frozenset()
    """Names of ``track`` events, ``folded``."""
    pages: int = 0
    """Page views."""
    pages_by_rule: Mapping[str, int] = {}
    """Of these, the views that match ``only_paths`` of a rule, by the rule's id (see ``path_counters``)."""


DEFAULT_EXCLUSIONS: tuple[Exclusion, ...] = (
    Exclusion(
        "careers_only",
        Label("Viewed nothing but careers pages", "只浏览过招聘页面"),
        "careers",
        ExclusionMatch(
            only_paths=[
                *("/careers*", "*/careers", "*/careers/*", "/career", "/career/*", "*/career", "*/career/*"),
                *("/jobs", "/jobs/*", "*/jobs", "*/jobs/*", "*/job-openings*", "*/vacancies*", "*/join-us*"),
                *("*/karriere*", "*/stellenangebote*", "*/recrutement*", "*/empleo*"),
                *("*/zhaopin*", "*/招聘*", "*/人才招聘*", "*/加入我们*", "*/诚聘英才*"),
            ]
        ),
    ),
    Exclusion(
        "unsubscribed",
        Label("Unsubscribed", "退订了邮件"),
        "unsubscribed",
        ExclusionMatch(event=["Unsubscribed", "Email Unsubscribed"]),
    ),
    # A university buys, too: only who says to study there is excluded, never an address alone, nor a title alone.
    Exclusion(
        "students",
        Label("Student with a university address", "使用高校邮箱的学生"),
        "student",
        ExclusionMatch(email_domain=["*.edu", "*.edu.*", "*.ac.*"], seniority="student"),
    ),
)
"""What every site starts with. Staff and competitors aren't in it, since nobody but the site knows them."""


def path_counters(rules: Iterable[Exclusion]) -> tuple[tuple[str, Globs], ...]:
    """Id and patterns of every rule with ``only_paths``: what the page views of ``pages_by_rule`` are counted by.

    The patterns take a path as ``globs.page_path`` gives it.
    """
    return tuple((rule.id, Globs(listed(rule.match.only_paths))) for rule in rules if rule.match.only_paths is not None)


def excluded(rules: Iterable[Exclusion], profile: Profile, behaviour: Behaviour) -> Exclusion | None:
    """Return the first rule that excludes a lead; ``None`` when none does.

    What isn't known of a lead never excludes it, not even by ``*``.

    >>> rule = Exclusion("own", Label("Us"), "staff", ExclusionMatch(email_domain="halden.example"))
    >>> excluded([rule], Profile(email_domain="halden.example"), Behaviour()).id
    'own'
    """
    return next((rule for rule in rules if _holds(rule, profile, behaviour)), None)


def exclusion_text(what: Exclusion | ExclusionReason, language: Language = "en") -> str:
    """An exclusion in words: its reason, and of a rule also its label.

    >>> exclusion_text("staff"), exclusion_text(DEFAULT_EXCLUSIONS[0], "zh")
    ('Own staff', '求职者：只浏览过招聘页面')
    """
    if isinstance(what, Exclusion):
        return f"{pick(REASONS[what.reason], language)}{'：' if language == 'zh' else ': '}{pick(what.label, language)}"
    return pick(REASONS[what], language)


def lint_exclusions(section: list[Exclusion]) -> Iterator[Problem]:
    """All that is wrong with the section ``exclusions`` of a card."""
    if len(section) > MAX_EXCLUSIONS:
        count = len(section)
        yield Problem("exclusions", f"at most {MAX_EXCLUSIONS}, not {count}", f"最多 {MAX_EXCLUSIONS} 条，而不是 {count} 条")
        return
    seen: set[str] = set()
    for index, rule in enumerate(section):
        path = f"exclusions[{index}]"
        yield from lint_id(path, rule.id)
        if rule.id in seen:
            yield already_taken(path, rule.id)
        seen.add(rule.id)
        yield from _lint_match(f"{path}.match", rule.match)


_PROFILE_FIELD = {
    "email": "email",
    "email_domain": "email_domain",
    "company_domain": "company_domain",
    "company": "company_name",
    "title": "title",
    "seniority": "seniority",
}
_ABOUT_TEXTS = (*_PROFILE_FIELD, "event", "only_paths")


def _holds(rule: Exclusion, profile: Profile, behaviour: Behaviour) -> bool:
    match = rule.match
    for key, field in _PROFILE_FIELD.items():
        patterns = getattr(match, key)
        if patterns is not None and not _any(tuple(listed(patterns)), (getattr(profile, field),)):
            return False
    for name, values in (match.trait or {}).items():
        if not _any(texts_of(values), texts_of(trait_of(profile.user_traits, name))):
            return False
    if match.event is not None and not _any(tuple(listed(match.event)), behaviour.events):
        return False
    if match.only_paths is not None:
        return behaviour.pages >= max(match.min_pages, 1) and behaviour.pages_by_rule.get(rule.id, 0) >= behaviour.pages
    return match != ExclusionMatch(min_pages=match.min_pages)


def _any(patterns: tuple[str, ...], texts: Iterable[str]) -> bool:
    globs = _globs(patterns)
    return any(text != "" and globs(folded(text)) for text in texts)


@lru_cache(maxsize=2048)
def _globs(patterns: tuple[str, ...]) -> Globs:
    return Globs(patterns)


def _lint_match(path: str, match: ExclusionMatch) -> Iterator[Problem]:
    if match == ExclusionMatch(min_pages=match.min_pages):
        yield Problem(path, "an exclusion needs a match", "排除规则需要匹配条件")
    for key in _ABOUT_TEXTS:
        patterns = getattr(match, key)
        if patterns is None:
            continue
        patterns = listed(patterns)
        yield from lint_patterns(f"{path}.{key}", patterns)
        if any(pattern and not pattern.strip("*") for pattern in patterns):
            yield Problem(
                f"{path}.{key}",
                "a pattern of * alone excludes everybody of whom something is known",
                "只有 * 的模式会排除所有已知此项的人",
            )
    for pattern in listed(match.seniority):
        if pattern and not any(Globs([pattern])(rank) for rank in SENIORITIES if rank != "unknown"):
            ranks = ", ".join(rank for rank in SENIORITIES if rank != "unknown")
            yield Problem(
                f"{path}.seniority",
                f"there is no seniority {pattern!r}; it is one of {ranks}",
                f"没有职级 {pattern!r}；可用的有 {ranks}",
            )
    if match.trait is not None and not match.trait:
        yield Problem(f"{path}.trait", "must not be empty", "不能为空")
    for name, values in (match.trait or {}).items():
        if not name or not texts_of(values):
            yield Problem(f"{path}.trait", f"{name!r} needs a value", f"{name!r} 需要一个值")
    if match.min_pages < 1:
        pages = match.min_pages
        yield Problem(f"{path}.min_pages", f"must be at least 1, not {pages}", f"须至少为 1，而不是 {pages}")
    if match.only_paths is None and match.min_pages != ExclusionMatch().min_pages:
        yield Problem(f"{path}.min_pages", "only with only_paths", "只能与 only_paths 同时使用")
