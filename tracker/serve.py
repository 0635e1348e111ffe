"""Run the HTTP front until told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from tracker.settings import SettingError

BACKLOG = 2048
MAX_REQUESTS = 8192
"""Requests under way at once; most of them wait for changes and cost a few kilobytes each."""
HEADER_MS = 10_000
"""A client that has not sent its request's head by then is cut off."""

LEAVE_SECONDS = 2.0
"""How long requests under way may take when told to stop; cut off are those that wait for changes or for their body."""


def serve(make_front: Callable[[asyncio.AbstractEventLoop], Any], close: Callable[[], Any], host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first, for ``LEAVE_SECONDS`` at most.

    *make_front* is called in the event loop and returns the RSGI application; *close* is awaited afterwards. Raises
    ``SettingError`` when the address is taken.
    """
    check_address(host, port)
    runner = asyncio.Runner(loop_factory=_loop_factory())
    with runner:
        runner.run(_serve(make_front, close, host, port))


def check_address(host: str, port: int) -> None:
    """Raise ``SettingError`` when nothing can listen on the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingError(
                f"WARMTRAIL_BIND: cannot listen on {host}:{port}: {error.strerror}",
                f"WARMTRAIL_BIND：无法在 {host}:{port} 上监听：{error.strerror}",
            ) from None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(
    make_front: Callable[[asyncio.AbstractEventLoop], Any], close: Callable[[], Any], host: str, port: int
) -> None:
    loop = asyncio.get_running_loop()
    front = make_front(loop)
    # What is loaded by now stays: to look through it again would hold up everybody for a twentieth of a second.
    gc.collect()
    gc.freeze()
    server = Server(
        front,
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        websockets=False,
        log_enabled=False,
        backlog=BACKLOG,
        backpressure=MAX_REQUESTS,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MS),
    )
    asked_to_stop = asyncio.Event()

    def stop() -> None:
        front.leave()
        server.stop()  # type: ignore[no-untyped-call]
        asked_to_stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    serving = loop.create_task(server.serve())
    asked = loop.create_task(asked_to_stop.wait())
    try:
        await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({serving}, timeout=LEAVE_SECONDS)
        if serving.done():
            serving.result()
        else:
            # The server's threads tell a loop that has given them up that they have ended.
            loop.set_exception_handler(lambda _loop, _context: None)
    finally:
        await close()
