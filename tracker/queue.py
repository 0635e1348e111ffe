"""The durable queue: one Redis stream a partition, its accounts, and the wake-up of the workers that drain it.

Keys (``{…}`` is a hash tag, so that all keys of a partition live on one node of a cluster):

* ``warmtrail:{events:3}`` — the stream of partition 3; an entry has the one field ``e``, see ``tracker.core.entries``.
* ``warmtrail:{events:3}:appended`` — hash from site to the number of events ever appended; grows in the same
  transaction as the stream, so what is waiting is known exactly. Of a closed partition (see ``tracker.layouts``) it is a
  string, the layout closed and the one that follows, and the counts have moved to ``…:appended:closed``.
* ``warmtrail:drain:0`` — who looks after slot 0: ``queued`` or the token of the running drain. A lease.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import redis
from redis.cluster import RedisCluster
from rq import Queue

from tracker.core.entries import count_of as entry_count
from tracker.core.entries import split_again
from tracker.core.layouts import numbers_of, slot_of
from tracker.endpoints import Client, answers, from_each_server
from tracker.endpoints import connect as connect_anywhere
from tracker.settings import SettingError

Packed = tuple[int, int, bytes]
"""An entry to append: partition, number of events, packed events."""

ENTRY_FIELD: Final = b"e"
QUEUED: Final = b"queued"
QUEUED_SECONDS: Final = 30
"""How long a wake-up stands if no worker takes it; after that the next event wakes again."""
LEASE_SECONDS: Final = 15
CARE_QUEUE: Final = "care"
CLOSED_ID: Final = "18446744073709551615-18446744073709551615"
"""The last id that a stream can have. An entry with it closes a partition: the server takes no other after it, and a drain
that has come to it knows that nothing is left."""
FINISHED: Final = "18446744073709551615-0"
"""The position of a partition that is processed up to its closing entry, whose own id is too long for the column."""
LONGEST_PAUSE_SECONDS: Final = 0.02
"""Between two looks at the streams of a cluster, where no one command waits for all of them."""
COMMITTED_CHANNEL: Final = "warmtrail:committed"
"""Told after each commit that made lead changes; who waits for changes listens here."""

_TAKE: Final = """
local held = redis.call('GET', KEYS[1])
if held and held ~= 'queued' and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""
_KEEP: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
_LEAVE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
"""

_APPEND: Final = """
if redis.call('TYPE', KEYS[2]).ok == 'string' then return redis.call('GET', KEYS[2]) end
for place = 3, #ARGV do redis.call('XADD', KEYS[1], '*', 'e', ARGV[place]) end
redis.call('HINCRBY', KEYS[2], ARGV[1], ARGV[2])
return 1
"""
_CLOSE: Final = """
local kind = redis.call('TYPE', KEYS[2]).ok
if kind == 'string' then return 0 end
redis.call('XADD', KEYS[1], ARGV[1], 'closed', ARGV[2])
if kind == 'hash' then redis.call('RENAME', KEYS[2], KEYS[3]) end
redis.call('SET', KEYS[2], ARGV[2])
return 1
"""


class Closed(NamedTuple):
    """What a closed partition says."""

    layout: int
    following: int
    """The layout that events go to instead, once all partitions of *layout* are closed."""

    @classmethod
    def read(cls, text: bytes) -> Closed:
        """Return what the key of the counts says."""
        layout, following = text.split()
        return cls(int(layout), int(following))


def stream_key(partition: int) -> str:
    """Return the key of a partition's stream."""
    return f"warmtrail:{{events:{partition}}}"


def appended_key(partition: int) -> str:
    """Return the key of the counts of events appended to a partition."""
    return stream_key(partition) + ":appended"


def closed_key(partition: int) -> str:
    """Return the key that the counts of a partition have moved to since it was closed."""
    return appended_key(partition) + ":closed"


def slot_key(slot: int) -> str:
    """Return the key that says who looks after a slot."""
    return f"warmtrail:drain:{slot}"


