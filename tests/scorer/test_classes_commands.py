"""Classes and groups on the command line, in both languages."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scorer.cli import cli
from tests.factories import World
from tests.scorer.test_classes_labelling import PEOPLE, reader

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def redis_url(redis_server: object) -> str:
    """URL of a Valkey that the module keeps to itself."""
    return str(redis_server.start())  # type: ignore[attr-defined]


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    made = World(migrated_sqlite_url)
    made.feed([event for number in range(PEOPLE) for event in reader(number)])
    yield made
    made.database.close()


@pytest.fixture
def run(world: World, tmp_path: Path, redis_url: str) -> Run:
    environment = {
        "WARMTRAIL_DATA_DIR": str(tmp_path),
        "WARMTRAIL_REDIS_URL": redis_url,
        "WARMTRAIL_DATABASE_URL": world.database.url,
    }

    def call(*words: str) -> Result:
        return CliRunner().invoke(cli, words, env=environment)

    return call


def table(world: World) -> str:
    rows = [f"reader-{number}@reader-{number}.example,{'Pumps' if number % 2 else 'Valves'}" for number in range(PEOPLE - 2)]
    return "\n".join(["email,label", *rows, "nobody@nowhere.example,Pumps"])


def test_from_a_table_to_what_was_learned(world: World, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "crm.csv"
    file.write_text(table(world), encoding="utf-8")
    done = run("classes", "import", str(file), "--site", "nordwind", "--scheme", "Line", "--by", "ben")
    assert done.exit_code == 0, done.output
    assert "23 rows: 22 labels changed, 1 rows refused." in done.output
    assert "line 24: There is no lead 'nobody@nowhere.example'." in done.output
    assert "not been learned yet" in run("classes", "list", "--site", "nordwind").output
    trained = run("classes", "train", "--site", "nordwind")
    assert trained.exit_code == 0, trained.output
    assert "Learned from 22 labelled leads" in " ".join(trained.output.split())
    (scheme,) = json.loads(run("classes", "list", "--site", "nordwind", "--json").output)
    assert [(one["people"], one["learned"]) for one in scheme["labels"]] == [(11, 1), (11, 1)]
    chinese = run("classes", "list", "--site", "nordwind", "--lang", "zh").output
    assert "人工" in chinese
    assert "学习自 22 条" in chinese


def test_a_lead_is_labelled_and_the_label_taken_back(world: World, run: Run) -> None:
    lead = world.nordwind.lead("reader-0")
    assert run("classes", "label", lead, "Line", "Pumps").output == f"{lead} is Pumps in Line.\n"
    assert "is Pumps" not in run("classes", "label", lead, "Line", "--none", "--lang", "zh").output
    assert "No lead has a label yet" in run("classes", "list", "--site", "nordwind").output


REFUSED = {
    "neither": (["label", "LEAD", "Line"], "Say either a label or --none."),
    "both": (["label", "LEAD", "Line", "Pumps", "--none"], "Say either a label or --none."),
    "no such lead": (["label", "ld_x", "Line", "Pumps"], "There is no lead 'ld_x'."),
    "no name": (["label", "LEAD", " ", "Pumps"], "1 to 60 printable characters"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused(world: World, run: Run, name: str) -> None:
    words, why = REFUSED[name]
    done = run("classes", *(world.nordwind.lead("reader-0") if word == "LEAD" else word for word in words))
    assert done.exit_code != 0
    assert why in done.output


def test_groups_are_looked_for(run: Run) -> None:
    assert "Nobody has looked for groups yet" in run("groups", "list", "--site", "nordwind").output
    assert run("groups", "list", "--site", "nordwind", "--json").output == "null\n"
    made = run("groups", "make", "--site", "nordwind")
    assert made.exit_code == 0, made.output
    assert "there are 24" in made.output
    assert json.loads(run("groups", "list", "--site", "nordwind", "--json").output)["verdict"] == "too_few"


def test_without_scikit_learn_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scorer.learning.classes_job", None)
    done = run("classes", "train", "--site", "nordwind", "--lang", "zh")
    assert done.exit_code == 1
    assert "pip install 'warmtrail[learn]'" in done.output
