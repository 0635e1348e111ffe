"""A cluster of Valkey nodes on ports of this machine: started, joined, resharded, and its masters killed."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

from tests.service.running import free_port, wait_for
from tracker.embedded import find_server

SLOTS = 16384


@dataclass
class Node:
    """One server. *options* are more of its settings, as on its command line."""

    folder: Path
    options: Sequence[str] = ()
    client_options: dict[str, Any] = field(default_factory=dict)
    host: str = "127.0.0.1"
    port: int = field(default_factory=lambda: free_port())
    prefix: Sequence[str] = ()
    """What its command runs under."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Node:
        """Start it, and return once it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        listening = () if "--tls-port" in self.options else ("--port", str(self.port))
        command = [find_server(), "--bind", self.host, *listening, "--dir", str(self.folder), "--appendonly", "yes"]
        command += ["--save", "", "--logfile", str(self.folder / "log"), "--maxmemory-policy", "noeviction", *self.options]
        self.process = subprocess.Popen([*self.prefix, *command], stdin=subprocess.DEVNULL)
        return self

    def await_answer(self) -> None:
        wait_for(self._answers, 10, f"no answer from {self.host}:{self.port}")

    def client(self) -> redis.Redis:
        return redis.Redis(self.host, self.port, protocol=2, socket_timeout=5, **self.client_options)

    def ask(self, *command: Any) -> Any:
        """The answer as the server gives it: redis-py makes something of its own of some."""
        with self.client() as client:
            connection = client.connection_pool.get_connection()
            try:
                connection.send_command(*command)
                return connection.read_response()
            finally:
                connection.disconnect()

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(self.ask("PING"))
        return False


class ValkeyCluster:
    """Three masters, and a replica for each where *replicas* says so."""

    def __init__(self, folder: Path, *, replicas: bool = True, timeout_ms: int = 500) -> None:
        # The port of the cluster's own bus is not the usual one, ten thousand up, which may be taken.
        self.nodes = []
        for number in range(6 if replicas else 3):
            options = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(timeout_ms))
            options += ("--cluster-port", str(free_port()), "--repl-diskless-sync-delay", "0")
            options += ("--cluster-replica-validity-factor", "0")
            self.nodes.append(Node(folder / f"node-{number}", options))

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"{node.host}:{node.port}" for node in self.nodes[:3])

    def start(self) -> ValkeyCluster:
        """Start the nodes and join them; return once all say that the cluster is well."""
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.await_answer()
        masters, replicas = self.nodes[:3], self.nodes[3:]
        bounds = [0, 5461, 10923, SLOTS]
        for number, node in enumerate(masters):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.ask("CLUSTER", "ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
        first = masters[0]
        for node in self.nodes[1:]:
            bus = node.options[node.options.index("--cluster-port") + 1]
            first.ask("CLUSTER", "MEET", node.host, node.port, bus)
        wait_for(lambda: all(self._known(node) == len(self.nodes) for node in self.nodes), 15, "the nodes don't meet")
        for master, replica in zip(masters, replicas, strict=False):
            replica.ask("CLUSTER", "REPLICATE", self.id_of(master))
        wait_for(lambda: all(self._is_well(node) for node in self.nodes), 15, "the cluster does not get well")
        wait_for(lambda: all(self._follows(node) for node in replicas), 15, "the replicas don't follow")
        return self

    def id_of(self, node: Node) -> str:
        return str(node.ask("CLUSTER", "MYID").decode())

    def master_of(self, key: str) -> Node:
        """The node that serves *key* now."""
        return next(node for node in self._alive() if self._serves(node, key_slot(key.encode())))

    def kill_master_of(self, key: str, seconds: float = 20) -> Node:
        """Kill the master of *key*, and return it once another node serves its place."""
        killed = self.master_of(key)
        killed.kill()
        slot = key_slot(key.encode())
        wait_for(lambda: any(self._serves(node, slot) and self._is_well(node) for node in self._alive()), seconds, "no heir")
        return killed

    def move(self, key: str, pause: float = 0.0) -> None:
        """Move the hash slot of *key* to another master, as ``valkey-cli --cluster reshard`` does.

        Waits for *pause* seconds between the steps, so that clients come upon each state.
        """
        slot = key_slot(key.encode())
        source = self.master_of(key)
        target = next(node for node in self._alive() if node is not source and self._is_master(node))
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(source))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(target))
        time.sleep(pause)
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 10):
            source.ask("MIGRATE", target.host, target.port, "", 0, 5000, "KEYS", *keys)
        time.sleep(pause)
        for node in (target, source, *(one for one in self._alive() if one not in (source, target))):
            if self._is_master(node):
                node.ask("CLUSTER", "SETSLOT", slot, "NODE", self.id_of(target))

    def end(self) -> None:
        for node in self.nodes:
            node.end()

    def __enter__(self) -> ValkeyCluster:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.end()

    def _alive(self) -> Iterator[Node]:
        return (node for node in self.nodes if node.process is not None and node.process.poll() is None)

    def _serves(self, node: Node, slot: int) -> bool:
        for first, last, (_, port, *_), *_ in node.ask("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return bool(port == node.port)
        return False

    def _is_master(self, node: Node) -> bool:
        return bool(node.ask("ROLE")[0] == b"master")

    @staticmethod
    def _follows(node: Node) -> bool:
        told = node.ask("ROLE")
        return bool(told[0] == b"slave" and told[3] == b"connected")

    @staticmethod
    def _known(node: Node) -> int:
        return len(node.ask("CLUSTER", "NODES").splitlines())

    @staticmethod
    def _is_well(node: Node) -> bool:
        return b"cluster_state:ok" in node.ask("CLUSTER", "INFO")
