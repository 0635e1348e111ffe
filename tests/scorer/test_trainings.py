"""Trainings: one at a time on a site, begun by a worker, and never under way for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from rq import Queue

from scorer import jobs, trainings
from scorer.auditing import read_log
from scorer.core.learned import Figure
from scorer.outcomes import record
from scorer.proposals import Shadow
from scorer.trainings import AUTOMATIC, INTERRUPTED, NO_EXTRA, SILENT_MS, Training, TrainingError
from tests.factories import NOW, World, buyer
from tests.scorer.test_simulating import Office
from tracker.queue import CARE_QUEUE
from tracker.sites import SiteSettings, change_site


@pytest.fixture
def small(database_url: str) -> Iterator[Office]:
    made = Office(World(database_url), buyer("a"))
    yield made
    made.database.close()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as made:
        yield made


def ask(office: Office, client: redis.Redis, now: int = NOW) -> int:
    with office.database.writing() as connection:
        return trainings.ask(connection, client, office.site, "ada", now)


def take(office: Office, now: int = NOW) -> int | None:
    with office.database.writing() as connection:
        trainings.give_up_silent(connection, now)
        return trainings.take(connection, now)


def latest(office: Office) -> Training | None:
    with office.database.reading() as connection:
        return trainings.latest(connection, office.site.id)


def win(office: Office) -> None:
    with office.database.writing() as connection:
        record(connection, office.site, office.world.nordwind.lead("a"), "won", "ada", NOW)


def test_a_training_waits_runs_and_is_done(small: Office, client: redis.Redis) -> None:
    assert latest(small) is None
    made = ask(small, client)
    assert latest(small) == Training(made, NOW, "ada", "waiting", 0.0, None, None)
    assert [job.func_name for job in Queue(CARE_QUEUE, connection=client).jobs] == [trainings.TRAIN_JOB]
    assert [take(small), take(small)] == [made, None]
    with small.database.writing() as connection:
        assert trainings.tell(connection, made, 0.25, NOW)
    assert latest(small) == Training(made, NOW, "ada", "running", 0.25, None, None)
    with small.database.writing() as connection:
        trainings.finish(connection, made, None, Shadow(NOW, 0, 0, Figure(), Figure()))
        assert not trainings.tell(connection, made, 0.5, NOW), "it is over"
    assert latest(small) == Training(made, NOW, "ada", "done", 1.0, None, None)
    with small.database.reading() as connection:
        [entry, *_] = read_log(connection, small.site.id)
    assert (entry.action, entry.subject, entry.actor) == ("train", f"training {made}", "ada")


def test_a_second_training_of_a_site_is_refused_with_the_reason(small: Office, client: redis.Redis) -> None:
    ask(small, client)
    with pytest.raises(TrainingError) as caught:
        ask(small, client)
    assert caught.value.label == trainings.UNDER_WAY
    take(small)
    with pytest.raises(TrainingError):
        ask(small, client)
    with small.database.writing() as connection:
        other = trainings.ask(connection, client, _other(small), "ada", NOW)
    assert take(small) == other, "sites don't wait for each other"


def test_a_training_that_nobody_works_on_has_failed(small: Office, client: redis.Redis) -> None:
    made = ask(small, client)
    take(small)
    assert take(small, NOW + SILENT_MS) is None
    with small.database.writing() as connection:
        trainings.tell(connection, made, 0.5, NOW + SILENT_MS)
    assert take(small, NOW + 2 * SILENT_MS) is None
    found = latest(small)
    assert found is not None
    assert found.state == "running", "it was heard of"
    take(small, NOW + 2 * SILENT_MS + 1)
    found = latest(small)
    assert found is not None
    assert (found.state, found.trouble) == ("failed", INTERRUPTED)
    assert ask(small, client) > made


def test_each_week_every_site_that_has_won_anything_is_asked_for(small: Office) -> None:
    def everything() -> list[int]:
        with small.database.writing() as connection:
            return trainings.ask_for_all(connection, NOW)

    assert everything() == []
    win(small)
    assert len(everything()) == 1
    assert everything() == [], "it is under way"
    found = latest(small)
    assert found is not None
    assert (found.by, found.state) == (AUTOMATIC, "waiting")
    with small.database.writing() as connection:
        change_site(connection, small.world.huadong.id, SiteSettings(goal_events=("Order Placed",)))
    assert len(everything()) == 1


def test_without_the_extra_it_is_said_once(small: Office, client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainings, "has_extra", lambda: False)
    with pytest.raises(TrainingError) as caught:
        ask(small, client)
    assert caught.value.label == NO_EXTRA
    win(small)
    for _ in range(2):
        with small.database.writing() as connection:
            assert trainings.ask_for_all(connection, NOW) == []
    with small.database.reading() as connection:
        [told] = trainings.history(connection, small.site.id)
    assert (told.state, told.trouble) == ("failed", NO_EXTRA)


def test_the_job_begins_one_training_at_a_time(small: Office, client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[list[str]] = []
    running = SimpleNamespace(poll=lambda: None)

    def popen(command: list[str]) -> Any:
        begun.append(command[1:])
        return running

    monkeypatch.setattr(jobs, "resources", lambda: SimpleNamespace(database=small.database, control=client))
    monkeypatch.setattr(jobs, "now_ms", lambda: NOW)
    monkeypatch.setattr(jobs, "_training", None)
    monkeypatch.setattr("scorer.jobs.subprocess.Popen", popen)
    jobs.train()
    assert begun == []
    win(small)
    jobs.learn_all()
    first = latest(small)
    assert first is not None
    with small.database.writing() as connection:
        second = trainings.ask(connection, client, _other(small), "ada", NOW)
    jobs.train()
    jobs.train()
    assert begun == [["-m", "scorer.learning.job", str(first.id)]]
    running.poll = lambda: -9
    jobs.train()
    assert begun[1:] == [["-m", "scorer.learning.job", str(second)]]


def _other(office: Office) -> Any:
    return SimpleNamespace(id=office.world.huadong.id, name="huadong", settings=SiteSettings())


def test_of_two_who_ask_at_once_one_is_refused(small: Office, client: redis.Redis) -> None:
    start, told = threading.Barrier(2), list[object]()

    def one() -> None:
        start.wait()
        try:
            told.append(ask(small, client))
        except TrainingError as error:
            told.append(error.label)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in told if isinstance(one, int)]) == 1
    assert trainings.UNDER_WAY in told
