"""The demonstration: the whole service, a sample company site, a real web log and a made-up story, on one command.

Run by ``dev.py run``. What is imported goes through the running collector over HTTP, as a customer's would.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from scorer import service, trainings
from scorer.cli.common import console
from scorer.cli.leads import show_hot
from scorer.demo.desk import work
from scorer.demo.story import story
from scorer.intake import read_accounts
from scorer.keys import add_key
from scorer.publishing import publish
from scorer.rescoring import fill
from scorer.resources import Resources, now_ms, opened
from scorer.scorecards import body_of
from scorer.sites import found_site
from scorer.users import add_user
from tracker.importing import HttpDelivery, ImportReport, import_log
from tracker.log import configure_logging
from tracker.settings import Settings, read_settings
from tracker.sites import SiteSettings, find_site, load_sites
from tracker.supervisor import wait_for_http

STORY_SITE = "Nordwind Instruments (made-up sample)"
LOG_SITE = "semicomplete.com, May 2015 (real log)"
LOG_ORIGIN = "http://semicomplete.com"
LOG = Path(__file__).parent / "semicomplete-2015" / "access.log.gz"
STORY_SEED = 7
SALESPERSON = "ada@nordwind.example"
COLLEAGUE = "ben@nordwind.example"
READY_SECONDS = 60
PROCESSED_SECONDS = 120


IDEAL_CUSTOMER: dict[str, Any] = {
    "criteria": [
        {
            "id": "industry",
            "label": {"en": "Industry", "zh": "行业"},
            "field": "industry",
            "values": ["Water supply", "Chemicals", "Energy", "Pharmaceuticals", "Food and beverages"],
            "weight": 2,
        },
        {"id": "size", "label": {"en": "Size", "zh": "规模"}, "field": "employees", "at_least": 250},
        {
            "id": "role",
            "label": {"en": "Part in the purchase", "zh": "采购角色"},
            "field": "buying_role",
            "values": ["decider", "influencer"],
        },
    ]
}
"""Whom the made-up company looks for."""


class Prepared(msgspec.Struct):
    """The keys of the demonstration. Kept beside the data: it is a demonstration's, and shows them on screen."""

    write_key: str
    server_key: str
    log_server_key: str
    api_key: str
    password: str
    imported: bool = False


@click.command()
@click.option("--port", default=8700, show_default=True, type=click.IntRange(1, 65535))
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), default=Path("var"), show_default=True)
@click.option("--once", is_flag=True, help="Print the hot list and exit.")
def main(port: int, data_dir: Path, once: bool) -> None:
    """Show what Warmtrail does."""
    os.environ["WARMTRAIL_BIND"] = f"127.0.0.1:{port}"
    os.environ["WARMTRAIL_DATA_DIR"] = str(data_dir.absolute())
    settings = read_settings()
    configure_logging("json" if settings.log_format == "json" else "text", level="warning")
    with opened(settings) as resources:
        prepared = _prepare(resources)
    failed: list[BaseException] = []

    def show() -> None:
        threading.Thread(target=_guarded, args=(failed, settings, prepared, once), daemon=True).start()

    service.up(
        settings, {**os.environ, "WARMTRAIL_LOG_FORMAT": settings.log_format}, demo_key=prepared.write_key, ready=show
    )
    if failed:
        console.print(f"[red]The demonstration stopped:[/red] {failed[0]}")
        sys.exit(1)


def _guarded(failed: list[BaseException], settings: Settings, prepared: Prepared, once: bool) -> None:
    try:
        _present(settings, prepared)
    except Exception as error:
        failed.append(error)
        once = True
    if once:
        os.kill(os.getpid(), signal.SIGTERM)


def _prepare(resources: Resources) -> Prepared:
    """Make the two sites and their keys, once for a data directory."""
    kept = resources.settings.data_dir / "demo.json"
    with resources.database.writing() as connection:
        if kept.exists() and find_site(connection, STORY_SITE):
            return msgspec.json.decode(kept.read_bytes(), type=Prepared)
        url = resources.settings.url
        sample = found_site(
            connection,
            STORY_SITE,
            # The story is three months long: with the usual horizon, of as many, nothing could be learned from it.
            SiteSettings(origins=(url, url.replace("127.0.0.1", "localhost")), learning_horizon_days=30),
            now_ms(),
        )
        log = found_site(connection, LOG_SITE, SiteSettings(origins=(LOG_ORIGIN,)), now_ms())
        api_key = add_key(connection, sample.id, "sales", now_ms())
        prepared = Prepared(sample.write_key, sample.server_key, log.server_key, api_key.key, secrets.token_urlsafe(9))
        add_user(
            connection,
            SALESPERSON,
            "Ada Winter",
            {sample.id: "admin", log.id: "admin"},
            now_ms(),
            password=prepared.password,
        )
        add_user(connection, COLLEAGUE, "Ben Arlt", {sample.id: "sales"}, now_ms())
        site = load_sites(connection)[sample.id]
        body: dict[str, Any] = msgspec.json.decode(body_of(connection, site.id) or "{}")
        publish(connection, site, body | {"fit": IDEAL_CUSTOMER}, "demonstration", "Whom Nordwind looks for", now_ms())
    fill(resources.database, now_ms, site_id=site.id)
    _keep(resources.settings, prepared)
    return prepared