def drain_queue(slot: int) -> str:
    """Return the name of the RQ queue on which a slot's drains are asked for."""
    return f"drain-{slot}"


def partitions_of(slot: int, slots: int, layouts: int | Iterable[int]) -> list[int]:
    """Return the partitions that a slot serves, of one layout or of several."""
    several = [layouts] if isinstance(layouts, int) else layouts
    return [number for layout in several for number in numbers_of(layout) if slot_of(number, slots) == slot]


def connect(url: str, **options: Any) -> redis.Redis:
    """Return a client of the server at *url*, or of the master that Sentinel names; it connects on first use."""
    client = connect_anywhere(url, **options)
    assert isinstance(client, redis.Redis)  # the settings let only the streams be on a cluster
    return client


def connect_streams(url: str) -> Client:
    """Return a client of the streams at *url*, which may be on a cluster."""
    return connect_anywhere(url)


def check_server(client: Client, setting: str) -> None:
    """Raise ``SettingError`` naming *setting* unless the server is new enough and refuses to evict what it holds.

    Of a cluster every master is looked at.
    """
    for info in from_each_server(client, "INFO"):
        _check_info(info, setting, is_cluster=isinstance(client, RedisCluster))


def _check_info(info: dict[str, Any], setting: str, *, is_cluster: bool) -> None:
    if info.get("cluster_enabled") and not is_cluster:
        raise SettingError(
            f"{setting}: this is a node of a cluster; only WARMTRAIL_STREAM_URL may be one, as redis+cluster://…",
            f"{setting}：这是集群的一个节点；只有 WARMTRAIL_STREAM_URL 可以是集群，写作 redis+cluster://…",
        )
    version = str(info.get("redis_version", "0"))
    if int(version.split(".")[0]) < 7:
        raise SettingError(
            f"{setting}: Redis or Valkey 7.0 or newer is needed, this is {version}",
            f"{setting}：需要 7.0 或更新版本的 Redis 或 Valkey，现为 {version}",
        )
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise SettingError(
            f"{setting}: maxmemory-policy is {policy}; it must be noeviction, or events would be lost",
            f"{setting}：maxmemory-policy 为 {policy}；须为 noeviction，否则会丢失事件",
        )


def append(client: Client, site_id: int, packed: list[Packed]) -> None:
    """Append entries; they are in the append-only queue when this returns, those of one partition all at once.

    An entry whose partition has been closed goes to the layout that follows, and is replaced in *packed*.
    """
    waiting = list(packed)
    while waiting:
        groups: dict[int, list[Packed]] = {}
        for entry in waiting:
            groups.setdefault(entry[0], []).append(entry)
        told = answers(client, [append_command(site_id, number, group) for number, group in groups.items()])
        waiting = []
        for group, answer in zip(groups.values(), told, strict=True):
            if answer != 1:
                closed = Closed.read(answer)
                close_layout(client, *closed)
                waiting += put_again(packed, group, closed.following)


def append_command(site_id: int, partition: int, group: list[Packed]) -> tuple[Any, ...]:
    """Return the command that appends to one partition: answered with 1, or with what the closed partition says."""
    count = sum(count for _, count, _ in group)
    entries = [entry for _, _, entry in group]
    return ("EVAL", _APPEND, 2, stream_key(partition), appended_key(partition), site_id, count, *entries)


def put_again(packed: list[Packed], refused: list[Packed], layout: int) -> list[Packed]:
    """Replace the *refused* entries in *packed* by the same for *layout*; return those."""
    new = [again for _, _, entry in refused for again in split_again(entry, layout)]
    for entry in refused:
        packed.remove(entry)
    packed += new
    return new


def close_layout(client: Client, layout: int, following: int) -> None:
    """Close every partition of *layout* for good; safe to repeat. Whoever appends to *following* has done this before."""
    answers(client, close_commands(layout, following))


