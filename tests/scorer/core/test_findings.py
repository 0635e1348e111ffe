"""What is found is told in both languages, with the same gaps filled in."""

from __future__ import annotations

import string

import pytest

from scorer.core import page_words
from scorer.core.findings import NOTHING, Finding, filled, sign
from scorer.core.labels import Label
from tests.languages import is_chinese

TEXTS = [
    *(text for pair in page_words.FOUND.values() for text in pair if text != NOTHING),
    *page_words.CONSENT.values(),
    *page_words.DURATIONS.values(),
    *(text for text in vars(page_words).values() if isinstance(text, Label) and text != NOTHING),
]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.en[:40])
def test_both_languages_have_the_same_gaps(text: Label) -> None:
    english, chinese = ({gap for _, gap, _, _ in string.Formatter().parse(told) if gap} for told in (text.en, text.zh))
    assert english == chinese
    assert is_chinese(text.zh) or text.en == text.zh  # a command to be typed is the same in both


def test_a_sign_is_told_in_a_language() -> None:
    found = sign(page_words.FOUND, "wrong", "script missing", src="a.js", found=Label("no answer", "没有应答"))
    assert found.told("en") == Finding(
        "wrong", "The script can't be loaded: a.js: no answer.", "Correct the address, or the proxy there."
    )
    assert found.told("zh") == Finding("wrong", "无法加载脚本：a.js：没有应答。", "请更正地址，或检查该处的代理。")


def test_what_has_no_chinese_words_is_filled_in_in_english() -> None:
    assert filled(Label("because: {why}", "因为：{why}"), why=Label("{refused}")) == Label(
        "because: {refused}", "因为：{refused}"
    )
