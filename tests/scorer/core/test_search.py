"""Words: what is kept of a text, and which searches find it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.search import AFTER_ALL, MAX_SOUGHT, MAX_WORD, MAX_WORDS, finds, sought, words_of

FOUND = {
    "a later word": ("Ada Winter", "winter"),
    "the beginning of one": ("Ada Winter", "wi"),
    "two, in any order": ("Ada Winter", "winter ada"),
    "capitals": ("Ada Winter", "ADA"),
    "letters without their accents": ("Zoë Müller", "zoe muller"),
    "letters with them": ("Zoe Muller", "Zoë Müller"),
    "sharp s": ("Strauß", "strauss"),
    "wide letters": ("ＡＢＣ 商事", "abc"),
    "a whole address": ("ada@halden.example", "ada@halden.example"),
    "its domain": ("ada@halden.example", "halden"),
    "an address up to the at": ("ada@halden.example", "ada@"),
    "a hyphened name": ("Ann-Marie Berg", "marie"),
    "an apostrophe": ("O'Neil", "o'n"),
    "the middle of a Chinese name": ("上海华东电机有限公司", "华东"),
    "a given name": ("王小明", "小明"),
    "Japanese": ("田中商事株式会社", "株式"),
    "Korean": ("삼성전자", "전자"),
    "Chinese within an address of letters": ("ABB中国", "中国"),
}
NOT_FOUND = {
    "the middle of a word": ("Ada Winter", "inter"),
    "one word of two": ("Ada Winter", "ada summer"),
    "patterns of databases": ("Ada Winter", "%"),
    "any letter": ("Ada", "a_a"),
}


@pytest.mark.parametrize(("text", "search"), FOUND.values(), ids=FOUND)
def test_a_search_finds(text: str, search: str) -> None:
    assert finds(sought(search), words_of([text]))


@pytest.mark.parametrize(("text", "search"), NOT_FOUND.values(), ids=NOT_FOUND)
def test_a_search_does_not_find(text: str, search: str) -> None:
    assert not finds(sought(search), words_of([text]))


@given(st.lists(st.text(), max_size=4))
def test_what_is_kept_is_short_and_can_be_stored(texts: list[str]) -> None:
    words = words_of(texts)
    assert len(words) <= MAX_WORDS
    for word in words:
        assert 0 < len(word) <= MAX_WORD
        assert "\0" not in word
        word.encode()


@given(st.text(max_size=30))
def test_a_text_is_found_by_its_own_words(text: str) -> None:
    wanted = sought(text)
    assert len(wanted) <= MAX_SOUGHT
    assert finds(wanted, words_of([text]))


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1), st.text(st.characters(exclude_categories=("Cs",))))
def test_what_begins_with_a_word_lies_in_its_stretch(word: str, other: str) -> None:
    inside = word.encode() <= other.encode() < (word + AFTER_ALL).encode()
    assert inside == (other.startswith(word) and not other.startswith(word + AFTER_ALL))
