"""Every reason for which something was refused is explained in both languages."""

from __future__ import annotations

import pytest

from scorer.core.refusal_words import REFUSALS, why_refused
from tracker.core.refusals import EXPLANATION, all_refusals


@pytest.mark.parametrize("reason", sorted(all_refusals()))
def test_a_reason_is_explained_in_both_languages(reason: str) -> None:
    english, chinese = why_refused(reason, "en"), why_refused(reason, "zh")
    assert english.endswith(".")
    assert chinese.endswith("。")


def test_english_is_what_senders_are_told_but_where_rows_of_leads_are_refused_for_the_same() -> None:
    assert REFUSALS.keys() == EXPLANATION.keys()
    assert {reason for reason, label in REFUSALS.items() if label.en != EXPLANATION[reason]} == {
        "identity_missing",
        "text_invalid",
    }


def test_a_reason_of_another_version_is_no_error() -> None:
    assert why_refused("of tomorrow", "en") == ""
