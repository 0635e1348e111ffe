"""Commands that bring history in."""

from __future__ import annotations

import hashlib
import hmac
import sys
from collections.abc import Callable
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from scorer.catching_up import catch_up
from scorer.cli.common import console, json_option, print_json, service, the_site
from scorer.resources import Resources, now_ms
from tracker import queue, store
from tracker.core.weblogs import UnknownLogFormat
from tracker.importing import Deliver, DeliveryFailed, HttpDelivery, ImportReport, KeepBad, import_events, import_log
from tracker.importing.direct import QueueDelivery
from tracker.sites import Site
from tracker.store import DeadLetter

_Import = Callable[[Deliver, Callable[[int, int | None, ImportReport], None], KeepBad], ImportReport]


def _shared_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        json_option,
        click.option("--server-key", envvar="SERVER_KEY", help="Secret key of the site, for --url."),
        click.option("--url", help="Send through the collector at this address instead of straight into the queue."),
        click.option("--site", "site_name", help="Site it belongs to; may be left out while there is only one."),
    ):
        command = option(command)
    return command


@click.command("import-log")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--format", "log_format", default="auto", show_default=True, help="Name of the format; a wrong one lists all.")
@click.option("--origin", help="Origin of the site whose log it is; by default the site's first.")
@_shared_options
def import_log_command(
    path: Path,
    log_format: str,
    origin: str | None,
    site_name: str | None,
    url: str | None,
    server_key: str | None,
    as_json: bool,
) -> None:
    """Import a web server's access log. The same file twice changes nothing."""

    def run(site: Site, salt: bytes) -> _Import:
        page_origin = origin or next(iter(site.settings.origins), None)
        if page_origin is None:
            raise click.UsageError("The site lists no origin; say with --origin whose log it is.")
        return lambda deliver, progress, keep_bad: import_log(
            path, salt, page_origin, log_format, deliver, progress, keep_bad
        )

    _import(run, site_name, url, server_key, as_json)


@click.command("import-events")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@_shared_options
def import_events_command(path: Path, site_name: str | None, url: str | None, server_key: str | None, as_json: bool) -> None:
    """Import Segment events, one JSON object a line. The same file twice changes nothing."""

    def run(site: Site, salt: bytes) -> _Import:
        return lambda deliver, progress, keep_bad: import_events(path, deliver, progress, keep_bad)

    _import(run, site_name, url, server_key, as_json)


def _import(
    make: Callable[[Site, bytes], _Import], site_name: str | None, url: str | None, server_key: str | None, as_json: bool
) -> None:
    if (url is None) != (server_key is None):
        raise click.UsageError("--url and --server-key go together.")
    with service() as resources:
        with resources.database.reading() as connection:
            site = the_site(connection, site_name)
        salt = hmac.new(resources.secret, f"import {site.id}".encode(), hashlib.sha256).digest()
        run = make(site, salt)
        try:
            with Progress(
                TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeRemainingColumn(),
                console=console, disable=as_json or not sys.stdout.isatty(), transient=True,
            ) as bar:  # fmt: skip
                report = _deliver(resources, site, run, bar, url, server_key)
                task = bar.add_task("processing", total=None, note="")
                waiting = catch_up(resources, lambda left: bar.update(task, note=f"{left:,} events wait"))
        except (UnknownLogFormat, DeliveryFailed) as error:
            raise click.ClickException(str(error)) from None
    if as_json:
        print_json({**report.as_dict(), "waiting": waiting})
    else:
        _show(report, waiting)


def _deliver(
    resources: Resources, site: Site, run: _Import, bar: Progress, url: str | None, server_key: str | None
) -> ImportReport:
    task = bar.add_task("reading", total=None, note="")

    def progress(done: int, total: int | None, report: ImportReport) -> None:
        bar.update(task, completed=done, total=total, note=f"{report.lines:,} lines, {report.delivered:,} events")

    def keep_bad(reason: str, line_number: int, text: str) -> None:
        with resources.database.writing() as connection:
            letter = DeadLetter(site.id, now_ms(), reason, "import", True, text.encode())
            store.save_dead_letter_once(connection, letter)

    if url is not None and server_key is not None:
        with HttpDelivery(url, server_key, resources.settings.collect_prefix) as over_http:
            return run(over_http, progress, keep_bad)
    partitions = resources.settings.partitions
    direct = QueueDelivery(
        resources.streams, site.id, partitions, lambda: queue.count_entries(resources.streams, list(range(partitions)))
    )
    return run(direct, progress, keep_bad)


def _show(report: ImportReport, waiting: int) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("lines read", f"{report.lines:,}", f"[dim]as {report.format}[/dim]")
    table.add_row("events taken in", f"[bold]{report.delivered:,}[/bold]", "")
    for title, counts in (("no behaviour", report.skipped), ("unreadable", report.bad), ("refused", report.rejected)):
        for reason, count in counts.most_common():
            table.add_row(f"[dim]{title}[/dim]", f"{count:,}", f"[dim]{reason}[/dim]")
    if waiting:
        table.add_row("still waiting", f"{waiting:,}", "[dim]no worker is processing them[/dim]")
    console.print(table)


COMMANDS = (import_log_command, import_events_command)
