"""Group commit: the requests that are in flight together share one write to the queue, and each waits for its own.

One connection, one Redis transaction at a time: while it is under way, what arrives gathers for the next. So a burst costs
one round trip, a lone request does not wait, and nobody is told "accepted" before the append-only queue has it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import cache
from typing import Any, Final

import hiredis
import redis
from redis.asyncio.sentinel import Sentinel

from tracker.endpoints import CONNECT_SECONDS, Endpoint, read_endpoint
from tracker.queue import ENTRY_FIELD, Closed, Packed, appended_key, close_commands, put_again, stream_key

MAX_PENDING_BYTES: Final = 64_000_000
"""Bytes that may wait for a commit; beyond, requests are refused rather than kept in memory."""
REPLICAS_MS: Final = 1000
"""How long the replicas may take to confirm, where they are waited for."""
COMMIT_SECONDS: Final = 5.0
"""A commit that takes longer counts as failed: its outcome is unknown and the senders are told to try again."""
RECONNECT_SECONDS: Final = 0.2
_CLOSED_STREAM: Final = "exhausted"
"""In the server's words for a stream that has had its last id."""


class QueueUnavailable(Exception):
    """The entries were not appended, or nobody knows: the sender should send them again, with the same ids."""


class QueueFull(Exception):
    """The queue's server refuses more for want of memory, or too much waits for it."""


class Pending:
    """Entries of one request that wait for their commit."""

    __slots__ = ("entries", "future", "site_id", "size", "whole")

    def __init__(self, site_id: int, entries: list[Packed], future: asyncio.Future[None], whole: list[Packed]) -> None:
        self.site_id = site_id
        self.entries = entries
        self.future = future
        self.whole = whole
        """The list that the request came with, which is kept up to date with where its entries went."""
        self.size = sum(len(entry) for _, _, entry in entries)


Refused = tuple[Pending, Packed]
"""An entry whose partition has been closed."""
Failures = dict[asyncio.Future[None], Exception]


