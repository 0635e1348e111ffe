"""Delivery without the collector in between: the same admission, straight into the queue."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import redis

from tracker import queue
from tracker.core.admission import OLDEST_MS, Body, Caller
from tracker.core.entries import RequestInfo, take_in
from tracker.endpoints import Client
from tracker.importing.delivery import DeliveryFailed, DeliveryResult


class QueueDelivery:
    """Appends batches to the queue, as a trusted caller of *site_id*; slows down while more than enough waits there.

    *waiting* tells how many entries wait; it is asked now and then.
    """

    def __init__(
        self,
        streams: Client,
        site_id: int,
        partitions: int,
        waiting: Callable[[], int],
        *,
        most_waiting: int = 50_000,
    ) -> None:
        self._streams = streams
        self._site_id = site_id
        self._partitions = partitions
        self._waiting = waiting
        self._most_waiting = most_waiting
        self._batches = 0

    def __call__(self, batch: list[dict[str, Any]]) -> DeliveryResult:
        """Append *batch*; raise ``DeliveryFailed`` when the queue can't be reached."""
        self._batches += 1
        if self._batches % 100 == 0:
            while self._waiting() > self._most_waiting:
                time.sleep(0.2)
        now_ms = time.time_ns() // 1_000_000
        sent_at = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
        raws = [msgspec.Raw(msgspec.json.encode(event)) for event in batch]
        body = Body(raw=b"", batch=raws, sent_at=sent_at, write_key=None)
        caller = Caller(self._site_id, True, OLDEST_MS)
        admission, entries = take_in(body, None, caller, now_ms, RequestInfo(trusted=True), self._partitions)
        try:
            queue.append(self._streams, self._site_id, entries)
        except redis.RedisError as error:
            raise DeliveryFailed(f"The queue can't be reached: {error}", f"无法连接队列：{error}") from error
        return DeliveryResult(len(admission.events), [(one.index, one.reason) for one in admission.rejected])
