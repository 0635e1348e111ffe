"""What ``doctor`` finds about the processes that work behind the collector, by what they have written into Redis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rq import Queue, Worker
from rq.cron import CronScheduler
from rq.registry import FailedJobRegistry
from rq.worker import BaseWorker

from scorer.core.findings import Sign, Texts, sign
from scorer.core.labels import Label
from scorer.intake import read_accounts
from scorer.resources import Resources
from scorer.worker_names import present_version, version_in
from tracker.queue import CARE_QUEUE, drain_queue


def process_signs(resources: Resources) -> Iterator[Sign]:
    """Yield whether workers and cron are there, fit together, and do what they are asked to.

    Raises ``redis.RedisError`` where Redis can't be asked.
    """
    served = Worker.all(connection=resources.control)
    yield from _worker_signs(resources, served)
    slots = resources.settings.slot_count
    beyond = {int(name[6:]) for one in served for name in one.queue_names() if name[:6] == "drain-" and name[6:].isdigit()}
    if max(beyond, default=0) >= slots:
        yield sign(_TEXTS, "wrong", "slots", theirs=max(beyond) + 1, ours=slots)
    ours = present_version()
    others = sorted({version for one in served if (version := version_in(one.name)) and ours and version != ours})
    if others:
        yield sign(_TEXTS, "note", "versions", theirs=", ".join(others), ours=ours)
    if not CronScheduler.all(resources.control, cleanup=False):
        yield sign(_TEXTS, "wrong" if served else "note", "no cron")
    yield from _failed_signs(resources)


def _worker_signs(resources: Resources, served: Sequence[BaseWorker]) -> Iterator[Sign]:
    names = [*(drain_queue(slot) for slot in range(resources.settings.slot_count)), CARE_QUEUE]
    busy = {name for one in served for name in one.queue_names()}
    idle = [name for name in names if name not in busy]
    waiting = read_accounts(resources).waiting
    named = Label(", ".join(idle or names), "、".join(idle or names))
    if not idle:
        yield sign(_TEXTS, "good", "served", names=named, waiting=waiting)
    elif waiting:
        yield sign(_TEXTS, "wrong", "events wait", names=named, waiting=waiting)
    else:
        yield sign(_TEXTS, "note", "not served", names=named)


def _failed_signs(resources: Resources) -> Iterator[Sign]:
    """Jobs that ended with an error within the last day: for as long they are kept."""
    for name in (*(drain_queue(slot) for slot in range(resources.settings.slot_count)), CARE_QUEUE):
        queue = Queue(name, connection=resources.control)
        registry = FailedJobRegistry(queue=queue)
        ids = registry.get_job_ids()
        if ids:
            last = queue.fetch_job(ids[-1])
            called = last.func_name.rpartition(".")[2] if last and last.func_name else "?"
            yield sign(_TEXTS, "note", "failed", count=len(ids), queue=name, job=called)


_TEXTS: Final[Texts] = {
    "served": (
        Label(
            "Workers: one or more for each of {names}; {waiting:,} events wait.",
            "Worker：{names} 均有 worker 处理；{waiting:,} 个事件等待中。",
        ),
        Label(""),
    ),
    "events wait": (
        Label(
            "{waiting:,} events wait and no worker serves {names}.",
            "{waiting:,} 个事件等待中，但 {names} 没有 worker 处理。",
        ),
        Label("warmtrail worker", "warmtrail worker"),
    ),
    "not served": (
        Label("No worker serves {names}.", "{names} 没有 worker 处理。"),
        Label("warmtrail up, or warmtrail worker", "warmtrail up 或 warmtrail worker"),
    ),
    "slots": (
        Label(
            "Workers elsewhere have {theirs} slots or more; here there are {ours}.",
            "其他地方的 worker 至少有 {theirs} 个 slot；此处为 {ours} 个。",
        ),
        Label(
            "Set WARMTRAIL_SLOTS (or WARMTRAIL_WORKERS) to the same number everywhere, or some events wait for nobody.",
            "请在各处将 WARMTRAIL_SLOTS（或 WARMTRAIL_WORKERS）设为同一数值，否则部分事件无人处理。",
        ),
    ),
    "versions": (
        Label("There are workers of version {theirs}; this is {ours}.", "有版本为 {theirs} 的 worker；本程序为 {ours}。"),
        Label(
            "Start them anew; docs/install.md has the order of an upgrade.", "请重新启动它们；升级顺序见 docs/install.md。"
        ),
    ),
    "no cron": (
        Label(
            "No cron runs: leads don't cool, mails and webhooks are late, nothing is forgotten.",
            "没有运行 cron：线索不会降温，邮件和 webhook 会延迟，过期数据不会删除。",
        ),
        Label("warmtrail up, or warmtrail cron on one machine", "warmtrail up，或在一台机器上运行 warmtrail cron"),
    ),
    "failed": (
        Label(
            "{count:,} jobs of {queue} failed within a day, the last of them {job}.",
            "{queue} 一天内有 {count:,} 个任务失败，最近一个是 {job}。",
        ),
        Label(
            "The log of that worker says why. No event is lost by it: cron asks again.",
            "原因见该 worker 的日志。不会因此丢失事件：cron 会再次安排。",
        ),
    ),
}
