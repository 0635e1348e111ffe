"""Wait until what was imported is processed: by the service's workers, or here and now if there are none."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final

from rq import Queue, Worker

from scorer.intake import read_accounts
from scorer.resources import DRAIN_JOB, Resources
from scorer.scoring import score_visitors
from tracker import queue
from tracker.drain import drain

STUCK_SECONDS: Final = queue.LEASE_SECONDS + 5
"""Without progress for this long, the workers that Redis knows of are dead: it forgets them only after minutes."""


def catch_up(resources: Resources, progress: Callable[[int], None], seconds: float = 3600) -> int:
    """Return how many events still wait after at most *seconds*; *progress* is told the number on the way."""
    started = moved_at = time.monotonic()
    least: int | None = None
    while True:
        waiting, now = read_accounts(resources).waiting, time.monotonic()
        progress(waiting)
        if waiting == 0 or now - started > seconds:
            return waiting
        if least is None or waiting < least:
            least, moved_at = waiting, now
        for slot in range(resources.settings.slot_count):
            works = Worker.count(queue=Queue(queue.drain_queue(slot), connection=resources.control))
            if works and now - moved_at < STUCK_SECONDS:
                queue.wake_surely(resources.control, slot, DRAIN_JOB)
            else:
                _drain_here(resources, slot, progress)
        time.sleep(0.1)


def _drain_here(resources: Resources, slot: int, progress: Callable[[int], None]) -> None:
    settings = resources.settings
    partitions = queue.partitions_of(slot, settings.slot_count, resources.layouts())
    lease = queue.Lease(resources.control, slot, f"here:{secrets.token_hex(6)}")

    def nothing_left() -> bool:
        progress(read_accounts(resources).waiting)
        return queue.count_entries(resources.streams, partitions) == 0

    drain(resources.database, resources.streams, resources.control, lease, partitions, score_visitors, nothing_left)
