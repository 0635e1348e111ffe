"""Learning in the product: from what visitors did and what became of them to a card in force, and back."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from scorer import calibrations, proposals, trainings
from scorer.core.learned import Calibration, Figure, Suspect
from scorer.explaining import explain
from scorer.learning import job
from scorer.learning.reading import read_snapshots
from scorer.learning.snapshots import Snapshots
from scorer.learning.train import Trained, train
from scorer.proposals import Shadow
from scorer.publishing import rollback
from scorer.resources import now_ms
from scorer.scorecards import current_cards
from tests.factories import DAY, HOUR, MINUTE, NOW, Event, World, download, engaged, page, track
from tests.learned_samples import CALIBRATION, learned
from tests.scorer.test_simulating import SHIPPED, Office, card, with_points
from tracker.sites import SiteSettings, change_site

HORIZON = 20
SETTINGS = SiteSettings(learning_horizon_days=HORIZON)


def planted(people: int, seed: int = 3) -> list[Event]:
    """Buyers read cases and download sheets, and are won; others read blogs and prices, and are lost or forgotten."""
    luck, made = random.Random(seed), list[Event]()
    for number in range(people):
        who, buys = f"p{number}", luck.random() < 0.4
        at = NOW - luck.randint(4, 8 if number % 5 == 0 else 300) * DAY
        for visit in range(luck.randint(2, 4)):
            paths = ("/cases/pump", "/cases/valve", "/") if buys else ("/blog/a", "/pricing", "/")
            for place, path in enumerate(luck.sample(paths, 2)):
                view = f"{who}-{visit}-{place}"
                seen = at + visit * 26 * HOUR + place * 4 * MINUTE
                made += [page(who, path, seen, view=view), engaged(who, view, luck.randint(20, 100), seen + 3 * MINUTE)]
            if luck.random() < (0.8 if buys else 0.05):
                made.append(download(who, "sheet.pdf", at + visit * 26 * HOUR + 9 * MINUTE))
        end = at + luck.randint(9, 20) * DAY
        if end < NOW:
            what = "Lead Won" if buys else "Lead Lost" if luck.random() < 0.5 else ""
            made += [track(who, what, end)] if what else []
    return sorted((one for one in made if str(one["timestamp"]) < "2026-11-19T10:30"), key=lambda one: str(one["timestamp"]))


def open_office(database_url: str, events: list[Event], settings: SiteSettings = SETTINGS) -> Office:
    made = Office(World(database_url), events)
    with made.database.writing() as connection:
        change_site(connection, made.site.id, settings)
    return made


@pytest.fixture
def quiet(database_url: str) -> Iterator[Office]:
    """Nobody was there yet."""
    made = open_office(database_url, [])
    yield made
    made.database.close()


def fake(verdict: str = "better", **changes: Any) -> job.Trainer:
    """A training that takes no time."""

    def quick(snapshots: Snapshots, body: dict[str, Any], **options: Any) -> Trained:
        options["progress"](0.5)
        told = learned(verdict=verdict, base=options["base"], seed=options["seed"], **changes)
        return Trained(with_points("pricing", 17), told)

    return quick


def ask(office: Office, by: str = "ada") -> int:
    """A training that has been taken."""
    with office.database.writing() as connection:
        made = trainings._add(connection, office.site.id, by, NOW)
        assert made is not None
        assert trainings.take(connection, NOW) == made
    return made


def latest(office: Office) -> trainings.Training:
    with office.database.reading() as connection:
        found = trainings.latest(connection, office.site.id)
    assert found is not None
    return found


def run(office: Office, by: str = "ada", now: int = NOW, trainer: job.Trainer | None = None) -> trainings.Training:
    job.run(office.database, ask(office, by), lambda: now, trainer or fake())
    return latest(office)


def current(office: Office) -> int:
    with office.database.reading() as connection:
        return current_cards(connection)[office.site.id].number


def test_the_whole_loop(migrated_sqlite_url: str) -> None:
    office = open_office(migrated_sqlite_url, planted(130))
    assert office.publish(card(hot={"enter": 20}, warm=8)) == 2
    job.run(office.database, ask(office), lambda: NOW)
    done = latest(office)
    assert (done.state, done.done, done.proposal, done.trouble) == ("done", 1.0, 3, None)
    with office.database.reading() as connection:
        found = proposals.find(connection, office.site.id, 3)
        stored = current_cards(connection)[office.site.id]
        assert calibrations.calibration_of(connection, stored.id) is not None
    assert found is not None
    weights = {one.rule: one for one in found.learned.weights if one.bucket is None}
    assert weights["download"].before < weights["pricing"].before
    assert weights["download"].after > weights["pricing"].after
    assert found.learned.horizon_days == HORIZON
    assert found.learned.judgement is not None
    auc = {one.name: one.auc.value or 0.0 for one in found.learned.judgement.by_time}
    assert auc["proposal"] > auc["current"]

    before, simulated = office.hot_list(), office.simulate(found.body)
    with office.database.writing() as connection:
        proposals.promote(connection, office.site, 3, "ben", "it ranks better", NOW)
    office.fill()
    after = office.hot_list()
    assert [(one.lead_id, one.score) for one in simulated.hot_list] == after != before
    with office.database.reading() as connection:
        for lead, score in after[:3]:
            sum_of = explain(connection, lead, NOW)
            assert sum_of is not None
            assert sum(one.decayed_points for one in sum_of.contributions) == pytest.approx(sum_of.points, rel=1e-9)
            assert sum_of.score == pytest.approx(score)
    with office.database.writing() as connection:
        rollback(connection, office.site, "ben", "no good", NOW)
    office.fill()
    assert office.hot_list() == before
    office.database.close()


def test_a_training_proposes_and_says_so(quiet: Office) -> None:
    done = run(quiet)
    assert (done.state, done.proposal, done.by) == ("done", 2, "ada")
    assert current(quiet) == 1
    assert run(quiet).proposal == 3


def test_where_nothing_can_be_learned_the_row_says_why(quiet: Office) -> None:
    told = run(quiet, trainer=train)
    assert (told.state, told.proposal, told.trouble) == ("failed", None, trainings.NOTHING_TO_LEARN)
    told = run(quiet, trainings.AUTOMATIC, trainer=train)
    assert (told.state, told.proposal, told.trouble) == ("done", None, trainings.NOTHING_TO_LEARN)


def test_a_fault_is_told_and_raised(quiet: Office) -> None:
    def broken(*some: Any, **options: Any) -> Trained:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(quiet, trainer=broken)
    assert (latest(quiet).state, latest(quiet).trouble) == ("failed", trainings.FAULT)


@pytest.mark.parametrize(
    ("promotes", "verdict", "published"),
    [(True, "better", True), (True, "no_better", False), (True, "advice", False), (False, "better", False)],
)
def test_only_what_is_better_is_published_by_itself_and_only_where_wanted(
    quiet: Office, promotes: bool, verdict: str, published: bool
) -> None:
    with quiet.database.writing() as connection:
        change_site(connection, quiet.site.id, msgspec.structs.replace(SETTINGS, learning_promotes=promotes))
    assert run(quiet, trainings.AUTOMATIC, trainer=fake(verdict)).state == "done"
    quiet.fill()
    assert current(quiet) == (2 if published else 1)


def test_what_was_compared_with_a_card_that_is_gone_is_not_published(quiet: Office) -> None:
    with quiet.database.writing() as connection:
        change_site(connection, quiet.site.id, msgspec.structs.replace(SETTINGS, learning_promotes=True))

    def meanwhile(snapshots: Snapshots, body: dict[str, Any], **options: Any) -> Trained:
        quiet.publish(with_points("pricing", 20))
        return fake()(snapshots, body, **options)

    assert run(quiet, trainings.AUTOMATIC, trainer=meanwhile).proposal == 3
    quiet.fill()
    assert current(quiet) == 2


def test_what_a_person_asks_for_is_never_published_by_itself(quiet: Office) -> None:
    with quiet.database.writing() as connection:
        change_site(connection, quiet.site.id, msgspec.structs.replace(SETTINGS, learning_promotes=True))
    run(quiet)
    quiet.fill()
    assert current(quiet) == 1


def test_what_speaks_against_a_proposal_holds_it_back() -> None:
    bad = Shadow(0, 100, 30, Figure(0.8, 0.75, 0.85), Figure(0.6, 0.55, 0.7))
    assert job.may_promote(learned(), None)
    assert job.may_promote(learned(), Shadow(0, 0, 0, Figure(), Figure()))
    assert not job.may_promote(learned(), bad)
    assert job.may_promote(learned(), msgspec.structs.replace(bad, auc_proposal=Figure(0.8, 0.7, 0.9)))
    assert not job.may_promote(learned(suspects=(Suspect("note", 0.95, 0.96, 0.7),)), None)


def test_a_proposal_is_watched_for_four_weeks_before_the_next(quiet: Office) -> None:
    assert run(quiet, trainings.AUTOMATIC).proposal == 2
    quiet.world.now = NOW + 20 * DAY
    quiet.world.feed(
        [page("a", "/pricing", NOW + 1 * DAY), page("b", "/blog/a", NOW + 2 * DAY), track("a", "Lead Won", NOW + 9 * DAY)]
    )
    later = run(quiet, trainings.AUTOMATIC, NOW + 20 * DAY)
    assert (later.state, later.proposal) == ("done", 2)
    with quiet.database.reading() as connection:
        found = proposals.open_proposal(connection, quiet.site.id)
    assert found is not None
    assert found.shadow is not None
    assert (found.shadow.since, found.shadow.leads, found.shadow.wins) == (NOW, 2, 1)
    assert found.shadow.auc_proposal.value == 1.0
    assert run(quiet, trainings.AUTOMATIC, NOW + 29 * DAY).proposal == 3


def test_a_proposal_from_a_card_that_is_gone_is_replaced_at_once(quiet: Office) -> None:
    run(quiet, trainings.AUTOMATIC)
    quiet.publish(with_points("pricing", 20))
    assert run(quiet, trainings.AUTOMATIC, NOW + DAY).proposal == 4


def test_the_capacity_is_the_card_s_or_what_there_was(quiet: Office) -> None:
    with quiet.database.reading() as connection:
        assert job.weekly_capacity(connection, current_cards(connection)[quiet.site.id], NOW) == 5
    quiet.publish(SHIPPED | {"hot": {"enter": 60, "per_week": 33}})
    with quiet.database.reading() as connection:
        assert job.weekly_capacity(connection, current_cards(connection)[quiet.site.id], NOW) == 33


def test_who_works_on_a_training_is_heard_of(quiet: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "_TOLD_EVERY_S", 0.01)
    seen: list[float] = []

    def slow(snapshots: Snapshots, body: dict[str, Any], **options: Any) -> Trained:
        options["progress"](0.5)
        while not seen or seen[-1] < 0.5:
            seen.append(latest(quiet).done)
        return fake()(snapshots, body, **options)

    assert run(quiet, trainer=slow).state == "done"
    assert seen[-1] == pytest.approx(job.READING + 0.5 * (1 - job.READING))


def test_it_runs_as_a_process_of_its_own(sqlite_url: str) -> None:
    office = open_office(sqlite_url, [])
    training = ask(office)
    ended = subprocess.run(
        [sys.executable, "-m", "scorer.learning.job", str(training)],
        env={**os.environ, "WARMTRAIL_DATABASE_URL": sqlite_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert latest(office).trouble == trainings.NOTHING_TO_LEARN
    office.database.close()


def test_a_training_ends_with_the_worker_that_began_it(sqlite_url: str, tmp_path: Path) -> None:
    """Else it would go on beside the one that takes its place."""
    office = open_office(sqlite_url, [])
    training, told = ask(office), tmp_path / "child"
    child = f"""
