"""A campaign: an installation under traffic is broken again and again by chance, mended, and looked at."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import psycopg
import redis

from tests.chaos.checks import check, check_all, outlets_are_done, settle
from tests.chaos.faults import KINDS, Kind
from tests.chaos.world import World, made
from tests.service.running import wait_for

TOGETHER = (1, 2, 2, 3, 3, 4)
"""How many faults happen at once, each as likely."""
AT_ONCE = 4
"""The same, of kinds that are named."""
LEASE_SECONDS = 75.0
"""After which a message to a webhook is sent again whose sender was killed, and a bit."""


@dataclass
class Report:
    """What was done in a campaign, and what was found."""

    database: str
    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    recoveries: list[tuple[float, str]] = field(default_factory=list)
    """Seconds from the mending until all was processed and right, and what had been broken."""
    restarts: dict[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """The report in Markdown."""
        longest, by = max(self.recoveries, default=(0.0, "nothing"))
        ordered = sorted(seconds for seconds, _ in self.recoveries) or [0.0]
        lines = [
            f"## {sum(self.faults.values())} faults on {self.database}, seed {self.seed}",
            "",
            f"{self.rounds} rounds in {self.seconds / 60:.1f} minutes. Until all was processed after the mending: median "
            f"{ordered[len(ordered) // 2]:.1f} s, longest {longest:.1f} s ({by}).",
            "",
            "| what | how many |",
            "|---|---|",
            *(f"| {name} | {count:,} |" for name, count in self.counts.items()),
            *(f"| starts of {name} | {count:,} |" for name, count in self.restarts.items()),
            "",
            "| fault | times |",
            "|---|---|",
            *(f"| {name} | {count} |" for name, count in sorted(self.faults.items())),
        ]
        return "\n".join(lines) + "\n"


def run(
    database: str,
    faults: int,
    seed: int,
    *,
    minutes: float = 1e9,
    kinds: Sequence[str] = (),
    say: Callable[[str], object] = print,
    wait_for_outlets: bool = True,
) -> Report:
    """Break an installation on *database* *faults* times and return the report; fail with what doesn't hold.

    *seed* decides which faults come when, how long they last, and what is sent; how it all interleaves is the machine's.
    *kinds*: only these, each once, in an order drawn by the seed, ``AT_ONCE`` of them at once.
    """
    report = Report(database, seed)
    chance, looks = random.Random(seed), random.Random(seed)  # What is looked at must not move what is done.
    started = time.monotonic()
    with made(database, seed) as world:
        for together in _plan(world, kinds, chance):
            if sum(report.faults.values()) >= faults or time.monotonic() - started > minutes * 60:
                break
            seconds, done = _round(world, together, chance, looks)
            report.rounds += 1
            report.faults.update(done)
            names = " + ".join(sorted(done))
            report.recoveries.append((seconds, names))
            say(f"{sum(report.faults.values()):4d}  {seconds:5.1f} s  {len(world.traffic.kept):7,d} events  {names}")
        world.traffic.pause()
        settle(world)
        world.insist(world.follower.catch_up)
        if wait_for_outlets:
            wait_for(lambda: outlets_are_done(world), LEASE_SECONDS, "webhooks have not been told", 0.2)
        check(world, looks)
        found = _check_all(world)
        traffic = world.traffic
        report.counts = {
            "requests": traffic.requests,
            "of them sent again": traffic.retries,
            "events acknowledged (repetitions counted)": traffic.acknowledged,
            "different events": len(traffic.kept) + len(traffic.refused),
            "lost": 0,
            "stored twice": 0,
            **found,
        }
        units = [*world.roles.values(), world.valkey, *([world.postgres] if world.postgres else [])]
        report.restarts = {unit.name: unit.starts for unit in units}
    report.seconds = time.monotonic() - started
    return report


def _check_all(world: World) -> dict[str, int]:
    """Look at everything; once more where cron's jobs have changed something in between."""
    world.insist(world.follower.catch_up)
    try:
        return check_all(world)
    except AssertionError:
        time.sleep(2)
        world.insist(world.follower.catch_up)
        return check_all(world)


def _plan(world: World, kinds: Sequence[str], chance: random.Random) -> Iterator[list[Kind]]:
    """Yield what is broken together, round for round: without end unless *kinds* are named."""
    possible = [kind for kind in KINDS if kind.possible(world)]
    if kinds:
        chosen = [kind for kind in possible if kind.name in kinds]
        chance.shuffle(chosen)
        yield from (chosen[at : at + AT_ONCE] for at in range(0, len(chosen), AT_ONCE))
        return
    while True:
        first = chance.choices(possible, [kind.weight for kind in possible])[0]
        others = [kind for kind in possible if not kind.alone and kind is not first]
        yield [first, *chance.sample(others, 0 if first.alone else chance.choice(TOGETHER) - 1)]


def _round(world: World, together: Sequence[Kind], chance: random.Random, looks: random.Random) -> tuple[float, list[str]]:
    """Break *together* at once, mend it, and see that all is right; return how long that took after the mending, and what
    could be broken."""
    time.sleep(chance.uniform(0.1, 0.4))
    troubles: list[BaseException] = []
    done: list[str] = []
    chances = [random.Random(chance.random()) for _ in together]

    def act(kind: Kind, own: random.Random) -> None:
        try:
            kind.act(world, own)
            done.append(kind.name)
        except (redis.RedisError, psycopg.Error, sqlite3.Error, ProcessLookupError):
            pass  # It could not be done for what else was broken, and doesn't count.
        except BaseException as error:
            troubles.append(error)

    threads = [(kind, threading.Thread(target=act, args=(kind, own))) for kind, own in zip(together, chances, strict=True)]
    for _, thread in threads:
        thread.start()
    for kind, thread in threads:
        if not kind.sends:
            thread.join()
    mended = time.monotonic()
    world.heal()
    for _, thread in threads:
        thread.join()
    if troubles:
        raise troubles[0]
    world.traffic.pause()
    settle(world)
    seconds = time.monotonic() - mended
    world.insist(lambda: check(world, looks))
    world.traffic.resume()
    return seconds, done
