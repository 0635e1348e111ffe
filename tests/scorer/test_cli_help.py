"""Help and complaints of the command line are in Chinese where that is asked for, those of click too; else in English."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from scorer.cli import cli
from scorer.cli.help import wrapped
from scorer.core.labels import Label
from tests import command_messages, messages
from tests.factories import World, buyer
from tests.languages import english_in, is_chinese
from tracker.embedded import EmbeddedServer, url_if_running

PO = command_messages.PO
TABLES = (
    "words",
    "segment_words",
    "scorecard_words",
    "learning_words",
    "setting_up_words",
    "digest_words",
    "class_words",
    "webhook_words",
)
ALL = [" ".join(words) for words, _ in command_messages.commands(cli, click.Context(cli))]


def run(*words: str, **environment: str | None) -> Result:
    return CliRunner().invoke(cli, words, env={"WARMTRAIL_LANGUAGE": None, **environment}, prog_name="warmtrail")


def test_the_catalogue_has_the_texts_of_the_commands() -> None:
    assert messages.untranslated(messages.updated(PO)) == [], "python3 dev.py messages, and write what is missing"
    assert PO.read_bytes() == messages.po_bytes(messages.updated(PO)), "run: python3 dev.py messages"
    assert PO.with_suffix(".mo").read_bytes() == messages.mo_bytes(PO), "run: python3 dev.py messages"
    assert [message.id for message in messages.kept(PO) if list(message.check())] == []


@pytest.mark.parametrize("words", ALL, ids=lambda words: words or "warmtrail")
def test_all_help_is_in_chinese(words: str) -> None:
    told = run(*words.split(), "--help", WARMTRAIL_LANGUAGE="zh")
    assert told.exit_code == 0
    assert told.stdout.startswith("用法： warmtrail")
    assert english_in(told.stdout) == []
    assert run(*words.split(), "--help").stdout.startswith("Usage: warmtrail")


COMPLAINTS = {
    "no such command": (["hott"], "错误：没有命令 'hott'。", "Error: No such command 'hott'."),
    "no such option": (["hot", "--limits", "3"], "错误：没有选项 '--limits'。", "Error: No such option '--limits'."),
    "an argument missing": (["scorecard", "publish"], "缺少参数 'FILE'", "Missing argument 'FILE'"),
    "no number": (["hot", "--limit", "x"], "'--limit' 的值无效：'x' 不是有效的", "Invalid value for '--limit': 'x' is not"),
    "none of the choices": (["key", "add", "--scope", "x"], "'x' 不是 'read', 'sales'", "'x' is not one of 'read', 'sales'"),
    "no such file": (["scorecard", "lint", "nowhere"], "'nowhere' 不存在", "'nowhere' does not exist"),
    "a value missing": (["hot", "--site"], "选项 '--site' 需要 1 个参数", "Option '--site' requires an argument"),
}


@pytest.mark.parametrize(("words", "chinese", "english"), COMPLAINTS.values(), ids=COMPLAINTS)
def test_what_click_finds_wrong_is_told_in_the_language_asked_for(words: list[str], chinese: str, english: str) -> None:
    told = run(*words, WARMTRAIL_LANGUAGE="zh")
    assert (told.exit_code, chinese in told.stderr, english_in(told.stderr)) == (2, True, [])
    assert english in run(*words).stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--lang", "zh", "key", "add", "--help"], "创建密钥"),
        (["hot", "--lang=zh", "--help"], "热门名单"),
        (["hot", "--help", "--lang", "zh"], "热门名单"),
        (["--lang", "zh", "hot", "--lang", "en", "--help"], "热门名单"),  # the first word counts
        (["link", "x", "https://a.example", "--campaign", "x", "--", "--lang", "zh"], "unexpected extra arguments"),
        (["hot", "--lang", "de"], "'de' is not one of 'en', 'zh'"),
    ],
)
def test_the_language_may_be_asked_for_anywhere(words: list[str], says: str) -> None:
    assert says in run(*words).output


def test_the_system_language_alone_changes_nothing() -> None:
    told = run("hot", "--help", LANGUAGE="zh", LANG="zh_CN.UTF-8")
    assert not is_chinese(told.stdout)


def test_english_after_chinese_is_english() -> None:
    assert is_chinese(run("scorecard", "publish", "--help", WARMTRAIL_LANGUAGE="zh").stdout)
    assert not is_chinese(run("scorecard", "publish", "--help").stdout)


@pytest.mark.parametrize("name", TABLES)
def test_words_have_the_same_gaps_in_both_languages(name: str) -> None:
    for texts in import_module(f"scorer.cli.{name}").WORDS.values():
        texts = (texts.en, texts.zh) if isinstance(texts, Label) else texts
        english, chinese = ({gap for _, gap, _, _ in string.Formatter().parse(text) if gap} for text in texts)
        assert english == chinese, texts


UNIT = st.sampled_from(["读取", "文件，", " JSON ", " warmtrail ", "退出。", "（见 docs）", "\n\n"])


@given(st.lists(UNIT).map("".join), st.integers(20, 60))
def test_lines_are_broken_by_columns_and_lose_nothing(text: str, width: int) -> None:
    broken = wrapped(text, width).replace("\b\n", "")
    assert all(cell_len(line) <= width for line in broken.splitlines())
    assert "".join(broken.split()) == "".join(text.split())


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory, redis_server: EmbeddedServer) -> Iterator[Callable[..., Result]]:
    """Run a command in Chinese on a small service."""
    folder: Path = tmp_path_factory.mktemp("chinese")
    world = World(f"sqlite:///{folder / 'warmtrail.db'}")
    world.feed(buyer("ada", name="Ada", email="ada@halden.example"))
    environment = {"WARMTRAIL_DATA_DIR": str(folder), "WARMTRAIL_REDIS_URL": redis_server.start(), "COLUMNS": "200"}
    environment |= {"WARMTRAIL_LANGUAGE": "zh", "WARMTRAIL_BIND": "127.0.0.1:9"}
    (folder / "card.json").write_text('{"format": 1, "rules": [{"id": "A", "on": "dwell", "points": 1}]}')

    def run_here(*words: str) -> Result:
        return run(*(word.replace("CARD", str(folder / "card.json")) for word in words), **environment)

    yield run_here
    world.database.close()


SITE = ("--site", "nordwind")
SAID = {
    "init": (["init"], 0, "已就绪"),
    "status": (["status"], 0, "已接收"),
    "doctor": (["doctor"], None, "可以读取设置"),
    "doctor of a page": (["doctor", "--page", "ftp://a.example"], 1, "只能读取 http 和 https 网址"),
    "sites": (["site", "list"], 0, "写入密钥"),
    "a site": (["site", "show", "nordwind"], 0, "请将以下标签之一放入其页面"),
    "a new site": (["site", "add", "third", "--origin", "https://third.example"], 0, "第 3 号站点"),
    "a new key": (["key", "add", *SITE], 0, "不会再次显示"),
    "keys": (["key", "list"], 0, "权限"),
    "no key": (["key", "revoke", "x"], 2, "没有正在使用的密钥"),
    "no users": (["user", "list"], 0, "还没有用户"),
    "a user": (["user", "add", "chen@example.com"], 0, "可以在"),
    "a user without a password": (["user", "add", "eve@example.com", "--no-password"], 0, "可以在"),
    "a password and none": (["user", "add", "x@example.com", "--password", "x", "--no-password"], 2, "不能同时使用"),
    "no user": (["user", "disable", "x@example.com"], 2, "没有用户"),
    "no e-mail address": (["user", "add", "x"], 1, "邮箱地址"),
    "a short password": (["user", "add", "ada@example.com", "--password", "x"], 1, "密码"),
    "no such site": (["user", "add", "ada@example.com", "--site", "x"], 2, "没有站点 'x'"),
    "no such queue": (["worker", "--queue", "x"], 2, "没有队列 'x'"),
    "faults of a card": (["scorecard", "lint", "CARD"], 1, "rules[0]：缺少字段 `label`"),
    "a card that isn't published": (["scorecard", "publish", "CARD", "--why", "x", *SITE], 1, "缺少字段 `label`"),
    "a log of no format": (["import-log", "CARD", "--origin", "https://a.example", *SITE], 1, "支持的格式"),
    "a log of no such format": (["import-log", "CARD", "--format", "x", "--origin", "https://a.b", *SITE], 1, "日志格式"),
    "no collector": (["import-events", "CARD", "--url", "ftp://x", "--server-key", "x", *SITE], 1, "不是 http:// 或"),
    "faults of a filter": (["segment", "add", "x", "--where", '{"field": "colour"}', *SITE], 1, "没有字段 'colour'"),
    "no filter": (["segment", "add", "x", "--where", "{", *SITE], 1, "JSON 不完整"),
    "what to do with digests": (["digest"], 2, "请给出 --dry-run"),
    "digests": (["digest", "list", *SITE], 0, "周报"),
    "webhooks": (["webhook", "list", *SITE], 0, "webhook"),
    "alerts": (["alert", "list", *SITE], 0, "提醒"),
    "the hot list": (["hot"], 0, "得分"),
    "what was done": (["audit", *SITE], 0, ""),
    "dead letters": (["dead-letters", "list"], 0, "没有死信"),
    "what would count": (["recount", "--label", "bot", "--dry-run", *SITE], 0, "带有标签 bot"),
    "what never counts": (["recount", "--label", "opt_out", *SITE], 1, "选择退出者的事件未被保存"),
    "companies": (["accounts", *SITE], 0, ""),
}  # fmt: skip


@pytest.mark.parametrize(("words", "code", "says"), SAID.values(), ids=SAID)
def test_what_commands_say_is_in_chinese(call: Callable[..., Result], words: list[str], code: int | None, says: str) -> None:
    told = call(*words)
    assert code is None or told.exit_code == code, told.output
    assert says in told.output
    assert english_in(told.output) == []


def test_settings_that_cannot_be_used_are_told_in_chinese_and_nothing_stays_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value, says in (
        ("WORKERS", "two", "WARMTRAIL_WORKERS：须为 `int`，而不是 `str`"),
        ("BIND", "8700", "WARMTRAIL_BIND 须形如 127.0.0.1:8700，而不是 '8700'"),
        ("SMTP_URL", "x", "WARMTRAIL_SMTP_URL 须形如 smtp://"),
        ("REDIS_URL", "redis://127.0.0.1:9", "无法使用 Redis："),
        ("DATABASE_URL", "mysql://x", "WARMTRAIL_DATABASE_URL 须为 sqlite:// 或 postgresql://"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(f"WARMTRAIL_{name}", value)
            told = run("status", WARMTRAIL_LANGUAGE="zh", WARMTRAIL_DATA_DIR=str(tmp_path))
        assert url_if_running(tmp_path) is None, "the private server that was started for the command"
        assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
        assert told.stderr.startswith(f"warmtrail: {says}")
