"""Learn from a site's outcomes: read, train, propose; and once a week look after the cards that are in force.

Run in a process of its own, ``python -m scorer.learning.job ID``, since it takes minutes and the memory of a large table,
which end with the process. Killed at any instant it leaves the card in force as it was; the row of ``trainings`` is put
right by a later turn of ``jobs.train``.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from scorer import calibrations, learning_alarms, proposals, trainings
from scorer.core.decay import DAY_MS
from scorer.core.drift import Drift, area
from scorer.core.learned import ENOUGH, Learned
from scorer.core.rules import Card
from scorer.core.scorecard import parse
from scorer.labelled import LabelledError
from scorer.learning.calibrating import calibrate
from scorer.learning.reading import read_snapshots, rows_of
from scorer.learning.snapshots import Snapshots
from scorer.learning.train import Trained, train
from scorer.models import lead_changes, scorecards
from scorer.proposals import Proposal, Shadow
from scorer.proving import stood_since
from scorer.resources import now_ms
from scorer.scorecards import StoredCard, body_of, current_cards
from scorer.simulating import proposal as as_published
from tracker.db import Database
from tracker.log import configure_logging, get_logger
from tracker.settings import read_settings
from tracker.sites import Site, load_sites

if TYPE_CHECKING:  # The archive needs an extra.
    from scorer.whole_history import WholeHistory

READING: Final = 0.4
"""Share of the work that is reading."""
SEED: Final = 1
WATCHED_DAYS: Final = 28
"""Days for which the weekly training leaves a proposal that waits alone: it has to show in shadow what it is worth."""
LEAST_CAPACITY: Final = 5
_TOLD_EVERY_S: Final = 1.0
_HEARD_EVERY_S: Final = 15.0

log = get_logger(__name__)
Progress = Callable[[float], None]


class Trainer(Protocol):
    """What ``train.train`` is."""

    def __call__(
        self,
        snapshots: Snapshots,
        body: dict[str, object],
        *,
        base: int,
        capacity: int,
        seed: int,
        now_ms: int,
        progress: Progress = ...,
        allow_leaks: bool = ...,
    ) -> Trained:
        """Return a learned card."""


class Taught(msgspec.Struct, frozen=True):
    """A training that hasn't been written down yet."""

    stored: StoredCard
    """The current card, from which it started."""
    snapshots: Snapshots
    trained: Trained


def learn(
    database: Database,
    site: Site,
    now: int,
    *,
    horizon_days: int | None = None,
    seed: int = SEED,
    progress: Progress = lambda done: None,
    trainer: Trainer = train,
    history: WholeHistory | None = None,
) -> Taught:
    """Return what a site's outcomes teach; writes nothing. Told to progress is the share that is done. With *history* the
    leads are folded there.

    Raises ``TrainingError`` where nothing can be learned yet.
    """
    with database.reading() as connection:
        stored = current_cards(connection)[site.id]
        body = body_of(connection, site.id)
        capacity = weekly_capacity(connection, stored, now)
        snapshots = read_snapshots(
            connection,
            site,
            now,
            horizon_days=horizon_days,
            progress=lambda done, of: progress(READING * done / of),
            history=history,
        )
    assert body is not None
    trained = trainer(
        snapshots,
        msgspec.json.decode(body),
        base=stored.number,
        capacity=capacity,
        seed=seed,
        now_ms=now,
        progress=lambda done: progress(READING + (1 - READING) * done),
    )
    if not trained.learned.weights:
        raise trainings.TrainingError(trainings.NOTHING_TO_LEARN.en, trainings.NOTHING_TO_LEARN.zh)
    return Taught(stored, snapshots, trained)


def keep(connection: Connection, site: Site, taught: Taught, actor: str, now: int) -> int:
    """Write a training down: the proposal, and how sure the current card's points make of a win. Return the number."""
    if taught.snapshots.horizon_days == site.settings.learning_horizon_days:
        refresh_calibration(connection, taught.stored, taught.snapshots, now)
    return proposals.propose(connection, site, taught.trained.body, taught.trained.learned, actor, now)


