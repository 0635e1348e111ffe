"""The commands around learning, as somebody types them, in both languages."""

from __future__ import annotations

import string
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from scorer import proposals, trainings
from scorer.cli import cli
from scorer.cli.learned_report import report
from scorer.cli.learning_words import WORDS
from scorer.core.learned import Bin, Figure, Suspect
from scorer.learning import job
from scorer.learning.snapshots import Snapshots
from scorer.learning.train import Trained
from scorer.models import scorecards
from scorer.proposals import Shadow
from tests.factories import NOW, World, buyer, passer_by
from tests.learned_samples import JUDGEMENT, learned
from tests.scorer.test_simulating import SHIPPED, with_points
from tracker.db import Database
from tracker.sites import load_sites

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> Run:
    """Run a command on a service with two hot leads and a cold one."""
    monkeypatch.setenv("WARMTRAIL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WARMTRAIL_REDIS_URL", redis_url)
    for module in ("scorer.cli.scorecards", "scorer.cli.learning"):
        monkeypatch.setattr(f"{module}.now_ms", lambda: NOW)
    world = World(f"sqlite:///{tmp_path / 'warmtrail.db'}")
    world.feed([*buyer("a", name="Ada", email="ada@halden.example"), *buyer("b"), *passer_by("c")])
    world.database.close()

    def call(*words: str) -> Result:
        return CliRunner().invoke(cli, ["scorecard", *words, "--site", "nordwind"])

    return call


@pytest.fixture
def taught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that takes no time."""

    def quick(snapshots: Snapshots, body: Any, **options: Any) -> Trained:
        options["progress"](1.0)
        return Trained(with_points("pricing", 33), learned(seed=options["seed"], horizon_days=snapshots.horizon_days))

    monkeypatch.setattr(job, "learn", partial(job.learn, trainer=quick))


def ok(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def listed(run: Run) -> list[tuple[int, str]]:
    return [(one["number"], one["state"]) for one in msgspec.json.decode(ok(run("proposals", "--json")))]


@pytest.mark.usefixtures("taught")
def test_learn_look_and_publish(run: Run) -> None:
    said = ok(run("train", "--horizon-days", "30", "--seed", "7"))
    assert "60 leads won and 240 not" in said
    assert "Ranks better than scorecard 1" in said
    assert "pricing" in said
    assert "Gain in AUC over the current card: 0.100 (0.020 … 0.180)" in said
    assert "Scorecard 2 is proposed." in said
    assert listed(run) == [(2, "proposed")]
    table = ok(run("proposals"))
    assert "better" in table
    judged = ok(run("backtest"))
    assert "last seen" in judged
    assert "Backtest: 120 wins" in judged
    said = ok(run("promote", "2", "--why", "it ranks better"))
    assert said == "Scorecard 2 is current.\n"
    assert listed(run) == [(2, "published")]


@pytest.mark.usefixtures("taught")
def test_trying_keeps_nothing(run: Run) -> None:
    told = msgspec.json.decode(ok(run("train", "--dry-run", "--json", "--seed", "7", "--horizon-days", "30")))
    assert told["proposal"] is None
    assert (told["learned"]["seed"], told["learned"]["horizon_days"]) == (7, 30)
    assert "Nothing was kept." in ok(run("train", "--dry-run"))
    assert msgspec.json.decode(ok(run("backtest", "--anew", "--json")))["wins"] == 120
    assert listed(run) == []
    assert ok(run("proposals")) == "Nothing has been learned on this site yet.\n"


@pytest.mark.usefixtures("taught")
def test_refusing(run: Run) -> None:
    ok(run("train"))
    assert ok(run("refuse", "2", "--why", "too few")) == "Scorecard 2 is refused.\n"
    assert listed(run) == [(2, "refused")]
    assert "waits for a decision" in run("promote", "2", "--why", "x").output
    assert "has no learned scorecard 9" in run("promote", "9", "--why", "x").output
    assert "has no learned scorecard 9" in run("backtest", "--number", "9").output


def test_what_can_t_be_done_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told = run("train")
    assert told.exit_code == 1
    assert "There is nothing to learn from yet" in told.output
    assert "Nothing has been learned on 'nordwind' yet." in run("backtest").output
    monkeypatch.setattr(trainings, "has_extra", lambda: False)
    for words in (["train"], ["backtest", "--anew"]):
        told = run(*words)
        assert told.exit_code == 1
        assert "pip install 'warmtrail[learn]'" in told.output


def test_what_happened_since_is_told(run: Run, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'warmtrail.db'}")
    with database.writing() as connection:
        site = load_sites(connection)[1]
        number = proposals.propose(connection, site, SHIPPED, learned(verdict="advice"), "ada", NOW)
        training = trainings._add(connection, site.id, "ada", NOW)
        assert training is not None
        card_id = connection.execute(select(scorecards.c.id).where(scorecards.c.number == number)).scalar_one()
        shadow = Shadow(NOW, 40, 9, Figure(0.6, 0.5, 0.7), Figure(0.8, 0.7, 0.9))
        trainings.finish(connection, training, card_id, shadow)
    database.close()
    told = ok(run("proposals"))
    assert "Since 2026-11-19, of 40 leads 9 were won: AUC 0.800 (0.700 … 0.900) by the proposal" in told
    assert "仅供参考" in ok(run("proposals", "--lang", "zh"))


def test_all_that_was_found_out_is_in_the_report() -> None:
    judgement = msgspec.structs.replace(JUDGEMENT, bins=(Bin(0.1, 50, 6, 0.05, 0.2),), by_account=JUDGEMENT.by_time)
    some = learned(judgement=judgement, suspects=(Suspect("note", 0.97, 0.98, 0.7),))
    for language in ("en", "zh"):
        parts = list(report(some, language))
        assert len(parts) > 10
    assert any("too little to judge" in str(part) for part in report(learned(judgement=None), "en"))


@pytest.mark.parametrize("name", WORDS)
def test_both_languages_have_the_same_parts(name: str) -> None:
    english, chinese = WORDS[name]

    def parts(text: str) -> list[tuple[str | None, str | None]]:
        return sorted((field, spec) for _, field, spec, _ in string.Formatter().parse(text) if field)

    assert parts(english) == parts(chinese)
    assert english != chinese
