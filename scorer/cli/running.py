"""Commands that run the service or a part of it."""

from __future__ import annotations

import os

import click

from scorer import service
from scorer.cli.common import settings_with_logging
from scorer.cli.language import Mistake, language_of
from scorer.cli.setting_up_words import word
from scorer.resources import Resources, check_redis, prepare_database
from scorer.users import has_users
from tracker.db import Database
from tracker.embedded import url_if_running
from tracker.queue import CARE_QUEUE, drain_queue
from tracker.settings import SettingError, Settings
from tracker.supervisor import Supervisor, watch_parent


@click.command()
def up() -> None:
    """Run the whole service in one supervised tree of processes."""
    settings = settings_with_logging()
    service.up(settings, os.environ, ready=lambda: _say_where(settings))


def _say_where(settings: Settings) -> None:
    language = language_of(click.get_current_context())
    click.echo(word("starting", language, url=settings.url), err=True)
    database = Database(settings.effective_database_url)
    with database.reading() as connection:
        anybody = has_users(connection)
    database.close()
    if not anybody:
        click.echo(word("nobody can sign in", language), err=True)


@click.command()
@click.option("--web", is_flag=True, help="Answer the sales side as well.")
@click.option("--demo-key", hidden=True, help="Serve the sample company site with this write key.")
def collector(web: bool, demo_key: str | None) -> None:
    """Run the HTTP side that websites talk to."""
    _run_http(collector=True, web=web, demo_key=demo_key)


@click.command()
def web() -> None:
    """Run the HTTP side that salespeople talk to: API and documentation."""
    _run_http(collector=False, web=True)


@click.command()
@click.option("--queue", "queue_name", help="Serve only this queue (drain-0, drain-1, …, care), in this very process.")
def worker(queue_name: str | None) -> None:
    """Run the workers: one for each slot and one for care; as many machines may do so as you like."""
    settings = settings_with_logging()
    watch_parent()
    if queue_name is None:
        _prepare(settings).close()
        Supervisor(service.workers(settings, os.environ)).run()
        return
    slots = {drain_queue(slot): slot for slot in range(settings.slot_count)}
    if queue_name != CARE_QUEUE and queue_name not in slots:
        known = ", ".join([*slots, CARE_QUEUE])
        raise Mistake(f"There is no queue {queue_name!r}; there are {known}.", f"没有队列 {queue_name!r}；已有 {known}。")
    from scorer import jobs  # here, as below: each process loads its own part of the program only

    jobs.work(queue_name, slots.get(queue_name))


@click.command()
def cron() -> None:
    """Run the timetable. Several may run; all jobs bear being asked for twice."""
    settings = settings_with_logging()
    watch_parent()
    from scorer.schedule import run_cron

    run_cron(_prepare(settings).control)


def _run_http(*, collector: bool, web: bool, demo_key: str | None = None) -> None:
    settings = settings_with_logging()
    watch_parent()
    from scorer.app import HttpSide

    resources = _prepare(settings)
    try:
        HttpSide(resources, collector=collector, web=web, demo_key=demo_key).run()
    finally:
        resources.close()


def _prepare(settings: Settings) -> Resources:
    """Open what a part of the service needs, having made sure that it can work."""
    url = settings.redis_url or url_if_running(settings.data_dir)
    if url is None:
        raise SettingError(
            "WARMTRAIL_REDIS_URL is not set; a part of the service run by itself needs it (warmtrail up doesn't)",
            "没有设置 WARMTRAIL_REDIS_URL；单独运行服务的某一部分时需要它（warmtrail up 不需要）",
        )
    resources = Resources(settings, url)
    check_redis(resources)
    prepare_database(resources.database)
    return resources


COMMANDS = (up, collector, web, worker, cron)
