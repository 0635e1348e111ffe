"""Every line of the audit log is read out in both languages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scorer
from scorer.core.audit_words import ACTIONS, action_label, told_changes


def noted() -> Iterator[str]:
    """The actions that the program writes into the log, read off its source."""
    for path in Path(scorer.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "note":
                for argument in node.args[3:4]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value


def test_whatever_is_noted_has_words() -> None:
    actions = set(noted())
    assert {"merge", "site set", "publish"} <= actions
    assert actions - ACTIONS.keys() == set()


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_told_in_both_languages(action: str) -> None:
    english, chinese = action_label(action, "en"), action_label(action, "zh")
    assert english.isascii()
    assert not chinese.isascii()


def test_an_action_of_another_version_is_told_as_it_is_stored() -> None:
    assert action_label("teleport", "zh") == "teleport"


@pytest.mark.parametrize(
    ("action", "detail", "told"),
    [
        ("note", {}, ""),
        ("merge", {"lost": "ld_a"}, "lost ld_a"),
        ("site set", {"hash_routes": {"from": False, "to": True}}, "hash_routes no → yes"),
        ("site set", {"origins": {"from": [], "to": ["https://a", "https://b"]}}, "origins – → https://a,https://b"),
        ("exclude", {"from": "", "to": None}, "Never → By the scorecard"),
        ("exclude", {"from": "staff", "to": "of tomorrow"}, "Own staff → of tomorrow"),
        ("outcome", {"kind": "won", "value": 12.5, "lines": {"a": 1}}, 'kind won; value 12.5; lines {"a":1}'),
        ("site add", {"name": "x" * 500}, "name " + "x" * 200),
    ],
)
def test_what_changed_is_told(action: str, detail: dict[str, Any], told: str) -> None:
    assert told_changes(action, detail, "en") == told


def test_reasons_of_exclusion_are_told_in_chinese() -> None:
    assert told_changes("exclude", {"from": None, "to": "staff"}, "zh") == "由评分卡决定 → 本公司员工"
