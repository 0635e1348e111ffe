"""The feed followed with a cursor in a file: killed at random places, nothing is missed and nothing dealt with twice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from scorer.announcing import Change as News
from scorer.announcing import announce
from scorer.outlets.shapes import Change
from tests.factories import NOW, World
from tests.warmtrail.in_process import URL, through
from warmtrail import following
from warmtrail.client import Client
from warmtrail.following import Mark, MarkBroken, follow, load_mark, save_mark
from warmtrail.transport import Answer, Request


class Killed(BaseException):
    """The program ends here."""


@pytest.fixture
def world(migrated_sqlite_url: str) -> World:
    return World(migrated_sqlite_url)


def tell(world: World, count: int) -> None:
    """Let *count* things happen, and one on the other site."""
    with world.database.writing() as connection:
        announce(connection, [News(world.nordwind.id, f"ld_{'a' * 16}", "rose", NOW, {}) for _ in range(count)])
        announce(connection, [News(world.huadong.id, f"ld_{'b' * 16}", "rose", NOW, {})])


def sequences(world: World) -> list[int]:
    with world.database.reading() as connection:
        query = "SELECT sequence FROM lead_changes WHERE site_id = ? ORDER BY sequence"
        return [row[0] for row in connection.exec_driver_sql(query, (world.nordwind.id,))]


class Program:
    """A program that follows the feed, and dies when chance says so."""

    def __init__(self, world: World, path: Path, chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.path, self.chance = world, path, chance
        self.app: FlaskClient = world.client(None)
        self.begun: list[int] = []
        self.done: list[int] = []
        self.dying = True
        monkeypatch.setattr(following, "save_mark", self.save)

    def maybe_die(self) -> None:
        if self.dying and self.chance.random() < 0.1:
            raise Killed

    def send(self, request: Request) -> Answer:
        self.maybe_die()
        if self.chance.random() < 0.2:
            tell(self.world, self.chance.randint(1, 4))
        url = request.url + ("&" if "?" in request.url else "?") + f"limit={self.chance.randint(1, 5)}"
        answer = through(self.app)(Request(request.method, url, request.headers, request.body, request.timeout_seconds))
        self.maybe_die()
        return answer

    def save(self, path: Path, mark: Mark) -> None:
        self.maybe_die()
        save_mark(path, mark)
        self.maybe_die()

    def handle(self, change: Change) -> None:
        self.begun.append(change.sequence)
        self.maybe_die()
        self.done.append(change.sequence)

    def resync(self, client: Client) -> None:
        raise AssertionError("the cursor was good all the time")

    def run(self, requests: int) -> None:
        left = iter(range(requests))
        client = Client(URL, self.world.nordwind.keys["ada"], send=self.send, tries=1)
        follow(client, self.path, self.handle, self.resync, wait_seconds=0, go_on=lambda: next(left, None) is not None)


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_it_misses_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    program, kills = Program(world, tmp_path / "cursor.json", random.Random(seed), monkeypatch), 0
    tell(world, 20)
    for _ in range(15):
        noted = load_mark(program.path).sequence
        before = len(program.begun)
        try:
            program.run(requests=12)
        except Killed:
            kills += 1
        # What was noted never comes again; at most the one change comes again that was under way.
        assert all(sequence > noted for sequence in program.begun[before:])
    program.dying = False
    monkeypatch.setattr(program.chance, "random", lambda: 1.0)  # Nothing more happens.
    program.run(requests=200)
    assert kills > 5
    assert list(dict.fromkeys(program.done)) == sequences(world)
    again = len(program.begun) - len(set(program.begun))
    assert again <= kills


def test_not_killed_each_change_comes_once(world: World, tmp_path: Path) -> None:
    tell(world, 7)
    client = Client(URL, world.nordwind.keys["ada"], send=through(world.client(None)), tries=1)
    seen: list[int] = []
    for _ in range(3):
        left = iter(range(9))
        follow(
            client,
            tmp_path / "cursor",
            lambda change: seen.append(change.sequence),
            lambda _: None,
            wait_seconds=0,
            go_on=lambda left=left: next(left, None) is not None,  # type: ignore[misc]
        )
    assert seen == sequences(world)

    assert not (tmp_path / "cursor.new").exists()


def test_a_cursor_that_is_no_longer_good_starts_again_and_nothing_in_between_is_lost(world: World, tmp_path: Path) -> None:
    path = tmp_path / "cursor"
    theirs = Client(URL, world.huadong.keys["ada"], send=through(world.client(None)))
    save_mark(path, Mark(theirs.changes("now").next_cursor, 99_999))
    tell(world, 3)
    client, seen, resyncs = Client(URL, world.nordwind.keys["ada"], send=through(world.client(None))), [], 0

    def resync(same: Client) -> None:
        nonlocal resyncs
        assert same is client
        resyncs += 1
        if resyncs == 1:
            raise ConnectionError("cut off")
        tell(world, 2)  # while all is being read

    def run() -> None:
        left = iter(range(5))
        go_on = lambda: next(left, None) is not None  # noqa: E731
        follow(client, path, lambda change: seen.append(change.sequence), resync, wait_seconds=0, go_on=go_on)

    with pytest.raises(ConnectionError):
        run()
    assert load_mark(path).sequence == 99_999  # cut off, it begins anew
    run()
    assert resyncs == 2
    assert seen == sequences(world)[3:]


def test_a_file_that_holds_no_mark_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "cursor"
    path.write_text("a diary")
    with pytest.raises(MarkBroken, match="holds no place in a feed"):
        load_mark(path)
    assert path.read_text() == "a diary"
    assert load_mark(tmp_path / "none") == Mark()
