"""Commands for segments: save a filter, see who is in it now, take the leads elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, Any

import click
import msgspec
from rich.markup import escape
from rich.text import Text
from sqlalchemy import Connection

from scorer.cli.common import console, json_option, listing, print_json, service, the_site
from scorer.cli.language import Mistake, language_option
from scorer.cli.segment_words import word
from scorer.core.domain_names import readable
from scorer.core.labels import Language, pick, told_problem
from scorer.core.segment import FIELDS, Segment
from scorer.core.segment_reading import SegmentError, parse
from scorer.labelled import LabelledError
from scorer.outlets.csv_export import csv_lines
from scorer.resources import now_ms
from scorer.scorecards import StoredCard, current_cards
from scorer.segment_export import EXPORTED, export
from scorer.segments import (
    Counts,
    SavedSegment,
    add_segment,
    change_segment,
    count,
    find_segment,
    list_segments,
    members,
    remove_segment,
)
from tracker.core.shape_words import shape_in_chinese

_MEMBERS_SHOWN = 10

_site_option = click.option("--site", "site_name", help="Site it is of; may be left out while there is only one.")


@click.group()
def segment() -> None:
    """Saved filters over leads, counted live."""


@segment.command("add")
@click.argument("name")
@_site_option
@click.option("--where", required=True, metavar="FILE|JSON", help="The filter; - reads it from standard input.")
@click.option("--replace", is_flag=True, help="Give the segment of this name this filter, if there is one.")
@language_option
@json_option
def segment_add(name: str, site_name: str | None, where: str, replace: bool, language: Language, as_json: bool) -> None:
    """Save a filter under a name. What is wrong with it is told line by line, and nothing saved."""
    read = _read_filter(where, language)
    with service() as resources, resources.database.writing() as connection:
        site = the_site(connection, site_name)
        known = find_segment(connection, site.id, name) if replace else None
        try:
            if known is not None and known.name == name.strip():
                saved = change_segment(connection, known, where=read)
            else:
                saved = add_segment(connection, site.id, name, read, now_ms())
        except SegmentError as error:
            raise _refusal(error, language) from None
        counts = count(connection, current_cards(connection)[site.id], saved.where, now_ms())
    if as_json:
        print_json(_told(saved, counts))
    else:
        numbers = {"leads": counts.leads, "hot": counts.hot}
        console.print(word("is segment", language, name=escape(saved.name), id=saved.id, **numbers))


@segment.command("list")
@_site_option
@language_option
@json_option
def segment_list(site_name: str | None, language: Language, as_json: bool) -> None:
    """List the segments of a site with how many leads are in each now."""
    with service() as resources, resources.database.reading() as connection:
        site = the_site(connection, site_name)
        stored, now = current_cards(connection)[site.id], now_ms()
        known = [(one, count(connection, stored, one.where, now)) for one in list_segments(connection, site.id)]
    if as_json:
        print_json([_told(one, counts) for one, counts in known])
        return
    if not known:
        console.print(word("no segment", language))
        return
    titles = ("number", "name", "level", "leads", "hot", "warm")
    table = listing(*(word(title, language) for title in titles))
    for column in table.columns[3:]:
        column.justify = "right"
    for one, counts in known:
        numbers = (f"{number:,}" for number in (counts.leads, counts.hot, counts.warm))
        table.add_row(str(one.id), Text(one.name), word(one.level, language), *numbers)
    console.print(table)


@segment.command("show")
@click.argument("name")
@_site_option
@language_option
@json_option
def segment_show(name: str, site_name: str | None, language: Language, as_json: bool) -> None:
    """Show a segment's filter, how many leads are in it now, and the first of them."""
    with service() as resources, resources.database.reading() as connection:
        saved, stored = _saved(connection, name, site_name)
        now = now_ms()
        counts = count(connection, stored, saved.where, now)
        shown = members(connection, stored, saved.where, None, _MEMBERS_SHOWN, now).rows
    if as_json:
        print_json(_told(saved, counts))
        return
    name, level = f"[bold]{escape(saved.name)}[/bold]", word(saved.level, language)
    console.print(word("segment and level", language, name=name, id=saved.id, level=level))
    numbers = {"leads": counts.leads, "hot": counts.hot, "warm": counts.warm}
    console.print(word("counts", language, **numbers), end="\n\n")
    click.echo(msgspec.json.format(msgspec.json.encode(saved.where), indent=2).decode())
    if not shown:
        return
    table = listing(*_headings(("score", "name", "company", "owner"), language), "id")
    for row in shown:
        company = row.company_name or readable(row.company_domain)
        cells = (row.name or readable(row.email), company, row.owner or "", row.id)
        table.add_row(f"{stored.card.score(row.heat, now):.0f}", *(Text(cell) for cell in cells))
    console.print()
    console.print(table)


