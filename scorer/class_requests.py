"""Ask for classes and groups to be learned anew, and know how far that is. Kept in Redis: it is over in a minute or so."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final, Literal

import msgspec
import redis
from rq import Queue

from scorer.core.labels import Label
from tracker.queue import CARE_QUEUE

KEPT_SECONDS: Final = 3_600
LEARN_JOB: Final = "scorer.jobs.learn_classes"
ASSIGN_JOB: Final = "scorer.jobs.assign_classes"

NO_LEARNING: Final = Label(
    "Learning needs scikit-learn, which isn't installed here: pip install 'warmtrail[learn]'",
    "学习功能需要 scikit-learn，此处尚未安装：pip install 'warmtrail[learn]'",
)


class Learning(msgspec.Struct, frozen=True):
    """How far it is. ``at`` in ms since 1970 UTC."""

    state: Literal["waiting", "learning", "telling", "failed"]
    """``telling``: it is learned, and each lead is being looked at."""
    at: int
    trouble: Label | None = None
    """Why it failed."""


def is_learned(client: redis.Redis, site_id: int, activity: str) -> bool:
    """Whether all that has happened on a site (see ``scorer.activity``) was learned from, and every lead told of it."""
    return bool(client.get(_learned_key(site_id)) == activity.encode())


def begin_learning(client: redis.Redis, site_id: int, activity: str) -> None:
    """Note what is about to be learned from."""
    client.set(_learning_key(site_id), activity)


def end_learning(client: redis.Redis, site_id: int) -> None:
    """Note that every lead was told of what was learned. Lost with Redis, all of it is done once more."""
    with suppress(redis.ResponseError):  # There is nothing to rename where leads were told of it for another reason.
        client.rename(_learning_key(site_id), _learned_key(site_id))


def ask_to_learn(client: redis.Redis, site_id: int, now_ms: int) -> None:
    """Have a worker learn the classes and groups of a site, unless one is at it."""
    if not client.set(_key(site_id), msgspec.json.encode(Learning("waiting", now_ms)), ex=KEPT_SECONDS, nx=True):
        known = how_far(client, site_id)
        if known is None or known.state != "failed":
            return
        tell(client, site_id, Learning("waiting", now_ms))
    queue = Queue(CARE_QUEUE, connection=client)
    queue.enqueue(LEARN_JOB, site_id, ttl=KEPT_SECONDS, result_ttl=0, failure_ttl=86_400, job_timeout=1_800)


def ask_to_assign(client: redis.Redis, site_id: int, after: str) -> None:
    """Have a worker go on telling of each lead what it is taken to be."""
    queue = Queue(CARE_QUEUE, connection=client)
    queue.enqueue(ASSIGN_JOB, site_id, after, ttl=86_400, result_ttl=0, failure_ttl=86_400, job_timeout=300)


def how_far(client: redis.Redis, site_id: int) -> Learning | None:
    """Return how far it is; ``None`` where nothing is under way."""
    kept: Any = client.get(_key(site_id))
    return msgspec.json.decode(kept, type=Learning) if kept else None


def tell(client: redis.Redis, site_id: int, learning: Learning | None) -> None:
    """Say how far it is; ``None``: done."""
    if learning is None:
        client.delete(_key(site_id))
    else:
        client.set(_key(site_id), msgspec.json.encode(learning), ex=KEPT_SECONDS)


def _learned_key(site_id: int) -> str:
    return f"warmtrail:classes:{site_id}:learned"


def _learning_key(site_id: int) -> str:
    return f"warmtrail:classes:{site_id}:learning"


def _key(site_id: int) -> str:
    return f"warmtrail:classes:{site_id}"
