"""Commands that bring history in."""

from __future__ import annotations

import hashlib
import hmac
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast, get_args
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from scorer.catching_up import catch_up
from scorer.cli.common import console, json_option, print_json, service, the_site
from scorer.cli.language import Mistake, error_language_option, language_of, told_language
from scorer.cli.words import word
from scorer.core.labels import Language
from scorer.resources import Resources, now_ms
from tracker import queue
from tracker.core.layouts import numbers_of
from tracker.core.lead_rows import DateOrder, LeadPlan, OutcomeKind, StatusKind
from tracker.dead_letters import DeadLetter, save_dead_letter_once
from tracker.importing import (
    Deliver,
    HttpDelivery,
    ImportReport,
    KeepBad,
    LeadReport,
    import_events,
    import_leads,
    import_log,
)
from tracker.importing.direct import QueueDelivery
from tracker.sites import Site

_STATES = (*get_args(OutcomeKind), "open")
_Import = Callable[[Deliver, Callable[[int, int | None, ImportReport], None], KeepBad], ImportReport]


def _shared_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        json_option,
        error_language_option,
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
            raise Mistake(
                "The site lists no origin; say with --origin whose log it is.",
                "站点没有列出来源；请用 --origin 说明日志属于哪个网站。",
            )
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


@click.command("import-leads")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--map", "mapped", multiple=True, metavar="COLUMN=FIELD", help="What a column is; may be repeated.")
@click.option("--ignore", "ignored", multiple=True, metavar="COLUMN", help="Leave a column out; may be repeated.")
@click.option("--strict", is_flag=True, help="Refuse the file if a column has no field, instead of making it a trait.")
@click.option("--status-map", "statuses", multiple=True, metavar="WORD=STATE", help="What a status means: won, lost, "
              "disqualified, contacted or open; may be repeated.")  # fmt: skip
@click.option("--dates", type=click.Choice(get_args(DateOrder)), help="Order of day and month in dates like 03/04/2025.")
@click.option("--encoding", help="Encoding of the file; by default found out.")
@click.option("--delimiter", help="What divides the cells, \\t for a tab; by default found out.")
@click.option("--dry-run", is_flag=True, help="Show how the file is understood; send nothing.")
@_shared_options
def import_leads_command(
    path: Path,
    mapped: tuple[str, ...],
    ignored: tuple[str, ...],
    strict: bool,
    statuses: tuple[str, ...],
    dates: DateOrder | None,
    encoding: str | None,
    delimiter: str | None,
    dry_run: bool,
    site_name: str | None,
    url: str | None,
    server_key: str | None,
    as_json: bool,
) -> None:
    """Import leads, touches and outcomes from a CSV file of any CRM. The same file twice changes nothing."""
    columns, kinds = _pairs("--map", mapped), _pairs("--status-map", statuses)
    for state in kinds.values():
        if state not in _STATES:
            states = ", ".join(_STATES)
            raise Mistake(
                f"--status-map: there is no state {state!r}; there are {states}.",
                f"--status-map：没有状态 {state!r}；可用的状态：{states}。",
            )
    delimiter = "\t" if delimiter == "\\t" else delimiter
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise Mistake("--delimiter is one character, and no quotation mark.", "--delimiter 须为一个字符，且不是引号。")

    def run(site: Site, salt: bytes) -> _Import:
        plan = LeadPlan(
            ZoneInfo(site.settings.time_zone),
            now_ms(),
            columns=columns,
            ignored=frozenset(ignored),
            strict=strict,
            statuses=cast(dict[str, StatusKind], kinds),
            dates=dates,
        )
        return lambda deliver, progress, keep_bad: import_leads(
            path, salt, plan, None if dry_run else deliver, progress, keep_bad, encoding=encoding, delimiter=delimiter
        )

    _import(run, site_name, url, server_key, as_json)


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """The two sides of each ``LEFT=RIGHT``, parted at the last sign: a column's name may hold one, a field's doesn't."""
    pairs: dict[str, str] = {}
    for pair in given:
        left, sign, right = (part.strip() for part in pair.rpartition("="))
        if not sign or not left or not right:
            raise Mistake(f"{option} {pair!r} is not of the form LEFT=RIGHT.", f"{option} {pair!r} 须写成 左=右 的形式。")
        if left in pairs:
            raise Mistake(f"{option} has {left!r} twice.", f"{option} 中 {left!r} 出现了两次。")
        pairs[left] = right
    return pairs


def _import(
    make: Callable[[Site, bytes], _Import], site_name: str | None, url: str | None, server_key: str | None, as_json: bool
) -> None:
    if (url is None) != (server_key is None):
        raise Mistake("--url and --server-key go together.", "--url 与 --server-key 须同时给出。")
    with service() as resources:
        with resources.database.reading() as connection:
            site = the_site(connection, site_name)
        salt = hmac.new(resources.secret, f"import {site.id}".encode(), hashlib.sha256).digest()
        run = make(site, salt)
        context = click.get_current_context()
        language = language_of(context)
        with Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeRemainingColumn(),
            console=console, disable=as_json or not sys.stdout.isatty(), transient=True,
        ) as bar:  # fmt: skip
            report = _deliver(resources, site, run, bar, url, server_key, language)
            task = bar.add_task(word("processing", language), total=None, note="")
            waiting = catch_up(resources, lambda left: bar.update(task, note=word("events wait", language, n=left)))
    if as_json:
        print_json({**report.as_dict(), "waiting": waiting})
    elif isinstance(report, LeadReport):
        own: Language = "zh" if site.settings.language.startswith("zh") else "en"
        _show_leads(report, waiting, told_language(context) or own)
    else:
        _show(report, waiting, language)


