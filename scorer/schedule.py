"""The timetable: what cron enqueues, and how often. One visible list."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import Final

import redis
from rq.cron import CronJob, CronScheduler
from rq.utils import now

from scorer import jobs
from tracker.log import get_logger
from tracker.queue import CARE_QUEUE

TIMETABLE: Final[tuple[tuple[Callable[[], None], int], ...]] = (
    (jobs.sweep, 10),
    (jobs.cool, 10),
    (jobs.clear_leads, 10),
    (jobs.rescore, 10),
    (jobs.digest, 10),
    (jobs.try_drafts, 10),
    (jobs.train, 10),
    (jobs.scrub, 10),
    (jobs.refresh_insights, 60),
)
"""Job and seconds between two of it. All bear being enqueued twice: several crons may run, and each start fires once."""

DAILY: Final[tuple[tuple[Callable[[], None], str], ...]] = (
    (jobs.archive, "19 * * * *"),
    (jobs.forget, "17 3 * * *"),
    (jobs.forget_requests, "41 3 * * *"),
    (jobs.clean_deliveries, "53 3 * * *"),
    (jobs.learn_all, "7 4 * * 0"),
    (jobs.clean_ledgers, "59 3 * * *"),
    (jobs.explore, "7 4 * * *"),
    (jobs.log_audit_heads, "23 4 * * *"),
    (jobs.refresh_classes, "31 4 * * *"),
)
"""Job and time (UTC, as cron writes it): each hour, each day, or once a week."""

LOOK_SECONDS: Final = 10.0
"""At least so often the clock is looked at."""

log = get_logger(__name__)


class Timetable(CronScheduler):
    """RQ's scheduler, which does not fall silent for an hour when the clock is set back by one."""

    def enqueue_jobs(self) -> list[CronJob]:
        """Enqueue what is due; what was enqueued in what is now the future counts as enqueued now."""
        for job in self.get_jobs():
            if job.latest_enqueue_time is not None and job.latest_enqueue_time > now():
                job.set_enqueue_time(now())
        return super().enqueue_jobs()

    def calculate_sleep_interval(self) -> float:
        """Return the seconds until the next look at the clock."""
        return min(super().calculate_sleep_interval(), LOOK_SECONDS)


def run_cron(client: redis.Redis) -> None:
    """Enqueue by the timetable until told to stop. An outage of Redis is waited out."""
    while True:
        cron = Timetable(connection=client, name=f"{socket.gethostname()}-{os.getpid()}", logging_level="WARNING")
        for job, seconds in TIMETABLE:
            # A job that has waited for longer than its interval is superseded by the next.
            cron.register(job, CARE_QUEUE, interval=seconds, result_ttl=0, ttl=seconds, failure_ttl=86_400, job_timeout=300)
        for job, at in DAILY:
            cron.register(job, CARE_QUEUE, cron=at, result_ttl=0, failure_ttl=86_400, job_timeout=3600)
        try:
            cron.start()  # type: ignore[no-untyped-call]
            return
        except redis.RedisError as error:
            log.warning("cron_interrupted", error=type(error).__name__)
            time.sleep(1)
