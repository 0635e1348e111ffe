"""Word of commits reaches all who wait, also after the connection was lost."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tracker import notices as notices_module
from tracker import queue
from tracker.embedded import EmbeddedServer
from tracker.notices import CommitNotices


def run(url: str, work: Callable[[CommitNotices], Awaitable[None]]) -> None:
    async def whole() -> None:
        notices = CommitNotices(queue.connect(url))
        notices.start(asyncio.get_running_loop())
        await asyncio.wait_for(notices.changed(), 5)  # The subscription stands.
        try:
            await work(notices)
        finally:
            notices.stop()

    # In a thread of its own: a browser test in this process leaves a loop running in the main one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, whole()).result()


def test_a_word_reaches_all_who_wait_and_is_spent(redis_url: str) -> None:
    async def work(notices: CommitNotices) -> None:
        waits = [notices.changed() for _ in range(5)]
        assert len({id(wait) for wait in waits}) == 1
        assert not waits[0].done()
        begun = time.monotonic()
        await asyncio.to_thread(queue.connect(redis_url).publish, queue.COMMITTED_CHANNEL, b"1")
        await asyncio.wait_for(waits[0], 3)
        assert time.monotonic() - begun < 1
        assert not notices.changed().done()

    run(redis_url, work)


def test_one_who_goes_away_takes_nothing_from_the_others(redis_url: str) -> None:
    async def work(notices: CommitNotices) -> None:
        gone = asyncio.create_task(asyncio.wait({notices.changed()}))
        await asyncio.sleep(0)
        gone.cancel()
        stays = notices.changed()
        await asyncio.to_thread(queue.connect(redis_url).publish, queue.COMMITTED_CHANNEL, b"1")
        await asyncio.wait_for(asyncio.shield(stays), 3)

    run(redis_url, work)


def test_who_waits_looks_again_without_a_word(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices_module, "FALLBACK_SECONDS", 0.2)

    async def work(notices: CommitNotices) -> None:
        for _ in range(3):
            await asyncio.wait_for(notices.changed(), 2)

    run(redis_url, work)


def test_words_come_again_after_the_server_was_killed(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "valkey")

    async def work(notices: CommitNotices) -> None:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await asyncio.sleep(0.2)
        await asyncio.to_thread(server.start)
        await asyncio.wait_for(notices.changed(), 5)  # It has subscribed again.
        waits = notices.changed()
        await asyncio.to_thread(queue.connect(server.url).publish, queue.COMMITTED_CHANNEL, b"1")
        await asyncio.wait_for(waits, 3)

    try:
        run(server.start(), work)
    finally:
        server.stop()


def test_its_thread_ends_with_the_loop(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices_module, "FALLBACK_SECONDS", 0.1)

    async def work(notices: CommitNotices) -> None:
        pass

    run(redis_url, work)
    deadline = time.monotonic() + 3
    while any(thread.name == "commit-notices" and thread.is_alive() for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
