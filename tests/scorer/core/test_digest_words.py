"""The words of a digest, in both languages."""

from __future__ import annotations

import string
from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.digest import Facts, Numbers, Part
from scorer.core.digest_words import WORDS, headline, money_words, week_text
from scorer.core.labels import Language
from tests.scorer.core.test_digest import QUIET, SOMEBODY


def parts(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("name", WORDS)
def test_both_languages_say_the_same_with_the_same_parts(name: str) -> None:
    label = WORDS[name]
    assert parts(label.en) == parts(label.zh)
    assert label.en != label.zh


BUSY = msgspec.structs.replace(
    QUIET,
    numbers=Numbers(entered=3, won=1),
    hot=Part([], 2),
    idle=SOMEBODY,
    back=Part([], 1),
    rising=Part([], 4),
    won_value=[("EUR", 48_000.0), ("", 5.0)],
)


@pytest.mark.parametrize(
    ("facts", "language", "told"),
    [
        (BUSY, "en", "3 new hot leads, 1 won (€48,000 + 5), 3 claimed and quiet"),
        (BUSY, "zh", "新增 3 条热门线索，成交 1 条（€48,000 + 5），3 条已认领但无进展"),
        (msgspec.structs.replace(QUIET, rising=Part([], 1)), "en", "1 rising"),
        (msgspec.structs.replace(QUIET, cooling=Part([], 7)), "en", "What changed"),
        (msgspec.structs.replace(QUIET, cooling=Part([], 7)), "zh", "本周变化"),
    ],
)
def test_the_headline_tells_three_things_at_most(facts: Facts, language: Language, told: str) -> None:
    assert headline(facts, language) == told


@pytest.mark.parametrize(
    ("first", "english", "chinese"),
    [
        (date(2026, 11, 16), "16–22 November 2026", "2026年11月16日–22日"),
        (date(2026, 11, 30), "30 November – 6 December 2026", "2026年11月30日–12月6日"),
        (date(2026, 12, 28), "28 December 2026 – 3 January 2027", "2026年12月28日–2027年1月3日"),
    ],
)
def test_weeks(first: date, english: str, chinese: str) -> None:
    assert (week_text(first, "en"), week_text(first, "zh")) == (english, chinese)


@given(st.floats(0, 1e14), st.sampled_from(["EUR", "usd", "CNY", "CHF", ""]))
def test_money_is_whole_and_names_its_currency(value: float, currency: str) -> None:
    for language in ("en", "zh"):
        told = money_words(value, currency, language)  # type: ignore[arg-type]
        assert told.endswith(f"{value:,.0f}")
        assert (told == f"{value:,.0f}") == (currency == "")
