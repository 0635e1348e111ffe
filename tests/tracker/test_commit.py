"""Group commit: what was said to be appended is in the stream, once, whatever happens to the server."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.tracker.conftest import NOW, packed, page
from tracker import commit, queue
from tracker.commit import WORTH_A_GROUP, GroupCommit, QueueFull, QueueUnavailable
from tracker.core.entries import unpack
from tracker.core.layouts import following, numbers_of
from tracker.embedded import EmbeddedServer
from tracker.queue import Packed

PARTITIONS = 8


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A Valkey that the test may kill and change."""
    server = EmbeddedServer(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


def run(url: str, work: Callable[[GroupCommit], Awaitable[None]]) -> None:
    async def whole() -> None:
        group = GroupCommit(url)
        try:
            await work(group)
        finally:
            await group.close()

    # In a thread of its own: a browser test in this process leaves a loop running in the main one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, whole()).result()


def entries_of(url: str) -> Counter[bytes]:
    """Every entry of every stream, with the number of times it is there."""
    with redis.Redis.from_url(url) as client:
        found: Counter[bytes] = Counter()
        for number in range(PARTITIONS):
            found.update(fields[queue.ENTRY_FIELD] for _, fields in client.xrange(queue.stream_key(number)))
    return found


def appended_of(url: str) -> Counter[tuple[int, int]]:
    """The appended counters by partition and site."""
    with redis.Redis.from_url(url) as client:
        return Counter(
            {
                (number, int(site)): int(count)
                for number in range(PARTITIONS)
                for site, count in client.hgetall(queue.appended_key(number)).items()  # type: ignore[union-attr]
            }
        )


def test_many_appends_at_once_are_each_in_their_stream_once(redis_url: str) -> None:
    wanted: Counter[bytes] = Counter()
    counted: Counter[tuple[int, int]] = Counter()

    async def work(group: GroupCommit) -> None:
        async def one(number: int) -> None:
            entries = [
                (place % PARTITIONS, 1 + place % 3, b"%d-%d" % (number, place))
                for place in range(number, number + number % 4)
            ]
            for partition, count, entry in entries:
                wanted[entry] += 1
                counted[partition, number % 5] += count
            await group.append(number % 5, entries)

        await asyncio.gather(*(one(number) for number in range(2000)))

    run(redis_url, work)
    assert entries_of(redis_url) == wanted
    assert appended_of(redis_url) == counted


def test_one_sender_s_appends_keep_their_order(redis_url: str) -> None:
    async def work(group: GroupCommit) -> None:
        for number in range(50):
            await group.append(1, [(0, 1, b"%d" % number)])

    run(redis_url, work)
    with redis.Redis.from_url(redis_url) as client:
        stored = [int(fields[queue.ENTRY_FIELD]) for _, fields in client.xrange(queue.stream_key(0))]
    assert stored == list(range(50))


@pytest.mark.parametrize(
    "entry", [b"", b"\r\n$5\r\n", bytes(range(256)), b"x" * 600_000], ids=["empty", "RESP", "all", "long"]
)
def test_any_bytes_can_be_appended(redis_url: str, entry: bytes) -> None:
    async def work(group: GroupCommit) -> None:
        await group.append(1, [(3, 1, entry), (4, 1, b"next")])

    run(redis_url, work)
    assert entries_of(redis_url) == Counter([entry, b"next"])


def test_what_was_acknowledged_outlives_a_killed_server(own_server: EmbeddedServer) -> None:
    acknowledged: list[bytes] = []
    failed = 0

    async def work(group: GroupCommit) -> None:
        stop = asyncio.Event()

        async def sender(name: int) -> None:
            nonlocal failed
            number = 0
            while not stop.is_set():
                entry = b"%d-%d" % (name, number)
                number += 1
                try:
                    await group.append(1, [(name % PARTITIONS, 1, entry)])
                    acknowledged.append(entry)
                except QueueUnavailable:
                    failed += 1
                    await asyncio.sleep(0.02)

        senders = [asyncio.create_task(sender(name)) for name in range(40)]
        for _ in range(2):
            await asyncio.sleep(0.3)
            assert own_server.pid is not None
            os.kill(own_server.pid, signal.SIGKILL)
            await asyncio.sleep(0.1)
            before = len(acknowledged)
            await asyncio.to_thread(own_server.start)
            async with asyncio.timeout(10):  # It recovers by itself.
                while len(acknowledged) < before + 100:
                    await asyncio.sleep(0.02)
        stop.set()
        await asyncio.gather(*senders)

    run(own_server.url, work)
    stored = entries_of(own_server.url)
    assert failed > 0
    assert [entry for entry in acknowledged if stored[entry] != 1] == []
    assert sum(appended_of(own_server.url).values()) == sum(stored.values())


def test_a_full_server_says_so_and_takes_events_again_when_there_is_room(own_server: EmbeddedServer) -> None:
    with redis.Redis.from_url(own_server.url) as client:

        async def work(group: GroupCommit) -> None:
            await group.append(1, [(0, 1, b"before")])
            client.config_set("maxmemory", "1")
            with pytest.raises(QueueFull):
                await group.append(1, [(0, 1, b"refused"), (1, 1, b"refused")])
            client.config_set("maxmemory", "0")
            await group.append(1, [(0, 1, b"after")])

        run(own_server.url, work)
    assert entries_of(own_server.url) == Counter([b"before", b"after"])
    assert appended_of(own_server.url) == Counter({(0, 1): 2})


def test_a_password_is_needed_where_one_is_set(own_server: EmbeddedServer) -> None:
    async def append(group: GroupCommit) -> None:
        await group.append(1, [(0, 1, b"signed in")])

    async def fail(group: GroupCommit) -> None:
        with pytest.raises(QueueUnavailable, match=r"WRONGPASS|NOAUTH"):
            await append(group)

    with redis.Redis.from_url(own_server.url) as client:
        client.config_set("requirepass", "s3cret")
        run(own_server.url, fail)
        run(own_server.url.replace("unix://", "unix://:wrong@"), fail)
        run(own_server.url.replace("unix://", "unix://:s3cret@"), append)
        run(own_server.url.replace("unix://", "unix://default:s3cret@"), append)
        client.config_set("requirepass", "")
    assert entries_of(own_server.url) == Counter({b"signed in": 2})


def test_the_database_number_of_the_address_is_kept(redis_url: str) -> None:
    async def work(group: GroupCommit) -> None:
        await group.append(1, [(0, 1, b"there")])

    run(redis_url + "?db=3", work)
    assert entries_of(redis_url) == Counter()
    assert entries_of(redis_url + "?db=3") == Counter([b"there"])


@pytest.mark.parametrize(
    "url", ["unix:///nowhere/at/all.sock", "redis://127.0.0.1:1/0", "redis://no.such.host.invalid:6379/0"]
)
def test_a_server_that_is_not_there_fails_every_append_at_once(url: str) -> None:
    async def work(group: GroupCommit) -> None:
        results = await asyncio.gather(*(group.append(1, [(0, 1, b"x")]) for _ in range(100)), return_exceptions=True)
        assert {type(result) for result in results} == {QueueUnavailable}
        with pytest.raises(QueueUnavailable):
            await group.append(1, [(0, 1, b"x")])

    run(url, work)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open sockets as Linux shows them")
@pytest.mark.parametrize("password", ["", ":s3cret@"], ids=["hangs at once", "hangs at the sign-in"])
def test_a_server_that_hangs_is_given_up_and_its_connection_closed(
    own_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setattr(commit, "COMMIT_SECONDS", 0.3)
    pid = own_server.pid
    assert pid is not None

    def sockets() -> int:
        links = (path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
        return sum(str(link).startswith("socket:") for link in links)

    async def work(group: GroupCommit) -> None:
        await asyncio.sleep(0)
        before = sockets()
        for _ in range(3):
            with pytest.raises(QueueUnavailable):
                await group.append(1, [(0, 1, b"lost?")])
            await asyncio.sleep(commit.RECONNECT_SECONDS)
        assert sockets() <= before

    os.kill(pid, signal.SIGSTOP)
    try:
        run(own_server.url.replace("unix://", f"unix://{password}"), work)
    finally:
        os.kill(pid, signal.SIGCONT)


def test_what_waits_in_memory_is_bounded(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "MAX_PENDING_BYTES", 10_000)

    async def work(group: GroupCommit) -> None:
        senders = [asyncio.create_task(group.append(1, [(0, 1, bytes(2000))])) for _ in range(20)]
        results = await asyncio.gather(*senders, return_exceptions=True)
        assert Counter(type(result) for result in results) == {type(None): 6, QueueFull: 14}
        await group.append(1, [(0, 1, b"later")])

    run(redis_url, work)


def test_a_sender_that_goes_away_holds_nobody_up(redis_url: str) -> None:
    async def work(group: GroupCommit) -> None:
        gone = [asyncio.create_task(group.append(1, [(0, 1, b"gone")])) for _ in range(10)]
        stays = asyncio.create_task(group.append(1, [(1, 1, b"stays")]))
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        await stays
        await group.append(1, [(1, 1, b"next")])

    run(redis_url, work)
    assert entries_of(redis_url)[b"stays"] == entries_of(redis_url)[b"next"] == 1


def in_flight(group: GroupCommit) -> int:
    """Groups that were sent and not answered yet."""
    return len(group._link._calls) if group._link else 0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


@contextmanager
def held_up(server: EmbeddedServer) -> Iterator[None]:
    """The server takes nothing in until the block ends; afterwards all that was sent meanwhile, at once."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


Append = asyncio.Task[None]


async def send_two_groups(group: GroupCommit, entries: list[Packed]) -> list[Append]:
    """Append each entry by itself, the first alone, the others in a group behind it; return when both are in flight."""
    first, *others = entries
    sent = [asyncio.create_task(group.append(1, [first]))]
    await until(lambda: in_flight(group) == 1)
    sent += [asyncio.create_task(group.append(1, [entry])) for entry in others]
    await until(lambda: in_flight(group) == 2)
    return sent


def test_a_second_group_goes_out_behind_the_first_and_no_third(own_server: EmbeddedServer) -> None:
    async def work(group: GroupCommit) -> None:
        await group.append(1, [(1, 1, b"connected")])
        with held_up(own_server):
            sent = await send_two_groups(group, [(0, 1, b"%d" % number) for number in range(1 + WORTH_A_GROUP)])
            for number in range(len(sent), 100):
                sent.append(asyncio.create_task(group.append(1, [(0, 1, b"%d" % number)])))
                await asyncio.sleep(0)
            assert in_flight(group) == 2
        await asyncio.gather(*sent)

    run(own_server.url, work)
    with redis.Redis.from_url(own_server.url) as client:
        stored = [int(fields[queue.ENTRY_FIELD]) for _, fields in client.xrange(queue.stream_key(0))]
    assert stored == list(range(100))


def test_of_many_that_come_together_the_first_are_sent_before_the_others_have_a_turn(own_server: EmbeddedServer) -> None:
    async def work(group: GroupCommit) -> None:
        await group.append(1, [(1, 1, b"connected")])
        seen: list[int] = []

        async def look() -> None:
            seen.append(in_flight(group))

        come = [group.append(1, [(0, 1, b"%d" % number)]) for number in range(3 * WORTH_A_GROUP)]
        await asyncio.gather(*come[: WORTH_A_GROUP - 1], look(), *come[WORTH_A_GROUP - 1 : -1], look(), come[-1])
        assert seen == [0, 1]

    run(own_server.url, work)


def test_a_connection_that_breaks_fails_every_group_in_flight(own_server: EmbeddedServer) -> None:
    async def work(group: GroupCommit) -> None:
        await group.append(1, [(0, 1, b"before")])
        assert own_server.pid is not None
        os.kill(own_server.pid, signal.SIGSTOP)
        sent = await send_two_groups(group, [(0, 1, b"lost")] * (1 + WORTH_A_GROUP))
        os.kill(own_server.pid, signal.SIGKILL)
        results = await asyncio.gather(*sent, return_exceptions=True)
        assert Counter(map(type, results)) == {QueueUnavailable: len(sent)}
        assert group._pending_bytes == 0
        await asyncio.to_thread(own_server.start)
        await asyncio.sleep(commit.RECONNECT_SECONDS)
        await group.append(1, [(0, 1, b"after")])

    run(own_server.url, work)
    assert entries_of(own_server.url) == Counter([b"before", b"after"])


def test_a_group_that_is_refused_for_want_of_memory_fails_alone(own_server: EmbeddedServer) -> None:
    async def work(group: GroupCommit) -> None:
        await group.append(1, [(0, 1, b"before")])
        assert group._link is not None
        await group._link.call(commit.pack(("CONFIG", "SET", "maxmemory", "1")), 1)
        with held_up(own_server):
            refused = asyncio.create_task(group.append(1, [(0, 1, b"refused"), (1, 1, b"refused")]))
            await until(lambda: in_flight(group) == 1)
            freed = asyncio.create_task(group._link.call(commit.pack(("CONFIG", "SET", "maxmemory", "0")), 1))
            await until(lambda: in_flight(group) == 2)
            taken = [asyncio.create_task(group.append(1, [(0, 1, b"taken")])) for _ in range(WORTH_A_GROUP)]
            await until(lambda: in_flight(group) == 3)
        with pytest.raises(QueueFull):
            await refused
        await asyncio.gather(freed, *taken)

    run(own_server.url, work)
    assert entries_of(own_server.url) == Counter({b"before": 1, b"taken": WORTH_A_GROUP})


def test_groups_in_flight_to_a_closed_partition_go_to_the_next_layout_in_their_order(own_server: EmbeddedServer) -> None:
    after = following(PARTITIONS, 3)
    views = [page("ada", number, NOW - 1000 + number) for number in range(20)]
    entries = [entry for view in views for entry in packed(1, [view], partitions=PARTITIONS)]
    with redis.Redis.from_url(own_server.url) as client:

        async def work(group: GroupCommit) -> None:
            await group.append(1, [(entries[0][0], 0, b"before")])
            queue.close_layout(client, PARTITIONS, after)
            with held_up(own_server):
                sent = await send_two_groups(group, entries[: 1 + WORTH_A_GROUP])
                sent += [asyncio.create_task(group.append(1, [entry])) for entry in entries[len(sent) :]]
            await asyncio.gather(*sent)

        run(own_server.url, work)
        (number,) = [number for number in numbers_of(after) if client.xlen(queue.stream_key(number))]
        stored = [unpack(fields[queue.ENTRY_FIELD]) for _, fields in client.xrange(queue.stream_key(number))]
    assert [event.url for entry in stored for _, event in entry.events] == [view["properties"]["url"] for view in views]
