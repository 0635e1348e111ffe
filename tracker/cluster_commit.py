"""Group commit on a cluster: for each group one round trip to each master that holds partitions of it."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

import hiredis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from tracker.commit import (
    Failures,
    GroupCommit,
    Pending,
    QueueFull,
    QueueUnavailable,
    Refused,
    wait_for_replicas,
)
from tracker.endpoints import CONNECT_SECONDS, read_endpoint
from tracker.link import Link, pack
from tracker.queue import Closed, Packed, append_command, appended_key, close_commands, stream_key

NODE_SECONDS: Final = 2.0
"""A master that takes longer fails; the group's entries for the others don't."""
AWAY_SECONDS: Final = 1.0
"""How long a master that failed isn't asked again, so that it doesn't hold up the others."""
AGAIN_SECONDS: Final = 0.05
MOST_TRIES: Final = 40
"""Of one part, while its hash slot moves or a replica takes over."""
_LATER: Final = ("TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "LOADING", "READONLY")

Address = tuple[str, int]


class _Part(NamedTuple):
    """What goes to one partition for one site, in one command."""

    partition: int
    entries: list[tuple[Pending, Packed]]
    command: bytes


class _Redirected(NamedTuple):
    """Where a part belongs."""

    address: Address
    for_once: bool
    """Its hash slot is on the way there: asked for with ASKING, and not yet what the cluster says."""


class ClusterCommit(GroupCommit):
    """A ``GroupCommit`` whose streams are on a cluster. Finds its way by what redis-py's client knows of the nodes.

    One group at a time: what is sent again when a hash slot moves must not come behind what was sent after it.
    """

    most_in_flight = 1

    def __init__(self, url: str, *, replicas: int = 0) -> None:
        super().__init__(url, replicas=replicas)
        self._nodes: RedisCluster | None = None
        self._links: dict[Address, Link] = {}
        self._away: dict[Address, float] = {}

    async def _get_ready(self) -> None:
        """Connect with the first part for a node: one that is away is no reason to fail those for others."""

    async def _write(self, group: list[Pending], failures: Failures) -> list[Refused]:
        parts = _parts(group)
        refused: list[Refused] = []
        redirected: dict[int, _Redirected] = {}
        for _ in range(MOST_TRIES):
            left = await self._round(parts, redirected, refused, failures)
            if not left:
                return refused
            redirected = {part.partition: told for part, told in left if told is not None}
            if len(redirected) < len(left) or any(not told.for_once for told in redirected.values()):
                await self._look_at_nodes()
            if not all(part.partition in redirected for part, _ in left):
                await asyncio.sleep(AGAIN_SECONDS)
            parts = [part for part, _ in left]
        _fail(parts, QueueUnavailable("the cluster does not settle"), failures)
        return refused

    async def _round(
        self, parts: list[_Part], redirected: dict[int, _Redirected], refused: list[Refused], failures: Failures
    ) -> list[tuple[_Part, _Redirected | None]]:
        """Send every part to its master; return those to be sent again, with the place where that is known."""
        by_address: dict[Address, list[_Part]] = {}
        for part in parts:
            told = redirected.get(part.partition)
            by_address.setdefault(told.address if told else await self._master_of(part.partition), []).append(part)
        asking = {number for number, told in redirected.items() if told.for_once}
        rounds = (self._ask(address, some, asking) for address, some in by_address.items())
        left: list[tuple[_Part, _Redirected | None]] = []
        for address, some, answers in zip(by_address, by_address.values(), await asyncio.gather(*rounds), strict=True):
            if isinstance(answers, Exception):
                _fail(some, answers, failures)
                continue
            confirmed = answers.pop() if self._replicas else 0
            for part, answer in zip(some, answers, strict=True):
                text = str(answer)
                if answer == 1 and isinstance(confirmed, int) and confirmed >= self._replicas:
                    continue
                if answer == 1:
                    _fail([part], QueueUnavailable(f"{confirmed} of {self._replicas} replicas have confirmed"), failures)
                elif isinstance(answer, bytes):
                    refused += part.entries
                elif text.startswith(("MOVED ", "ASK ")):
                    left.append((part, _redirection(text, address)))
                elif text.startswith(_LATER):
                    left.append((part, None))
                else:
                    error = QueueFull(text) if text.startswith("OOM") else QueueUnavailable(text)
                    _fail([part], error, failures)
        return left

    async def _ask(self, address: Address, parts: list[_Part], asking: set[int]) -> list[Any] | Exception:
        """Return the answers to *parts*, and to the wait for replicas; or what kept them from being sent."""
        try:
            async with asyncio.timeout(NODE_SECONDS):
                link = await self._link_to(address)
                commands: list[bytes] = []
                kept: list[int] = []
                for part in parts:
                    if part.partition in asking:
                        commands.append(pack(("ASKING",)))
                    kept.append(len(commands))
                    commands.append(part.command)
                if self._replicas:
                    kept.append(len(commands))
                    commands.append(wait_for_replicas(self._replicas))
                answers = await link.call(b"".join(commands), len(commands))
                return [answers[place] for place in kept]
        except (OSError, EOFError, TimeoutError, hiredis.HiredisError) as error:
            self._away[address] = asyncio.get_running_loop().time() + AWAY_SECONDS
            link_ = self._links.pop(address, None)
            if link_ is not None:
                link_.close()
            await self._forget_nodes()
            return QueueUnavailable(f"{address[0]}:{address[1]}: {error or type(error).__name__}")

    async def _layout_after(self, partition: int) -> int:
        nodes = await self._cluster()
        try:
            said = await nodes.execute_command("GET", appended_key(partition))
            closed = Closed.read(said)
            for command in close_commands(*closed):
                await nodes.execute_command(*command)
        except (RedisError, RedisClusterException) as error:
            raise QueueUnavailable(str(error)) from error
        return closed.following

    async def _master_of(self, partition: int) -> Address:
        nodes = await self._cluster()
        try:
            node = nodes.get_node_from_key(stream_key(partition))
        except RedisClusterException as error:
            raise OSError(str(error)) from error
        if node is None:
            raise OSError("no master serves the partition")
        return node.host, int(node.port)

    async def _cluster(self) -> RedisCluster:
        if self._nodes is None:
            endpoint = self._endpoint
            options: dict[str, Any] = {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": CONNECT_SECONDS}
            nodes = RedisCluster(
                startup_nodes=[ClusterNode(host, port) for host, port in endpoint.nodes],
                ssl=endpoint.tls,
                protocol=2,
                **{**options, **endpoint.options},
            )
            try:
                await nodes.initialize()
            except (RedisClusterException, RedisError) as error:
                await nodes.aclose()
                raise OSError(str(error)) from error
            self._nodes = nodes
        return self._nodes

    async def _look_at_nodes(self) -> None:
        await self._forget_nodes()
        await self._cluster()

    async def _forget_nodes(self) -> None:
        nodes, self._nodes = self._nodes, None
        if nodes is not None:
            await nodes.aclose()

    async def _link_to(self, address: Address) -> Link:
        link = self._links.get(address)
        if link is None or link.is_closed:
            if asyncio.get_running_loop().time() < self._away.get(address, 0.0):
                raise OSError("does not answer")
            link = self._links[address] = await Link.open(self._endpoint, *address)
        return link

    def _drop_links(self) -> None:
        for link in self._links.values():
            link.close()
        self._links.clear()


def open_commit(url: str, replicas: int) -> GroupCommit:
    """Return what appends to the streams at *url*, be they on one server or on a cluster."""
    kind = ClusterCommit if read_endpoint(url).kind == "cluster" else GroupCommit
    return kind(url, replicas=replicas)


def _parts(group: list[Pending]) -> list[_Part]:
    by_place: dict[tuple[int, int], list[tuple[Pending, Packed]]] = {}
    for pending in group:
        for entry in pending.entries:
            by_place.setdefault((entry[0], pending.site_id), []).append((pending, entry))
    return [
        _Part(partition, entries, pack(append_command(site_id, partition, [entry for _, entry in entries])))
        for (partition, site_id), entries in by_place.items()
    ]


def _fail(parts: list[_Part], error: Exception, failures: Failures) -> None:
    for part in parts:
        failures.update((pending.future, error) for pending, _ in part.entries)


def _redirection(text: str, asked: Address) -> _Redirected:
    """Read ``MOVED 3999 host:port``; without a host it is that of the one who says so."""
    kind, _, place = text.split(" ", 2)
    host, _, port = place.rpartition(":")
    return _Redirected((host.strip("[]") or asked[0], int(port)), for_once=kind == "ASK")
