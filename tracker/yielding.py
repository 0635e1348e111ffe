"""Which of the HTTP server's threads waits for which."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys


def let_new_threads_wait(loop: asyncio.AbstractEventLoop) -> None:
    """Keep threads made in this turn of *loop*, and theirs, from taking the core of whoever runs when they are woken.

    The server's thread reads requests, and writes the answers of the event loop, which wakes it for each. As a "batch"
    thread it takes up all that has gathered once the loop has nothing left to do, instead of interrupting it twice a
    request. Where another core is free it doesn't wait. Figures: ``docs/decisions/0001-http-front.md``.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # A container may forbid it.
            usual = os.sched_getscheduler(0), os.sched_getparam(0)
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
            loop.call_soon(os.sched_setscheduler, 0, *usual)
