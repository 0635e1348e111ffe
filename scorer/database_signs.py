"""What ``doctor`` finds about the database: its safety, its clock, its room, its replica, what its files may still have."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from scorer.core.decay import DAY_MS
from scorer.core.disk_growth import days_until_full
from scorer.core.findings import Sign, Texts, sign
from scorer.core.labels import Label
from scorer.queue_signs import CLOCKS, LONGEST_CLOCK_GAP_S
from scorer.resources import Resources, now_ms
from scorer.scrubbing import unclean_since
from tracker.db import Database
from tracker.dead_letters import count_dead_letters
from tracker.models import sites
from tracker.replica import CONNECT_SECONDS

LONGEST_UNCLEAN_MS: Final = 3_600_000
"""After an erasure; it takes half a minute."""
LONGEST_LOOK_S: Final = 10.0
"""For which the replica is looked at, however old it may be."""


def database_signs(resources: Resources, site_ids: Collection[int] | None = None) -> Iterator[Sign]:
    """Yield what is found about the database; of dead letters only those of the sites named (``None``: of all)."""
    with resources.database.reading() as connection:
        kind = "SQLite" if resources.database.is_sqlite else "PostgreSQL"
        yield sign(_TEXTS, "good", "up to date", kind=kind)
        if resources.database.is_sqlite:
            yield from _growth_signs(connection, resources)
        else:
            yield from _server_signs(connection.execute(_ASKED).one())
        counts = count_dead_letters(connection)
    refused = sum(count for (site_id, _), count in counts.items() if site_ids is None or site_id in site_ids)
    if refused:
        yield sign(_TEXTS, "note", "dead letters", count=refused)
    erased_at = unclean_since(resources.database, resources.control)
    if erased_at is not None and erased_at < now_ms() - LONGEST_UNCLEAN_MS:
        yield sign(_TEXTS, "wrong", "unclean", hours=(now_ms() - erased_at) // 3_600_000)


def replica_signs(resources: Resources) -> Iterator[Sign]:
    """Yield whether reads go to the replica that the settings name; takes as long as it may lag behind."""
    url, lag = resources.settings.effective_read_database_url, resources.settings.read_lag_seconds
    if url is None:
        return
    copy = Database(url, (1, 1), pooled=resources.settings.database_pooled, connect_seconds=CONNECT_SECONDS)
    try:
        with copy.reading() as connection:
            is_one = connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one()
    except DBAPIError as error:
        yield sign(_TEXTS, "wrong", "replica away", error=type(error.orig).__name__)
        return
    finally:
        copy.close()
    if not is_one:
        yield sign(_TEXTS, "wrong", "no replica")
        return
    replica = resources.open_replica()
    assert replica is not None
    until = time.monotonic() + min(lag + 1, LONGEST_LOOK_S)
    while not replica.serves("doctor"):
        if time.monotonic() > until:
            yield sign(_TEXTS, "note", "replica behind", lag=f"{lag:g}")
            return
        time.sleep(0.1)
    yield sign(_TEXTS, "good", "replica", lag=f"{lag:g}")


def _server_signs(told: Any) -> Iterator[Sign]:
    """What is found about PostgreSQL, by what it tells of itself."""
    if abs(time.time() - float(told.now)) > LONGEST_CLOCK_GAP_S:
        yield sign(_TEXTS, "wrong", "clock")
    for name in ("fsync", "full_page_writes"):
        if getattr(told, name) == "off":
            yield sign(_TEXTS, "wrong", "unsafe", name=name)
    if told.used > 0.8 * told.most:
        yield sign(_TEXTS, "note", "connections", used=told.used, most=told.most)


def _growth_signs(connection: Connection, resources: Resources) -> Iterator[Sign]:
    """Whether the disk will hold all that is to be kept. Of PostgreSQL nobody here sees the disk."""
    began = connection.execute(select(func.min(sites.c.created_at))).scalar_one()
    file = make_url(resources.settings.effective_database_url).database
    if began is None or not file:
        return
    size, free = Path(file).stat().st_size, shutil.disk_usage(Path(file).parent).free
    kept = resources.settings.retention_days
    days = days_until_full(size, free, (now_ms() - began) / DAY_MS, kept)
    if days is not None:
        yield sign(_TEXTS, "note", "growing", days=round(days), kept=kept)


_ASKED: Final = text(
    "SELECT extract(epoch FROM clock_timestamp()) AS now, current_setting('fsync') AS fsync,"
    " current_setting('full_page_writes') AS full_page_writes, current_setting('max_connections')::int AS most,"
    " (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL) AS used"
)
_TEXTS: Final[Texts] = {
    "unclean": (
        Label(
            "What was erased {hours} h ago may still stand in the files of database and queue.",
            "{hours} 小时前删除的内容可能仍留在数据库和队列的文件中。",
        ),
        Label(
            "worker-care and cron must run, the queue be drained, and nobody read one state of the database without end.",
            "须运行 worker-care 和 cron，处理完队列，且没有人一直读取数据库的同一旧状态。",
        ),
    ),
    "up to date": (Label("Database: {kind}, up to date.", "数据库：{kind}，已是最新结构。"), Label("")),
    "clock": (Label("The clocks of database and this machine differ.", "数据库与本机的时钟不一致。"), CLOCKS),
    "unsafe": (
        Label("PostgreSQL runs with {name} off.", "PostgreSQL 的 {name} 已关闭。"),
        Label(
            "Switch it on: with it off, all data may be lost when the machine dies.",
            "请打开：关闭时，机器故障可能丢失全部数据。",
        ),
    ),
    "connections": (
        Label("{used} of PostgreSQL's {most} connections are taken.", "PostgreSQL 的 {most} 个连接已用 {used} 个。"),
        Label(
            "Raise max_connections, lower WARMTRAIL_DATABASE_POOL, or put a pooler in between; see docs/database.md.",
            "请调高 max_connections，调低 WARMTRAIL_DATABASE_POOL，或在中间使用连接池；见 docs/database.md。",
        ),
    ),
    "growing": (
        Label(
            "If it goes on growing as it has, the database fills its disk in {days} days; events are kept for {kept}.",
            "按目前的增长速度，数据库将在 {days} 天后写满磁盘；事件保留 {kept} 天。",
        ),
        Label(
            "Lower WARMTRAIL_RETENTION_DAYS, or get a larger disk.",
            "请调低 WARMTRAIL_RETENTION_DAYS，或换用更大的磁盘。",
        ),
    ),
    "dead letters": (
        Label("{count:,} dead letters wait for a decision.", "{count:,} 封死信等待处理。"),
        Label("warmtrail dead-letters list", "warmtrail dead-letters list"),
    ),
    "replica": (Label("Replica: at most {lag} s behind.", "副本：最多滞后 {lag} 秒。"), Label("")),
    "replica away": (
        Label(
            "The replica can't be reached ({error}); all is read from the primary.",
            "无法连接副本（{error}）；全部从主库读取。",
        ),
        Label(
            "Start it, or correct or remove WARMTRAIL_READ_DATABASE_URL.",
            "请启动它，或更正、删除 WARMTRAIL_READ_DATABASE_URL。",
        ),
    ),
    "no replica": (
        Label(
            "WARMTRAIL_READ_DATABASE_URL names a server that is no replica.",
            "WARMTRAIL_READ_DATABASE_URL 所指的服务器不是副本。",
        ),
        Label("Name a streaming replica of WARMTRAIL_DATABASE_URL.", "请改为 WARMTRAIL_DATABASE_URL 的流复制副本。"),
    ),
    "replica behind": (
        Label(
            "The replica is more than {lag} s behind; all is read from the primary.",
            "副本滞后超过 {lag} 秒；全部从主库读取。",
        ),
        Label(
            "Look at pg_stat_replication on the primary and at the replica's disk, or raise WARMTRAIL_READ_LAG_SECONDS.",
            "请查看主库的 pg_stat_replication 和副本的磁盘，或调高 WARMTRAIL_READ_LAG_SECONDS。",
        ),
    ),
}