def _deliver(
    resources: Resources,
    site: Site,
    run: _Import,
    bar: Progress,
    url: str | None,
    server_key: str | None,
    language: Language,
) -> ImportReport:
    task = bar.add_task(word("reading", language), total=None, note="")

    def progress(done: int, total: int | None, report: ImportReport) -> None:
        note = word("lines and events", language, lines=report.lines, events=report.delivered)
        bar.update(task, completed=done, total=total, note=note)

    def keep_bad(reason: str, line_number: int, text: str) -> None:
        with resources.database.writing() as connection:
            letter = DeadLetter(site.id, now_ms(), reason, "import", True, text.encode())
            save_dead_letter_once(connection, letter)

    if url is not None and server_key is not None:
        with HttpDelivery(url, server_key, resources.settings.collect_prefix) as over_http:
            return run(over_http, progress, keep_bad)
    layout = resources.agreed_layouts()[-1]
    direct = QueueDelivery(
        resources.streams, site.id, layout, lambda: queue.count_entries(resources.streams, list(numbers_of(layout)))
    )
    return run(direct, progress, keep_bad)


def _show(report: ImportReport, waiting: int, language: Language) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    read_as = word("read as", language, format=report.format)
    table.add_row(word("lines", language), f"{report.lines:,}", f"[dim]{read_as}[/dim]")
    table.add_row(word("delivered", language), f"[bold]{report.delivered:,}[/bold]", "")
    for title, counts in (("no behaviour", report.skipped), ("unreadable", report.bad), ("turned down", report.rejected)):
        for reason, count in counts.most_common():
            table.add_row(f"[dim]{word(title, language)}[/dim]", f"{count:,}", f"[dim]{reason}[/dim]")
    if waiting:
        told = word("no worker", language)
        table.add_row(word("still waiting", language), f"{waiting:,}", f"[dim]{told}[/dim]")
    console.print(table)


def _show_leads(report: LeadReport, waiting: int, language: Language) -> None:
    if report.is_dry:
        _show_mapping(report, language)
    table = Table("", "", Column(overflow="fold"), box=None, show_header=False, pad_edge=False)
    delimiter = repr(report.delimiter)
    read_as = word("rows in", language, encoding=report.encoding, delimiter=delimiter)
    table.add_row(word("rows", language), f"{report.lines:,}", f"[dim]{escape(read_as)}[/dim]")
    made = word("would send" if report.is_dry else "sent", language)
    for name, count in report.events.most_common():
        table.add_row(made, f"{count:,}", escape(name))
    if report.undated:
        table.add_row(f"[dim]{word('undated', language)}[/dim]", f"{report.undated:,}", "")
    if not report.is_dry:
        table.add_row(word("delivered", language), f"[bold]{report.delivered:,}[/bold]", "")
    for reason, count in report.rejected.most_common():
        table.add_row(f"[dim]{word('rejected', language)}[/dim]", f"{count:,}", f"[dim]{reason}[/dim]")
    for reason, count in report.bad.most_common():
        rows = "; ".join(
            word("row and column" if column else "row", language, number=number, column=column)
            for number, column in report.first_bad.get(reason, [])
        )
        what = f"{reason}: {word(reason, language)}" + (f" ({rows})" if rows else "")
        table.add_row(f"[dim]{word('refused', language)}[/dim]", f"{count:,}", f"[dim]{escape(what)}[/dim]")
    for status, count in report.unknown_statuses.most_common(10):
        what = f"{status!r}: {word('unknown status hint', language)}"
        table.add_row(f"[dim]{word('unknown status', language)}[/dim]", f"{count:,}", f"[dim]{escape(what)}[/dim]")
    if waiting:
        told = word("no worker", language)
        table.add_row(word("still waiting", language), f"{waiting:,}", f"[dim]{told}[/dim]")
    console.print(table)
    if report.is_dry:
        console.print(word("nothing sent", language))


def _show_mapping(report: LeadReport, language: Language) -> None:
    table = Table(*(word(name, language) for name in ("column", "field", "example")), box=None, pad_edge=False)
    for column in report.columns:
        field = escape(column.field) if column.field else f"[dim]{word('left out', language)}[/dim]"
        table.add_row(escape(column.name), field, f"[dim]{escape(_visible(report.examples.get(column.name, '')))}[/dim]")
    console.print(table)
    if report.samples:
        console.print("\n" + word("sample leads", language))
        for events in report.samples:
            for event in events:
                console.print(escape(_visible(msgspec.json.encode(event).decode())), style="dim", soft_wrap=True)
    console.print()


def _visible(text: str) -> str:
    """*text* without what would steer the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


COMMANDS = (import_log_command, import_events_command, import_leads_command)
