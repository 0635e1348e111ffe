"""What an attempt has come to, and when the next one is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.webhook_backoff import (
    GIVE_UP_AFTER_MS,
    HOUR_MS,
    LONGEST_WAIT_MS,
    MAX_ATTEMPTS,
    SCHEDULE_MS,
    Answer,
    is_long_failing,
    judge,
    next_delay_ms,
    retry_after_ms,
)
from scorer.core.webhook_troubles import Trouble
from scorer.core.webhook_types import Preset

ANSWERS: dict[str, tuple[Preset, Answer, str]] = {
    "taken": ("standard", Answer(204, 5), "delivered"),
    "redirected": ("standard", Answer(302, 5), "again"),
    "refused": ("standard", Answer(400, 5), "again"),
    "busy": ("standard", Answer(503, 5), "again"),
    "gone": ("standard", Answer(410, 5), "gone"),
    "gone, a robot": ("slack", Answer(410, 5, body=b"channel_is_archived"), "gone"),
    "nobody": ("standard", Answer(None, 5, Trouble("timeout", "10")), "again"),
    "Slack says ok": ("slack", Answer(200, 5, body=b"ok"), "delivered"),
    "WeCom takes it": ("wecom", Answer(200, 5, body=b'{"errcode":0,"errmsg":"ok"}'), "delivered"),
    "WeCom is asked too often": ("wecom", Answer(200, 5, body=b'{"errcode":45009}'), "again"),
    "DingTalk misses a keyword": ("dingtalk", Answer(200, 5, body=b'{"errcode":310000}'), "again"),
    "Feishu takes it": ("feishu", Answer(200, 5, body=b'{"code":0,"msg":"success"}'), "delivered"),
    "Feishu of old takes it": ("feishu", Answer(200, 5, body=b'{"StatusCode":0}'), "delivered"),
    "Feishu refuses the sign": ("feishu", Answer(200, 5, body=b'{"code":19021}'), "again"),
    "a robot's page of a proxy": ("wecom", Answer(200, 5, body=b"<html>"), "again"),
    "a code that is true": ("wecom", Answer(200, 5, body=b'{"errcode":false}'), "again"),
    "errors in a body of the standard shape": ("standard", Answer(200, 5, body=b'{"errcode":1}'), "delivered"),
}


@pytest.mark.parametrize(("preset", "answer", "outcome"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_judged(preset: Preset, answer: Answer, outcome: str) -> None:
    verdict = judge(preset, answer)
    assert verdict.outcome == outcome
    assert (verdict.trouble is None) == (outcome == "delivered")


TROUBLES: dict[str, tuple[Preset, Answer, Trouble]] = {
    "nobody": ("standard", Answer(None, 5, Trouble("timeout", "10")), Trouble("timeout", "10")),
    "gone": ("standard", Answer(410, 5, body=b"bye"), Trouble("gone")),
    "redirected": ("standard", Answer(302, 5), Trouble("redirect")),
    "busy": ("standard", Answer(503, 5, body=b"later"), Trouble("status", "later")),
    "a robot's code": (
        "wecom",
        Answer(200, 5, body=b'{"errcode":93000}'),
        Trouble("robot_refused", '93000: {"errcode":93000}'),
    ),
    "a robot's silence": ("wecom", Answer(200, 5, body=b"<html>"), Trouble("robot_silent", "<html>")),
}


@pytest.mark.parametrize(("preset", "answer", "trouble"), TROUBLES.values(), ids=TROUBLES)
def test_a_failure_has_its_reason(preset: Preset, answer: Answer, trouble: Trouble) -> None:
    assert judge(preset, answer).trouble == trouble


def test_what_a_receiver_says_is_kept_short_and_on_one_line() -> None:
    trouble = judge("standard", Answer(500, 5, body=b"a\r\n\x1b[31m\xff" + b"x" * 4000)).trouble
    assert trouble is not None
    assert trouble.detail.startswith("a [31m\ufffdxxx")
    assert len(trouble.detail) == 200
    assert trouble.detail.isprintable()


def test_ten_attempts_go_over_three_days() -> None:
    assert len(SCHEDULE_MS) + 1 == MAX_ATTEMPTS == 10
    assert 70 * HOUR_MS < sum(SCHEDULE_MS) < 100 * HOUR_MS
    assert next_delay_ms(MAX_ATTEMPTS, 0.5) is None


@given(st.integers(1, MAX_ATTEMPTS - 1), st.floats(0, 1), st.none() | st.integers(0, 10**12))
def test_a_delay_is_the_schedule_s_somewhat_longer_or_what_was_asked(
    attempts: int, chance: float, asked: int | None
) -> None:
    delay = next_delay_ms(attempts, chance, asked)
    assert delay is not None
    least = SCHEDULE_MS[attempts - 1]
    assert least <= delay <= max(least * 1.2 + 1, LONGEST_WAIT_MS)
    if asked is not None and asked <= LONGEST_WAIT_MS:
        assert delay >= asked


@given(st.text(max_size=40))
def test_any_retry_after_can_be_read(header: str) -> None:
    asked = retry_after_ms(header, 1_700_000_000_000)
    assert asked is None or asked >= 0


@pytest.mark.parametrize(
    ("header", "asked"),
    [("0", 0), (" 30 ", 30_000), ("-5", None), ("1e3", None), ("9" * 30, LONGEST_WAIT_MS), ("²", None), ("", None)],
)
def test_seconds_are_read(header: str, asked: int | None) -> None:
    assert retry_after_ms(header, 0) == asked


def test_a_date_that_has_passed_asks_for_nothing() -> None:
    assert retry_after_ms("Thu, 01 Jan 1970 00:00:10 GMT", 60_000) == 0


def test_five_days_of_failing_are_long() -> None:
    assert not is_long_failing(None, GIVE_UP_AFTER_MS)
    assert not is_long_failing(1, GIVE_UP_AFTER_MS)
    assert is_long_failing(0, GIVE_UP_AFTER_MS)
