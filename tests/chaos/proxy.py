"""A TCP proxy in front of a server, which loses, delays, holds and cuts what goes through it as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from tests.service.running import free_port

CHUNK = 65_536


class Proxy:
    """Listens on ``port`` of this machine and passes connections on to *target*: a port, or the path of a socket."""

    def __init__(self, target: int | Path) -> None:
        self.target = target
        self.port = free_port()
        self.delay_seconds = 0.0
        """How long each piece of data takes longer, in either direction."""
        self.refusing = False
        """Whether new connections are closed at once."""
        self.holding = False
        """Whether nothing goes through, while connections stay open."""
        self.cut_after: int | None = None
        """After so many bytes more, the connection that brings the last of them breaks; ``None``: none does."""
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", self.port))

    def drop(self) -> None:
        """Break all connections, with what is under way in them."""
        self._loop.call_soon_threadsafe(self._break_all)

    def heal(self) -> None:
        """Let everything through again."""
        self.delay_seconds, self.refusing, self.holding, self.cut_after = 0.0, False, False, None

    def close(self) -> None:
        """Break all connections and take no more."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _end(self) -> None:
        self._server.close()
        self._break_all()
        await asyncio.sleep(0.05)  # Time to notice.

    def _break_all(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        onward: asyncio.StreamWriter | None = None
        ways: list[asyncio.Future[None]] = []
        try:
            if self.refusing:
                return
            if isinstance(self.target, Path):
                back, onward = await asyncio.open_unix_connection(str(self.target))
            else:
                back, onward = await asyncio.open_connection("127.0.0.1", self.target)
            ways = [asyncio.ensure_future(self._pass(reader, onward)), asyncio.ensure_future(self._pass(back, writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass
        finally:
            for way in ways:
                way.cancel()
            self._open.discard(writer)
            for end in (writer, onward):
                if end is not None:
                    end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                while self.holding:
                    await asyncio.sleep(0.01)
                if self.cut_after is not None:
                    left, self.cut_after = self.cut_after, max(0, self.cut_after - len(data))
                    if len(data) >= left:
                        writer.write(data[:left])
                        await writer.drain()
                        self.cut_after = None
                        return
                writer.write(data)
                await writer.drain()
