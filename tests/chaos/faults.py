"""The ways in which an installation is broken. Each does its harm for a moment and returns; ``World.heal`` mends it."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.world import ROLES, World

Act = Callable[[World, random.Random], None]


@dataclass(frozen=True)
class Kind:
    """A kind of fault: what it does, how often it is drawn, and where it can be."""

    name: str
    act: Act
    weight: int = 2
    alone: bool = False
    """Whether nothing else may be broken at the same time."""
    sends: bool = False
    """Whether it ends only when the service works, so that it can't be waited for before what else is broken is mended."""
    possible: Callable[[World], bool] = lambda _: True


def _moment(chance: random.Random, longest: float = 1.5) -> None:
    time.sleep(chance.uniform(0.2, longest))


def _kill(role: str) -> Act:
    return lambda world, _: world.roles[role].kill()


def _stop(role: str) -> Act:
    def act(world: World, chance: random.Random) -> None:
        world.roles[role].signal(signal.SIGSTOP)
        _moment(chance, 3.5 if role == "collector" else 2.0)

    return act


def _kill_queue(world: World, _: random.Random) -> None:
    world.valkey.kill()


def _stop_queue(world: World, chance: random.Random) -> None:
    world.valkey.signal(signal.SIGSTOP)
    _moment(chance, 2.5)
    world.valkey.signal(signal.SIGCONT)


def _kill_database(world: World, _: random.Random) -> None:
    assert world.postgres is not None
    world.postgres.kill()


def _kill_backend(world: World, chance: random.Random) -> None:
    assert world.postgres is not None
    if some := world.postgres.children():
        os.kill(chance.choice(some), signal.SIGKILL)


def _stop_database(world: World, chance: random.Random) -> None:
    assert world.postgres is not None
    world.postgres.signal(signal.SIGSTOP)
    _moment(chance, 2.5)
    world.postgres.signal(signal.SIGCONT)


def _kill_all(world: World, chance: random.Random) -> None:
    units = [*world.roles.values(), world.valkey, *([world.postgres] if world.postgres else [])]
    for unit in units:
        unit.wanted = False
    for unit in units:
        unit.kill()
    _tear(world, chance)


def _out_of_memory(world: World, chance: random.Random) -> None:
    def lower() -> None:
        used = int(world.resources.control.info("memory")["used_memory"])
        world.resources.control.config_set("maxmemory", int(used * chance.choice((0.5, 1.0, 1.1))))

    world.insist(lower, 3)
    _moment(chance, 2.0)


def _fill_queue_disk(world: World, chance: random.Random) -> None:
    world.queue_disk.fill()
    _moment(chance)


def _fill_data_disk(world: World, chance: random.Random) -> None:
    world.data_disk.fill()
    _moment(chance)


def _read_only(world: World, chance: random.Random) -> None:
    world.set_read_only(True)
    if not world.postgres:
        # Who has the file open already may go on writing.
        world.roles[chance.choice([*ROLES])].kill()
        world.roles["worker-0"].kill()
    _moment(chance, 2.5)


