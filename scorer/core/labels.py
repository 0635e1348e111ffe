"""What every section of a scorecard is written in: labels for people, patterns, and what a linter says about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

Language = Literal["en", "zh"]

MAX_PATTERNS = 200
MAX_PATTERN_LENGTH = 200


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Words for people. ``zh`` may be empty, then ``en`` stands in."""

    en: str
    zh: str = ""


Patterns = str | list[str]
"""One pattern or several of which one has to match."""


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong with a card: where (``rules[3].points``) and what."""

    path: str
    message: str

    def __str__(self) -> str:
        """Place and message on one line."""
        return f"{self.path}: {self.message}"


def listed(patterns: Patterns | None) -> list[str]:
    """One pattern, several, or none, always as a list."""
    if patterns is None:
        return []
    return [patterns] if isinstance(patterns, str) else patterns


def pick(label: Label, language: Language) -> str:
    """The label in a language; English where there is no Chinese."""
    return (label.zh or label.en) if language == "zh" else label.en


def lint_id(path: str, name: str) -> Iterator[Problem]:
    """What is wrong with an id."""
    if not (0 < len(name) <= 60 and name.replace("-", "").replace("_", "").isalnum() and name == name.lower()):
        yield Problem(f"{path}.id", f"1 to 60 lower-case letters, digits, - or _, not {name!r}")


def lint_patterns(path: str, patterns: list[str]) -> Iterator[Problem]:
    """What is wrong with a list of patterns: none or empty ones, too many, too long."""
    if not patterns or not all(patterns):
        yield Problem(path, "must not be empty")
    if len(patterns) > MAX_PATTERNS or any(len(pattern) > MAX_PATTERN_LENGTH for pattern in patterns):
        yield Problem(path, f"at most {MAX_PATTERNS} patterns of {MAX_PATTERN_LENGTH} characters")
