"""The commands around digests, as somebody types them, in both languages."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from scorer import digest_signs as signs_of
from scorer import jobs
from scorer.cli import cli
from scorer.cli.digest_words import WORDS
from scorer.outlet_models import digest_mails
from scorer.resources import Resources
from scorer.schedule import TIMETABLE
from tests.factories import DAY, HOUR, NOW, World, buyer
from tests.mail_server import Kept, mail_server
from tracker.db import Database
from tracker.settings import read_settings

Run = Callable[..., Result]
MONDAY_8 = NOW + 4 * DAY - 2 * HOUR - HOUR // 2
NORDWIND = ("--site", "nordwind")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """A mail server that the settings name."""
    kept = Kept()
    with mail_server(kept) as port:
        monkeypatch.setenv("WARMTRAIL_SMTP_URL", f"smtp://127.0.0.1:{port}")
        monkeypatch.setenv("WARMTRAIL_MAIL_FROM", "leads@example.com")
        yield kept


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str, migrated_sqlite_url: str) -> Run:
    """Run a command on a service with a new hot lead; ``at`` is when."""
    monkeypatch.setenv("WARMTRAIL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WARMTRAIL_REDIS_URL", redis_url)
    world = World(migrated_sqlite_url)
    world.feed(buyer("a", name="Ada [red]Halden", email="ada@halden.example"))
    world.database.close()

    def call(*words: str, at: int = NOW) -> Result:
        for module in ("scorer.cli.digests", "scorer.jobs", "scorer.digest_signs"):
            monkeypatch.setattr(f"{module}.now_ms", lambda: at)
        return CliRunner().invoke(cli, ["digest", *words])

    return call


def ok(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def added(run: Run, *more: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(ok(run("add", "Ben@Nordwind.example", *NORDWIND, "--json", *more)))
    return made


@pytest.mark.parametrize("name", WORDS)
def test_both_languages_say_the_same_with_the_same_parts(name: str) -> None:
    label = WORDS[name]
    parts = [{part for _, part, _, _ in string.Formatter().parse(text) if part} for text in (label.en, label.zh)]
    assert parts[0] == parts[1]
    assert label.en != label.zh


def test_added_listed_sent_and_removed(run: Run, kept: Kept) -> None:
    told = ok(run("add", "ben@nordwind.example", *NORDWIND, "--name", "Ben", "--segment", ""))
    assert "ben@nordwind.example gets the digest as dg_" in told
    assert "first on Mon 23 Nov 2026, 08:00 (UTC)" in " ".join(told.split())
    [one] = json.loads(ok(run("list", "--json")))
    assert (one["email"], one["name"], one["last_mail"]) == ("ben@nordwind.example", "Ben", None)
    assert "No digest is due." in ok(run("--send"))
    dry = ok(run("--dry-run", at=MONDAY_8))
    assert "would be sent: 1 new hot lead · nordwind, 16–22 November 2026" in " ".join(dry.split())
    assert kept.contents == []
    assert ok(run("--send", at=MONDAY_8)).strip() == "sent: 1"
    assert json.loads(ok(run("--send", "--json", at=MONDAY_8)))["sent"] == 0
    assert kept.ids == [f"<digest.{one['id']}.2026-11-16@127.0.0.1>"]
    assert "2026-11-16 sent" in " ".join(ok(run("list", at=MONDAY_8)).split())
    assert "no more" in ok(run("remove", one["id"]))
    assert "Nobody gets a digest yet" in ok(run("list"))


def test_in_chinese(run: Run, kept: Kept) -> None:
    made = added(run, "--language", "zh", "--time-zone", "Asia/Shanghai", "--weekday", "4")
    assert (made["language"], made["weekday"]) == ("zh", 4)
    listed = ok(run("list", "--lang", "zh"))
    assert "周五 08:00" in " ".join(listed.split())
    assert "收件人" in listed
    refused = run("add", "ben@nordwind.example", *NORDWIND, "--lang", "zh")
    assert refused.exit_code == 1
    assert "已订阅该周报" in refused.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "--dry-run or --send"),
        (("--dry-run", "--send"), "--dry-run or --send"),
        (("--send", "list"), "without a command"),
        (("add", "nobody", *NORDWIND), "An e-mail address is written like"),
        (("add", "a@b.example", *NORDWIND, "--segment", "none"), "There is no segment 'none'"),
        (("add", "a@b.example", *NORDWIND, "--time-zone", "Mars"), "There is no time zone 'Mars'"),
        (("add", "a@b.example"), "Say which site with --site"),
        (("add", "a@b.example", *NORDWIND, "--weekday", "7"), "7 is not in the range"),
        (("remove", "dg_x"), "There is no digest 'dg_x'"),
        (("preview", "dg_x"), "There is no digest 'dg_x'"),
    ],
)
def test_what_can_t_be_done_is_told(run: Run, words: tuple[str, ...], told: str) -> None:
    result = run(*words)
    assert result.exit_code in (1, 2)
    assert told in " ".join(result.stderr.split())


def test_a_preview_shows_the_mail(run: Run, tmp_path: Path) -> None:
    made = added(run)
    file = tmp_path / "mail.html"
    text = ok(run("preview", made["id"], "--html", str(file), at=MONDAY_8))
    assert text.startswith("1 new hot lead · nordwind, 16–22 November 2026\n")
    assert "Ada [red]Halden" in text
    assert "Ada [red]Halden" in file.read_text(encoding="utf-8")
    earlier = ok(run("preview", made["id"], "--week", "2026-11-09", at=MONDAY_8))
    assert "nothing to tell" in earlier
    assert json.loads(ok(run("preview", made["id"], "--json", at=MONDAY_8)))["is_empty"] is False
    wrong = run("preview", made["id"], "--week", "2026-11-17", at=MONDAY_8)
    assert "--week is the Monday of a week that is over, like 2026-11-16, not '2026-11-17'." in " ".join(
        wrong.stderr.split()
    )


def test_a_mail_is_sent_again_by_hand(run: Run, kept: Kept) -> None:
    made = added(run)
    ok(run("--send", at=MONDAY_8))
    assert ok(run("resend", made["id"], at=MONDAY_8)).strip() == "ben@nordwind.example: sent"
    assert len(kept.ids) == 2
    assert len(set(kept.ids)) == 1


def test_without_a_mail_server_it_says_so(run: Run) -> None:
    made = added(run)
    assert "No mail server is set up" in ok(run("--dry-run", at=MONDAY_8))
    assert "No mail server is set up" in ok(run("add", "zoe@nordwind.example", *NORDWIND))
    for words in (("--send",), ("resend", made["id"])):
        result = run(*words, at=MONDAY_8)
        assert result.exit_code == 2
        assert "No mail server is set up" in result.stderr


def test_the_service_sends_by_itself_and_leaves_a_server_that_is_away_alone(
    run: Run, kept: Kept, monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    assert jobs.digest in {job for job, _ in TIMETABLE}
    added(run)
    run("list", at=MONDAY_8)
    here = Resources(read_settings(), redis_url)
    monkeypatch.setattr(jobs, "resources", lambda: here)
    kept.at["MAIL"] = lambda server: "421 4.3.2 shutting down"
    jobs.digest()
    assert 0 < here.control.ttl(jobs.MAIL_AWAY_KEY) <= jobs.MAIL_AWAY_SECONDS
    kept.at.clear()
    run("list", at=MONDAY_8 + HOUR)
    jobs.digest()
    assert kept.contents == []
    here.control.delete(jobs.MAIL_AWAY_KEY)
    jobs.digest()
    assert len(kept.contents) == 1
    here.close()


def test_doctor_tells_what_was_not_sent(run: Run, redis_url: str, migrated_sqlite_url: str) -> None:
    here = Resources(read_settings(), redis_url)
    assert list(signs_of.digest_signs(here)) == []
    made = added(run)
    [sign] = signs_of.digest_signs(here)
    assert (sign.verdict, sign.what.en) == ("wrong", "Digests are subscribed to, but no mail server is set up.")
    said = "the mail server said: 550 no such user"
    for state, detail, wanted in (
        ("failed", "550 no such user", f"The last digest {made['id']} was not sent: {said}."),
        ("claimed", "", f"Nobody knows whether the last digest {made['id']} went out: its sender ended in the middle."),
    ):
        row = {"digest_id": made["id"], "period": f"2026-11-0{len(state) % 10}", "state": state, "at": 0, "message_id": ""}
        database = Database(migrated_sqlite_url)
        with database.writing() as connection:
            connection.execute(digest_mails.delete())
            connection.execute(insert(digest_mails).values(row | {"reason": "answer" if detail else "", "detail": detail}))
        database.close()
        assert [sign.what.en for sign in signs_of.digest_signs(here)][1:] == [wanted]
    assert list(signs_of.digest_signs(here, [made["site_id"] + 1])) == []
    here.close()
