"""Dates, counts and durations in both languages."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from scorer.core.formats import ahead, count_text, duration_text, moment_text, percent_text
from scorer.core.phrases import HOUR_MS, MINUTE_MS

DAY_MS = 24 * HOUR_MS


@pytest.mark.parametrize(
    ("left", "en", "zh"),
    [
        (0, "in a moment", "即将"),
        (MINUTE_MS - 1, "in a moment", "即将"),
        (MINUTE_MS, "in 1 minute", "1 分钟后"),
        (HOUR_MS - 1, "in 59 minutes", "59 分钟后"),
        (HOUR_MS, "in 1 hour", "1 小时后"),
        (2 * DAY_MS - 1, "in 47 hours", "47 小时后"),
        (2 * DAY_MS, "in 2 days", "2 天后"),
    ],
)
def test_how_far_ahead_something_is(left: int, en: str, zh: str) -> None:
    assert (ahead(1000 + left, 1000, "en"), ahead(1000 + left, 1000, "zh")) == (en, zh)


def test_a_moment_is_in_the_zone_also_where_clocks_are_changed() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    end_of_summer = 1_792_890_000_000  # 2026-10-25T01:00Z: 03:00 becomes 02:00
    assert moment_text(end_of_summer - 1000, berlin, "en") == "Sun 25 Oct 2026, 02:59"
    assert moment_text(end_of_summer, berlin, "zh") == "2026年10月25日 周日 02:00"
    assert moment_text(-1, UTC, "en") == "Wed 31 Dec 1969, 23:59"


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0, "0 s", "0 秒"),
        (59.9, "59 s", "59 秒"),
        (60, "1 min", "1 分钟"),
        (90, "2 min", "2 分钟"),
        (3599, "1 h 0 min", "1 小时 0 分钟"),
        (7265, "2 h 1 min", "2 小时 1 分钟"),
    ],
)
def test_durations(seconds: float, en: str, zh: str) -> None:
    assert (duration_text(seconds, "en"), duration_text(seconds, "zh")) == (en, zh)


def test_numbers() -> None:
    assert (count_text(-1234567), count_text(0.05, 1), percent_text(0.125, 1)) == ("-1,234,567", "0.1", "12.5%")
