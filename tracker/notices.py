"""Word of commits: whoever waits for lead changes is told when there may be some."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import redis

from tracker.log import get_logger
from tracker.queue import COMMITTED_CHANNEL

FALLBACK_SECONDS = 5.0
"""Waiters look again after this even if no word came: a word lost with its connection costs seconds, not a change."""

log = get_logger(__name__)


class CommitNotices:
    """Listens on a thread and tells the event loop. One for all who wait, however many they are."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next: asyncio.Future[None] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="commit-notices", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to listen and to tell *loop*."""
        self._loop = loop
        self._thread.start()

    def stop(self) -> None:
        """End within a second."""
        self._stop.set()
        with suppress(redis.RedisError):
            self._client.publish(COMMITTED_CHANNEL, b"")  # The thread waits for a word; this is one.
        self._thread.join(timeout=1)

    def changed(self) -> asyncio.Future[None]:
        """Return what is done at the next word. Shared between all callers: wait for it, don't cancel it."""
        if self._next is None:
            assert self._loop is not None
            self._next = self._loop.create_future()
        return self._next

    def _tell(self) -> None:
        if self._next is not None:
            self._next.set_result(None)
            self._next = None

    def _listen(self) -> None:
        assert self._loop is not None
        while not self._stop.is_set():
            try:
                with self._client.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]
                    channel.subscribe(COMMITTED_CHANNEL)
                    while not self._stop.is_set():
                        channel.get_message(timeout=FALLBACK_SECONDS)
                        self._loop.call_soon_threadsafe(self._tell)
            except redis.RedisError as error:
                log.warning("notices_interrupted", error=type(error).__name__)
                self._stop.wait(1.0)
            except RuntimeError:
                return  # The loop has closed.
