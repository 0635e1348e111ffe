"""Wait until what was imported is processed: by the service's workers, or here and now if there are none."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from rq import Queue, Worker

from scorer.accounts import read_accounts
from scorer.resources import DRAIN_JOB, Resources
from scorer.scoring import score_visitors
from tracker import queue
from tracker.drain import drain


def catch_up(resources: Resources, progress: Callable[[int], None], seconds: float = 3600) -> int:
    """Return how many events still wait after at most *seconds*; *progress* is told the number on the way."""
    until = time.monotonic() + seconds
    while True:
        waiting = read_accounts(resources).waiting
        progress(waiting)
        if waiting == 0 or time.monotonic() > until:
            return waiting
        for slot in range(resources.settings.slot_count):
            if Worker.count(queue=Queue(queue.drain_queue(slot), connection=resources.control)):
                queue.wake_surely(resources.control, slot, DRAIN_JOB)
            else:
                _drain_here(resources, slot, progress)
        time.sleep(0.1)


def _drain_here(resources: Resources, slot: int, progress: Callable[[int], None]) -> None:
    settings = resources.settings
    partitions = queue.partitions_of(slot, settings.slot_count, settings.partitions)
    lease = queue.Lease(resources.control, slot, f"here:{secrets.token_hex(6)}")

    def nothing_left() -> bool:
        progress(read_accounts(resources).waiting)
        return queue.count_entries(resources.streams, partitions) == 0

    drain(resources.database, resources.streams, resources.control, lease, partitions, score_visitors, nothing_left)
