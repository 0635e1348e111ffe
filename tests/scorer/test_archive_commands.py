"""The commands around the archive, as somebody types them, and the job that cron has done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from scorer import jobs
from scorer.cli import cli
from scorer.cli.archive_words import _WORDS
from scorer.schedule import DAILY
from tests.archive_samples import Archived
from tests.factories import NOW


@pytest.fixture
def archived(migrated_sqlite_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archived:
    """A service with three weeks of events and a folder for an archive of them."""
    monkeypatch.setenv("WARMTRAIL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WARMTRAIL_REDIS_URL", redis_url)
    monkeypatch.setenv("WARMTRAIL_ARCHIVE_PARTITIONS", "2")
    for module in ("scorer.cli.archive", "scorer.cli.scorecards"):
        monkeypatch.setattr(f"{module}.now_ms", lambda: NOW)
    return Archived(migrated_sqlite_url, redis_url, str(tmp_path / "archive"), back=20)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def ok(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_archive_is_begun_looked_at_and_folded_over(archived: Archived) -> None:
    assert "set WARMTRAIL_ARCHIVE_URL" in run("archive", "run").output
    assert "Nothing is archived yet" in ok(run("archive", "status", "--archive", archived.url))
    done = msgspec.json.decode(ok(run("archive", "run", "--archive", archived.url, "--json")))
    found = msgspec.json.decode(ok(run("archive", "status", "--archive", archived.url, "--json")))
    assert (found["days"], found["events"], found["partitions"]) == (done["days"], done["events"], 2)
    assert done["days"] > 10
    said = ok(run("archive", "status", "--archive", archived.url, "--lang", "zh"))
    assert f"{found['first']} 至 {found['last']}：{found['days']} 天" in said
    assert "每个事件" in said
    scores = archived.scores()
    archived.forget_scores()
    folded = run("rescore", "--site", "nordwind", "--engine", "processes", "--archive", archived.url)
    assert "nordwind" in ok(folded)
    assert archived.scores() == scores
    alone = run("rescore", "--site", "nordwind", "--archive", archived.url)
    assert alone.exit_code != 0
    assert "--archive is for --engine" in alone.output


def test_cron_has_it_kept(archived: Archived, monkeypatch: pytest.MonkeyPatch) -> None:
    assert jobs.archive in [job for job, _ in DAILY]
    monkeypatch.setenv("WARMTRAIL_ARCHIVE_URL", archived.url)
    job = [sys.executable, "-m", "scorer.archive.job"]
    assert subprocess.run(job, capture_output=True, check=False).returncode == 0
    first = archived.status()
    assert first.events > 50
    stream = archived.stream()
    stream.set("warmtrail:archive", "somebody", px=60_000)
    done = subprocess.run(job, capture_output=True, check=False)
    assert (done.returncode, b"error" in done.stderr) == (0, False), "the other does it"
    stream.close()
    assert archived.status() == first


def test_every_word_is_there_in_both_languages() -> None:
    assert all(label.en and label.zh for label in _WORDS.values())
