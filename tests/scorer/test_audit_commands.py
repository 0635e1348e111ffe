"""warmtrail audit --verify, --expect and --export."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from scorer.audit_checking import head_of
from scorer.auditing import note
from scorer.cli import cli
from scorer.forgetting import _silence_log
from tests.factories import NOW, World

Run = Callable[..., Result]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two sites; something was done three times on the first."""
    made = World(f"sqlite:///{tmp_path / 'warmtrail.db'}")
    with made.database.writing() as connection:
        for number in range(3):
            note(connection, made.nordwind.id, "ada", "exclude", f"ld_{number}", "[red]why", {}, NOW)
    yield made
    made.database.close()


@pytest.fixture
def run(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> Run:
    """Run the command."""
    for name, value in {"DATA_DIR": str(tmp_path), "REDIS_URL": redis_url}.items():
        monkeypatch.setenv(f"WARMTRAIL_{name}", value)
    return lambda *words: CliRunner().invoke(cli, ["audit", *words])


def head(world: World) -> str:
    """The last line of the first site's log, as it is logged once a day."""
    with world.database.reading() as connection:
        found = head_of(connection, world.nordwind.id)
    return f"{found.number}:{found.chain.hex()}"


def change(world: World, statement: str) -> None:
    with world.database.writing() as connection:
        connection.execute(text(statement))


def test_all_sites_are_verified_and_each_is_told_of(world: World, run: Run) -> None:
    with world.database.writing() as connection:
        _silence_log(connection, [world.nordwind.id], ["ld_1"])
    told = run("--verify")
    intact = f"nordwind: chain intact, 3 lines, 1 of them without their words. Head: {head(world)}\n"
    assert (told.exit_code, told.stdout) == (0, f"{intact}huadong: Nothing was done by hand yet.\n")
    assert run("--verify", "--site", "nordwind").stdout == intact
    assert "哈希链完整，共 3 行，其中 1 行已清空内容。" in run("--verify", "--lang", "zh").stdout
    assert "(taken out: the person is forgotten)" in run("--site", "nordwind").stdout


def test_a_break_is_named_and_the_exit_code_says_so(world: World, run: Run) -> None:
    change(world, "DELETE FROM audit WHERE number = 2")
    told = run("--verify")
    assert (told.exit_code, told.stdout.splitlines()[0]) == (1, "nordwind: line 2 is missing.")
    assert "nordwind: 缺少第 2 行。" in run("--verify", "--lang", "zh").stdout
    found = msgspec.json.decode(run("--verify", "--json").stdout)
    assert [(one["site"], one["lines"], one["broken"]) for one in found] == [
        ("nordwind", 3, {"number": 2, "fault": "missing"}),
        ("huadong", 0, None),
    ]
    assert run("--verify", "--site", "huadong").exit_code == 0


def test_a_line_that_was_noted_elsewhere_must_be_there_still(world: World, run: Run) -> None:
    noted = head(world)
    assert run("--verify", "--site", "nordwind", "--expect", noted).exit_code == 0
    change(world, "DELETE FROM audit WHERE number = 3")
    change(world, "UPDATE audit_heads SET number = 2, chain = (SELECT chain FROM audit WHERE number = 2)")
    assert run("--verify").exit_code == 0
    told = run("--verify", "--site", "nordwind", "--expect", noted)
    assert (told.exit_code, told.stdout) == (1, "nordwind: line 3 is missing.\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--verify", "--expect", "3:abc", "--site", "nordwind"], "takes a line's number"),
        (["--verify", "--expect", "0:" + "a" * 64, "--site", "nordwind"], "takes a line's number"),
        (["--verify", "--expect", "3:" + "a" * 64], "Say which site with --site"),
        (["--expect", "3:" + "a" * 64], "--expect goes with --verify"),
        (["--verify", "--export", "x"], "Either --verify or --export"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, words: list[str], says: str) -> None:
    told = run(*words)
    assert (told.exit_code, says in told.stderr) == (2, True)


def test_the_whole_log_is_written_to_a_file_that_is_nobody_elses(world: World, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("longer than what comes " * 500)
    path.chmod(0o644)
    with world.database.writing() as connection:
        note(connection, world.huadong.id, "ben", "claim", "ld_x", "", {}, NOW)
    told = run("--export", str(path))
    assert (told.exit_code, told.stdout) == (0, f"4 lines written to {path}.\n")
    assert path.stat().st_mode & 0o777 == 0o600
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    assert [(one["site"], one["number"], one["actor"]) for one in lines] == [
        *((world.nordwind.id, number, "ada") for number in (1, 2, 3)),
        (world.huadong.id, 1, "ben"),
    ]
    assert f"{lines[2]['number']}:{lines[2]['chain']}" == head(world)
    assert run("--export", str(path), "--site", "huadong").stdout == f"1 lines written to {path}.\n"
    refused = run("--export", str(tmp_path / "no" / "folder"))
    assert (refused.exit_code, "can't be written to: No such file or directory." in refused.stderr) == (2, True)
