"""The durable queue: one Redis stream a partition, its accounts, and the wake-up of the workers that drain it.

Keys (``{…}`` is a hash tag, so that all keys of a partition live on one node of a cluster):

* ``warmtrail:{events:3}`` — the stream of partition 3; an entry has the one field ``e``, see ``tracker.core.entries``.
* ``warmtrail:{events:3}:appended`` — hash from site to the number of events ever appended; grows in the same
  transaction as the stream, so what is waiting is known exactly.
* ``warmtrail:drain:0`` — who looks after slot 0: ``queued`` or the token of the running drain. A lease.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import redis
from rq import Queue

from tracker.core.entries import count_of as entry_count
from tracker.settings import SettingError

ENTRY_FIELD: Final = b"e"
QUEUED: Final = b"queued"
QUEUED_SECONDS: Final = 30
"""How long a wake-up stands if no worker takes it; after that the next event wakes again."""
LEASE_SECONDS: Final = 15
CARE_QUEUE: Final = "care"
COMMITTED_CHANNEL: Final = "warmtrail:committed"
"""Told after each commit that made lead changes; who waits for changes listens here."""

_TAKE: Final = """
local held = redis.call('GET', KEYS[1])
if held and held ~= 'queued' then return 0 end
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


def stream_key(partition: int) -> str:
    """Return the key of a partition's stream."""
    return f"warmtrail:{{events:{partition}}}"


def appended_key(partition: int) -> str:
    """Return the key of the counts of events appended to a partition."""
    return stream_key(partition) + ":appended"


def slot_key(slot: int) -> str:
    """Return the key that says who looks after a slot."""
    return f"warmtrail:drain:{slot}"


def drain_queue(slot: int) -> str:
    """Return the name of the RQ queue on which a slot's drains are asked for."""
    return f"drain-{slot}"


def partitions_of(slot: int, slots: int, partitions: int) -> list[int]:
    """Return the partitions that a slot serves."""
    return [number for number in range(partitions) if number % slots == slot]


def connect(url: str, **options: Any) -> redis.Redis:
    """Return a client of the Redis at *url*; it connects on first use."""
    return redis.Redis.from_url(url, socket_connect_timeout=5, protocol=2, **options)


def check_server(client: redis.Redis, setting: str) -> None:
    """Raise ``SettingError`` naming *setting* unless the server is new enough and refuses to evict what it holds."""
    info: dict[str, Any] = client.info()
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


def append(client: redis.Redis, site_id: int, packed: Iterable[tuple[int, int, bytes]]) -> None:
    """Append entries ``(partition, events, packed)`` at once; they are in the append-only queue when this returns."""
    pipeline = client.pipeline(transaction=True)
    for partition, count, entry in packed:
        pipeline.xadd(stream_key(partition), {ENTRY_FIELD: entry})
        pipeline.hincrby(appended_key(partition), str(site_id), count)
    pipeline.execute()


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


def count_entries(client: redis.Redis, partitions: list[int]) -> int:
    """Return how many entries wait in these partitions."""
    pipeline = client.pipeline(transaction=False)
    for number in partitions:
        pipeline.xlen(stream_key(number))
    return sum(pipeline.execute())


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
        """Take the slot unless another drain holds it."""
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
    client: redis.Redis, positions: dict[int, str], *, count: int, block_ms: int | None
) -> list[tuple[int, str, bytes]]:
    """Return up to *count* entries of each partition after the given positions as ``(partition, id, packed)``.

    Waits up to *block_ms* for the first one; ``None`` returns at once.
    """
    numbers = {stream_key(number).encode(): number for number in positions}
    answer: Any = client.xread({stream_key(n): at for n, at in positions.items()}, count=count, block=block_ms)
    return [
        (numbers[key], entry_id.decode(), fields.get(ENTRY_FIELD, b""))
        for key, entries in answer or []
        for entry_id, fields in entries
    ]


def trim(client: redis.Redis, positions: dict[int, str]) -> None:
    """Remove the entries up to and including the given positions: their results are stored."""
    pipeline = client.pipeline(transaction=False)
    for number, position in positions.items():
        milliseconds, _, sequence = position.partition("-")
        pipeline.xtrim(stream_key(number), minid=f"{milliseconds}-{int(sequence) + 1}", approximate=False)
    pipeline.execute()


def read_appended(client: redis.Redis, partitions: Iterable[int]) -> dict[int, dict[int, int]]:
    """Return how many events of each site were ever appended to each partition."""
    numbers = list(partitions)
    pipeline = client.pipeline(transaction=False)
    for number in numbers:
        pipeline.hgetall(appended_key(number))
    answers = pipeline.execute()
    return {
        number: {int(site): int(count) for site, count in answer.items()}
        for number, answer in zip(numbers, answers, strict=True)
    }


def doubtful_accounts(client: redis.Redis, drained: dict[int, dict[int, int]]) -> list[int]:
    """Return the partitions whose counts of appended events may not fit what was *drained* (see ``settle_accounts``)."""
    known = read_appended(client, drained)
    short = {
        number for number in drained if any(known[number].get(site, 0) < count for site, count in drained[number].items())
    }
    return [n for n in drained if known[n] != drained[n] and (n in short or count_entries(client, [n]) == 0)]


def settle_accounts(client: redis.Redis, partition: int, position: str, drained: dict[int, int]) -> bool:
    """Set right the counts of appended events where they can't be, given what was *drained* by site; return whether so.

    They fall short when the queue's server was replaced by an empty one; they are too high when the database was restored
    from a backup and nothing waits any more. What is appended meanwhile is not lost to the count.
    """
    key = appended_key(partition)
    with client.pipeline(transaction=True) as pipeline:
        while True:
            try:
                pipeline.watch(stream_key(partition), key)  # type: ignore[no-untyped-call]
                known = {int(site): int(count) for site, count in pipeline.hgetall(key).items()}
                nothing_waits = not pipeline.xrange(stream_key(partition), min=f"({position}", count=1)
                if known == drained or (
                    not nothing_waits and all(known.get(site, 0) >= count for site, count in drained.items())
                ):
                    return False
                right = dict(drained)
                entries: Any = pipeline.xrange(stream_key(partition), min=f"({position}")
                for _, fields in entries:
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
