"""One connection to a Redis server in an event loop: commands go out packed, replies come back in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import hiredis

from tracker.endpoints import Endpoint


def pack(parts: tuple[Any, ...]) -> bytes:
    """Return a command as the server reads it."""
    parts = tuple(str(part) if isinstance(part, int) else part for part in parts)
    packed: bytes = hiredis.pack_command(parts)
    return packed


class Link(asyncio.Protocol):
    """One connection to Redis: sends commands and gathers their replies, of one call behind another."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._answers: list[Any] = []
        self._calls: deque[tuple[int, asyncio.Future[list[Any]]]] = deque()
        """Number of replies and who waits for them, in the order in which they will come."""
        self.is_closed = False

    @classmethod
    async def open(cls, endpoint: Endpoint, host: str, port: int) -> Link:
        """Connect to a server of *endpoint* and sign in; raise ``OSError`` when that fails."""
        options = endpoint.options
        loop = asyncio.get_running_loop()
        link: Link
        if "path" in options:
            _, link = await loop.create_unix_connection(cls, options["path"])
        else:
            _, link = await loop.create_connection(cls, host, port, ssl=endpoint.ssl_context)
        try:
            if options.get("password"):
                sign_in = ("AUTH", options.get("username") or "default", options["password"])
                await link.must(pack(sign_in))
            if options.get("db"):
                await link.must(pack(("SELECT", str(options["db"]))))
        except BaseException:  # also when a server that hangs is given up: nobody else knows the connection
            link.close()
            raise
        return link

    def send(self, command: bytes, replies: int) -> asyncio.Future[list[Any]]:
        """Send *command*; return what ``replies`` waits for. Raises ``EOFError`` on a closed connection."""
        assert self._transport is not None
        if self.is_closed:
            raise EOFError("connection closed")
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._calls.append((replies, future))
        self._transport.write(command)
        return future

    async def replies(self, sent: asyncio.Future[list[Any]]) -> list[Any]:
        """Return the replies to what was sent; errors in them are returned, not raised.

        Whoever gives up waiting closes the connection, and all other calls on it fail.
        """
        try:
            return await sent
        except asyncio.CancelledError:
            self.close()
            raise

    async def call(self, command: bytes, replies: int) -> list[Any]:
        """Send *command* and return its *replies*, so many."""
        return await self.replies(self.send(command, replies))

    async def must(self, command: bytes) -> None:
        """Send *command*; raise ``OSError`` where it is refused."""
        answer = (await self.call(command, 1))[0]
        if isinstance(answer, hiredis.ReplyError):
            raise OSError(str(answer))

    def close(self) -> None:
        """Close the connection; calls under way fail."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = transport  # type: ignore[assignment]
        # uvloop writes at once what would fill the buffer, and all else when the loop next comes round.
        self._transport.set_write_buffer_limits(high=0)  # type: ignore[union-attr]

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._reader.feed(data)
        while (answer := self._reader.gets()) is not False:
            self._answers.append(answer)
            if self._calls and len(self._answers) == self._calls[0][0]:
                _, future = self._calls.popleft()
                answers, self._answers = self._answers, []
                if not future.done():
                    future.set_result(answers)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self.is_closed = True
        for _, future in self._calls:
            if not future.done():
                future.set_exception(exc or EOFError("connection closed"))
        self._calls.clear()
