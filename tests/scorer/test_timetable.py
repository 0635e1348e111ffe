"""Cron goes on when somebody sets the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import redis
from rq import cron

from scorer import jobs, schedule
from scorer.schedule import LOOK_SECONDS, Timetable
from tracker.queue import CARE_QUEUE

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize("hours", [-1, 1])
def test_after_the_clock_was_set_a_job_comes_no_later_than_ever(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    time = [NOON]
    for module in (cron, schedule):
        monkeypatch.setattr(module, "now", lambda: time[0])
    with redis.Redis.from_url(redis_url) as client:
        timetable = Timetable(connection=client)
        timetable.register(jobs.sweep, CARE_QUEUE, interval=10)
        assert len(timetable.enqueue_jobs()) == 1
        assert timetable.enqueue_jobs() == []
        time[0] += timedelta(hours=hours)
        come = 0
        for _ in range(3):
            come += len(timetable.enqueue_jobs())
            assert timetable.calculate_sleep_interval() <= LOOK_SECONDS
            time[0] += timedelta(seconds=10)
    assert come >= 2