def refresh_calibration(connection: Connection, stored: StoredCard, snapshots: Snapshots, now: int) -> None:
    """Keep how sure the current card's points make of a win, as far as anything is known of it.

    A card that was learned keeps the chances of its backtest until 50 leads were won and 50 not that it hasn't learned from.
    """
    mine = proposals.find(connection, stored.site_id, stored.number)
    rows = rows_of(snapshots, now, mine.learned.trained_at if mine else 0)
    if min(rows.wins, rows.losses) < (ENOUGH if mine and mine.learned.calibration else 1):
        return
    found = calibrate(
        rows.points,
        rows.won,
        rows.weights,
        horizon_days=snapshots.horizon_days,
        now_ms=now,
        wins=rows.wins,
        losses=rows.losses,
        clusters=rows.clusters,
    )
    if found is not None:
        calibrations.keep(connection, stored.id, found)


def weekly_capacity(connection: Connection, stored: StoredCard, now: int) -> int:
    """Return how many leads the team can call in a week: what the card says, else how many became hot in each of the last
    four weeks, and never fewer than 5."""
    told = stored.card.scorecard.hot.per_week
    if told is not None:
        return told
    entered = select(func.count()).where(
        lead_changes.c.site_id == stored.site_id,
        lead_changes.c.kind == "entered",
        lead_changes.c.at > now - 4 * 7 * DAY_MS,
    )
    return max(LEAST_CAPACITY, round(connection.execute(entered).scalar_one() / 4))


