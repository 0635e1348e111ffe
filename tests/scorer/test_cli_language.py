"""Commands and their errors speak the language asked for: by --lang, by a setting, else English. What is done is logged."""

from __future__ import annotations

import ast
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

import scorer
import tracker
from scorer.cli import cli
from scorer.cli.segment_words import WORDS
from tests.factories import NOW, World, buyer, passer_by

Run = Callable[..., Result]
LABELLED = {
    *("LabelledError", "Mistake", "SiteError", "DecisionError", "LinkError", "MappingError", "UnreadableFile"),
    *("SettingError", "MailSettingError", "EmbeddedError", "WrongVersion", "DeliveryFailed", "UnknownLogFormat"),
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two sites; Ada, keen, and a passer-by on the first."""
    made = World(f"sqlite:///{tmp_path / 'warmtrail.db'}")
    made.feed([*buyer("ada", name="Ada", email="ada@halden.example"), *passer_by("ben")])
    yield made
    made.database.close()


@pytest.fixture
def run(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> Run:
    """Run a command on them."""
    for name, value in {"DATA_DIR": str(tmp_path), "REDIS_URL": redis_url}.items():
        monkeypatch.setenv(f"WARMTRAIL_{name}", value)
    for module in ("leads", "decisions", "segments"):
        monkeypatch.setattr(f"scorer.cli.{module}.now_ms", lambda: NOW)

    def call(*words: str, **environment: str) -> Result:
        return CliRunner().invoke(cli, words, env={f"WARMTRAIL_{name}": value for name, value in environment.items()})

    return call


REFUSED = {
    "no such lead": (["lead", "ld_x"], 2, "There is no lead 'ld_x'.", "没有线索 'ld_x'。"),
    "none to explain": (["explain", "ld_x"], 2, "There is no lead 'ld_x'.", "没有线索 'ld_x'。"),
    "none to merge": (["merge", "ld_x", "ld_y", "--why", "x"], 2, "There is no lead 'ld_x'.", "没有线索 'ld_x'。"),
    "none to write to": (["link", "ld_x", "https://a.example", "--campaign", "x"], 2, "There is no lead", "没有线索"),
    "no such site": (["accounts", "--site", "x"], 2, "no site 'x' (known: 'nordwind', 'huadong')", "没有站点 'x'（已有："),
    "which site": (["audit"], 2, "Say which site with --site; there are 'nordwind', 'huadong'.", "请用 --site 指定站点"),
    "no such segment": (["segment", "show", "x", "--site", "nordwind"], 2, "There is no segment 'x'", "没有分组 'x'"),
    "no such card": (["scorecard", "show", "--number", "7", "--site", "nordwind"], 2, "no scorecard 7", "没有第 7 号评分卡"),
    "nothing before": (
        ["scorecard", "rollback", "--why", "x", "--site", "nordwind"],
        1,
        "No other scorecard has been current",
        "没有其他评分卡曾为当前评分卡",
    ),
    "no filter": (
        ["segment", "add", "x", "--where", "nowhere.json", "--site", "nordwind"],
        1,
        "--where is neither a filter nor a file that can be read",
        "--where 既不是筛选条件，也不是可读取的文件",
    ),
}


@pytest.mark.parametrize(("words", "code", "english", "chinese"), REFUSED.values(), ids=REFUSED)
def test_an_error_is_told_in_the_language_asked_for(
    run: Run, words: list[str], code: int, english: str, chinese: str
) -> None:
    for result, told in (
        (run(*words), english),
        (run(*words, "--lang", "zh"), chinese),
        (run(*words, LANGUAGE="zh"), chinese),
        (run(*words, "--lang", "en", LANGUAGE="zh"), english),
    ):
        assert (result.exit_code, result.stdout) == (code, "")
        assert result.stderr.startswith("warmtrail: ")
        assert told in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_command_without_the_option_obeys_the_setting(run: Run) -> None:
    told = run("site", "set", "nordwind", "consent=maybe", LANGUAGE="zh")
    assert (told.exit_code, told.stderr) == (
        1,
        "warmtrail: consent 须为 not-required, required, cookieless 之一，而不是 'maybe'。\n",
    )


def test_what_people_decide_is_said_in_both_languages_and_can_be_taken_back(run: Run, world: World) -> None:
    ada, ben = world.nordwind.lead("ada"), world.nordwind.lead("ben")
    why = ("--why", "x", "--by", "chen")
    assert run("merge", ada, ben, *why).stdout == f"{ben} is part of {ada} now.\n"
    assert run("merge", ada, ben, *why, "--lang", "zh").stderr == f"warmtrail: {ada} 已并入 {ada}。\n"
    assert run("merge", ada, ada, *why).stderr == "warmtrail: A lead can't be merged with itself.\n"
    # The id that was given up goes on answering.
    assert f"{ben} has become a part of this lead." in run("lead", ben).stdout
    assert run("explain", ben).stdout == run("explain", ada).stdout
    assert run("unmerge", ben, *why, "--lang", "zh").stdout == f"{ben} 已恢复为独立线索。\n"
    assert run("exclude", ada, "--reason", "staff", *why).stdout == f"{ada} is kept off the hot list: Own staff.\n"
    assert run("include", ada, *why, LANGUAGE="zh").stdout == f"无论评分卡如何规定，{ada} 不会被排除。\n"
    assert run("include", ada, "--automatic", *why).stdout == f"{ada} is left to the scorecard again.\n"
    log = msgspec.json.decode(run("audit", "--site", "nordwind", "--subject", ada, "--json").stdout)
    assert [(one["actor"], one["action"], one["why"]) for one in log[:3]] == [("chen", "exclude", "x")] * 3
    shown = run("audit", "--site", "nordwind", "--lang", "zh").stdout
    assert "由评分卡决定 → 本公司员工" in shown
    assert "设置排除" in shown


def test_settings_of_a_site_are_logged_from_what_to_what_and_keys_without_the_key(run: Run) -> None:
    assert run("site", "set", "nordwind", "consent=required", "strip_parameters=token", "--why", "[red]law").exit_code == 0
    assert (
        run("site", "set", "nordwind", "consent=required", "idle_seconds=30").exit_code == 0
    )  # nothing that isn't so already
    made = msgspec.json.decode(run("key", "add", "--site", "nordwind", "--by", "ada", "--json").stdout)
    assert run("key", "revoke", made["id"], "--by", "ben").exit_code == 0
    added = msgspec.json.decode(run("site", "add", "third", "--time-zone", "Asia/Shanghai", "--json").stdout)
    printed = run("audit", "--site", "nordwind", "--json").stdout
    log = msgspec.json.decode(printed)
    assert [(one["action"], one["subject"], one["detail"]) for one in log[:3]] == [
        ("key revoke", made["id"], {}),
        ("key add", made["id"], {"scope": "read"}),
        (
            "site set",
            "site",
            {
                "consent": {"from": "not-required", "to": "required"},
                "strip_parameters": {"from": [], "to": ["token"]},
            },
        ),
    ]
    assert [one["actor"] for one in log[:2]] == ["ben", "ada"]
    third = run("audit", "--site", "third", "--json").stdout
    assert msgspec.json.decode(third)[0]["detail"] == {"name": "third", "time_zone": {"from": "UTC", "to": "Asia/Shanghai"}}
    for secret in (made["key"], added["server_key"], added["write_key"]):
        assert secret not in printed + third
    shown = run("audit", "--site", "nordwind").stdout
    assert "consent not-required → required; strip_parameters – → token" in shown
    assert "[red]law" in shown  # as it was written, not as a colour
    assert "Nothing was done by hand yet." in run("audit", "--site", "nordwind", "--subject", "nobody").stdout


def test_segments_are_spoken_of_in_both_languages(run: Run) -> None:
    where = ("--where", '{"field": "tier", "is": "hot"}', "--site", "nordwind")
    assert "尚" not in run("segment", "list", "--site", "nordwind").stdout
    assert "还没有分组" in run("segment", "list", "--site", "nordwind", "--lang", "zh").stdout
    assert run("segment", "add", "Hot", *where, "--lang", "zh").stdout.startswith("Hot 是第 1 号分组：现有 1 条线索")
    assert "层级：个人" in run("segment", "show", "Hot", "--site", "nordwind", "--lang", "zh").stdout
    assert run("segment", "remove", "Hot", "--site", "nordwind").stdout == "Hot is gone; its leads are not.\n"


@pytest.mark.parametrize("name", WORDS)
def test_both_languages_have_the_same_parts(name: str) -> None:
    english, chinese = ({part for _, part, _, _ in string.Formatter().parse(text) if part} for text in WORDS[name])
    assert english == chinese


def raised() -> Iterator[tuple[str, Any]]:
    """Where errors with labels are raised, and what they say in Chinese, read off the source."""
    for package in (scorer, tracker):
        for path in Path(str(package.__file__)).parent.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in LABELLED:
                    chinese = (
                        "".join(
                            one.value
                            for one in ast.walk(node.args[-1])
                            if isinstance(one, ast.Constant) and isinstance(one.value, str)
                        )
                        if len(node.args) == 2
                        else ""
                    )
                    if not any(_is_handed_on(one) for one in ast.walk(node)):
                        yield f"{path.name}:{node.lineno}", chinese


def _is_handed_on(node: ast.AST) -> bool:
    """Whether the Chinese words are those of another error, or of msgspec."""
    is_label = isinstance(node, ast.Attribute) and node.attr in ("zh", "label")
    return is_label or (isinstance(node, ast.Name) and node.id == "shape_in_chinese")


def test_every_error_with_a_label_has_chinese_words() -> None:
    told = dict(raised())
    assert len(told) > 40
    assert [place for place, chinese in told.items() if not any("\u4e00" <= sign <= "\u9fff" for sign in chinese)] == []