def close_commands(layout: int, following: int) -> list[tuple[Any, ...]]:
    """Return the commands that close the partitions of *layout*."""
    return [
        ("EVAL", _CLOSE, 3, *(key(number) for key in _PARTITION_KEYS), CLOSED_ID, f"{layout} {following}")
        for number in numbers_of(layout)
    ]


_PARTITION_KEYS: Final = (stream_key, appended_key, closed_key)


def layout_after(client: Client, layout: int) -> int | None:
    """Return the layout that follows *layout*, if the first of its partitions has been closed."""
    (said,) = answers(client, [("GET", appended_key(numbers_of(layout)[0]))], raise_on_error=False)
    if _is_wrong_type(said):
        return None  # the counts of an open partition
    if isinstance(said, Exception):
        raise said
    return None if said is None else Closed.read(said).following


def wake(client: redis.Redis, slot: int, job: str) -> bool:
    """Ask for a drain of *slot* unless one is asked for or running; *job* is the function's dotted name.

    To be called after appending: a running drain looks once more after it has let go of the slot, so no entry sleeps.
    """
    if not client.set(slot_key(slot), QUEUED, nx=True, ex=QUEUED_SECONDS):
        return False
    enqueue_drain(client, slot, job)
    return True


def wake_surely(client: redis.Redis, slot: int, job: str) -> None:
    """Ask for a drain of *slot* unless one is running: also where a request for one stands but its job was lost."""
    if not wake(client, slot, job) and client.get(slot_key(slot)) == QUEUED:
        enqueue_drain(client, slot, job)


def count_entries(client: Client, partitions: list[int]) -> int:
    """Return how many entries wait in these partitions."""
    return sum(answers(client, [("XLEN", stream_key(number)) for number in partitions]))


def enqueue_drain(client: redis.Redis, slot: int, job: str) -> None:
    """Put a drain of *slot* on its queue unless one waits there."""
    queue = Queue(drain_queue(slot), connection=client)
    if queue.count == 0:
        queue.enqueue(job, slot, result_ttl=0, failure_ttl=86_400, job_timeout=600)


class Lease:
    """One drain's hold on its slot: an economy, so that no two drains do the same work. Safety is the database's lock."""

    def __init__(self, client: redis.Redis, slot: int, token: str) -> None:
        self._client = client
        self._key = slot_key(slot)
        self._token = token

    def take(self) -> bool:
        """Take the slot unless another drain holds it; what is ours already is prolonged."""
        return self._run(_TAKE, self._token, LEASE_SECONDS)

    def keep(self) -> bool:
        """Prolong the hold; ``False`` when it was lost to another drain."""
        return self._run(_KEEP, self._token, LEASE_SECONDS)

    def leave(self) -> None:
        """Let go of the slot."""
        self._run(_LEAVE, self._token)

    def _run(self, script: str, *arguments: str | int) -> bool:
        return bool(self._client.eval(script, 1, self._key, *arguments))


def read_entries(
    client: Client, positions: dict[int, str], *, count: int, block_ms: int | None
) -> list[tuple[int, str, bytes]]:
    """Return up to *count* entries of each partition after the given positions as ``(partition, id, packed)``.

    Waits up to *block_ms* for the first one; ``None`` returns at once.
    """
    if not positions:
        time.sleep((block_ms or 0) / 1000)
        return []
    if isinstance(client, RedisCluster):
        return _read_from_cluster(client, positions, count, block_ms)
    numbers = {stream_key(number).encode(): number for number in positions}
    answer: Any = client.xread({stream_key(n): at for n, at in positions.items()}, count=count, block=block_ms)
    return [
        (numbers[key], entry_id.decode(), fields.get(ENTRY_FIELD, b""))
        for key, entries in answer or []
        for entry_id, fields in entries
    ]


