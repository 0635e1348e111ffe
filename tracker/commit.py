"""Group commit: the requests that are in flight together share one write to the queue, and each waits for its own.

One connection, a Redis transaction for each group: while one is under way, what arrives gathers for the next, which goes
out behind it once it is worth a transaction, or when there is an answer. So a burst costs few round trips, a lone request
does not wait, and nobody is told "accepted" before the append-only queue has it.

A connection keeps its order: groups are appended, and answered, in the order in which they were sent.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import cache
from typing import Any, Final, NamedTuple

import hiredis
import redis
from redis.asyncio.sentinel import Sentinel

from tracker.endpoints import CONNECT_SECONDS, Endpoint, read_endpoint
from tracker.link import Link, pack
from tracker.queue import ENTRY_FIELD, Closed, Packed, appended_key, close_commands, put_again, stream_key

MAX_PENDING_BYTES: Final = 64_000_000
"""Bytes that may wait for a commit; beyond, requests are refused rather than kept in memory."""
REPLICAS_MS: Final = 1000
"""How long the replicas may take to confirm, where they are waited for."""
COMMIT_SECONDS: Final = 5.0
"""A commit that takes longer counts as failed: its outcome is unknown and the senders are told to try again."""
RECONNECT_SECONDS: Final = 0.2
MOST_IN_FLIGHT: Final = 2
"""Groups sent and not answered yet: the server has the next at hand when it has done one. More only make them smaller."""
WORTH_A_GROUP: Final = 12
"""Requests that have to gather before a group goes out behind another. Fewer wait for that one's answer: a group costs
something by itself, and with "always" a sync of the disk."""
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


class Sent(NamedTuple):
    """A group on its way."""

    group: list[Pending]
    link: Link
    replies: asyncio.Future[list[Any]]


Refused = tuple[Pending, Packed]
"""An entry whose partition has been closed."""
Failures = dict[asyncio.Future[None], Exception]


class GroupCommit:
    """Appends entries through one connection to the stream server at *url*. Lives in one event loop.

    *replicas* must have confirmed entries, too, before they count as appended.
    """

    most_in_flight = MOST_IN_FLIGHT

    def __init__(self, url: str, *, replicas: int = 0) -> None:
        self._endpoint = read_endpoint(url)
        self._replicas = replicas
        self._waiting: deque[Pending] = deque()
        self._pending_bytes = 0
        self._lanes: set[asyncio.Task[None]] = set()
        """Each has at most one group in flight."""
        self._turn = asyncio.Lock()
        """Held while it would spoil the order if another group were sent."""
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
        lanes = len(self._lanes)
        if not lanes or (lanes < self.most_in_flight and len(self._waiting) >= WORTH_A_GROUP):
            self._lanes.add(loop.create_task(self._commit_all(self._sent_at_once())))
        await pending.future

    async def close(self) -> None:
        """Finish what is under way and close the connection."""
        if self._lanes:
            await asyncio.wait(self._lanes, timeout=COMMIT_SECONDS)
        self._drop_links()

    def _sent_at_once(self) -> Sent | None:
        """Send what waits, where it is worth a group and a connection is there to take it; ``None``: it goes on waiting.

        A task for it would begin when everybody whose request came together with these has had a turn: the queue's server
        may as well work meanwhile.
        """
        link = self._link
        if len(self._waiting) < WORTH_A_GROUP or self._turn.locked() or link is None or link.is_closed:
            return None
        group = [*self._waiting]
        self._waiting.clear()
        return self._send(link, group)

    async def _commit_all(self, sent: Sent | None) -> None:
        """Commit what was sent, then group after group until nothing waits."""
        try:
            if sent is not None:
                await self._commit_next(sent)
            while self._waiting:
                await self._commit_next()
        finally:
            self._lanes.discard(asyncio.current_task())

    async def _commit_next(self, sent: Sent | None = None) -> None:
        """Send what waits, unless something was *sent*, and tell the senders what became of it."""
        group: list[Pending] = sent.group if sent else []
        failures: Failures = {}
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                if sent is None:
                    async with self._turn:
                        group += self._waiting
                        self._waiting.clear()
                        await self._get_ready()
                # Sent before anything else runs: the next who has the turn comes behind.
                await self._commit(group, failures, sent)
        except (QueueFull, QueueUnavailable) as error:
            failures = dict.fromkeys((pending.future for pending in group), error)
        except (OSError, EOFError, TimeoutError, hiredis.HiredisError, redis.RedisError) as error:
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

    async def _commit(self, group: list[Pending], failures: Failures, sent: Sent | None) -> None:
        """Append a group, each partition's entries at once; note in *failures* what went wrong for whom."""
        refused = await (self._outcome(sent) if sent else self._write(group, failures))
        if not refused:
            return
        # What is in flight behind this group is answered before anything sent from here on, and if it is refused as well,
        # it has the turn next. So all goes to the next layout in the order in which it came.
        async with self._turn:
            while refused:
                layout = await self._layout_after(refused[0][1][0])
                group = [
                    Pending(pending.site_id, put_again(pending.whole, [entry], layout), pending.future, pending.whole)
                    for pending, entry in refused
                ]
                refused = await self._write(group, failures)

    async def _get_ready(self) -> None:
        """Connect where need be, so that ``_write`` sends before it waits."""
        await self._connected()

    async def _write(self, group: list[Pending], failures: Failures) -> list[Refused]:
        """Append a group in one transaction; return what was refused because its partition is closed."""
        return await self._outcome(self._send(await self._connected(), group))

    def _send(self, link: Link, group: list[Pending]) -> Sent:
        command, replies = _transaction(group)
        if self._replicas:
            command += wait_for_replicas(self._replicas)
            replies += 1
        return Sent(group, link, link.send(command, replies))

    async def _outcome(self, sent: Sent) -> list[Refused]:
        """Return what of a group was refused because its partition is closed."""
        link = sent.link
        answers = await link.replies(sent.replies)
        confirmed = answers.pop() if self._replicas else 0
        result = answers[-1]
        if not isinstance(result, list):
            raise _trouble(next((one for one in answers if isinstance(one, hiredis.ReplyError)), result), link)
        if confirmed != self._replicas and (not isinstance(confirmed, int) or confirmed < self._replicas):
            raise QueueUnavailable(f"{confirmed} of {self._replicas} replicas have confirmed")
        if not any(isinstance(one, hiredis.ReplyError) for one in result):
            return []
        entries = [(pending, entry) for pending in sent.group for entry in pending.entries]
        refused = [one for one, answer in zip(entries, result, strict=False) if isinstance(answer, hiredis.ReplyError)]
        for answer in result[: len(entries)] if refused else result:
            if isinstance(answer, hiredis.ReplyError) and _CLOSED_STREAM not in str(answer):
                raise _trouble(answer, link)
        return refused

    async def _layout_after(self, partition: int) -> int:
        """Return the layout to append to instead of the closed one of *partition*, having closed all of that."""
        link = await self._connected()
        (said,) = await link.call(pack(("GET", appended_key(partition))), 1)
        if not isinstance(said, bytes):
            raise _trouble(said, link)
        closed = Closed.read(said)
        commands = close_commands(*closed)
        for answer in await link.call(b"".join(pack(command) for command in commands), len(commands)):
            if isinstance(answer, hiredis.ReplyError):
                raise _trouble(answer, link)
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


def _trouble(answer: object, link: Link) -> Exception:
    """Return what an answer that is an error means for the senders."""
    text = str(answer)
    if text.startswith("READONLY"):
        link.close()  # A master no longer: the next connection asks Sentinel who is.
    return QueueFull(text) if text.startswith("OOM") else QueueUnavailable(text)


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
