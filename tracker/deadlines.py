"""A time limit on what requests wait for, by one timer for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

LOOK_SECONDS: Final = 0.5

T = TypeVar("T")


class Deadlines:
    """Gives up what takes longer than *seconds*, and up to ``LOOK_SECONDS`` more. Lives in one event loop.

    A timer and a task for each request, nearly always made for nothing, would cost a thirtieth of all that it does.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: dict[asyncio.Task[Any], float] = {}
        """When each task began to wait; in that order."""
        self._given_up: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def keep(self, waited_for: Awaitable[T]) -> T:
        """Return what *waited_for* comes to; raise ``TimeoutError`` when that takes too long."""
        task = asyncio.current_task()
        assert task is not None
        loop = task.get_loop()
        self._begun[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(LOOK_SECONDS, self._look)
        try:
            return await waited_for
        except asyncio.CancelledError:
            if task not in self._given_up:
                raise
            task.uncancel()
            raise TimeoutError from None
        finally:
            del self._begun[task]
            self._given_up.discard(task)

    def stop(self) -> None:
        """Give nobody up any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        latest = loop.time() - self._seconds
        for task, begun in self._begun.items():
            if begun > latest:
                break
            self._given_up.add(task)
            task.cancel()
        self._timer = loop.call_later(LOOK_SECONDS, self._look) if self._begun else None