def shadow_of(connection: Connection, site: Site, waiting: Proposal, now: int) -> Shadow:
    """Return how the current card and a proposal would have ranked the leads of the time since it was proposed."""
    current = current_cards(connection)[site.id].card
    proposed = Card(parse(waiting.body), now // DAY_MS * DAY_MS)
    by_current, by_proposal = stood_since(connection, site, [current, proposed], waiting.created_at, None, now)
    wins = sum(one.won for one in by_current)
    return Shadow(waiting.created_at, len(by_current), wins, area(by_current), area(by_proposal))


def look_after(
    database: Database, site: Site, now: int, progress: Progress, trainer: Trainer = train
) -> tuple[int, Shadow | None]:
    """Do what is done of each site once a week; return the number of the proposal that waits, or was published, and how it
    has done since it was made.

    Judges whether the current card keeps its promise, and the proposal that waits by what happened since; makes a new
    proposal, unless one waits that isn't four weeks old yet and started from the current card; brings the current card's
    chances up to date; and publishes the proposal by itself where the site wants that, it started from the current card, the
    interval of its gain excludes that there is none, and what happened since doesn't speak against it.

    Raises ``TrainingError`` where nothing can be learned yet.
    """
    with database.reading() as connection:
        stored = current_cards(connection)[site.id]
        drifts: list[Drift] = learning_alarms.look(connection, site, now)
        waiting = proposals.open_proposal(connection, site.id)
        shadow = shadow_of(connection, site, waiting, now) if waiting else None
    with database.writing() as connection:
        learning_alarms.settle(connection, site, drifts, now)
    if waiting is not None and _is_watched(waiting, stored, now):
        with database.reading() as connection:
            snapshots = read_snapshots(connection, site, now, half_lives=(), progress=lambda done, of: progress(done / of))
        with database.writing() as connection:
            refresh_calibration(connection, stored, snapshots, now)
        number, learned = waiting.number, waiting.learned
    else:
        taught = learn(database, site, now, progress=progress, trainer=trainer)
        with database.writing() as connection:
            number = keep(connection, site, taught, trainings.AUTOMATIC, now)
        learned, shadow = taught.trained.learned, None
    if site.settings.learning_promotes and may_promote(learned, shadow):
        _promote(database, site, number, now)
    return number, shadow


def _is_watched(waiting: Proposal, stored: StoredCard, now: int) -> bool:
    """Whether a proposal is left alone, to show in shadow what it is worth."""
    return waiting.created_at > now - WATCHED_DAYS * DAY_MS and waiting.learned.base == stored.number


def may_promote(learned: Learned, shadow: Shadow | None) -> bool:
    """Return whether a proposal may be published without a person."""
    if learned.verdict != "better" or learned.suspects:
        return False
    if shadow is None or shadow.auc_proposal.high is None or shadow.auc_current.value is None:
        return True
    return shadow.auc_proposal.high >= shadow.auc_current.value


def run(database: Database, training_id: int, clock: Callable[[], int], trainer: Trainer = train) -> None:
    """Do a training that has been taken. What goes wrong stands in its row."""
    with database.reading() as connection:
        site_id, by = trainings.asked_by(connection, training_id)
        site = load_sites(connection)[site_id]
    shadow: Shadow | None = None
    try:
        with _telling(database, training_id, clock) as progress:
            if by == trainings.AUTOMATIC:
                number, shadow = look_after(database, site, clock(), progress, trainer)
            else:
                taught = learn(database, site, clock(), progress=progress, trainer=trainer)
                with database.writing() as connection:
                    number = keep(connection, site, taught, by, clock())
    except LabelledError as error:
        with database.writing() as connection:
            if by == trainings.AUTOMATIC and error.label == trainings.NOTHING_TO_LEARN:
                # Of a young site nothing else is to be expected; nobody has to look.
                trainings.finish(connection, training_id, None, trouble=error.label)
            else:
                trainings.fail(connection, training_id, error.label)
        return
    except Exception:
        with database.writing() as connection:
            trainings.fail(connection, training_id, trainings.FAULT)
        raise
    with database.writing() as connection:
        trainings.finish(connection, training_id, _card_id(connection, site.id, number), shadow)
    log.info("training_done", site=site.id, scorecard=number)


def main() -> None:
    """Do the training of the id given as the argument, with the settings of the environment."""
    settings = read_settings()
    configure_logging("json" if settings.log_format == "json" else "text")
    os.nice(10)
    database = Database(settings.effective_database_url)
    try:
        run(database, int(sys.argv[1]), now_ms)
    finally:
        database.close()


@contextmanager
def _telling(database: Database, training_id: int, clock: Callable[[], int]) -> Iterator[Progress]:
    """Yield what to tell progress to. A thread of its own writes it down, so that it is heard of during a long step, too."""
    done, over, parent = [0.0], threading.Event(), os.getppid()

    def tell() -> None:
        told, told_at = -1.0, -_HEARD_EVERY_S
        while not over.wait(_TOLD_EVERY_S):
            if os.getppid() != parent:
                os._exit(1)  # Whoever started this is gone, and would start it again.
            now = time.monotonic()
            if done[0] - told < 0.01 and now - told_at < _HEARD_EVERY_S:
                continue
            told, told_at = done[0], now
            try:
                with database.writing() as connection:
                    is_wanted = trainings.tell(connection, training_id, told, clock())
            except SQLAlchemyError as error:
                log.warning("training_not_told", training=training_id, error=type(error).__name__)
                continue
            if not is_wanted:
                os._exit(1)  # It was taken for dead, and another may have begun.

    thread = threading.Thread(target=tell, name="training-progress", daemon=True)
    thread.start()
    try:
        yield lambda share: done.__setitem__(0, share)
    finally:
        over.set()
        thread.join()


def _promote(database: Database, site: Site, number: int, now: int) -> None:
    with database.reading() as connection:
        found = proposals.find(connection, site.id, number)
        assert found is not None
        enter = as_published(connection, site, found.body, now)["hot"]["enter"]
    why = "by itself: the interval of its gain excludes that there is none"
    with database.writing() as connection:
        if current_cards(connection)[site.id].number == found.learned.base:  # Else it was compared with another card.
            proposals.promote(connection, site, number, trainings.AUTOMATIC, why, now, enter)


def _card_id(connection: Connection, site_id: int, number: int) -> int:
    mine = (scorecards.c.site_id == site_id) & (scorecards.c.number == number)
    found: int = connection.execute(select(scorecards.c.id).where(mine)).scalar_one()
    return found


if __name__ == "__main__":
    main()
