"""Find common mistakes in an installation, and say how to mend each."""

from __future__ import annotations

import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator
from typing import Any

import redis
from rq import Queue, Worker
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from scorer.audit_checking import audit_signs
from scorer.core.findings import Sign
from scorer.core.labels import Label
from scorer.digest_signs import digest_signs
from scorer.ingestion import heard_of_each
from scorer.intake import read_accounts
from scorer.learning_alarms import alarm_signs
from scorer.resources import Resources, now_ms, opened
from tracker import queue, store
from tracker.core.layouts import partition_count
from tracker.embedded import EmbeddedError
from tracker.endpoints import from_each_server
from tracker.queue import CARE_QUEUE, drain_queue
from tracker.settings import SettingError, Settings, read_settings
from tracker.sites import load_sites

LEAST_FREE_BYTES = 1_000_000_000
QUIET_DAYS = 2
LONGEST_CLOCK_GAP_S = 5.0


def examine() -> Iterator[Sign]:
    """Yield what is found, the most basic first; stops early where the rest could not be looked at."""
    try:
        settings = read_settings()
    except SettingError as error:
        what = Label(f"Settings: {error}", f"设置：{error.label.zh}")
        mend = Label(
            "Correct or remove the variable; docs/settings.md lists all.",
            "请更正或删除该变量；全部设置见 docs/settings.md。",
        )
        yield Sign("wrong", what, mend)
        return
    yield Sign("good", Label("Settings can be read.", "可以读取设置。"))
    yield from _data_dir(settings)
    try:
        with opened(settings) as resources:
            signs = (_redis, _database, _collector, _workers, _sites, digest_signs, alarm_signs, audit_signs)
            yield from (sign for look in signs for sign in look(resources))
    except (EmbeddedError, redis.RedisError) as error:
        zh = error.label.zh if isinstance(error, EmbeddedError) else error
        what = Label(f"Redis can't be used: {error}", f"无法使用 Redis：{zh}")
        mend = Label("Start it, or correct WARMTRAIL_REDIS_URL.", "请启动它，或更正 WARMTRAIL_REDIS_URL。")
        yield Sign("wrong", what, mend)
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", error)
        what = Label(f"The database can't be used: {cause}", f"无法使用数据库：{cause}")
        mend = Label("Start it, or correct WARMTRAIL_DATABASE_URL.", "请启动它，或更正 WARMTRAIL_DATABASE_URL。")
        yield Sign("wrong", what, mend)


def examine_running(resources: Resources, site_ids: Collection[int]) -> Iterator[Sign]:
    """Yield what is found by a process of the running service; of sites only of those named.

    Raises ``redis.RedisError`` where the queue can't be asked.
    """
    yield from _data_dir(resources.settings)
    yield from _redis(resources)
    yield from _database(resources, site_ids)
    yield from _workers(resources)
    yield from _sites(resources, site_ids)
    yield from digest_signs(resources, site_ids)
    yield from alarm_signs(resources, site_ids)
    yield from audit_signs(resources, site_ids)


def _data_dir(settings: Settings) -> Iterator[Sign]:
    folder = settings.data_dir.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        mend = Label("Change its owner, or set WARMTRAIL_DATA_DIR.", "请更改其所有者，或设置 WARMTRAIL_DATA_DIR。")
        yield Sign("wrong", Label(f"{folder} can't be written to.", f"无法写入 {folder}。"), mend)
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        what = Label(
            f"Only {free // 1_000_000} MB are free for {folder}.", f"{folder} 仅剩 {free // 1_000_000} MB 可用空间。"
        )
        yield Sign("wrong", what, Label("Make room: a full disk stops intake.", "请腾出空间：磁盘写满后将停止接收事件。"))
    secret = folder / "secret_key"
    if secret.exists() and secret.stat().st_mode & 0o077:
        what = Label(f"Others can read {secret}.", f"其他用户可以读取 {secret}。")
        yield Sign("wrong", what, Label(f"chmod 600 {secret}", f"chmod 600 {secret}"))
    if not settings.public_url and not settings.bind.startswith(("127.", "localhost", "[::1]")):
        mend = Label(
            "Set WARMTRAIL_PUBLIC_URL to the address that browsers use; links in messages are made from it.",
            "请将 WARMTRAIL_PUBLIC_URL 设为浏览器访问的地址；消息中的链接由它生成。",
        )
        what = Label(
            "The service is reachable from outside but knows no public address.", "服务可从外部访问，但未设置公开地址。"
        )
        yield Sign("note", what, mend)


