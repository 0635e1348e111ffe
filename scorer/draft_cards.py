"""Scorecards that somebody is working on, and what trying them has shown. Kept in Redis for a day, and never published
from there without a person.

A draft is tried by a process of its own, since it takes about a second for a thousand leads; whoever waits reads how far it
is.
"""

from __future__ import annotations

import secrets
from typing import Any, Final, Literal

import msgspec
import redis
from rq import Queue

from scorer.core.labels import Label
from scorer.core.scorecard import Hot, ScorecardError
from scorer.core.simulation import Moved, Placed, Simulation
from scorer.simulating import TooManyLeads, compare
from tracker.db import Database
from tracker.queue import CARE_QUEUE
from tracker.sites import load_sites

KEPT_SECONDS: Final = 86_400
LEADS_AT_MOST: Final = 20_000
"""Leads whose histories are folded while somebody waits."""
LISTED: Final = 25
TRY_JOB: Final = "scorer.jobs.try_drafts"
ASKED_KEY: Final = "warmtrail:drafts"
"""Tokens of the drafts that are to be tried, the first one first."""
RESCORE_JOB: Final = "scorer.jobs.rescore"
DAYS: Final = (30, 90, 180)


class Draft(msgspec.Struct, frozen=True):
    """A scorecard that isn't published."""

    site_id: int
    base: int
    """Number of the card that it was made from."""
    body: dict[str, Any]
    by: str
    days: int
    """How far back it is tried."""
    proposal: int | None = None
    """Number of the learned card that it is, unchanged: to publish the one is to publish the other."""


class Trial(msgspec.Struct, frozen=True):
    """How far trying a draft is, and what it has shown. Of leads it has ids, no names: those may have been erased since."""

    state: Literal["waiting", "running", "done", "failed"]
    done: int = 0
    total: int = 0
    """Leads to be looked at; 0 before it is known."""
    hot: Hot | None = None
    """As it would be stored; ``None`` until it is done."""
    warm: float | None = None
    simulation: Simulation | None = None
    trouble: Label | None = None
    """Why it failed."""


def keep_draft(client: redis.Redis, draft: Draft) -> str:
    """Keep a draft and return the token by which it is found."""
    token = secrets.token_urlsafe(12)
    client.set(_key(token), msgspec.json.encode(draft), ex=KEPT_SECONDS)
    return token


def find_draft(client: redis.Redis, site_id: int, token: str) -> Draft | None:
    """Return a draft of a site; ``None`` where there is none, or none any more."""
    kept: Any = client.get(_key(token)) if token and len(token) < 50 else None
    draft = msgspec.json.decode(kept, type=Draft) if kept else None
    return draft if draft is not None and draft.site_id == site_id else None


def ask_for_trial(client: redis.Redis, token: str) -> None:
    """Have a draft tried, by ``draft_trials``."""
    _tell(client, token, Trial("waiting"))
    client.rpush(ASKED_KEY, token)
    queue = Queue(CARE_QUEUE, connection=client)
    queue.enqueue(TRY_JOB, ttl=60, result_ttl=0, failure_ttl=3600, job_timeout=60)


def are_asked(client: redis.Redis) -> bool:
    """Whether any draft waits to be tried."""
    return bool(client.exists(ASKED_KEY))


def next_asked(client: redis.Redis, seconds: float) -> str | None:
    """Take the draft that has waited longest; ``None`` where none was asked for within so many *seconds*."""
    found: Any = client.blpop([ASKED_KEY], timeout=seconds) if seconds else client.lpop(ASKED_KEY)
    token = found[1] if isinstance(found, tuple | list) else found
    return None if token is None else token.decode()


def hurry_rescore(client: redis.Redis) -> None:
    """Have a worker begin to make the scores by a published card, rather than at the next turn of cron."""
    Queue(CARE_QUEUE, connection=client).enqueue(RESCORE_JOB, ttl=60, result_ttl=0, failure_ttl=3600, job_timeout=300)


def read_trial(client: redis.Redis, token: str) -> Trial | None:
    """Return how far a trial is; ``None`` where none was asked for."""
    kept: Any = client.get(_trial_key(token)) if len(token) < 50 else None
    return msgspec.json.decode(kept, type=Trial) if kept else None


def try_draft(database: Database, client: redis.Redis, token: str, now_ms: int) -> None:
    """Simulate a draft and keep what it shows. Run twice, the second result replaces the first."""
    kept: Any = client.get(_key(token))
    if not kept:
        return
    draft = msgspec.json.decode(kept, type=Draft)

    def progress(done: int, total: int) -> None:
        _tell(client, token, Trial("running", done, total))

    _tell(client, token, Trial("running"))
    try:
        with database.reading() as connection:
            site = load_sites(connection)[draft.site_id]
            card, found = compare(
                connection,
                site,
                draft.body,
                now_ms,
                days=draft.days,
                listed=LISTED,
                progress=progress,
                at_most=LEADS_AT_MOST,
            )
    except TooManyLeads as error:
        _tell(client, token, Trial("failed", trouble=_too_many(error.leads)))
    except ScorecardError as error:
        _tell(client, token, Trial("failed", trouble=error.problems[0].label))
    except Exception:
        _tell(client, token, Trial("failed", trouble=_FAULT))
        raise
    else:
        _tell(client, token, Trial("done", found.leads, found.leads, card.hot, card.warm, _nameless(found)))


def _nameless(found: Simulation) -> Simulation:
    def placed(some: list[Placed]) -> list[Placed]:
        return [msgspec.structs.replace(one, name="") for one in some]

    left: list[Moved] = [msgspec.structs.replace(one, name="") for one in found.leaves]
    return msgspec.structs.replace(found, enters=placed(found.enters), leaves=left, hot_list=placed(found.hot_list))


def _too_many(leads: int) -> Label:
    return Label(
        f"{leads:,} leads would have to be looked at; {LEADS_AT_MOST:,} are the most here. The command line takes any "
        "number: warmtrail scorecard simulate FILE",
        f"需要查看 {leads:,} 条线索，此处最多 {LEADS_AT_MOST:,} 条。命令行不限数量：warmtrail scorecard simulate FILE",
    )


_FAULT: Final = Label("The fault is ours, and is in the service's log.", "这是我们的问题，详情见服务日志。")


def _tell(client: redis.Redis, token: str, trial: Trial) -> None:
    client.set(_trial_key(token), msgspec.json.encode(trial), ex=KEPT_SECONDS)


def _key(token: str) -> str:
    return f"warmtrail:draft:{token}"


def _trial_key(token: str) -> str:
    return f"warmtrail:draft:{token}:trial"
