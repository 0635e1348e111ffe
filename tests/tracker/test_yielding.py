"""Threads made for the server wait for their turn; those made later, and the loop's own, don't."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

import pytest

from tests.aside import run_aside
from tracker.yielding import let_new_threads_wait


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has batch threads")
def test_only_threads_of_this_turn_are_batch_threads() -> None:
    found: dict[str, int] = {}

    def made(name: str) -> None:
        thread = threading.Thread(target=lambda: found.update({name: os.sched_getscheduler(0)}))
        thread.start()
        thread.join()

    async def scenario() -> None:
        let_new_threads_wait(asyncio.get_running_loop())
        made("in this turn")
        await asyncio.sleep(0)
        made("later")
        found["loop"] = os.sched_getscheduler(0)

    usual = os.sched_getscheduler(0)
    run_aside(scenario())
    assert found == {"in this turn": os.SCHED_BATCH, "later": usual, "loop": usual}
