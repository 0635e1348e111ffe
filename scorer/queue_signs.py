"""What ``doctor`` finds about the servers of the queue: whether what they have acknowledged is safe with them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

import redis

from scorer.core.findings import Sign, Texts, sign
from scorer.core.labels import Label
from scorer.resources import Resources
from tracker import queue
from tracker.core.layouts import partition_count
from tracker.endpoints import from_each_server
from tracker.settings import SettingError

LONGEST_CLOCK_GAP_S: Final = 5.0
CLOCKS: Final = Label("Let NTP set both clocks.", "请用 NTP 同步两边的时钟。")


def queue_signs(resources: Resources) -> Iterator[Sign]:
    """Yield what is found about the queue. Raises ``redis.RedisError`` where it can't be asked."""
    for name, client in (("WARMTRAIL_REDIS_URL", resources.control), ("WARMTRAIL_STREAM_URL", resources.streams)):
        if name == "WARMTRAIL_STREAM_URL" and not resources.settings.stream_url:
            continue
        try:
            queue.check_server(client, name)
        except SettingError as error:
            mend = Label(
                "Change it on that server: events wait there until they are stored.",
                "请在该服务器上修改：事件在写入数据库之前保存在那里。",
            )
            yield Sign("wrong", error.label, mend)
    for info in from_each_server(resources.streams, "INFO"):
        yield from _server_signs(info)
    yield from _flush_signs(resources)
    for seconds, microseconds in from_each_server(resources.streams, "TIME"):
        gap = abs(time.time() - seconds - microseconds / 1e6)
        if gap > LONGEST_CLOCK_GAP_S:
            yield sign(_TEXTS, "wrong", "clock", gap=round(gap))
    partitions = partition_count(resources.layouts()[-1])
    if partitions != resources.settings.partitions:
        yield sign(_TEXTS, "note", "partitions", present=partitions, set=resources.settings.partitions)


def _server_signs(info: dict[str, Any]) -> Iterator[Sign]:
    """What is found about a server, by what it tells of itself."""
    version = info.get("valkey_version") or info.get("redis_version")
    yield sign(_TEXTS, "good", "server", kind="Valkey" if "valkey_version" in info else "Redis", version=version)
    if not info.get("aof_enabled"):
        yield sign(_TEXTS, "wrong", "no file")
    elif info.get("aof_last_write_status") != "ok":
        yield sign(_TEXTS, "wrong", "file not written")
    limit = info.get("maxmemory", 0)
    if not limit:
        yield sign(_TEXTS, "note", "no limit")
    elif info["used_memory"] > 0.8 * limit:
        yield sign(_TEXTS, "wrong", "full")


def _flush_signs(resources: Resources) -> Iterator[Sign]:
    """Whether the append-only file reaches the disk before the answer."""
    try:
        told = from_each_server(resources.streams, "CONFIG GET", "appendfsync")
    except redis.ResponseError:
        return  # Who rents a server may not be allowed to ask.
    kept = {str(one.get("appendfsync", "always")) for one in told}
    if "no" in kept:
        yield sign(_TEXTS, "wrong", "never flushed")
    elif "everysec" in kept:
        yield sign(_TEXTS, "note", "flushed late")


_TEXTS: Final[Texts] = {
    "server": (Label("Queue: {kind} {version}.", "队列：{kind} {version}。"), Label("")),
    "clock": (
        Label("Its clock and this machine's differ by {gap} s.", "队列服务器与本机的时钟相差 {gap} 秒。"),
        CLOCKS,
    ),
    "partitions": (
        Label(
            "There are {present} partitions; WARMTRAIL_PARTITIONS says {set}.",
            "现有 {present} 个分区；WARMTRAIL_PARTITIONS 为 {set}。",
        ),
        Label(
            "They were raised. Set the variable to their number on all machines: slots are limited by it.",
            "分区已扩容。请在所有机器上将该变量设为现有数量：slot 数量受其限制。",
        ),
    ),
    "no file": (
        Label("The queue's server keeps no append-only file.", "队列服务器没有启用 AOF 文件。"),
        Label(
            "Set appendonly yes: without it, events that wait are lost when the server ends.",
            "请设置 appendonly yes：否则服务器停止时，等待中的事件会丢失。",
        ),
    ),
    "file not written": (
        Label("The queue's server can't write its append-only file.", "队列服务器无法写入 AOF 文件。"),
        Label("Look at its disk and its log.", "请检查其磁盘和日志。"),
    ),
    "no limit": (
        Label("The queue's server has no maxmemory.", "队列服务器没有设置 maxmemory。"),
        Label(
            "Set one below the machine's memory: it then refuses events in time, rather than be killed.",
            "请设为低于本机内存的值：这样会及时拒绝事件，而不是被系统杀死。",
        ),
    ),
    "full": (
        Label("The queue's server is nearly full; new events are refused.", "队列服务器内存将满，新事件会被拒绝。"),
        Label("Add workers, or raise maxmemory.", "请增加 worker，或调高 maxmemory。"),
    ),
    "never flushed": (
        Label(
            "The queue's server leaves it to the system when its file reaches the disk (appendfsync no).",
            "队列服务器由系统决定文件何时落盘（appendfsync no）。",
        ),
        Label(
            "Set appendfsync always: half a minute of acknowledged events may go with the machine.",
            "请设置 appendfsync always：否则机器故障时，可能丢失约半分钟已确认的事件。",
        ),
    ),
    "flushed late": (
        Label(
            "The queue's server flushes its file once a second (appendfsync everysec).",
            "队列服务器每秒落盘一次（appendfsync everysec）。",
        ),
        Label(
            "Set appendfsync always, unless about a second of acknowledged events may go with the machine.",
            "请设置 appendfsync always，除非可以接受机器故障时丢失约一秒已确认的事件。",
        ),
    ),
}
