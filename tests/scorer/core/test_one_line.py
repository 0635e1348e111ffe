"""What others wrote can't break out of its line."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.one_line import one_line, standing

TEXTS = {
    "line breaks": ("a\r\nb\u2028c\u2029d\x85e", "a b c d e"),
    "control characters": ("a\x00b\x1b[31m\x9f", "a b [31m"),
    "half a character": ("a\ud83d", "a"),
    "another direction": ("\u202egpj.exe\u2066\u061c", "gpj.exe"),
    "nothing to be seen": ("\u200b\u2060 \ufeff\u00ad", ""),
    "Chinese": ("哈尔登 有限公司", "哈尔登 有限公司"),
    "joined emoji stay joined": ("👩\u200d🔬", "👩\u200d🔬"),
}


@pytest.mark.parametrize(("text", "line"), TEXTS.values(), ids=TEXTS)
def test_what_moves_other_text_is_taken_out(text: str, line: str) -> None:
    assert one_line(text) == line


@given(st.text())
def test_text_that_stands_keeps_its_lines_and_moves_nothing(text: str) -> None:
    told = standing(text)
    assert standing(told) == told
    assert told.count("\n") == text.count("\n")
    turning = ("LRE", "RLE", "LRO", "RLO", "LRI", "RLI", "FSI", "PDF", "PDI")
    assert not any(unicodedata.bidirectional(one) in turning for one in told)
    assert not any(unicodedata.category(one) in ("Cc", "Zl", "Zp") for one in told if one not in "\t\r\n")


@given(st.text(), st.integers(1, 300))
def test_a_line_is_one_line_of_its_length(text: str, limit: int) -> None:
    told = one_line(text, limit)
    assert len(told) <= limit
    assert told.splitlines() in ([], [told])
    assert told == told.strip()
    assert one_line(told, limit) == told
    assert not any(unicodedata.category(one) in ("Cc", "Zl", "Zp", "Cs") for one in told)
