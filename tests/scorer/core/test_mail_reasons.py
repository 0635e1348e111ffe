"""Every reason why a mail was not sent is told in both languages, with all that is known."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.labels import Language
from scorer.core.mail_reasons import MAIL_REASONS, MailReason, told


def test_the_list_is_closed_and_what_is_kept_fits_its_column() -> None:
    assert set(MAIL_REASONS) == set(get_args(MailReason))
    assert max(map(len, MAIL_REASONS)) <= 30


@pytest.mark.parametrize("reason", MAIL_REASONS)
def test_both_languages_have_the_same_places_and_the_chinese_is_chinese(reason: MailReason) -> None:
    label = MAIL_REASONS[reason]
    assert ("{detail}" in label.en) == ("{detail}" in label.zh)
    assert any("\u4e00" <= one <= "\u9fff" for one in label.zh)


@pytest.mark.parametrize("language", ["en", "zh"])
@given(reason=st.sampled_from([name for name, label in MAIL_REASONS.items() if "{detail}" in label.en]), detail=st.text())
def test_no_detail_is_lost_or_taken_for_a_pattern(language: Language, reason: MailReason, detail: str) -> None:
    assert detail in told(reason, detail, language)


def test_without_a_reason_nothing_is_said() -> None:
    assert told("", "left over", "en") == ""
