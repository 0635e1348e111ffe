"""A whole training, from the database to the proposal, in a process of its own: what it takes on a large site.

Some leads go through the drain as they would in life; the others are copies of their rows, which to reading and training is
the same work.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection, Table, func, select, text

from scorer.learning.job import learn
from scorer.models import lead_scores, lead_visitors, leads, outcomes
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND, Event, World, download, engaged, page, track
from tracker.db import Database
from tracker.models import events, visitors, visits
from tracker.sites import find_site

ROOT: Final = Path(__file__).resolve().parent.parent
PATHS: Final = (
    "/",
    "/products/flow-meter",
    "/products/gateway",
    "/pricing",
    "/cases/water",
    "/blog/calibration",
    "/contact",
)
_OF_VISITOR: Final[tuple[tuple[Table, str, tuple[str, ...]], ...]] = (
    (visitors, "id", ("key",)),
    (visits, "visitor_id", ()),
    (events, "visitor_id", ()),
)
_OF_LEAD: Final[tuple[tuple[Table, tuple[str, ...]], ...]] = (
    (leads, ("id",)),
    (lead_scores, ("lead_id",)),
    (outcomes, ("lead_id", "home_id")),
)


class Taken(msgspec.Struct, frozen=True):
    """What a training took."""

    leads: int
    events: int
    snapshots: int
    seconds: float
    megabytes: float
    """At most, of the process."""

    def __str__(self) -> str:
        return f"{self.seconds:,.0f} s, {self.megabytes:,.0f} MB at most, {self.snapshots:,} snapshots"


def measure(through_the_drain: int, copies: int) -> Taken:
    """Return what training takes on ``through_the_drain * copies`` leads of about 50 events each, on SQLite."""
    with tempfile.TemporaryDirectory(prefix="warmtrail-bench-") as folder:
        url = f"sqlite:///{folder}/warmtrail.db"
        world = World(url, made_at=NOW - 400 * DAY)
        chance = random.Random(5)
        for start in range(0, through_the_drain, 100):
            some = [one for number in range(start, min(start + 100, through_the_drain)) for one in _life(number, chance)]
            world.feed(sorted(some, key=lambda one: str(one["timestamp"])))
        for copy in range(1, copies):
            with world.database.writing() as connection:
                _copy(connection, copy)
        world.database.close()
        command = [sys.executable, "-m", "bench.learning_database", url]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return msgspec.json.decode(done.stdout, type=Taken)


def _life(number: int, chance: random.Random) -> list[Event]:
    """About 50 events of a visitor; of twenty, one buys, and has read prices more often than others."""
    who, buys, made = f"p{number}", chance.random() < 0.05, list[Event]()
    at = NOW - chance.randint(5, 300) * DAY
    for visit in range(chance.randint(6, 10)):
        at += chance.randint(6, 200) * HOUR
        for place in range(chance.randint(2, 4)):
            path = "/pricing" if buys and chance.random() < 0.3 else chance.choice(PATHS)
            view, seen = f"{who}-{visit}-{place}", at + place * 5 * MINUTE
            made += [page(who, path, seen, view=view), engaged(who, view, chance.randint(5, 240), seen + 4 * MINUTE)]
        if chance.random() < 0.2:
            made.append(download(who, "sheet.pdf", at + 30 * MINUTE))
    if buys or chance.random() < 0.1:
        made.append(track(who, "Lead Won" if buys else "Lead Lost", at + DAY))
    latest = time.strftime("%Y-%m-%dT%H:%M", time.gmtime((NOW - SECOND) / 1000))
    return [one for one in made if str(one["timestamp"]) < latest]


def _copy(connection: Connection, number: int) -> None:
    """Add the rows of the first leads once more, under other ids."""
    first = connection.execute(select(func.min(visitors.c.id))).scalar_one()
    last = connection.execute(select(func.max(visitors.c.id)).where(~visitors.c.key.contains("+"))).scalar_one()
    original, further = f"BETWEEN {first} AND {last}", number * (last - first + 1)

    def lead(name: str) -> str:
        return f"substr({name}, 1, 16) || '{number:03d}'"

    def put(table: str, columns: list[str], told: dict[str, str], where: str) -> None:
        values = ", ".join(told.get(name, f'"{name}"') for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        connection.execute(text(f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE {where}"))

    for table, key, names in _OF_VISITOR:
        told = {key: f"{key} + {further}"} | {name: f"{name} || '+{number}'" for name in names}
        put(table.name, [column.name for column in table.columns if not column.computed], told, f"{key} {original}")
    mine = f"IN (SELECT lead_id FROM lead_visitors WHERE visitor_id {original})"
    for table, names in _OF_LEAD:
        told = {name: lead(name) for name in names}
        put(table.name, [column.name for column in table.columns], told, f"{names[0]} {mine}")
    told = {"visitor_id": f"visitor_id + {further}", "lead_id": lead("lead_id"), "home_id": lead("home_id")}
    put("lead_visitors", [column.name for column in lead_visitors.columns], told, f"visitor_id {original}")


def _alone(url: str) -> Taken:
    database = Database(url)
    with database.reading() as connection:
        site = find_site(connection, "nordwind")
        counted = [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (leads, events)]
    assert site is not None
    started = time.perf_counter()
    taught = learn(database, site, NOW)
    seconds = time.perf_counter() - started
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Taken(counted[0], counted[1], len(taught.snapshots), seconds, kilobytes / 1024)


if __name__ == "__main__":
    print(msgspec.json.encode(_alone(sys.argv[1])).decode())
