"""What the terminal says around leads is said in both languages, with the same parts."""

from __future__ import annotations

import string
from typing import get_args

import pytest

from scorer.cli.words import WORDS, counted, word
from scorer.core.next_steps import Action
from scorer.core.rules import Tier
from scorer.core.scorecard import STAGES
from scorer.outlets.shapes import Channel


def parts(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("name", WORDS)
def test_both_languages_say_the_same_with_the_same_parts(name: str) -> None:
    english, chinese = WORDS[name]
    assert parts(english) == parts(chinese)
    assert english != chinese


def test_whatever_a_lead_can_be_has_a_word() -> None:
    assert {*get_args(Action), *get_args(Tier), *STAGES, *get_args(Channel)} <= WORDS.keys()


def test_one_is_not_many() -> None:
    assert [counted(n, "visit", "en") for n in (0, 1, 2)] == ["0 visits", "1 visit", "2 visits"]
    assert word("n visits", "zh", n=3) == "3 次访问"
