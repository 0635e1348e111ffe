"""Trainings: asked for by people or once a week, done in a process of their own, told of while they run.

A row of ``trainings`` goes from ``waiting`` to ``running`` to ``done`` or ``failed``. Whoever works on one says so every few
seconds; of one that is silent somebody else says that it has failed, so that none stays ``running`` for ever.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Final, Literal

import msgspec
import redis
from rq import Queue
from sqlalchemy import Connection, insert, select, update

from scorer.auditing import note
from scorer.core.labels import Label
from scorer.labelled import LabelledError
from scorer.learning_models import trainings
from scorer.models import outcomes, scorecards
from scorer.proposals import Shadow
from scorer.publishing import lock_cards
from tracker.queue import CARE_QUEUE
from tracker.sites import Site, load_sites

State = Literal["waiting", "running", "done", "failed"]

AUTOMATIC: Final = "warmtrail"
"""Who asks for the training of each week."""
TRAIN_JOB: Final = "scorer.jobs.train"
SILENT_MS: Final = 120_000
"""Who has worked on a training and has said nothing for so long is gone."""

UNDER_WAY: Final = Label("A training of this site is under way.", "该站点的训练正在进行中。")
INTERRUPTED: Final = Label("The training was interrupted. Ask for it again.", "训练被中断，请重新发起。")
FAULT: Final = Label("The fault is ours, and is in the service's log.", "这是我们的问题，详情见服务日志。")
NO_EXTRA: Final = Label(
    "Learning needs an extra that isn't installed: pip install 'warmtrail[learn]'",
    "学习功能需要附加软件包，尚未安装：pip install 'warmtrail[learn]'",
)
NOTHING_TO_LEARN: Final = Label(
    "There is nothing to learn from yet: it takes leads that were on the site and were won within the horizon, and others "
    "that weren't.",
    "尚无可供学习的数据：需要有访问过网站并在期限内成交的线索，以及未成交的线索。",
)


class TrainingError(LabelledError):
    """A training can't be had now; the label says why."""


class Training(msgspec.Struct, frozen=True):
    """One training, and how far it is."""

    id: int
    at: int
    """When it was asked for: milliseconds since 1970 UTC."""
    by: str
    state: State
    done: float
    """Share of the work."""
    proposal: int | None
    """Number of the card that came of it, or that was looked after; ``None`` for none."""
    trouble: Label | None
    """Why nothing came of it."""


class Detail(msgspec.Struct, frozen=True, omit_defaults=True):
    """What else is kept of a training, as JSON."""

    trouble: Label | None = None
    shadow: Shadow | None = None
    """How the proposal that waits has done so far."""
    heard_at: int = 0
    """When who works on it last said so."""


def has_extra() -> bool:
    """Return whether training is possible in this installation."""
    return all(find_spec(name) is not None for name in ("numpy", "scipy", "sklearn"))


def ask(connection: Connection, client: redis.Redis, site: Site, actor: str, now_ms: int) -> int:
    """Ask for a training of a site, in a transaction that is to commit; return its id.

    Raises ``TrainingError`` while another is under way, and where the extra isn't installed.
    """
    if not has_extra():
        raise TrainingError(NO_EXTRA.en, NO_EXTRA.zh)
    made = _add(connection, site.id, actor, now_ms)
    if made is None:
        raise TrainingError(UNDER_WAY.en, UNDER_WAY.zh)
    note(connection, site.id, actor, "train", f"training {made}", "", {}, now_ms)
    hurry(client)
    return made


def ask_for_all(connection: Connection, now_ms: int) -> list[int]:
    """Ask for the weekly training of each site that has won anything or has goals; return their ids.

    Sites with one under way are left out. Without the extra it is said once of each site, and nothing is asked for.
    """
    won = select(outcomes.c.site_id).where(outcomes.c.kind == "won").distinct()
    winners = set(connection.execute(won).scalars())
    made = []
    for site_id, site in load_sites(connection).items():
        if site_id not in winners and not site.settings.goal_events:
            continue
        if has_extra():
            asked = _add(connection, site_id, AUTOMATIC, now_ms)
            made += [asked] if asked is not None else []
        elif (last := latest(connection, site_id)) is None or last.trouble != NO_EXTRA:
            values = _values(site_id, AUTOMATIC, now_ms, "failed", Detail(trouble=NO_EXTRA))
            connection.execute(insert(trainings).values(values))
    return made


def hurry(client: redis.Redis) -> None:
    """Have a worker begin with what waits, rather than at the next turn of cron."""
    Queue(CARE_QUEUE, connection=client).enqueue(TRAIN_JOB, ttl=60, result_ttl=0, failure_ttl=3600, job_timeout=60)


