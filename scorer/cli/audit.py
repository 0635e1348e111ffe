"""The command that reads the audit log: what people did by hand. It checks its chain, and writes all of it to a file."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click
import msgspec
from rich.text import Text
from sqlalchemy import Connection

from scorer.audit_checking import Checked, check
from scorer.audit_export import exported
from scorer.auditing import Entry, read_log
from scorer.cli.audit_words import word as said
from scorer.cli.common import console, json_option, listing, print_json, service, the_site
from scorer.cli.language import Mistake, language_option
from scorer.cli.words import word
from scorer.core.audit_chain import Head
from scorer.core.audit_words import action_label, told_break, told_changes
from scorer.core.labels import Language, pick
from scorer.outlets.shapes import time_text
from tracker.sites import Site, load_sites


@click.command()
@click.option("--site", "site_name", help="Only needed where there are several.")
@click.option("--subject", help="Only what was done to this: a lead's id, a key's, 'scorecard 3', 'site'.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option(
    "--verify", is_flag=True, help="Follow the chain of hashes; exit 1 if a line was changed, put in or taken out."
)
@click.option("--expect", metavar="NUMBER:CHAIN", help="With --verify: a line as it was noted elsewhere.")
@click.option(
    "--export",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write all lines with their hashes into this file, a line of JSON each.",
)
@language_option
@json_option
def audit(
    site_name: str | None,
    subject: str | None,
    limit: int,
    verify: bool,
    expect: str | None,
    path: Path | None,
    language: Language,
    as_json: bool,
) -> None:
    """What people did by hand, the latest first: who, when, what, why.

    --verify and --export are of all sites unless one is named.
    """
    if expect is not None and not verify:
        raise Mistake("--expect goes with --verify.", "--expect 须与 --verify 一起使用。")
    if verify and path is not None:
        raise Mistake("Either --verify or --export.", "--verify 与 --export 不能同时使用。")
    with service() as resources, resources.database.reading() as connection:
        if verify:
            # A line that was noted elsewhere is one site's.
            sites = _sites(connection, site_name) if expect is None else [the_site(connection, site_name)]
            known = None if expect is None else _head(expect)
            _show_checked([(site, check(connection, site.id, known=known)) for site in sites], language, as_json)
        elif path is not None:
            _write(connection, _sites(connection, site_name), path, language)
        else:
            site = the_site(connection, site_name)
            _show(read_log(connection, site.id, subject, limit), language, as_json)


def _sites(connection: Connection, name: str | None) -> list[Site]:
    return list(load_sites(connection).values()) if name is None else [the_site(connection, name)]


def _head(text: str) -> Head:
    read = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9a-fA-F]{64})", text)
    if read is None:
        raise Mistake(
            "--expect takes a line's number, a colon, and its hash of 64 hexadecimal digits.",
            "--expect 须为行号、冒号与 64 位十六进制哈希值。",
        )
    return Head(int(read[1]), bytes.fromhex(read[2]))


def _show_checked(found: Sequence[tuple[Site, Checked]], language: Language, as_json: bool) -> None:
    if as_json:
        print_json([{"site": site.name, **msgspec.structs.asdict(one)} for site, one in found])
    else:
        for site, one in found:
            console.print(Text(f"{site.name}: {_told(one, language)}"), soft_wrap=True)
    if any(one.broken is not None for _, one in found):
        sys.exit(1)


def _told(one: Checked, language: Language) -> str:
    if one.broken is not None:
        return pick(told_break(one.broken), language)
    if not one.lines:
        return word("nothing done", language)
    lines, emptied = f"{one.lines:,}", f"{one.emptied:,}"
    return said("intact", language, lines=lines, emptied=emptied, head=f"{one.lines}:{one.chain}")


def _write(connection: Connection, sites: Sequence[Site], path: Path, language: Language) -> None:
    lines = 0
    with _private(path) as file:
        for site in sites:
            for line in exported(connection, site.id):
                file.write(line)
                lines += 1
    console.print(Text(said("written", language, lines=f"{lines:,}", path=path)), soft_wrap=True)


@contextmanager
def _private(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that nobody else may read, whatever was there before."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise Mistake(f"{path} can't be written to: {error.strerror}.", f"无法写入 {path}：{error.strerror}。") from None
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, 0o600)
        yield file


def _show(lines: Sequence[Entry], language: Language, as_json: bool) -> None:
    if as_json:
        print_json([{**msgspec.structs.asdict(one), "at": time_text(one.at)} for one in lines])
        return
    if not lines:
        console.print(word("nothing done", language))
        return
    titles = ("when", "who did", "did", "subject", "what changed", "why")
    table = listing(*(word(title, language) for title in titles))
    for one in lines:
        at = datetime.fromtimestamp(one.at / 1000, UTC).astimezone()
        changed = told_changes(one.action, one.detail, language)
        why = said("emptied", language) if one.emptied else one.why
        told = (one.actor or "–", action_label(one.action, language), one.subject, changed, why)
        # People's own words are not to be read as colours.
        table.add_row(f"{at:%Y-%m-%d %H:%M}", *map(Text, told))
    console.print(table)


COMMANDS = (audit,)