class GroupCommit:
    """Appends entries through one connection to the stream server at *url*. Lives in one event loop.

    *replicas* must have confirmed entries, too, before they count as appended.
    """

    def __init__(self, url: str, *, replicas: int = 0) -> None:
        self._endpoint = read_endpoint(url)
        self._replicas = replicas
        self._waiting: deque[Pending] = deque()
        self._pending_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._link: Link | None = None
        self._retry_at = 0.0

    async def append(self, site_id: int, entries: list[Packed]) -> None:
        """Return when *entries* (partition, events, packed) are in the append-only queue.

        Those whose partition has been closed go to the layout that follows, and are replaced in the list. Raises
        ``QueueFull`` or ``QueueUnavailable``.
        """
        if self._pending_bytes > MAX_PENDING_BYTES:
            raise QueueFull
        loop = asyncio.get_running_loop()
        pending = Pending(site_id, entries, loop.create_future(), entries)
        self._waiting.append(pending)
        self._pending_bytes += pending.size
        if self._task is None:
            self._task = loop.create_task(self._commit_all())
        await pending.future

    async def close(self) -> None:
        """Finish what is under way and close the connection."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=COMMIT_SECONDS)
        self._drop_links()

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                group = list(self._waiting)
                self._waiting.clear()
                try:
                    async with asyncio.timeout(COMMIT_SECONDS):
                        failures = await self._commit(group)
                except (QueueFull, QueueUnavailable) as error:
                    failures = dict.fromkeys((pending.future for pending in group), error)
                except (OSError, EOFError, TimeoutError, hiredis.HiredisError, redis.RedisError) as error:
                    self._drop_links()
                    failures = {pending.future: QueueUnavailable(str(error)) for pending in group}
                for pending in group:
                    self._pending_bytes -= pending.size
                    if pending.future.done():
                        continue  # The sender has gone.
                    failure = failures.get(pending.future)
                    if failure is None:
                        pending.future.set_result(None)
                    else:
                        pending.future.set_exception(failure)
        finally:
            self._task = None

    async def _commit(self, group: list[Pending]) -> Failures:
        """Append a group, each partition's entries at once; return what went wrong for whom."""
        failures: Failures = {}
        refused = await self._write(group, failures)
        while refused:
            layout = await self._layout_after(refused[0][1][0])
            # In their order, which is that of the events.
            group = [
                Pending(pending.site_id, put_again(pending.whole, [entry], layout), pending.future, pending.whole)
                for pending, entry in refused
            ]
            refused = await self._write(group, failures)
        return failures

    async def _write(self, group: list[Pending], failures: Failures) -> list[Refused]:
        """Append a group in one transaction; return what was refused because its partition is closed."""
        link = await self._connected()
        command, replies = _transaction(group)
        if self._replicas:
            command += wait_for_replicas(self._replicas)
            replies += 1
        answers = await link.call(command, replies)
        confirmed = answers.pop() if self._replicas else 0
        result = answers[-1]
        if not isinstance(result, list):
            raise self._trouble(next((one for one in answers if isinstance(one, hiredis.ReplyError)), result))
        if confirmed != self._replicas and (not isinstance(confirmed, int) or confirmed < self._replicas):
            raise QueueUnavailable(f"{confirmed} of {self._replicas} replicas have confirmed")
        if not any(isinstance(one, hiredis.ReplyError) for one in result):
            return []
        entries = [(pending, entry) for pending in group for entry in pending.entries]
        refused = [one for one, answer in zip(entries, result, strict=False) if isinstance(answer, hiredis.ReplyError)]
        for answer in result[: len(entries)] if refused else result:
            if isinstance(answer, hiredis.ReplyError) and _CLOSED_STREAM not in str(answer):
                raise self._trouble(answer)
        return refused

    def _trouble(self, answer: object) -> Exception:
        """Return what an answer that is an error means for the senders."""
        text = str(answer)
        if text.startswith("READONLY"):
            self._drop_links()  # A master no longer: the next connection asks Sentinel who is.
        return QueueFull(text) if text.startswith("OOM") else QueueUnavailable(text)

    async def _layout_after(self, partition: int) -> int:
        """Return the layout to append to instead of the closed one of *partition*, having closed all of that."""
        link = await self._connected()
        (said,) = await link.call(pack(("GET", appended_key(partition))), 1)
        if not isinstance(said, bytes):
            raise self._trouble(said)
        closed = Closed.read(said)
        commands = close_commands(*closed)
        for answer in await link.call(b"".join(pack(command) for command in commands), len(commands)):
            if isinstance(answer, hiredis.ReplyError):
                raise self._trouble(answer)
        return closed.following

    async def _connected(self) -> Link:
        if self._link is None or self._link.is_closed:
            loop = asyncio.get_running_loop()
            if loop.time() < self._retry_at:
                raise OSError("the queue's server does not answer")
            self._retry_at = loop.time() + RECONNECT_SECONDS
            self._link = await Link.open(self._endpoint, *await _address(self._endpoint))
        return self._link

    def _drop_links(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None


def _transaction(group: list[Pending]) -> tuple[bytes, int]:
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
        field, grown = b"%d" % site_id, b"%d" % count
        parts.append(b"%s$%d\r\n%s\r\n$%d\r\n%s\r\n" % (_hincrby_head(partition), len(field), field, len(grown), grown))
        replies += 1
    parts.append(b"*1\r\n$4\r\nEXEC\r\n")
    return b"".join(parts), replies


def pack(parts: tuple[Any, ...]) -> bytes:
    """Return a command as the server reads it."""
    parts = tuple(str(part) if isinstance(part, int) else part for part in parts)
    packed: bytes = hiredis.pack_command(parts)
    return packed


def wait_for_replicas(replicas: int) -> bytes:
    """Return the command that waits until so many replicas have what was written before it on the connection."""
    return pack(("WAIT", replicas, REPLICAS_MS))


async def _address(endpoint: Endpoint) -> tuple[str, int]:
    """Return host and port of the server; of a Unix socket nothing of use."""
    if endpoint.kind != "sentinel":
        return endpoint.nodes[0] if endpoint.nodes else ("", 0)
    options = {"socket_timeout": CONNECT_SECONDS, "ssl": endpoint.tls, **endpoint.sentinel_options}
    sentinel = Sentinel(endpoint.nodes, sentinel_kwargs=options)  # type: ignore[no-untyped-call]
    try:
        host, port = await sentinel.discover_master(endpoint.service)
    finally:
        for one in sentinel.sentinels:
            await one.aclose()
    return host, port


@cache
def _xadd_head(partition: int) -> bytes:
    """Return the bytes of an XADD to a partition up to its value; packed once, since all requests begin so."""
    return pack(("XADD", stream_key(partition), "*", ENTRY_FIELD, b"")).removesuffix(b"$0\r\n\r\n")


@cache
def _hincrby_head(partition: int) -> bytes:
    """Return the bytes of an HINCRBY of a partition's accounts up to the field."""
    return pack(("HINCRBY", appended_key(partition), b"", b"")).removesuffix(b"$0\r\n\r\n$0\r\n\r\n")


class Link(asyncio.Protocol):
    """One connection to Redis: sends commands and gathers their replies."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._answers: list[Any] = []
        self._wanted = 0
        self._future: asyncio.Future[list[Any]] | None = None
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

    async def call(self, command: bytes, replies: int) -> list[Any]:
        """Send *command* and return its replies; errors in them are returned, not raised."""
        assert self._transport is not None
        if self.is_closed:
            raise EOFError("connection closed")
        self._answers, self._wanted = [], replies
        self._future = asyncio.get_running_loop().create_future()
        self._transport.write(command)
        return await self._future

    async def must(self, command: bytes) -> None:
        """Send *command*; raise ``OSError`` where it is refused."""
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
