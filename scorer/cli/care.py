"""Commands that look after the service: status, dead letters, doctor."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click
import msgspec
from rich.markup import escape
from sqlalchemy import Connection

from scorer.cli.common import console, json_option, listing, print_json, service, the_site
from scorer.cli.language import Mistake, language_option
from scorer.cli.words import word
from scorer.core.findings import Finding, Sign
from scorer.core.labels import Language
from scorer.core.one_line import standing
from scorer.core.refusal_words import why_refused
from scorer.doctor import examine
from scorer.intake import Account, read_accounts
from scorer.page_doctor import examine_page
from scorer.resources import now_ms
from tracker import dead_letters as letters_of
from tracker.dead_letters import KeptLetter, count_dead_letters, read_letters
from tracker.sites import load_sites

_PAGE = 500


@click.command()
@language_option
@json_option
def status(language: Language, as_json: bool) -> None:
    """Where every event that was received is now."""
    with service() as resources:
        accounts = read_accounts(resources)
    if as_json:
        print_json(accounts)
        return
    titles = ("site", *Account.__struct_fields__)
    table = listing(*(word(title, language) for title in titles))
    for column in table.columns[1:]:
        column.justify = "right"
    for name, account in accounts.sites.items():
        table.add_row(escape(name), *_numbers(account))
    table.add_section()
    table.add_row(f"[bold]{word('all', language)}[/bold]", *_numbers(accounts))
    console.print(table)


def _numbers(account: Account) -> Iterator[str]:
    return (f"{getattr(account, name):,}" for name in Account.__struct_fields__)


@click.group("dead-letters")
def dead_letters() -> None:
    """Events that were refused, kept with the reason."""


@dead_letters.command("list")
@click.option("--site", "site_name")
@click.option("--reason", help="Only those refused for this reason.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@language_option
@json_option
def letters_list(site_name: str | None, reason: str | None, limit: int, language: Language, as_json: bool) -> None:
    """Show how many there are for each reason, and the oldest of them."""
    with service() as resources, resources.database.reading() as connection:
        site_id = the_site(connection, site_name).id if site_name else None
        counts = count_dead_letters(connection)
        names = {site.id: site.name for site in load_sites(connection).values()}
        shown = read_letters(connection, site_id, reason, limit=limit)
    if as_json:
        rows = [{**msgspec.structs.asdict(one), "body": one.body.decode(errors="replace")} for one in shown]
        totals = [{"site": names.get(site), "reason": why, "count": count} for (site, why), count in counts.items()]
        print_json({"counts": totals, "letters": rows})
        return
    if not counts:
        console.print(word("no letters", language))
        return
    titles = ("site", "reason", "letters", "it means")
    table = listing(*(word(title, language) for title in titles))
    for (site, why), count in sorted(counts.items(), key=lambda item: -item[1]):
        table.add_row(names.get(site, "?"), why, f"{count:,}", why_refused(why, language))
    console.print(table)
    for one in shown:
        console.print(f"\n[dim]#{one.id} {one.reason}[/dim]")
        click.echo(standing(one.body[:300].decode(errors="replace")))


@dead_letters.command("replay")
@click.option("--site", "site_name")
@click.option("--reason", help="Only those refused for this reason.")
@language_option
@json_option
def letters_replay(site_name: str | None, reason: str | None, language: Language, as_json: bool) -> None:
    """Send them through again, as of when they came. What is refused again stays."""
    with service() as resources:
        layout = resources.agreed_layouts()[-1]
        late_ms = round(resources.settings.late_window_days * 86_400_000)
        with resources.database.writing() as connection:
            site_id = the_site(connection, site_name).id if site_name else None
            waiting = _all_letters(connection, site_id, reason)
            done = letters_of.replay(connection, resources.streams, waiting, layout, late_ms, now_ms())
    if as_json:
        print_json(done)
        return
    console.print(word("replayed", language, **msgspec.structs.asdict(done)))


def _all_letters(connection: Connection, site_id: int | None, reason: str | None) -> Iterator[KeptLetter]:
    last = 0
    while page := read_letters(connection, site_id, reason, limit=_PAGE, after=last):
        yield from page
        last = page[-1].id


@click.command()
@click.option("--page", metavar="URL", help="Look at this page of a website instead, and at the snippet in it.")
@click.option("--site", "site_name", help="With --page: the site that the page is of.")
@language_option
@json_option
def doctor(page: str | None, site_name: str | None, language: Language, as_json: bool) -> None:
    """Find common mistakes, and say how to mend each. Exit 1 if there is one."""
    if page is None and site_name is not None:
        raise Mistake("--site goes with --page.", "--site 须与 --page 同时使用。")
    findings = [sign.told(language) for sign in (examine() if page is None else _examine_page(page, site_name))]
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            _show_finding(finding)
    sys.exit(1 if any(finding.verdict == "wrong" for finding in findings) else 0)


def _examine_page(url: str, site_name: str | None) -> Iterator[Sign]:
    with service() as resources:
        with resources.database.reading() as connection:
            wanted = the_site(connection, site_name) if site_name is not None else None
        yield from examine_page(resources, url, wanted, now_ms())


def _show_finding(finding: Finding) -> None:
    colour = {"good": "green", "note": "yellow", "wrong": "red"}[finding.verdict]
    mark = {"good": "✓", "note": "!", "wrong": "✗"}[finding.verdict]
    # What is told of a page is its own words: they are not to be read as colours.
    console.print(f"[{colour}]{mark}[/{colour}] {escape(finding.what)}")
    if finding.mend:
        console.print(f"    {escape(finding.mend)}", style="dim")


COMMANDS = (status, dead_letters, doctor)
