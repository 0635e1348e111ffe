"""Find common mistakes in an installation, and say how to mend each."""

from __future__ import annotations

import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import redis
from rq import Queue, Worker
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from scorer.core.findings import Finding
from scorer.intake import read_accounts
from scorer.resources import Resources, now_ms, opened
from tracker import queue, store
from tracker.embedded import EmbeddedError
from tracker.models import visitors
from tracker.queue import CARE_QUEUE, drain_queue
from tracker.settings import SettingError, Settings, read_settings
from tracker.sites import load_sites

LEAST_FREE_BYTES = 1_000_000_000
QUIET_DAYS = 2
LONGEST_CLOCK_GAP_S = 5.0


def examine() -> Iterator[Finding]:
    """Yield what is found, the most basic first; stops early where the rest could not be looked at."""
    try:
        settings = read_settings()
    except SettingError as error:
        yield Finding("wrong", f"Settings: {error}", "Correct or remove the variable; docs/settings.md lists all.")
        return
    yield Finding("good", "Settings can be read.")
    yield from _data_dir(settings)
    try:
        with opened(settings) as resources:
            yield from _redis(resources)
            yield from _database(resources)
            yield from _processes(resources)
            yield from _sites(resources)
    except (EmbeddedError, redis.RedisError) as error:
        yield Finding("wrong", f"Redis can't be used: {error}", "Start it, or correct WARMTRAIL_REDIS_URL.")
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", error)
        yield Finding("wrong", f"The database can't be used: {cause}", "Start it, or correct WARMTRAIL_DATABASE_URL.")


def _data_dir(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        yield Finding("wrong", f"{folder} can't be written to.", "Change its owner, or set WARMTRAIL_DATA_DIR.")
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        yield Finding("wrong", f"Only {free // 1_000_000} MB are free for {folder}.", "Make room: a full disk stops intake.")
    secret = folder / "secret_key"
    if secret.exists() and secret.stat().st_mode & 0o077:
        yield Finding("wrong", f"Others can read {secret}.", f"chmod 600 {secret}")
    if not settings.public_url and not settings.bind.startswith(("127.", "localhost", "[::1]")):
        mend = "Set WARMTRAIL_PUBLIC_URL to the address that browsers use; links in messages are made from it."
        yield Finding("note", "The service is reachable from outside but knows no public address.", mend)


def _redis(resources: Resources) -> Iterator[Finding]:
    for name, client in (("WARMTRAIL_REDIS_URL", resources.control), ("WARMTRAIL_STREAM_URL", resources.streams)):
        if name == "WARMTRAIL_STREAM_URL" and not resources.settings.stream_url:
            continue
        try:
            queue.check_server(client, name)
        except SettingError as error:
            yield Finding("wrong", str(error), "Change it on that server: events wait there until they are stored.")
    info: dict[str, Any] = resources.streams.info()
    version = info.get("valkey_version") or info.get("redis_version")
    yield Finding("good", f"Queue: {'Valkey' if 'valkey_version' in info else 'Redis'} {version}.")
    if not info.get("aof_enabled"):
        mend = "Set appendonly yes: without it, events that wait are lost when the server ends."
        yield Finding("wrong", "The queue's server keeps no append-only file.", mend)
    elif info.get("aof_last_write_status") != "ok":
        yield Finding("wrong", "The queue's server can't write its append-only file.", "Look at its disk and its log.")
    limit = info.get("maxmemory", 0)
    if limit and info["used_memory"] > 0.8 * limit:
        yield Finding(
            "wrong", "The queue's server is nearly full; new events are refused.", "Add workers, or raise maxmemory."
        )
    seconds, microseconds = resources.streams.time()
    gap = abs(time.time() - seconds - microseconds / 1e6)
    if gap > LONGEST_CLOCK_GAP_S:
        yield Finding("wrong", f"Its clock and this machine's differ by {gap:.0f} s.", "Let NTP set both clocks.")


def _database(resources: Resources) -> Iterator[Finding]:
    with resources.database.reading() as connection:
        kind = connection.engine.dialect.name
        yield Finding("good", f"Database: {'SQLite' if kind == 'sqlite' else 'PostgreSQL'}, up to date.")
        if kind != "sqlite":
            theirs = float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
            if abs(time.time() - theirs) > LONGEST_CLOCK_GAP_S:
                yield Finding("wrong", "The clocks of database and this machine differ.", "Let NTP set both clocks.")
        refused = sum(store.count_dead_letters(connection).values())
    if refused:
        yield Finding("note", f"{refused:,} dead letters wait for a decision.", "warmtrail dead-letters list")


def _processes(resources: Resources) -> Iterator[Finding]:
    url = f"http://{resources.settings.bind}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:  # our own address
            yield Finding("good", f"Collector: {answer.read().decode().strip()} on {resources.settings.bind}.")
    except urllib.error.HTTPError as error:
        trouble = error.read().decode().strip()
        yield Finding("wrong", f"The collector refuses events: {trouble}.", "Its log says more; see docs/operations.md.")
    except OSError:
        mend = "warmtrail up (or, if the collector is on another machine, look there)"
        yield Finding("note", f"Nothing answers on {resources.settings.bind}.", mend)
    names = [*(drain_queue(slot) for slot in range(resources.settings.slot_count)), CARE_QUEUE]
    idle = [name for name in names if not Worker.count(queue=Queue(name, connection=resources.control))]
    waiting = read_accounts(resources).waiting
    if not idle:
        yield Finding("good", f"Workers: one or more for each of {', '.join(names)}; {waiting:,} events wait.")
    elif waiting:
        yield Finding("wrong", f"{waiting:,} events wait and no worker serves {', '.join(idle)}.", "warmtrail worker")
    else:
        yield Finding("note", f"No worker serves {', '.join(idle)}.", "warmtrail up, or warmtrail worker")


def _sites(resources: Resources) -> Iterator[Finding]:
    with resources.database.reading() as connection:
        sites = load_sites(connection)
        latest = select(visitors.c.site_id, func.max(visitors.c.heard_at)).group_by(visitors.c.site_id)
        seen = {row[0]: row[1] for row in connection.execute(latest)}
    if not sites:
        yield Finding("note", "There is no site yet.", "warmtrail site add NAME --origin https://www.example.com")
    for site in sites.values():
        if not site.settings.origins:
            mend = "Anyone who copies the write key can send events from a page of their own; list the site's origins."
            yield Finding("note", f"Site {site.name!r} takes events from pages of any origin.", mend)
        if site.id not in seen:
            mend = "Put the snippet in its pages (warmtrail site list shows the key) and open one."
            yield Finding("note", f"Nothing was ever received from site {site.name!r}.", mend)
        elif now_ms() - seen[site.id] > QUIET_DAYS * 86_400_000:
            days = (now_ms() - seen[site.id]) // 86_400_000
            mend = "Look in the browser's network panel whether the snippet still loads and sends."
            yield Finding("note", f"Site {site.name!r} was last heard of {days} days ago.", mend)
        else:
            yield Finding("good", f"Site {site.name!r} is heard of.")
