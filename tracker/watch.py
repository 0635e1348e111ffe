"""What the collector's process keeps an eye on beside its requests: full queues, stale keys, sleeping drains."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import redis

from tracker import queue
from tracker.core.layouts import numbers_of, slot_of
from tracker.endpoints import Client, answers, from_each_server
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

    *job* is the dotted name of the function that RQ runs to drain a slot. *partitions* is the layout in use; *moved* is told
    when another one has followed it.
    """

    def __init__(
        self,
        control: redis.Redis,
        streams: Client,
        keys: SiteKeys,
        *,
        partitions: int,
        slots: int,
        max_waiting: int,
        job: str,
        moved: Callable[[int], None] = lambda layout: None,
    ) -> None:
        self._control = control
        self._streams = streams
        self._keys = keys
        self._layout = partitions
        self._moved = moved
        self._slots = slots
        self._max_waiting = max_waiting
        self._job = job
        self._touched: set[int] = set()
        """Partitions that were appended to since their slots were last seen to."""
        self._due: set[int] = set()
        """Slots to wake; only the thread looks at it."""
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
        # What is noted already has not been seen to, and will be after this append.
        if not self._touched.issuperset(partitions):
            self._touched.update(partitions)
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
        # Taken out before the wake-up: what is appended during it must wake again. After the pause, or whoever appends
        # without end would keep us at it.
        while self._touched:
            self._due.add(slot_of(self._touched.pop(), self._slots))
        while self._due:
            slot = self._due.pop()
            try:
                queue.wake(self._control, slot, self._job)
            except redis.RedisError:
                self._due.add(slot)
                raise

    def _look(self) -> None:
        while (layout := queue.layout_after(self._streams, self._layout)) is not None:
            self._layout = layout
            self._moved(layout)
        keys = [queue.stream_key(number) for number in numbers_of(self._layout)]
        asked: list[tuple[str | int, ...]] = [("XLEN", key) for key in keys]
        asked += [("XRANGE", key, "-", "+", "COUNT", 1) for key in keys]
        told = answers(self._streams, asked)
        lengths, firsts = told[: len(keys)], told[len(keys) :]
        scarce = any(map(_is_scarce, from_each_server(self._streams, "INFO", "memory")))
        self.full = sum(lengths) > self._max_waiting or scarce
        front = ",".join(entries[0][0].decode() for entries in firsts if entries)
        if front != self._fronts[0]:
            self._fronts = (front, time.monotonic())
        self.reachable_at = time.monotonic()

    def _refresh_keys(self) -> None:
        try:
            self._keys.refresh()
        except Exception as error:
            log.warning("keys_not_refreshed", error=type(error).__name__)


def _is_scarce(memory: dict[str, int]) -> bool:
    """Whether a server has little memory left, by what it says of it."""
    limit = memory.get("maxmemory", 0)
    return bool(limit and memory["used_memory"] > limit * MEMORY_HIGH_WATER)
