"""The functions that RQ runs. Each may run twice, or on two machines at once, and does no harm by it."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from functools import cache

import redis
from rq import SimpleWorker
from rq.exceptions import StopRequested
from rq.worker import BaseWorker

from scorer.cooling import announce_cooled
from scorer.rescoring import fill, is_wanted
from scorer.resources import DRAIN_JOB, Resources, now_ms
from scorer.retention import forget_old
from scorer.scoring import score_visitors
from tracker import queue
from tracker.drain import drain
from tracker.embedded import url_if_running
from tracker.log import get_logger
from tracker.settings import SettingError, read_settings

log = get_logger(__name__)

AGAIN_SECONDS = 0.3
"""Between an outage of Redis and the next try."""
RESCORE_SECONDS = 8
"""After which rescoring leaves the queue to the other jobs for a moment; cron enqueues it again every 10."""

_stopping = threading.Event()
"""Set when this worker process is asked to stop: a drain lives as long as there is work, and must notice."""


class DrainWorker(SimpleWorker):
    """An RQ worker that tells the job under way when it is asked to stop."""

    def handle_warm_shutdown_request(self) -> None:
        """Called by RQ on the first SIGTERM or SIGINT."""
        _stopping.set()
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]


@cache
def resources() -> Resources:
    """Return this process's connections, opened from its own settings."""
    settings = read_settings()
    url = settings.redis_url or url_if_running(settings.data_dir)
    if url is None:
        raise SettingError("WARMTRAIL_REDIS_URL is not set and the service's own server does not run; start warmtrail up")
    return Resources(settings, url)


def drain_slot(slot: int) -> None:
    """Process what waits in the partitions of *slot* until they are dry.

    Enqueued by the collector after an append to a sleeping slot, and by ``sweep``. Run twice at once, the second leaves.
    """
    here = resources()
    settings = here.settings
    lease = queue.Lease(here.control, slot, f"{_machine()}:{os.getpid()}:{secrets.token_hex(4)}")
    partitions = queue.partitions_of(slot, settings.slot_count, settings.partitions)
    again = drain(here.database, here.streams, here.control, lease, partitions, score_visitors, _stopping.is_set)
    if again:
        queue.enqueue_drain(here.control, slot, DRAIN_JOB)


def sweep() -> None:
    """Wake the drain of each slot that has entries and nobody looking after them.

    Enqueued by cron: so a wake-up that was lost costs seconds, never events.
    """
    here = resources()
    settings = here.settings
    for slot in range(settings.slot_count):
        partitions = queue.partitions_of(slot, settings.slot_count, settings.partitions)
        if queue.count_entries(here.streams, partitions):
            queue.wake_surely(here.control, slot, DRAIN_JOB)


def cool() -> None:
    """Announce leads that have cooled. Enqueued by cron."""
    here = resources()
    with here.database.writing() as connection:
        cooled = announce_cooled(connection, now_ms())
    if cooled:
        log.info("leads_cooled", count=cooled)
        here.control.publish(queue.COMMITTED_CHANNEL, b"1")


def rescore() -> None:
    """Go on making the scores by cards that are being filled, and switch to those that are. Enqueued by cron.

    Each run works for some seconds, and the next one goes on from there; so does the first one after a crash.
    """
    here = resources()
    with here.database.reading() as connection:
        if not is_wanted(connection):
            return
    until = time.monotonic() + RESCORE_SECONDS
    if fill(here.database, now_ms, stopping=lambda: _stopping.is_set() or time.monotonic() > until):
        here.control.publish(queue.COMMITTED_CHANNEL, b"1")


def forget() -> None:
    """Forget visitors that the retention setting says to forget. Enqueued by cron once a day."""
    here = resources()
    before_ms = now_ms() - here.settings.retention_days * 86_400_000
    forgotten = forget_old(here.database, before_ms, now_ms())
    if forgotten:
        log.info("visitors_forgotten", count=forgotten)


def work(queue_name: str, slot: int | None) -> None:
    """Run jobs of one queue in this process until told to stop. An outage of Redis is waited out.

    One queue a worker: RQ keeps a job that dies between two lists only for a worker with one queue.
    """
    here = resources()
    while not _stopping.is_set():
        try:
            if slot is not None:
                _take_over(here, slot)
            worker: BaseWorker = DrainWorker([queue_name], connection=here.control, maintenance_interval=60)
            # Also returns when Redis goes away during a job.
            worker.work(logging_level="WARNING")
            _stopping.wait(AGAIN_SECONDS)
        except redis.RedisError as error:
            log.warning("worker_interrupted", queue=queue_name, error=type(error).__name__)
            _stopping.wait(AGAIN_SECONDS)
        except StopRequested:
            return  # Asked to between two workers: RQ's handler of the signal is the last one's still.


def _take_over(here: Resources, slot: int) -> None:
    """Look after *slot* at once: a worker that was killed, or this one before an outage, may have left it taken."""
    held = here.control.get(queue.slot_key(slot))
    machine, _, rest = held.decode().partition(":") if isinstance(held, bytes) else ("", "", "")
    process_id = int(rest.partition(":")[0]) if machine == _machine() else 0
    if process_id == os.getpid() or (process_id and not _is_alive(process_id)):
        here.control.delete(queue.slot_key(slot))
    queue.wake_surely(here.control, slot, DRAIN_JOB)


def _machine() -> str:
    return socket.gethostname().replace(":", "-")


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