def latest(connection: Connection, site_id: int) -> Training | None:
    """Return the last training of a site; ``None`` before the first."""
    return next(iter(history(connection, site_id, 1)), None)


def history(connection: Connection, site_id: int, limit: int = 20) -> list[Training]:
    """Return the last trainings of a site, the latest first."""
    query = (
        select(trainings, scorecards.c.number)
        .select_from(trainings.outerjoin(scorecards, scorecards.c.id == trainings.c.scorecard_id))
        .where(trainings.c.site_id == site_id)
    )
    rows = connection.execute(query.order_by(trainings.c.id.desc()).limit(limit))
    return [Training(row.id, row.at, row.by, row.state, row.done, row.number, _detail(row.detail).trouble) for row in rows]


def is_wanted(connection: Connection) -> bool:
    """Return whether any training waits or runs."""
    return connection.execute(select(trainings.c.id).where(_UNDER_WAY).limit(1)).first() is not None


def take(connection: Connection, now_ms: int) -> int | None:
    """Take the training that has waited longest, and return its id; ``None`` where none waits or somebody was faster."""
    first = select(trainings.c.id).where(trainings.c.state == "waiting").order_by(trainings.c.id).limit(1)
    training_id = connection.execute(first).scalar()
    if training_id is None:
        return None
    waiting = (trainings.c.id == training_id) & (trainings.c.state == "waiting")
    values = {"state": "running", "detail": _encode(Detail(heard_at=now_ms))}
    return connection.execute(update(trainings).where(waiting).values(values).returning(trainings.c.id)).scalar()


def give_up_silent(connection: Connection, now_ms: int) -> None:
    """Say of the trainings that nobody works on any more that they have failed."""
    running = connection.execute(select(trainings.c.id, trainings.c.detail).where(trainings.c.state == "running"))
    for training_id, detail in running.all():
        if _detail(detail).heard_at < now_ms - SILENT_MS:
            fail(connection, training_id, INTERRUPTED)


def tell(connection: Connection, training_id: int, done: float, now_ms: int) -> bool:
    """Say that a training is worked on, and how much of it is done; return whether it is still wanted."""
    mine = (trainings.c.id == training_id) & (trainings.c.state == "running")
    values = {"done": min(1.0, done), "detail": _encode(Detail(heard_at=now_ms))}
    told = connection.execute(update(trainings).where(mine).values(values).returning(trainings.c.id))
    return told.first() is not None


def finish(
    connection: Connection,
    training_id: int,
    proposal_id: int | None,
    shadow: Shadow | None = None,
    trouble: Label | None = None,
) -> None:
    """Say that a training is done, and which card it made or looked after, or why none."""
    detail = _encode(Detail(trouble=trouble, shadow=shadow))
    values = {"state": "done", "done": 1.0, "scorecard_id": proposal_id, "detail": detail}
    connection.execute(update(trainings).where(trainings.c.id == training_id).values(values))


def fail(connection: Connection, training_id: int, trouble: Label) -> None:
    """Say that nothing came of a training, and why."""
    mine = (trainings.c.id == training_id) & _UNDER_WAY
    connection.execute(update(trainings).where(mine).values(state="failed", detail=_encode(Detail(trouble=trouble))))


def asked_by(connection: Connection, training_id: int) -> tuple[int, str]:
    """Return the site of a training, and who asked for it."""
    query = select(trainings.c.site_id, trainings.c.by).where(trainings.c.id == training_id)
    row = connection.execute(query).one()
    return row.site_id, row.by


_UNDER_WAY: Final = trainings.c.state.in_(("waiting", "running"))


def _add(connection: Connection, site_id: int, actor: str, now_ms: int) -> int | None:
    lock_cards(connection, site_id)  # Of two who ask at once the second waits here, and finds the first's.
    taken = select(trainings.c.id).where(trainings.c.site_id == site_id, _UNDER_WAY)
    if connection.execute(taken).first():
        return None
    values = _values(site_id, actor, now_ms, "waiting", Detail())
    made: int = connection.execute(insert(trainings).values(values).returning(trainings.c.id)).scalar_one()
    return made


def _values(site_id: int, actor: str, now_ms: int, state: State, detail: Detail) -> dict[str, Any]:
    told = {"site_id": site_id, "at": now_ms, "by": actor[:200], "state": state, "done": 0.0}
    return told | {"scorecard_id": None, "detail": _encode(detail)}


def _encode(detail: Detail) -> str:
    return msgspec.json.encode(detail).decode()


def _detail(text: str) -> Detail:
    return msgspec.json.decode(text, type=Detail)
