"""Everything the page says exists in both languages."""

from __future__ import annotations

from typing import get_args

import pytest

from scorer.core.next_steps import Action, Status
from scorer.core.rules import Tier
from scorer.core.scorecard import Stage
from scorer.core.titles import BuyingRole
from scorer.users import ROLES
from scorer.web.words import WORDS
from tests import messages
from tracker.core.channels import Channel
from tracker.core.refusals import FilterLabel


def test_the_catalogue_has_the_texts_that_the_sources_have() -> None:
    assert messages.PO.read_bytes() == messages.po_bytes(messages.updated()), "run: python3 dev.py messages"


def test_every_text_is_translated() -> None:
    assert messages.untranslated(messages.kept()) == []


def test_translations_have_the_same_gaps_to_fill() -> None:
    for message in messages.kept():
        assert list(message.check()) == [], message.id


def test_what_is_compiled_is_what_is_written() -> None:
    assert messages.MO.read_bytes() == messages.mo_bytes(), "run: python3 dev.py messages"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("tier", get_args(Tier)),
        ("stage", get_args(Stage)),
        ("status", get_args(Status)),
        ("action", get_args(Action)),
        ("part", get_args(BuyingRole)),
        ("channel", get_args(Channel)),
        ("role", ROLES),
        ("filter", get_args(FilterLabel)),
    ],
)
def test_every_value_has_a_word(kind: str, values: tuple[str, ...]) -> None:
    assert set(WORDS[kind]) == set(values)


def test_every_word_is_in_both_languages() -> None:
    assert [label for words in WORDS.values() for label in words.values() if not (label.en and label.zh)] == []