def _keep(settings: Settings, prepared: Prepared) -> None:
    path = settings.data_dir / "demo.json"
    with tempfile.NamedTemporaryFile(dir=settings.data_dir, delete=False) as file:
        file.write(msgspec.json.encode(prepared))
    Path(file.name).replace(path)  # created with mode 0600


def _present(settings: Settings, prepared: Prepared) -> None:
    if not wait_for_http(f"{settings.url}/healthz", READY_SECONDS):
        raise RuntimeError(f"Nothing answered on {settings.url} within {READY_SECONDS} s; the messages above say why.")
    with opened(settings) as resources:
        if not prepared.imported:
            _import(resources, prepared)
            with resources.database.writing() as connection:
                site = find_site(connection, STORY_SITE)
                assert site is not None
                work(connection, site, (COLLEAGUE, SALESPERSON), now_ms())
                if trainings.has_extra():
                    trainings.ask(connection, resources.control, site, SALESPERSON, now_ms())
            prepared.imported = True
            _keep(settings, prepared)
        console.print()
        show_hot(resources, STORY_SITE, limit=15)
    _say_where(settings, prepared)


def _import(resources: Resources, prepared: Prepared) -> None:
    url = resources.settings.url
    console.print("\n[bold]Importing over HTTP[/bold], as a customer's history would be")
    columns = (TextColumn("  {task.description:<46}"), BarColumn(bar_width=30), MofNCompleteColumn())
    with Progress(*columns, console=console) as bar:
        _import_log(bar, url, prepared.log_server_key, resources.secret)
        _import_story(bar, url, prepared.server_key)
        _wait_until_processed(bar, resources)


def _import_log(bar: Progress, url: str, server_key: str, salt: bytes) -> None:
    task = bar.add_task("real web log of May 2015, lines", total=10_000)

    def progress(done: int, total: int | None, report: ImportReport) -> None:
        bar.update(task, completed=report.lines)

    with HttpDelivery(url, server_key) as deliver:
        report = import_log(LOG, salt[:32], LOG_ORIGIN, "combined", deliver, progress)
    bar.update(task, completed=report.lines, total=report.lines)


def _import_story(bar: Progress, url: str, server_key: str) -> None:
    events = list(story(now_ms(), STORY_SEED, origin=url))
    task = bar.add_task("made-up story of three months, events", total=len(events))
    with HttpDelivery(url, server_key) as deliver:
        for start in range(0, len(events), 100):
            part: list[dict[str, Any]] = events[start : start + 100]
            deliver(part)
            bar.advance(task, len(part))


def _wait_until_processed(bar: Progress, resources: Resources) -> None:
    received = read_accounts(resources).received
    task = bar.add_task("processed by the worker, events", total=received)
    until = time.monotonic() + PROCESSED_SECONDS
    while (waiting := read_accounts(resources).waiting) and time.monotonic() < until:
        bar.update(task, completed=received - waiting)
        time.sleep(0.1)
    if waiting:
        raise RuntimeError(f"{waiting} events were not processed within {PROCESSED_SECONDS} s.")
    bar.update(task, completed=received)


def _say_where(settings: Settings, prepared: Prepared) -> None:
    url = settings.url
    # Not through the console, which would break what is to be copied.
    click.echo(f"""
  Hot leads             {url}/hot
                        sign in as {SALESPERSON} with {prepared.password}
  Sample company site   {url}/nordwind/
                        read a product page and find yourself among the leads
  Sales API             {url}/api/docs
  Key for it            {prepared.api_key}
  Try                   curl -H "Authorization: Bearer {prepared.api_key}" "{url}/api/v1/hot-leads?limit=3"

  Ctrl-C stops everything.""")


if __name__ == "__main__":
    main()
