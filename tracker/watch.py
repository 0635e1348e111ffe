"""What the collector's process keeps an eye on beside its requests: full queues, stale keys, sleeping drains."""

from __future__ import annotations

import threading
import time
from typing import Final

import redis

from tracker import queue
from tracker.keys import SiteKeys
from tracker.log import get_logger

LOOK_SECONDS: Final = 1.0
WAKE_PAUSE_SECONDS: Final = 0.02
"""Wake-ups closer together than this are one: at 10,000 requests a second they would cost more than the appends."""
MEMORY_HIGH_WATER: Final = 0.8
"""Share of the stream server's memory above which events are refused, so that the drains keep room to work."""
STALLED_SECONDS: Final = 60.0

log = get_logger(__name__)


class QueueWatch:
    """A thread that wakes drains after appends and, once a second, looks whether the queue can take more.

    *job* is the dotted name of the function that RQ runs to drain a slot.
    """

    def __init__(
        self,
        control: redis.Redis,
        streams: redis.Redis,
        keys: SiteKeys,
        *,
        partitions: int,
        slots: int,
        max_waiting: int,
        job: str,
    ) -> None:
        self._control = control
        self._streams = streams
        self._keys = keys
        self._partitions = partitions
        self._slots = slots
        self._max_waiting = max_waiting
        self._job = job
        self._due: set[int] = set()
        self._bell = threading.Event()
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="queue-watch", daemon=True)
        self._fronts: tuple[str, float] = ("", time.monotonic())
        self.full = False
        """Whether events must be refused for want of room."""
        self.reachable_at = 0.0
        """Monotonic time at which the stream server last answered."""

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End within a second."""
        self._stop = True
        self._bell.set()
        self._thread.join(timeout=2)

    def touched(self, partitions: list[int]) -> None:
        """Note that entries were appended to these partitions; their drains are woken at once."""
        for partition in partitions:
            self._due.add(partition % self._slots)
        if not self._bell.is_set():
            self._bell.set()

    @property
    def trouble(self) -> str:
        """Why events would not be persisted at present; empty when they would."""
        if time.monotonic() - self.reachable_at > 5:
            return "queue_unavailable"
        if self.full:
            return "queue_full"
        front, since = self._fronts
        return "drain_stalled" if front and time.monotonic() - since > STALLED_SECONDS else ""

    def _run(self) -> None:
        look_at = 0.0
        while not self._stop:
            self._bell.wait(timeout=LOOK_SECONDS)
            self._bell.clear()
            try:
                # First: a server without memory refuses the wake-up, and that it is full must be noticed.
                if time.monotonic() >= look_at:
                    self._look()
                    look_at = time.monotonic() + LOOK_SECONDS
                self._wake_due()
            except redis.RedisError as error:
                log.warning("queue_watch_failed", error=type(error).__name__)
                time.sleep(LOOK_SECONDS / 5)
                self._bell.set()  # Whoever was due is due still.
            if self._keys.is_stale:
                self._refresh_keys()
            time.sleep(WAKE_PAUSE_SECONDS)

    def _wake_due(self) -> None:
        while self._due:
            # Taken out before the wake-up: what is appended during it must wake again.
            slot = self._due.pop()
            try:
                queue.wake(self._control, slot, self._job)
            except redis.RedisError:
                self._due.add(slot)
                raise

    def _look(self) -> None:
        pipeline = self._streams.pipeline(transaction=False)
        for number in range(self._partitions):
            pipeline.xlen(queue.stream_key(number))
            pipeline.xrange(queue.stream_key(number), count=1)
        pipeline.info("memory")
        *lengths_and_firsts, memory = pipeline.execute()
        waiting = sum(lengths_and_firsts[0::2])
        limit = memory.get("maxmemory", 0)
        self.full = waiting > self._max_waiting or bool(limit and memory["used_memory"] > limit * MEMORY_HIGH_WATER)
        front = ",".join(entries[0][0].decode() for entries in lengths_and_firsts[1::2] if entries)
        if front != self._fronts[0]:
            self._fronts = (front, time.monotonic())
        self.reachable_at = time.monotonic()

    def _refresh_keys(self) -> None:
        try:
            self._keys.refresh()
        except Exception as error:
            log.warning("keys_not_refreshed", error=type(error).__name__)
