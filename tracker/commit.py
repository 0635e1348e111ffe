"""Group commit: the requests that are in flight together share one write to the queue, and each waits for its own.

One connection, one Redis transaction at a time: while it is under way, what arrives gathers for the next. So a burst costs
one round trip, a lone request does not wait, and nobody is told "accepted" before the append-only queue has it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

import hiredis
from redis.asyncio.connection import parse_url

from tracker.queue import ENTRY_FIELD, appended_key, stream_key

MAX_PENDING_BYTES: Final = 64_000_000
"""Bytes that may wait for a commit; beyond, requests are refused rather than kept in memory."""
COMMIT_SECONDS: Final = 5.0
"""A commit that takes longer counts as failed: its outcome is unknown and the senders are told to try again."""
RECONNECT_SECONDS: Final = 0.2


class QueueUnavailable(Exception):
    """The entries were not appended, or nobody knows: the sender should send them again, with the same ids."""


class QueueFull(Exception):
    """The queue's server refuses more for want of memory, or too much waits for it."""


class _Pending:
    __slots__ = ("entries", "future", "site_id", "size")

    def __init__(self, site_id: int, entries: list[tuple[int, int, bytes]], future: asyncio.Future[None]) -> None:
        self.site_id = site_id
        self.entries = entries
        self.future = future
        self.size = sum(len(entry) for _, _, entry in entries)


class GroupCommit:
    """Appends entries through one connection to the stream server at *url*. Lives in one event loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: deque[_Pending] = deque()
        self._pending_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._link: _Link | None = None
        self._retry_at = 0.0

    async def append(self, site_id: int, entries: list[tuple[int, int, bytes]]) -> None:
        """Return when *entries* (partition, events, packed) are in the append-only queue.

        Raises ``QueueFull`` or ``QueueUnavailable``.
        """
        if self._pending_bytes > MAX_PENDING_BYTES:
            raise QueueFull
        loop = asyncio.get_running_loop()
        pending = _Pending(site_id, entries, loop.create_future())
        self._waiting.append(pending)
        self._pending_bytes += pending.size
        if self._task is None:
            self._task = loop.create_task(self._commit_all())
        await pending.future

    async def close(self) -> None:
        """Finish what is under way and close the connection."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=COMMIT_SECONDS)
        if self._link is not None:
            self._link.close()

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                group = list(self._waiting)
                self._waiting.clear()
                try:
                    outcome = await self._commit(group)
                except (OSError, EOFError, TimeoutError, hiredis.HiredisError) as error:
                    self._drop_link()
                    outcome = QueueUnavailable(str(error))
                for pending in group:
                    self._pending_bytes -= pending.size
                    if pending.future.done():
                        continue  # The sender has gone.
                    if outcome is None:
                        pending.future.set_result(None)
                    else:
                        pending.future.set_exception(outcome)
        finally:
            self._task = None

    async def _commit(self, group: list[_Pending]) -> Exception | None:
        """Append a group in one transaction; return what went wrong, ``None`` if nothing."""
        async with asyncio.timeout(COMMIT_SECONDS):
            link = await self._connected()
            command, replies = _transaction(group)
            answers = await link.call(command, replies)
        result = answers[-1]
        if isinstance(result, list) and not any(isinstance(one, hiredis.ReplyError) for one in result):
            return None
        errors = [one for one in answers if isinstance(one, hiredis.ReplyError)]
        text = str(errors[0] if errors else result)
        return QueueFull(text) if text.startswith("OOM") else QueueUnavailable(text)

    async def _connected(self) -> _Link:
        if self._link is None or self._link.is_closed:
            loop = asyncio.get_running_loop()
            if loop.time() < self._retry_at:
                raise OSError("the queue's server does not answer")
            self._retry_at = loop.time() + RECONNECT_SECONDS
            self._link = await _Link.open(self._url)
        return self._link

    def _drop_link(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None


def _transaction(group: list[_Pending]) -> tuple[bytes, int]:
    """Return the bytes of one MULTI … EXEC that appends a group, and the number of replies to it."""
    parts = [b"*1\r\n$5\r\nMULTI\r\n"]
    appended: dict[tuple[int, int], int] = {}
    replies = 2
    for pending in group:
        for partition, count, entry in pending.entries:
            parts.append(b"%s$%d\r\n%s\r\n" % (_xadd_head(partition), len(entry), entry))
            place = (partition, pending.site_id)
            appended[place] = appended.get(place, 0) + count
            replies += 1
    for (partition, site_id), count in appended.items():
        parts.append(_packed(("HINCRBY", appended_key(partition), str(site_id), str(count))))
        replies += 1
    parts.append(b"*1\r\n$4\r\nEXEC\r\n")
    return b"".join(parts), replies


def _packed(parts: tuple[str | bytes, ...]) -> bytes:
    packed: bytes = hiredis.pack_command(parts)  # type: ignore[arg-type]  # its stub knows tuples of one part only
    return packed


_heads: dict[int, bytes] = {}


def _xadd_head(partition: int) -> bytes:
    """Return the bytes of an XADD to a partition up to its value; packed once, since all requests begin so."""
    head = _heads.get(partition)
    if head is None:
        whole = _packed(("XADD", stream_key(partition), "*", ENTRY_FIELD, b""))
        head = _heads[partition] = whole.removesuffix(b"$0\r\n\r\n")
    return head


class _Link(asyncio.Protocol):
    """One connection to Redis: sends commands and gathers their replies."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._answers: list[Any] = []
        self._wanted = 0
        self._future: asyncio.Future[list[Any]] | None = None
        self.is_closed = False

    @classmethod
    async def open(cls, url: str) -> _Link:
        """Connect and sign in; raise ``OSError`` when that fails."""
        options = parse_url(url)
        loop = asyncio.get_running_loop()
        link: _Link
        if "path" in options:
            _, link = await loop.create_unix_connection(cls, options["path"])
        else:
            tls = True if url.startswith("rediss://") else None
            host, port = options.get("host", "localhost"), int(options.get("port", 6379))
            _, link = await loop.create_connection(cls, host, port, ssl=tls)
        try:
            if options.get("password"):
                sign_in = ("AUTH", options.get("username") or "default", options["password"])
                await link._must(_packed(sign_in))
            if options.get("db"):
                await link._must(_packed(("SELECT", str(options["db"]))))
        except BaseException:  # also when a server that hangs is given up: nobody else knows the connection
            link.close()
            raise
        return link

    async def call(self, command: bytes, replies: int) -> list[Any]:
        """Send *command* and return its replies; errors in them are returned, not raised."""
        assert self._transport is not None
        if self.is_closed:
            raise EOFError("connection closed")
        self._answers, self._wanted = [], replies
        self._future = asyncio.get_running_loop().create_future()
        self._transport.write(command)
        return await self._future

    async def _must(self, command: bytes) -> None:
        answer = (await self.call(command, 1))[0]
        if isinstance(answer, hiredis.ReplyError):
            raise OSError(str(answer))

    def close(self) -> None:
        """Close the connection; a call under way fails."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._reader.feed(data)
        while (answer := self._reader.gets()) is not False:
            self._answers.append(answer)
        if self._future is not None and len(self._answers) >= self._wanted:
            if not self._future.done():
                self._future.set_result(self._answers)
            self._future = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self.is_closed = True
        if self._future is not None and not self._future.done():
            self._future.set_exception(exc or EOFError("connection closed"))