import os, pathlib, time
from scorer.learning import job
from scorer.resources import now_ms
from tracker.db import Database
with job._telling(Database({sqlite_url!r}), {training}, now_ms):
    pathlib.Path({str(told)!r}).write_text(str(os.getpid()))
    time.sleep(60)
"""
    worker = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"]
    )
    try:
        process_id = int(wait_for(lambda: told.exists() and told.read_text()))
        worker.kill()
        worker.wait()
        wait_for(lambda: not is_alive(process_id))
    finally:
        worker.kill()
    assert latest(office).state == "running"
    with office.database.writing() as connection:
        trainings.give_up_silent(connection, now_ms() + trainings.SILENT_MS + 1)
    assert latest(office).trouble == trainings.INTERRUPTED
    office.database.close()


def wait_for(happened: Callable[[], Any]) -> Any:
    """What it gives when it has happened."""
    until = time.monotonic() + 30
    while not (found := happened()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def is_alive(process_id: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2][:3]
    except FileNotFoundError:
        return False


def test_a_learned_card_keeps_the_chances_of_its_backtest_until_there_are_new_ones(quiet: Office) -> None:
    run(quiet)
    with quiet.database.writing() as connection:
        stored = proposals.promote(connection, quiet.site, 2, "ada", "better", NOW)
    quiet.fill()
    months = 300 * DAY

    def table(rows: int, begin: int) -> Snapshots:
        with quiet.database.reading() as connection:
            empty = read_snapshots(connection, quiet.site, NOW, half_lives=())
        places = np.arange(rows, dtype=np.int64)
        zeros, at = np.zeros(rows), begin + places
        won = places % 2 == 0
        known: dict[str, Any] = {
            "at": at,
            "known_at": at + 20 * DAY,
            "won": won,
            "weights": zeros + 1,
            "current": won * 20.0,
        }
        rest: dict[str, Any] = {"leads": places, "accounts": places - rows, "last_at": at, "pages": zeros}
        return replace(empty, **known, **rest)

    def refreshed(snapshots: Snapshots) -> Calibration | None:
        with quiet.database.writing() as connection:
            job.refresh_calibration(connection, stored, snapshots, NOW + months)
            return calibrations.calibration_of(connection, stored.id)

    assert refreshed(table(200, NOW - DAY * 90)) == CALIBRATION, "it has learned from these"
    assert refreshed(table(99, NOW + DAY)) == CALIBRATION, "these are too few"
    assert refreshed(table(100, NOW + months - DAY)) == CALIBRATION, "of these it isn't known yet"
    renewed = refreshed(table(100, NOW + DAY))
    assert renewed is not None
    assert (renewed.wins, renewed.losses, renewed.made_at) == (50, 50, NOW + months)