def _redis(resources: Resources) -> Iterator[Sign]:
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
        yield from _queue_server(info)
    for told in from_each_server(resources.streams, "TIME"):
        seconds, microseconds = told
        gap = abs(time.time() - seconds - microseconds / 1e6)
        if gap > LONGEST_CLOCK_GAP_S:
            zh = f"队列服务器与本机的时钟相差 {gap:.0f} 秒。"
            what = Label(f"Its clock and this machine's differ by {gap:.0f} s.", zh)
            yield Sign("wrong", what, _CLOCKS)
    partitions = partition_count(resources.layouts()[-1])
    if partitions != resources.settings.partitions:
        what = Label(
            f"There are {partitions} partitions; WARMTRAIL_PARTITIONS says {resources.settings.partitions}.",
            f"现有 {partitions} 个分区；WARMTRAIL_PARTITIONS 为 {resources.settings.partitions}。",
        )
        mend = Label(
            "They were raised. Set the variable to their number on all machines: slots are limited by it.",
            "分区已扩容。请在所有机器上将该变量设为现有数量：slot 数量受其限制。",
        )
        yield Sign("note", what, mend)


def _queue_server(info: dict[str, Any]) -> Iterator[Sign]:
    """What is found about a server of the queue, by what it tells of itself."""
    version = info.get("valkey_version") or info.get("redis_version")
    server = f"{'Valkey' if 'valkey_version' in info else 'Redis'} {version}"
    yield Sign("good", Label(f"Queue: {server}.", f"队列：{server}。"))
    if not info.get("aof_enabled"):
        what = Label("The queue's server keeps no append-only file.", "队列服务器没有启用 AOF 文件。")
        mend = Label(
            "Set appendonly yes: without it, events that wait are lost when the server ends.",
            "请设置 appendonly yes：否则服务器停止时，等待中的事件会丢失。",
        )
        yield Sign("wrong", what, mend)
    elif info.get("aof_last_write_status") != "ok":
        what = Label("The queue's server can't write its append-only file.", "队列服务器无法写入 AOF 文件。")
        yield Sign("wrong", what, Label("Look at its disk and its log.", "请检查其磁盘和日志。"))
    limit = info.get("maxmemory", 0)
    if limit and info["used_memory"] > 0.8 * limit:
        what = Label("The queue's server is nearly full; new events are refused.", "队列服务器内存将满，新事件会被拒绝。")
        yield Sign("wrong", what, Label("Add workers, or raise maxmemory.", "请增加 worker，或调高 maxmemory。"))


def _database(resources: Resources, site_ids: Collection[int] | None = None) -> Iterator[Sign]:
    with resources.database.reading() as connection:
        kind = "SQLite" if connection.engine.dialect.name == "sqlite" else "PostgreSQL"
        yield Sign("good", Label(f"Database: {kind}, up to date.", f"数据库：{kind}，已是最新结构。"))
        if kind != "SQLite":
            theirs = float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
            if abs(time.time() - theirs) > LONGEST_CLOCK_GAP_S:
                what = Label("The clocks of database and this machine differ.", "数据库与本机的时钟不一致。")
                yield Sign("wrong", what, _CLOCKS)
        counts = store.count_dead_letters(connection)
    refused = sum(count for (site_id, _), count in counts.items() if site_ids is None or site_id in site_ids)
    if refused:
        what = Label(f"{refused:,} dead letters wait for a decision.", f"{refused:,} 封死信等待处理。")
        yield Sign("note", what, Label("warmtrail dead-letters list", "warmtrail dead-letters list"))