@segment.command("remove")
@click.argument("name")
@_site_option
@language_option
def segment_remove(name: str, site_name: str | None, language: Language) -> None:
    """Remove a segment. Its leads stay as they are."""
    with service() as resources, resources.database.writing() as connection:
        saved, _ = _saved(connection, name, site_name)
        remove_segment(connection, saved)
    console.print(word("is gone", language, name=escape(saved.name)))


@segment.command("export")
@click.argument("name")
@_site_option
@click.option(
    "--csv",
    "target",
    type=click.File("w", encoding="utf-8", lazy=True),
    is_flag=False,
    flag_value="-",
    default="-",
    metavar="[FILE]",
    help="Write CSV to this file; without a name, to standard output.",
)
@click.option("--bom", is_flag=True, help="Put a byte order mark in front, by which Excel knows UTF-8.")
@language_option
def segment_export(name: str, site_name: str | None, target: IO[str], bom: bool, language: Language) -> None:
    """Write the leads of a segment as a table, the first to be called first."""
    with service() as resources, resources.database.reading() as connection:
        saved, stored = _saved(connection, name, site_name)
        rows = export(connection, stored, saved.where, now_ms(), resources.settings.url)
        for line in csv_lines(_headings(tuple(EXPORTED), language), rows, bom=bom):
            target.write(line)


def _saved(connection: Connection, name: str, site_name: str | None) -> tuple[SavedSegment, StoredCard]:
    site = the_site(connection, site_name)
    saved = find_segment(connection, site.id, name)
    if saved is None:
        known = ", ".join(repr(one.name) for one in list_segments(connection, site.id))
        raise Mistake(
            f"There is no segment {name!r} (known: {known or 'none yet'}).",
            f"没有分组 {name!r}（已有：{known or '无'}）。",
        )
    return saved, current_cards(connection)[site.id]


def _read_filter(where: str, language: Language) -> Segment:
    try:
        if where.lstrip().startswith("{"):
            text = where.encode("utf-8", "surrogateescape")
        else:
            text = sys.stdin.buffer.read() if where == "-" else Path(where).read_bytes()
        return parse(msgspec.json.decode(text))
    except OSError as error:
        raise LabelledError(
            f"--where is neither a filter nor a file that can be read: {error.strerror}",
            f"--where 既不是筛选条件，也不是可读取的文件：{error.strerror}",
        ) from None
    except (msgspec.DecodeError, RecursionError) as error:
        zh = shape_in_chinese(str(error))
        raise LabelledError(f"--where is not JSON: {error}", f"--where 不是 JSON：{zh}") from None
    except SegmentError as error:
        raise _refusal(error, language) from None


def _refusal(error: SegmentError, language: Language) -> click.ClickException:
    return click.ClickException("\n".join(told_problem(problem, language) for problem in error.problems))


def _told(saved: SavedSegment, counts: Counts) -> dict[str, Any]:
    return {**msgspec.to_builtins(saved), "counts": counts}


def _headings(names: tuple[str, ...], language: Language) -> list[str]:
    labels = {name: field.label for name, field in FIELDS.items()} | EXPORTED
    return [pick(labels[name], language) for name in names]


COMMANDS = (segment,)