def _read_from_cluster(
    client: RedisCluster, positions: dict[int, str], count: int, block_ms: int | None
) -> list[tuple[int, str, bytes]]:
    """Look again and again: a command may name only keys of one hash slot, so none could wait for several partitions."""
    until = time.monotonic() + (block_ms or 0) / 1000
    commands = [("XRANGE", stream_key(number), f"({at}", "+", "COUNT", count) for number, at in positions.items()]
    pause = LONGEST_PAUSE_SECONDS / 8
    while True:
        found = [
            (number, entry_id.decode(), fields.get(ENTRY_FIELD, b""))
            for number, entries in zip(positions, answers(client, commands), strict=True)
            for entry_id, fields in entries
        ]
        if found or time.monotonic() >= until:
            return found
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def trim(client: Client, positions: dict[int, str]) -> None:
    """Remove the entries up to and including the given positions: their results are stored."""
    answers(client, [("XTRIM", stream_key(number), *_done(position)) for number, position in positions.items()])


def _done(position: str) -> tuple[str, str, str | int]:
    """Return what XTRIM is told so that nothing up to *position* stays."""
    if position == FINISHED:
        return ("MAXLEN", "=", 0)  # there is no id after it
    milliseconds, _, sequence = position.partition("-")
    return ("MINID", "=", f"{milliseconds}-{int(sequence) + 1}")


def read_appended(client: Client, partitions: Iterable[int]) -> dict[int, dict[int, int]]:
    """Return how many events of each site were ever appended to each partition."""
    numbers = list(partitions)
    commands = [("HGETALL", key(number)) for number in numbers for key in (appended_key, closed_key)]
    told = iter(answers(client, commands, raise_on_error=False))
    found: dict[int, dict[int, int]] = {}
    for number, answer, closed in zip(numbers, told, told, strict=True):
        counts = closed if _is_wrong_type(answer) else answer
        if isinstance(counts, Exception):
            raise counts
        found[number] = {int(site): int(count) for site, count in counts.items()}
    return found


def _is_wrong_type(answer: object) -> bool:
    return isinstance(answer, redis.ResponseError) and str(answer).startswith("WRONGTYPE")


def doubtful_accounts(client: Client, drained: dict[int, dict[int, int]]) -> list[int]:
    """Return the partitions whose counts of appended events may not fit what was *drained* (see ``settle_accounts``)."""
    known = read_appended(client, drained)
    short = {
        number for number in drained if any(known[number].get(site, 0) < count for site, count in drained[number].items())
    }
    return [n for n in drained if known[n] != drained[n] and (n in short or count_entries(client, [n]) == 0)]


def settle_accounts(client: Client, partition: int, position: str, drained: dict[int, int]) -> bool:
    """Set right the counts of appended events where they can't be, given what was *drained* by site; return whether so.

    They fall short when the queue's server was replaced by an empty one; they are too high when the database was restored
    from a backup and nothing waits any more. What is appended meanwhile is not lost to the count.
    """
    is_closed = answers(client, [("TYPE", appended_key(partition))]) == [b"string"]
    key = closed_key(partition) if is_closed else appended_key(partition)
    with client.pipeline(transaction=True) as pipeline:
        while True:
            try:
                pipeline.watch(stream_key(partition), key)
                known = {int(site): int(count) for site, count in pipeline.hgetall(key).items()}
                nothing_waits = not pipeline.xrange(stream_key(partition), min=f"({position}", count=1)
                if known == drained or (
                    not nothing_waits and all(known.get(site, 0) >= count for site, count in drained.items())
                ):
                    return False
                right = dict(drained)
                entries: Any = pipeline.xrange(stream_key(partition), min=f"({position}")
                for entry_id, fields in entries:
                    if entry_id.decode() == CLOSED_ID:
                        continue
                    site, count = entry_count(fields.get(ENTRY_FIELD, b""))
                    right[site] = right.get(site, 0) + count
                pipeline.multi()
                pipeline.delete(key)
                if right:
                    pipeline.hset(key, mapping={str(site): count for site, count in right.items()})
                pipeline.execute()
            except redis.WatchError:
                continue
            return True


def id_order(entry_id: str) -> tuple[int, int]:
    """Return what orders stream ids."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
