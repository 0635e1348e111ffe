"""The feed loses nothing and repeats nothing that was acknowledged, whoever writes at once and whenever its reader dies."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from scorer.announcing import Change, announce
from tests.factories import NOW, World

WRITERS, TRANSACTIONS = 20, 8


class Killed(Exception):
    """The reader's process is gone, with what it hadn't acknowledged."""


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.database.close()


def write(world: World, number: int, committed: list[str]) -> None:
    """Commit transactions of one to three changes, each after a time of its own; some are given up at the last moment."""
    chance = random.Random(number)
    for turn in range(TRANSACTIONS):
        names = [f"{number}-{turn}-{place}" for place in range(chance.randint(1, 3))]
        news = [Change(world.nordwind.id, "ld_of_nobody", "noted", NOW, {"name": name}) for name in names]
        gives_up = chance.random() < 0.2
        try:
            with world.database.writing() as connection:
                time.sleep(chance.random() * 0.004)
                announce(connection, news)
                time.sleep(chance.random() * 0.002)
                if gives_up:
                    raise Killed
        except Killed:
            continue
        committed += names


def read(world: World, done: threading.Event) -> tuple[list[tuple[int, str]], int]:
    """Read the feed page by page until the writers are done and it is at its end, dying at random moments; return what
    was acknowledged, in order, and how often it died."""
    chance, client = random.Random(99), world.client(api_rate="1000000,1")
    acknowledged: list[tuple[int, str]] = []
    cursor, deaths = "", 0
    while True:
        was_done = done.is_set()
        try:
            page: Any = client.get(f"/api/v1/changes?limit={chance.randint(1, 9)}{cursor}").get_json()
            if chance.random() < 0.2:
                raise Killed
            handled = [(one["sequence"], one["detail"]["name"]) for one in page["data"]]
            if chance.random() < 0.2:
                raise Killed
        except Killed:
            deaths += 1
            continue
        acknowledged += handled
        cursor = f"&cursor={page['next_cursor']}"
        if was_done and not handled:
            return acknowledged, deaths


def test_twenty_writers_and_a_reader_that_is_killed_again_and_again(world: World) -> None:
    committed: list[str] = []
    done = threading.Event()
    with ThreadPoolExecutor(WRITERS + 1) as threads:
        reader = threads.submit(read, world, done)
        for writer in [threads.submit(write, world, number, committed) for number in range(WRITERS)]:
            writer.result()
        done.set()
        acknowledged, deaths = reader.result(timeout=30)
    numbers = [sequence for sequence, _ in acknowledged]
    assert numbers == list(range(1, len(committed) + 1))
    assert sorted(name for _, name in acknowledged) == sorted(committed)
    assert deaths > 5


def test_a_change_that_is_numbered_first_is_seen_first(database_url: str) -> None:
    """What makes the feed complete: nobody can read past a change that isn't committed yet."""
    world = World(database_url)
    numbered, go = threading.Event(), threading.Event()

    def slow() -> None:
        with world.database.writing() as connection:
            announce(connection, [Change(world.nordwind.id, "ld_first", "noted", NOW, {})])
            numbered.set()
            go.wait(10)

    def quick() -> None:
        with world.database.writing() as connection:
            announce(connection, [Change(world.nordwind.id, "ld_second", "noted", NOW, {})])

    threads = [threading.Thread(target=slow), threading.Thread(target=quick)]
    threads[0].start()
    numbered.wait(10)
    threads[1].start()
    threads[1].join(0.1)
    assert world.client().get("/api/v1/changes").get_json()["data"] == []
    go.set()
    for thread in threads:
        thread.join()
    data = world.client().get("/api/v1/changes").get_json()["data"]
    assert [one["lead_id"] for one in data] == ["ld_first", "ld_second"]
    world.database.close()