def _collector(resources: Resources) -> Iterator[Sign]:
    bind = resources.settings.bind
    try:
        with urllib.request.urlopen(f"http://{bind}/readyz", timeout=3) as answer:  # our own address
            told = answer.read().decode().strip()
            yield Sign("good", Label(f"Collector: {told} on {bind}.", f"采集器：{told}，地址 {bind}。"))
    except urllib.error.HTTPError as error:
        trouble = error.read().decode().strip()
        mend = Label("Its log says more; see docs/operations.md.", "详见其日志和 docs/operations.md。")
        yield Sign("wrong", Label(f"The collector refuses events: {trouble}.", f"采集器拒绝接收事件：{trouble}。"), mend)
    except OSError:
        mend = Label(
            "warmtrail up (or, if the collector is on another machine, look there)",
            "warmtrail up（若采集器在其他机器上，请到那里查看）",
        )
        yield Sign("note", Label(f"Nothing answers on {bind}.", f"{bind} 没有响应。"), mend)


def _workers(resources: Resources) -> Iterator[Sign]:
    names = [*(drain_queue(slot) for slot in range(resources.settings.slot_count)), CARE_QUEUE]
    idle = [name for name in names if not Worker.count(queue=Queue(name, connection=resources.control))]
    waiting = read_accounts(resources).waiting
    if not idle:
        what = Label(
            f"Workers: one or more for each of {', '.join(names)}; {waiting:,} events wait.",
            f"Worker：{'、'.join(names)} 均有 worker 处理；{waiting:,} 个事件等待中。",
        )
        yield Sign("good", what)
    elif waiting:
        what = Label(
            f"{waiting:,} events wait and no worker serves {', '.join(idle)}.",
            f"{waiting:,} 个事件等待中，但 {'、'.join(idle)} 没有 worker 处理。",
        )
        yield Sign("wrong", what, Label("warmtrail worker", "warmtrail worker"))
    else:
        what = Label(f"No worker serves {', '.join(idle)}.", f"{'、'.join(idle)} 没有 worker 处理。")
        yield Sign("note", what, Label("warmtrail up, or warmtrail worker", "warmtrail up 或 warmtrail worker"))


def _sites(resources: Resources, site_ids: Collection[int] | None = None) -> Iterator[Sign]:
    with resources.database.reading() as connection:
        sites = load_sites(connection)
        seen = heard_of_each(connection)
    if not sites:
        mend = "warmtrail site add NAME --origin https://www.example.com"
        yield Sign("note", Label("There is no site yet.", "还没有站点。"), Label(mend, mend))
    for site in sites.values():
        if site_ids is not None and site.id not in site_ids:
            continue
        if not site.settings.origins:
            what = Label(
                f"Site {site.name!r} takes events from pages of any origin.", f"站点 {site.name!r} 接受任何来源页面的事件。"
            )
            mend_origins = Label(
                "Anyone who copies the write key can send events from a page of their own; list the site's origins.",
                "任何复制了写入密钥的人都能从自己的页面发送事件；请列出该站点的来源。",
            )
            yield Sign("note", what, mend_origins)
        yield _heard(site.name, seen.get(site.id))


def _heard(name: str, at: int | None) -> Sign:
    """When something of a site was last received."""
    if at is None:
        mend = Label(
            "Put the snippet in its pages (warmtrail site list shows the key) and open one.",
            "请将代码片段放入其页面（warmtrail site list 显示密钥），然后打开一个页面。",
        )
        return Sign("note", Label(f"Nothing was ever received from site {name!r}.", f"从未收到站点 {name!r} 的事件。"), mend)
    days = (now_ms() - at) // 86_400_000
    if now_ms() - at > QUIET_DAYS * 86_400_000:
        what = Label(f"Site {name!r} was last heard of {days} days ago.", f"站点 {name!r} 上次发来事件是 {days} 天前。")
        mend = Label(
            "Look in the browser's network panel whether the snippet still loads and sends.",
            "请在浏览器的网络面板中检查代码片段是否仍在加载和发送。",
        )
        return Sign("note", what, mend)
    return Sign("good", Label(f"Site {name!r} is heard of.", f"站点 {name!r} 有事件到达。"))


_CLOCKS = Label("Let NTP set both clocks.", "请用 NTP 同步两边的时钟。")
