"""Drafts are tried in a process of their own, one after the other, and hold up no other job."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from scorer import draft_cards, jobs
from scorer.draft_cards import Draft, ask_for_trial, keep_draft, read_trial
from scorer.draft_trials import run
from scorer.resources import Resources
from tests.factories import NOW, World, buyer
from tracker.queue import CARE_QUEUE, connect
from tracker.settings import Settings

CARD: dict[str, Any] = json.loads(files("scorer.cards").joinpath("default.json").read_bytes())


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    made = World(migrated_sqlite_url)
    made.feed(buyer("ada", name="Ada Halden", email="ada@halden.example"))
    yield made
    made.database.close()


@pytest.fixture
def here(migrated_sqlite_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Resources]:
    """The connections that jobs of this process have."""
    made = Resources(Settings(database_url=migrated_sqlite_url), redis_url)
    monkeypatch.setattr(jobs, "resources", lambda: made)
    monkeypatch.setattr(jobs, "_trying", None)
    yield made
    made.close()


def asked(world: World, here: Resources, body: dict[str, Any] = CARD) -> str:
    token = keep_draft(here.control, Draft(world.nordwind.id, 1, body, "chen", 30))
    ask_for_trial(here.control, token)
    return token


def state(here: Resources, token: str) -> str:
    found = read_trial(here.control, token)
    return found.state if found else ""


def test_all_that_are_asked_for_are_tried_and_one_that_fails_holds_up_none(
    world: World, here: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, fine = asked(world, here, {"rules": 3}), asked(world, here)
    tell = draft_cards._tell

    def failing(client: Any, token: str, trial: Any) -> None:
        if token == broken and trial.state == "running":
            raise RuntimeError("broken")
        tell(client, token, trial)

    monkeypatch.setattr(draft_cards, "_tell", failing)
    assert [state(here, token) for token in (broken, fine)] == ["waiting", "waiting"]
    assert run(world.database, here.control, lambda: NOW, stays_seconds=0.05) == 2
    assert state(here, fine) == "done"
    assert run(world.database, here.control, lambda: NOW, stays_seconds=0.05) == 0


def test_one_that_takes_too_long_has_failed(world: World, here: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft_cards, "compare", lambda *rest, **options: time.sleep(10))
    token = asked(world, here)
    begun = time.monotonic()
    assert run(world.database, here.control, lambda: NOW, stays_seconds=0.05, longest_seconds=0.1) == 1
    assert time.monotonic() - begun < 5
    assert state(here, token) == "failed"


def test_who_is_left_alone_ends(world: World, here: Resources) -> None:
    token = asked(world, here)
    assert run(world.database, here.control, lambda: NOW, orphaned=lambda: True) == 0
    assert state(here, token) == "waiting"


def test_a_long_trial_holds_up_no_other_job(world: World, here: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[list[str]] = []
    real = subprocess.Popen

    def popen(command: list[str]) -> Any:
        begun.append(command)
        return real([sys.executable, "-S", "-c", "import time; time.sleep(60)"])

    monkeypatch.setattr(jobs.subprocess, "Popen", popen)
    jobs.try_drafts()
    assert begun == [], "nobody has asked"
    asked(world, here)
    started = time.monotonic()
    worker = jobs.DrainWorker([CARE_QUEUE], connection=here.control)
    worker.queues[0].enqueue("scorer.jobs.sweep")
    worker.work(burst=True, logging_level="ERROR")
    try:
        assert time.monotonic() - started < 10, "the trial goes on, the queue is empty"
        assert worker.queues[0].count == 0
        jobs.try_drafts()
        assert begun == [[sys.executable, "-m", "scorer.draft_trials"]], "one at a time"
    finally:
        assert jobs._trying is not None
        jobs._trying.kill()
        jobs._trying.wait()
    jobs.try_drafts()
    assert len(begun) == 2, "the draft still waits, and the last process has ended"
    jobs._trying.kill()
    jobs._trying.wait()


def test_the_process_begins_and_tries(world: World, here: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMTRAIL_DATABASE_URL", here.settings.effective_database_url)
    monkeypatch.setenv("WARMTRAIL_REDIS_URL", here.redis_url)
    token = asked(world, here)
    jobs.try_drafts()
    assert jobs._trying is not None
    until = time.monotonic() + 20
    with connect(here.redis_url) as client:
        while (found := read_trial(client, token)) and found.state in ("waiting", "running") and time.monotonic() < until:
            time.sleep(0.05)
    jobs._trying.terminate()
    jobs._trying.wait()
    assert found is not None
    assert found.state == "done"
