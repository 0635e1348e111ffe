"""The commands around scorecards, as somebody types them, in both languages."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from scorer import jobs
from scorer.cli import cli
from scorer.cli.scorecard_words import WORDS, word
from scorer.core.exclusions import DEFAULT_EXCLUSIONS
from scorer.core.next_steps import DEFAULT_NEXT_STEPS
from scorer.schedule import TIMETABLE
from tests.factories import NOW, World, buyer, passer_by
from tests.scorer.test_simulating import SHIPPED, card

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> Run:
    """Run a command on a service with two hot leads and a cold one; further files are cards."""
    monkeypatch.setenv("WARMTRAIL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WARMTRAIL_REDIS_URL", redis_url)
    for module in ("scorer.cli.scorecards", "scorer.jobs"):
        monkeypatch.setattr(f"{module}.now_ms", lambda: NOW)
    world = World(f"sqlite:///{tmp_path / 'warmtrail.db'}")
    world.feed([*buyer("a", name="Ada [red]Halden", email="ada@halden.example"), *buyer("b"), *passer_by("c")])
    world.database.close()

    def call(*words: str, **cards: Any) -> Result:
        for name, body in cards.items():
            (tmp_path / f"{name}.json").write_bytes(msgspec.json.encode(body))
        given = [str(tmp_path / one) if one.endswith(".json") else one for one in words]
        return CliRunner().invoke(cli, given)

    return call


def ok(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def states(run: Run) -> list[tuple[int, str]]:
    listed = msgspec.json.decode(ok(run("scorecard", "list", "--site", "nordwind", "--json")))
    return [(one["number"], one["state"]) for one in listed]


def test_try_publish_and_go_back(run: Run) -> None:
    harsh = card(hot={"enter": 900})
    tried = ok(run("scorecard", "simulate", "harsh.json", "--site", "nordwind", harsh=harsh))
    assert "0 enter the hot list, 2 leave it, 0 stay" in tried
    assert "Ada [red]Halden" in tried  # a visitor's words, not a colour
    assert states(run) == [(1, "current")]
    said = ok(run("scorecard", "publish", "harsh.json", "--site", "nordwind", "--why", "fewer"))
    assert said == "Scorecard 2 is current.\n"
    assert states(run) == [(2, "current"), (1, "past")]
    assert msgspec.json.decode(ok(run("scorecard", "show", "--site", "nordwind")))["hot"] == {"enter": 900}
    # With what the card leaves to the shipped sections, so that all of it can be edited.
    shown = msgspec.json.decode(ok(run("scorecard", "show", "--site", "nordwind", "--number", "1")))
    assert {key: shown[key] for key in SHIPPED} == SHIPPED
    assert len(shown["next_steps"]) == len(DEFAULT_NEXT_STEPS)
    assert len(shown["exclusions"]) == len(DEFAULT_EXCLUSIONS)
    back = ok(run("scorecard", "rollback", "--site", "nordwind", "--why", "too few", "--lang", "zh"))
    assert back == "评分卡 1 已成为当前评分卡。\n"
    assert states(run) == [(2, "past"), (1, "current")]


def test_simulating_as_json_has_all_figures(run: Run) -> None:
    told = msgspec.json.decode(
        ok(
            run(
                "scorecard",
                "simulate",
                "few.json",
                "--site",
                "nordwind",
                "--json",
                few=card(hot={"enter": 60, "per_week": 9}),
            )
        )
    )
    assert told["hot"]["per_week"] == 9
    assert (told["simulation"]["leads"], len(told["simulation"]["hot_list"])) == (3, 2)


def test_the_service_fills_what_nobody_waits_for(run: Run) -> None:
    said = ok(run("scorecard", "publish", "same.json", "--site", "nordwind", "--why", "x", "--no-wait", same=SHIPPED))
    assert "Scorecard 2 is being filled in the background" in said
    assert states(run)[0] == (2, "filling")
    assert jobs.rescore in {job for job, _ in TIMETABLE}
    jobs.resources.cache_clear()
    jobs.rescore()
    jobs.rescore()  # twice does no harm
    jobs.resources.cache_clear()
    assert states(run)[0] == (2, "current")


def test_scoring_anew_tells_nobody_of_what_they_know(run: Run) -> None:
    assert "has been scored anew" in ok(run("rescore", "--site", "nordwind"))
    listed = ok(run("scorecard", "list", "--site", "nordwind", "--lang", "zh"))
    assert "3 / 3" in listed
    assert "当前" in listed


def test_lint_prints_every_problem_and_fails(run: Run) -> None:
    wrong = run("scorecard", "lint", "wrong.json", wrong=card(p50=0, half_life_days=0))
    assert wrong.exit_code == 1
    assert wrong.stdout.splitlines() == [
        "half_life_days: must be from 1 to 365, not 0",
        "p50: the points that score 50 must be above 0",
    ]
    assert "nothing wrong" in ok(run("scorecard", "lint", "right.json", right=SHIPPED))
    assert "没有问题" in ok(run("scorecard", "lint", "right.json", "--lang", "zh"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["scorecard", "publish", "wrong.json", "--site", "nordwind", "--why", "x"], "p50: the points"),
        (["scorecard", "simulate", "wrong.json", "--site", "nordwind"], "p50: the points"),
        (["scorecard", "publish", "right.json", "--site", "nordwind", "--why", " "], "Say why"),
        (["scorecard", "publish", "right.json", "--site", "nordwind"], "--why"),
        (["scorecard", "rollback", "--site", "nordwind", "--why", "x"], "No other scorecard"),
        (["scorecard", "rollback", "--site", "nordwind", "--why", "x", "--number", "7"], "no scorecard of this number"),
        (["scorecard", "show", "--site", "nordwind", "--number", "7"], "has no scorecard 7"),
        (["scorecard", "lint", "text.json"], ""),
    ],
)
def test_refusals_are_told_in_a_line(run: Run, tmp_path: Path, words: list[str], told: str) -> None:
    (tmp_path / "text.json").write_text("{not json")
    result = run(*words, wrong=card(p50=0), right=SHIPPED)
    assert result.exit_code != 0
    assert told in result.stderr
    assert "Traceback" not in result.output
    assert states(run) == [(1, "current")]


def test_the_schema_is_one_of_scorecards(run: Run) -> None:
    schema = msgspec.json.decode(ok(run("scorecard", "schema")))
    assert {"rules", "fit", "exclusions", "next_steps"} <= schema["$defs"]["Scorecard"]["properties"].keys()


@pytest.mark.parametrize("name", WORDS)
def test_both_languages_say_the_same_with_the_same_parts(name: str) -> None:
    english, chinese = ({part for _, part, _, _ in string.Formatter().parse(text) if part} for text in WORDS[name])
    assert english == chinese
    assert WORDS[name][0] != WORDS[name][1]


def test_words_are_filled_in() -> None:
    assert word("is current", "zh", number=3) == "评分卡 3 已成为当前评分卡。"
