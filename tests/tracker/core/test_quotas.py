"""Quotas: a bucket lets a burst through, then its rate, and never less; and how a quota is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.quotas import Quota, read_quota, taken_from, wait_for

QUOTA = Quota(10, 50)


def sent(arrivals: list[tuple[float, int]], quota: Quota) -> list[tuple[float, int]]:
    """Those arrivals (time, events) that one bucket lets through."""
    full_at, taken = 0.0, []
    for now, events in arrivals:
        if not wait_for(full_at, now, events, quota):
            full_at = taken_from(full_at, now, events, quota)
            taken.append((now, events))
    return taken


def test_a_burst_goes_through_and_then_the_rate() -> None:
    assert len(sent([(100.0, 1)] * 200, QUOTA)) == 50
    # Ten seconds at twice the rate, from a full bucket: the burst, and what was earned meanwhile.
    assert len(sent([(100 + number / 20, 1) for number in range(200)], QUOTA)) == pytest.approx(50 + 100, abs=1)


@given(st.floats(0.001, 2e7), st.floats(0.001, 100), st.integers(1, 50))
def test_a_whole_burst_goes_through_whatever_the_clock_says(now: float, per_second: float, burst: int) -> None:
    assert len(sent([(now, 1)] * (burst + 5), Quota(per_second, burst))) == burst


def test_whoever_waits_as_told_is_let_through() -> None:
    full_at = taken_from(0, 100, 50, QUOTA)
    wait = wait_for(full_at, 100, 20, QUOTA)
    assert wait == 2
    assert wait_for(full_at, 100 + wait, 20, QUOTA) == 0
    assert wait_for(full_at, 100 + wait / 2, 20, QUOTA) == wait / 2


def test_a_batch_above_the_burst_goes_through_a_full_bucket_and_is_earned_afterwards() -> None:
    assert wait_for(0, 100, 500, QUOTA) == 0
    full_at = taken_from(0, 100, 500, QUOTA)
    assert full_at == 150
    assert wait_for(full_at, 100, 1, QUOTA) == pytest.approx(45.1)


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 20)), max_size=60))
def test_never_more_than_burst_and_rate_within_any_time(steps: list[tuple[float, int]]) -> None:
    now, arrivals = 1000.0, []
    for pause, events in steps:
        now += pause
        arrivals.append((now, events))
    taken = sent(arrivals, QUOTA)
    for begin, (start, _) in enumerate(taken):
        for end in range(begin, len(taken)):
            total = sum(events for _, events in taken[begin : end + 1])
            assert total <= QUOTA.burst + QUOTA.per_second * (taken[end][0] - start + 1e-6) + 1e-6


@pytest.mark.parametrize(
    ("text", "quota"),
    [("10,600", Quota(10, 600)), (" 0.5 , 20 ", Quota(0.5, 20)), ("off", None), (" off ", None)],
)
def test_a_quota_is_written_like_this(text: str, quota: Quota | None) -> None:
    assert read_quota(text) == quota


@pytest.mark.parametrize("text", ["", "10", "10,", "10,20,30", "0,5", "5,0", "-1,5", "5,1.5", "nan,5", "inf,5", "on"])
def test_and_not_like_that(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_quota(text)
