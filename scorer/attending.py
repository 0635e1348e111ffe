"""Work that waits for lead changes, in threads of one process: what is done at once after a commit, and soon in any case.

It is not a job of RQ: a job holds its queue while it waits for the answer of a stranger's server, and isn't begun before the
one in front of it has ended. All of the state is in the database, so any number of processes may do the same work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import redis

from tracker.log import get_logger
from tracker.queue import COMMITTED_CHANNEL

SECONDS: Final = 2.0
"""Between two looks when no word comes: what was put off for some seconds, and words lost with their connection."""
TROUBLED_SECONDS: Final = 5.0
"""After a failure, such as of a database that is away."""

Work = Callable[[], object]

log = get_logger(__name__)


class Attendance:
    """Does each *work* in a thread of its own: at the start, after each word of a commit, and every two seconds."""

    def __init__(self, client: redis.Redis, works: Mapping[str, Work], *, seconds: float = SECONDS) -> None:
        self._client = client
        self._seconds = seconds
        self._stop = threading.Event()
        self._bells = {name: threading.Event() for name in works}
        self._threads = [
            threading.Thread(target=self._attend, args=(name, work), name=f"attend-{name}", daemon=True)
            for name, work in works.items()
        ]
        self._threads.append(threading.Thread(target=self._listen, name="attend-words", daemon=True))

    def start(self) -> None:
        """Begin. The threads don't keep the process: what they do may be broken off anywhere."""
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """End, waiting *seconds* at most for what is under way."""
        self._stop.set()
        for bell in self._bells.values():
            bell.set()
        with suppress(redis.RedisError, OSError):
            self._client.publish(COMMITTED_CHANNEL, b"")  # The listener waits for a word; this is one.
        for thread in self._threads:
            thread.join(seconds)

    def ring(self, name: str) -> None:
        """Have the work of this name done once more, at once."""
        self._bells[name].set()

    def _attend(self, name: str, work: Work) -> None:
        troubled = False
        while not self._stop.is_set():
            self._bells[name].clear()
            try:
                work()
                troubled = False
            except Exception as error:
                if not troubled:
                    log.exception("attending_failed", work=name, error=type(error).__name__)
                troubled = True
            if troubled:
                self._stop.wait(TROUBLED_SECONDS)
            else:
                self._bells[name].wait(self._seconds)

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                with self._client.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]
                    channel.subscribe(COMMITTED_CHANNEL)
                    while not self._stop.is_set():
                        if channel.get_message(timeout=1.0) is not None:
                            for bell in self._bells.values():
                                bell.set()
            except (redis.RedisError, OSError) as error:
                log.warning("attending_not_told", error=type(error).__name__)
                self._stop.wait(1.0)
