"""Every reason is told in both languages, with all that is known."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.labels import Language
from scorer.core.webhook_troubles import TROUBLES, Reason, Trouble, told


def test_the_list_is_closed() -> None:
    assert set(TROUBLES) == set(get_args(Reason))


@pytest.mark.parametrize("reason", TROUBLES)
def test_both_languages_have_the_same_places(reason: Reason) -> None:
    label = TROUBLES[reason]
    for place in ("{detail}", "{status}"):
        assert (place in label.en) == (place in label.zh)
    assert any("\u4e00" <= one <= "\u9fff" for one in label.zh)


@pytest.mark.parametrize("language", ["en", "zh"])
@given(reason=st.sampled_from(list(TROUBLES)), detail=st.text())
def test_no_detail_is_lost_or_taken_for_a_pattern(language: Language, reason: Reason, detail: str) -> None:
    assert detail in told(Trouble(reason, detail), 503, language)


def test_what_the_receiver_said_follows_after_a_colon() -> None:
    trouble = Trouble("redirect", "{moved}")
    assert told(trouble, 302, "en") == "status 302 (redirects are not followed): {moved}"
    assert told(trouble, 302, "zh") == "状态码 302（不跟随重定向）：{moved}"
    assert told(Trouble("address_private", "10.0.0.1"), None, "zh") == (
        "未发送：10.0.0.1 是内网地址；可用 WARMTRAIL_WEBHOOK_ALLOW 放行"
    )