def _lock_database(world: World, chance: random.Random) -> None:
    connection = sqlite3.connect(world.data_dir / "warmtrail.db", timeout=10, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        _moment(chance, 2.0)
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def _slow_database(world: World, chance: random.Random) -> None:
    assert world.database_proxy is not None
    world.database_proxy.delay_seconds = chance.uniform(0.02, 0.2)
    _moment(chance, 2.0)


def _drop(name: str) -> Act:
    def act(world: World, _: random.Random) -> None:
        getattr(world, name).drop()

    return act


def _refuse(name: str) -> Act:
    def act(world: World, chance: random.Random) -> None:
        proxy = getattr(world, name)
        proxy.refusing = True
        proxy.drop()
        _moment(chance)

    return act


def _delay(name: str) -> Act:
    def act(world: World, chance: random.Random) -> None:
        getattr(world, name).delay_seconds = chance.uniform(0.02, 0.3)
        _moment(chance, 2.0)

    return act


def _hold(name: str) -> Act:
    def act(world: World, chance: random.Random) -> None:
        proxy = getattr(world, name)
        proxy.holding = True
        _moment(chance, 2.5)
        if chance.random() < 0.5:
            proxy.drop()

    return act


def _cut(name: str) -> Act:
    def act(world: World, chance: random.Random) -> None:
        for _ in range(5):
            getattr(world, name).cut_after = chance.randrange(4000)
            _moment(chance, 0.3)

    return act


def _turn_clock(world: World, chance: random.Random) -> None:
    role = chance.choice([*ROLES])
    world.set_clock(role, chance.choice((-3600, 3600)))
    _moment(chance, 2.5)


def _torn_tail(world: World, chance: random.Random) -> None:
    world.valkey.wanted = False
    world.valkey.kill()
    _tear(world, chance)


def _tear(world: World, chance: random.Random) -> None:
    """Leave what a write leaves in the append-only file that the server did not live to end, nor to acknowledge."""
    half = b"*1\r\n$5\r\nMULTI\r\n*5\r\n$4\r\nXADD\r\n$20\r\nwarmtrail:{events:3}\r\n$3\r\n0-1\r\n$1\r\ne\r\n$4\r\nhalf\r\n"
    files = sorted((world.queue_disk.folder / "appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_mtime)
    with files[-1].open("ab") as tail:
        tail.write(half[: chance.randrange(1, len(half))])


def _cut_tail(world: World, chance: random.Random) -> None:
    """Lose the end of the queue, as a machine does that dies before the disk had it; then it was not acknowledged either,
    so its senders send it again."""
    world.traffic.pause()
    workers = [world.roles["worker-0"], world.roles["worker-1"]]
    for worker in workers:
        worker.stop()
    folder = world.queue_disk.folder / "appendonlydir"
    before = {path: path.stat().st_size for path in folder.glob("*.incr.aof")}
    batches = [world.traffic.next_batch() for _ in range(15)]
    for batch in batches:
        world.traffic.send(batch, counted=False)
    world.valkey.stop()
    for path in folder.glob("*.incr.aof"):
        size = path.stat().st_size
        if size > before.get(path, 0):
            os.truncate(path, chance.randrange(before.get(path, 0), size))
    world.valkey.start()
    for worker in workers:
        worker.start()
    for batch in batches:
        world.traffic.send(batch)
    world.traffic.resume()


def _repeat(world: World, chance: random.Random) -> None:
    again = list(world.traffic.recent)[-25:]
    chance.shuffle(again)
    for batch in again:
        world.traffic.send(batch)


def _reorder(world: World, chance: random.Random) -> None:
    held = [world.traffic.next_batch() for _ in range(20)]
    for batch in reversed(held):
        chance.shuffle(batch.events)
        world.traffic.send(batch)


def _on_postgres(world: World) -> bool:
    return world.postgres is not None


def _on_sqlite(world: World) -> bool:
    return world.postgres is None


KINDS = (
    *(Kind(f"kill -9 {role}", _kill(role), weight=3) for role in ROLES),
    *(Kind(f"SIGSTOP {role}", _stop(role)) for role in ROLES),
    Kind("kill -9 Valkey", _kill_queue, weight=5),
    Kind("SIGSTOP Valkey", _stop_queue, weight=3),
    Kind("kill -9 PostgreSQL", _kill_database, weight=4, possible=_on_postgres),
    Kind("kill -9 one PostgreSQL process", _kill_backend, weight=3, possible=_on_postgres),
    Kind("SIGSTOP PostgreSQL", _stop_database, weight=3, possible=_on_postgres),
    Kind("kill -9 everything at once", _kill_all, weight=1, alone=True),
    Kind("Redis out of memory", _out_of_memory, weight=3),
    Kind("queue's disk full", _fill_queue_disk, weight=3, possible=lambda world: world.queue_disk.is_small),
    Kind("database's disk full", _fill_data_disk, weight=3, possible=lambda world: world.data_disk.is_small),
    Kind("database read-only", _read_only, weight=3),
    Kind("database locked by another", _lock_database, weight=3, possible=_on_sqlite),
    Kind("slow database", _slow_database, weight=3, possible=_on_postgres),
    *(
        Kind(f"connections of the {'queue' if which == 'queue_proxy' else 'database'} {what}", make(which), possible=where)
        for which, where in (("queue_proxy", lambda _: True), ("database_proxy", _on_postgres))
        for what, make in (
            ("dropped", _drop),
            ("refused", _refuse),
            ("delayed", _delay),
            ("held", _hold),
            ("cut in the middle", _cut),
        )
    ),
    Kind("clock jumps by an hour", _turn_clock, weight=5, possible=lambda world: world.clock_library is not None),
    Kind("torn tail of the append-only file", _torn_tail, weight=3),
    Kind("truncated tail of the append-only file", _cut_tail, weight=3, alone=True),
    Kind("duplicated batches", _repeat, sends=True),
    Kind("reordered batches", _reorder, sends=True),
)
