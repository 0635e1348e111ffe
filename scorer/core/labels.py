"""What every section of a scorecard is written in: labels for people, patterns, and what a linter says about them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tracker.core.labels import Label, Language, pick

__all__ = (
    "MAX_PATTERNS",
    "MAX_PATTERN_LENGTH",
    "Label",
    "Language",
    "Patterns",
    "Problem",
    "already_taken",
    "lint_id",
    "lint_patterns",
    "listed",
    "pick",
    "told_problem",
)

MAX_PATTERNS = 200
MAX_PATTERN_LENGTH = 200


Patterns = str | list[str]
"""One pattern or several of which one has to match."""


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong with a card or a filter: where (``rules[3].points``) and what."""

    path: str
    message: str
    """In English."""
    zh: str
    """The same in Chinese."""

    def __str__(self) -> str:
        """Place and message on one line, in English."""
        return told_problem(self, "en")

    @property
    def label(self) -> Label:
        """What is wrong, in both languages."""
        return Label(self.message, self.zh)


def told_problem(problem: Problem, language: Language) -> str:
    """Return place and message of a problem on one line.

    >>> told_problem(Problem("warm", "must be above 0", "须大于 0"), "zh")
    'warm：须大于 0'
    """
    return f"{problem.path}{'：' if language == 'zh' else ': '}{pick(problem.label, language)}"


def already_taken(path: str, name: str) -> Problem:
    """The problem of an id that another part has."""
    return Problem(f"{path}.id", f"{name!r} is already taken", f"{name!r} 已被使用")


def listed(patterns: Patterns | None) -> list[str]:
    """One pattern, several, or none, always as a list."""
    if patterns is None:
        return []
    return [patterns] if isinstance(patterns, str) else patterns


def lint_id(path: str, name: str) -> Iterator[Problem]:
    """What is wrong with an id."""
    if not (0 < len(name) <= 60 and name.replace("-", "").replace("_", "").isalnum() and name == name.lower()):
        yield Problem(
            f"{path}.id",
            f"1 to 60 lower-case letters, digits, - or _, not {name!r}",
            f"须为 1 到 60 个小写字母、数字、- 或 _，而不是 {name!r}",
        )


def lint_patterns(path: str, patterns: list[str]) -> Iterator[Problem]:
    """What is wrong with a list of patterns: none or empty ones, too many, too long."""
    if not patterns or not all(patterns):
        yield Problem(path, "must not be empty", "不能为空")
    if len(patterns) > MAX_PATTERNS or any(len(pattern) > MAX_PATTERN_LENGTH for pattern in patterns):
        yield Problem(
            path,
            f"at most {MAX_PATTERNS} patterns of {MAX_PATTERN_LENGTH} characters",
            f"最多 {MAX_PATTERNS} 个模式，每个最多 {MAX_PATTERN_LENGTH} 个字符",
        )
