"""A drain outlasts an outage of the database or of Redis in its own job, rather than leave its slot taken."""

from __future__ import annotations

import pytest
import redis
from sqlalchemy.exc import OperationalError

from scorer import jobs
from tracker import queue

AWAY = (OperationalError("SELECT 1", None, Exception("away")), redis.ConnectionError("away"))


def test_it_goes_on_when_database_and_redis_are_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "AGAIN_SECONDS", 0.001)
    trouble = list(AWAY)

    def work() -> bool:
        if trouble:
            raise trouble.pop()
        return True

    assert jobs._through_outages(work) is True
    assert trouble == []


def test_it_gives_up_in_time_and_at_once_for_what_no_waiting_mends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "AGAIN_SECONDS", 0.001)
    monkeypatch.setattr(jobs, "OUTAGE_SECONDS", 0.01)

    def away() -> bool:
        raise AWAY[0]

    def wrong() -> bool:
        raise ValueError

    with pytest.raises(OperationalError):
        jobs._through_outages(away)
    with pytest.raises(ValueError):  # noqa: PT011
        jobs._through_outages(wrong)


def test_the_slot_is_still_its_own_after_an_outage(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        mine, other = queue.Lease(client, 0, "mine"), queue.Lease(client, 0, "other")
        assert (mine.take(), mine.take(), other.take()) == (True, True, False)
