"""URLs of servers, clusters and sentinels, and what is behind them: with passwords and TLS, across network namespaces."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from rq import Queue

from scorer.rate_limits import RateLimits
from tests import tls_front
from tests.authority import make_certificates
from tests.service.running import free_port, wait_for
from tests.valkey_cluster import Node
from tracker import queue
from tracker.cluster_commit import open_commit
from tracker.commit import QueueUnavailable
from tracker.embedded import find_server
from tracker.endpoints import hurried, read_endpoint
from tracker.settings import SettingError, read_settings

HERE, THERE = "10.213.77.1", "10.213.77.2"
BESIDE = "127.0.0.3"
"""Instead of THERE where no network namespace can be made."""


def test_urls_are_read() -> None:
    several = read_endpoint("rediss+cluster://me:p%40ss@one,two:7001,[::1]:7002?ssl_ca_certs=/ca.pem")
    assert (several.kind, several.tls, several.service) == ("cluster", True, "")
    assert several.nodes == [("one", 6379), ("two", 7001), ("::1", 7002)]
    assert several.options == {"username": "me", "password": "p@ss", "ssl_ca_certs": "/ca.pem"}
    watched = read_endpoint("redis+sentinel://:secret@one,two:26380/primary/2?sentinel_password=other")
    assert (watched.kind, watched.tls, watched.service) == ("sentinel", False, "primary")
    assert watched.nodes == [("one", 26379), ("two", 26380)]
    assert watched.server_options == {"password": "secret", "db": 2}
    assert watched.sentinel_options == {"password": "other"}
    assert read_endpoint("redis://one/3").nodes == [("one", 6379)]
    assert read_endpoint("unix:///run/v.sock").nodes == []


@pytest.mark.parametrize(
    ("name", "url", "complaint"),
    [
        ("REDIS_URL", "redis+cluster://one:7000", "must be a redis://"),
        ("REDIS_URL", "redis+sentinel://one", "names the master"),
        ("STREAM_URL", "redis+cluster://:7000", "a host is missing"),
        ("STREAM_URL", "redis+cluster://one/primary", "a cluster has no path"),
        ("STREAM_URL", "rediss://:hidden@one?ssl_ca_certs=/no/such/file", "can't be used: .*No such file"),
    ],
)
def test_a_wrong_url_is_named_without_its_password(name: str, url: str, complaint: str) -> None:
    with pytest.raises(SettingError, match=f"WARMTRAIL_{name}.*{complaint}") as raised:
        read_settings({f"WARMTRAIL_{name}": url})
    assert "hidden" not in str(raised.value)


@pytest.fixture(scope="module")
def other_machine() -> Iterator[tuple[list[str], str]]:
    """What a command runs under to be on a machine of its own, of which only the network is another; and its address."""
    name = f"wt{free_port()}"
    commands = [
        f"ip netns add {name}",
        f"ip link add {name}a type veth peer name {name}b netns {name}",
        f"ip addr add {HERE}/30 dev {name}a",
        f"ip link set {name}a up",
        f"ip -n {name} addr add {THERE}/30 dev {name}b",
        f"ip -n {name} link set {name}b up",
        f"ip -n {name} link set lo up",
    ]
    if shutil.which("ip") is None:
        yield [], BESIDE
        return
    # A run that was killed leaves its own behind, which would be given what is sent to the address.
    told = subprocess.run(["ip", "-o", "addr", "show", "to", HERE], capture_output=True, text=True).stdout
    for line in told.splitlines():
        left = line.split()[1].partition("@")[0]
        subprocess.run(["ip", "link", "del", left], capture_output=True)
        subprocess.run(["ip", "netns", "del", left.removesuffix("a")], capture_output=True)
    try:
        for command in commands:
            done = subprocess.run(command.split(), capture_output=True, text=True)
            if done.returncode:
                yield [], BESIDE
                return
        yield ["ip", "netns", "exec", name], THERE
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
        subprocess.run(["ip", "link", "del", f"{name}a"], capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See ``make_certificates``; for both addresses."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder, (THERE, BESIDE))
    return folder


def append(url: str, replicas: int = 0) -> None:
    """Append one entry as a collector does."""

    async def whole() -> None:
        commit = open_commit(url, replicas)
        try:
            await commit.append(7, [(0, 1, b"entry")])
        finally:
            await commit.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, whole()).result()


def test_another_machines_server_is_spoken_to_with_tls_and_a_password(
    other_machine: tuple[list[str], str], certificates: Path, tmp_path: Path
) -> None:
    prefix, host = other_machine
    node = Node(tmp_path, ["--requirepass", "secret"], {"password": "secret"}, host, prefix=prefix).start()
    port = free_port()
    files = [str(certificates / "server.pem"), str(certificates / "server.key")]
    front = [*prefix, sys.executable, str(Path(tls_front.__file__)), *files, host, str(port), str(node.port)]
    in_front = subprocess.Popen(front, stdin=subprocess.DEVNULL)
    try:
        node.await_answer()
        url = f"rediss://:secret@{host}:{port}?ssl_ca_certs={certificates}/ca.pem"
        client = queue.connect(url)
        wait_for(lambda: answers(client), 10, "no answer behind TLS")
        append(url)
        assert queue.count_entries(client, [0]) == 1
        strangers = url.replace("ca.pem", "other-ca.pem")
        for wrong in (strangers, url.replace("secret", "guessed"), f"redis://:secret@{host}:{port}"):
            with pytest.raises(QueueUnavailable):
                append(wrong)
            with pytest.raises(redis.RedisError):
                queue.count_entries(queue.connect(wrong), [0])
    finally:
        in_front.kill()
        in_front.wait()
        node.end()


def answers(client: redis.Redis) -> bool:
    with suppress(redis.RedisError):
        return bool(client.ping())
    return False


def test_sentinel_names_the_master_before_and_after_it_dies(tmp_path: Path) -> None:
    master = Node(tmp_path / "master").start()
    master.await_answer()
    replica = Node(
        tmp_path / "replica", ("--replicaof", f"127.0.0.1 {master.port}", "--repl-diskless-sync-delay", "0")
    ).start()
    watcher_port = free_port()
    settings = tmp_path / "sentinel.conf"
    settings.write_text(
        f"port {watcher_port}\ndir {tmp_path}\nsentinel monitor primary 127.0.0.1 {master.port} 1\n"
        "sentinel down-after-milliseconds primary 300\nsentinel failover-timeout primary 2000\n"
    )
    command = [find_server(), str(settings), "--sentinel"]
    watcher = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    url = f"redis+sentinel://127.0.0.1:{watcher_port}/primary"
    try:
        replica.await_answer()
        wait_for(lambda: replica.ask("ROLE")[3] == b"connected", 10, "the replica does not follow")
        with redis.Redis("127.0.0.1", watcher_port, protocol=2) as asked:
            wait_for(lambda: asked.sentinel_slaves("primary"), 15, "the replica is not seen")  # type: ignore[no-untyped-call]
        append(url, replicas=1)
        with pytest.raises(QueueUnavailable, match="1 of 2 replicas"):
            append(url, replicas=2)
        client = queue.connect(url)
        assert queue.wake(client, 0, "no.such.job") is True
        master.kill()

        def answered() -> bool:
            try:
                append(url)
            except QueueUnavailable:
                return False
            return True

        wait_for(answered, 20, "no heir")
        assert queue.count_entries(client, [0]) == 3
        assert queue.count_entries(hurried(client, 1.0), [0]) == 3
        assert RateLimits(3, 1, url).count("key", "read").remaining == 2
        assert Queue("drain-0", connection=client).count == 1
        assert client.get(queue.slot_key(0)) == queue.QUEUED
    finally:
        watcher.kill()
        watcher.wait()
        for node in (master, replica):
            node.end()
