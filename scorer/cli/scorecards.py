"""Commands for the rules of the score: look at a scorecard, try it, publish it, go back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from scorer.cli.archive import engine_options, whole_history
from scorer.cli.common import Command, by_option, console, json_option, listing, print_json, service, the_site
from scorer.cli.language import Mistake, error_language_option, language_of, language_option
from scorer.cli.progress import counting_bar
from scorer.cli.scorecard_words import word
from scorer.core.labels import Label, Language, pick, told_problem
from scorer.core.scorecard import Scorecard, ScorecardError, json_schema, lint, written_out
from scorer.core.simulation import Figures, Moved, Placed, Simulation
from scorer.labelled import LabelledError
from scorer.publishing import publish, rollback
from scorer.rescoring import fill, score_all
from scorer.resources import Resources, now_ms
from scorer.scorecards import CardStatus, StoredCard, body_of, current_cards, list_cards
from scorer.simulating import proposal, simulate
from tracker.core.shape_words import shape_in_chinese
from tracker.queue import COMMITTED_CHANNEL
from tracker.sites import Site

_LEAVING_SHOWN = 20

site_option = click.option("--site", "site_name", help="Which site; not needed when there is only one.")
why_option = click.option("--why", required=True, help="The reason, for the audit log.")
wait_option = click.option("--no-wait", is_flag=True, help="Leave the scoring to the running service.")
file_argument = click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))


def changing_options(command: Command) -> Command:
    """Add the options that publishing and going back have in common."""
    for option in (json_option, language_option, by_option, wait_option, why_option, site_option):
        command = option(command)
    return command


@click.group()
def scorecard() -> None:
    """The rules of the score."""


@scorecard.command("show")
@site_option
@click.option("--number", type=click.IntRange(1), help="Which one; the current one without.")
@error_language_option
def scorecard_show(site_name: str | None, number: int | None) -> None:
    """Print a scorecard of a site as JSON."""
    with service() as resources, resources.database.reading() as connection:
        site = the_site(connection, site_name)
        body = body_of(connection, site.id, number)
    if body is None:
        raise Mistake(f"{site.name!r} has no scorecard {number}.", f"{site.name!r} 没有第 {number} 号评分卡。")
    click.echo(msgspec.json.format(msgspec.json.encode(written_out(body)), indent=2).decode())


@scorecard.command("lint")
@file_argument
@language_option
def scorecard_lint(path: Path, language: Language) -> None:
    """Say all that is wrong with a scorecard file; exit 1 if anything is."""
    problems = lint(_read(path))
    for problem in problems:
        click.echo(told_problem(problem, language))
    if problems:
        sys.exit(1)
    click.echo(word("nothing wrong", language, path=path))


@scorecard.command("schema")
def scorecard_schema() -> None:
    """Print the JSON schema of scorecards, for editors."""
    print_json(json_schema())


@scorecard.command("list")
@site_option
@language_option
@json_option
def scorecard_list(site_name: str | None, language: Language, as_json: bool) -> None:
    """List the scorecards of a site, the latest first, and how far those are that are being scored."""
    with service() as resources, resources.database.reading() as connection:
        found = list_cards(connection, the_site(connection, site_name).id)
    if as_json:
        print_json(found)
        return
    names = ("number", "name", "state", "published", "scored")
    table = listing(*(word(name, language) for name in names))
    for column in (0, 4):
        table.columns[column].justify = "right"
    for one in found:
        label = Text(pick(msgspec.convert(one.name, Label), language))
        table.add_row(str(one.number), label, word(one.state, language), _day(one.published_at, language), _scored(one))
    console.print(table)


@scorecard.command("simulate")
@file_argument
@site_option
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 3650), help="Alerts and wins of so many days.")
@engine_options
@language_option
@json_option
def scorecard_simulate(
    path: Path,
    site_name: str | None,
    days: int,
    engine: str | None,
    archive_url: str | None,
    language: Language,
    as_json: bool,
) -> None:
    """Say what publishing a scorecard file would change. Writes nothing."""
    with service() as resources, refusals(), counting_bar(word("looking", language)) as progress:
        with resources.database.reading() as connection:
            site = the_site(connection, site_name)
        body, history = _read(path), whole_history(resources.settings, engine, archive_url)
        card, found = simulate(resources.database, site, body, now_ms(), days=days, progress=progress, history=history)
    if as_json:
        print_json({"hot": card.hot, "warm": card.warm, "simulation": found})
    else:
        _show(card, found, language)


@scorecard.command("publish")
@file_argument
@changing_options
def scorecard_publish(
    path: Path, site_name: str | None, why: str, by: str, no_wait: bool, language: Language, as_json: bool
) -> None:
    """Publish a scorecard file: score every lead by it, then make it the current one at once."""
    body = _read(path)
    with service() as resources, refusals():
        with resources.database.reading() as connection:
            site, now = the_site(connection, site_name), now_ms()
            told = proposal(connection, site, body, now)
        with resources.database.writing() as connection:
            stored = publish(connection, site, body, by, why, now, enter=told["hot"]["enter"])
        finish(resources, site, stored, not no_wait, language, as_json)


@scorecard.command("rollback")
@click.option("--number", type=click.IntRange(1), help="Which one to go back to; the one before without.")
@changing_options
def scorecard_rollback(
    number: int | None, site_name: str | None, why: str, by: str, no_wait: bool, language: Language, as_json: bool
) -> None:
    """Go back to the scorecard before, with exactly the scores that it gives."""
    with service() as resources, refusals():
        with resources.database.writing() as connection:
            site = the_site(connection, site_name)
            stored = rollback(connection, site, by, why, now_ms(), number)
        finish(resources, site, stored, not no_wait, language, as_json)


@click.command()
@site_option
@engine_options
@language_option
def rescore(site_name: str | None, engine: str | None, archive_url: str | None, language: Language) -> None:
    """Score every lead of a site anew from its whole history, by the current scorecard."""
    with service() as resources, counting_bar(word("scoring", language)) as progress:
        history = whole_history(resources.settings, engine, archive_url)
        with resources.database.reading() as connection:
            site = the_site(connection, site_name)
        news = fill(resources.database, now_ms, site_id=site.id)
        if score_all(resources.database, site, now_ms, progress, history) or news:
            resources.control.publish(COMMITTED_CHANNEL, b"1")
    click.echo(word("rescored", language, site=site.name))


def finish(resources: Resources, site: Site, stored: StoredCard, wait: bool, language: Language, as_json: bool) -> None:
    """Wait until a card is current, helping the service with it, and say how it ended."""
    if wait:
        with counting_bar(word("scoring", language)) as progress:
            if fill(resources.database, now_ms, progress, site_id=site.id):
                resources.control.publish(COMMITTED_CHANNEL, b"1")
    with resources.database.reading() as connection:
        status = next(one for one in list_cards(connection, site.id) if one.number == stored.number)
        current = current_cards(connection)[site.id].number
    if as_json:
        print_json(status)
    elif status.state == "current":
        click.echo(word("is current", language, number=stored.number))
    elif status.state == "filling":
        click.echo(word("in background", language, number=stored.number))
    else:
        click.echo(word("not current", language, number=stored.number, current=current))


@contextmanager
def refusals() -> Iterator[None]:
    """What the user can mend is told in lines."""
    try:
        yield
    except ScorecardError as error:
        for problem in error.problems:
            click.echo(told_problem(problem, language_of(click.get_current_context())), err=True)
        sys.exit(1)


def _read(path: Path) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        zh = shape_in_chinese(str(error))
        raise LabelledError(f"{path} is not JSON: {error}", f"{path} 不是 JSON：{zh}") from None


def _show(card: Scorecard, found: Simulation, language: Language) -> None:
    parts = {"leads": found.leads, "events": found.events, "days": found.days}
    console.print(word("looked at", language, **parts))
    if card.hot.per_week is not None:
        points = {"enter": card.hot.enter, "leave": card.hot.enter * card.hot.leave_ratio, "warm": card.warm}
        console.print(word("threshold", language, per_week=card.hot.per_week, **points))
    table = Table("", *(word(name, language) for name in ("now", "tried")), box=None, header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, figure in _FIGURES.items():
        table.add_row(word(name, language), *(figure(side, found, language) for side in (found.current, found.proposed)))
    console.print("", table, "")
    parts = {"entering": found.entering, "leaving": found.leaving, "staying": found.staying}
    console.print(word("moves", language, **parts))
    if found.rank_correlation is not None:
        console.print(word("correlation", language, ranked=found.ranked, rho=found.rank_correlation))
    console.print(f"\n[bold]{word('list', language)}[/bold]")
    if found.hot_list:
        console.print(_placed(found.hot_list, language))
    else:
        console.print(word("nobody", language))
    if found.leaves:
        console.print(f"\n[bold]{word('leaves', language)}[/bold]")
        console.print(_moved(found.leaves[:_LEAVING_SHOWN], language))


def _share(part: int, whole: int, share: float | None, language: Language) -> str:
    return word("none", language) if share is None else word("share", language, part=part, whole=whole, share=share)


_FIGURES: dict[str, Callable[[Figures, Simulation, Language], str]] = {
    "hot": lambda side, found, language: f"{side.hot:,}",
    "alerts": lambda side, found, language: f"{side.alerts_per_week:.1f}",
    "wins": lambda side, found, language: _share(side.wins_hot, found.wins, side.wins_share, language),
    "all": lambda side, found, language: _share(side.all_hot, found.leads, side.all_share, language),
    "lift": lambda side, found, language: word("none", language) if side.lift is None else f"{side.lift:.2f}",
}


def _placed(some: list[Placed], language: Language) -> Table:
    table = _lead_table(("rank", "score", "rank now", "score now", "who", "lead"), 4, language)
    for one in some:
        now = word("none", language) if one.current_rank is None else str(one.current_rank)
        table.add_row(str(one.rank), f"{one.score:.1f}", now, f"{one.current_score:.1f}", *_who(one, language))
    return table


def _moved(some: list[Moved], language: Language) -> Table:
    table = _lead_table(("score", "rank now", "score now", "who", "lead"), 3, language)
    for one in some:
        table.add_row(f"{one.score:.1f}", str(one.current_rank), f"{one.current_score:.1f}", *_who(one, language))
    return table


def _lead_table(names: tuple[str, ...], numbers: int, language: Language) -> Table:
    table = listing(*(word(name, language) for name in names))
    for column in table.columns[:numbers]:
        column.justify = "right"
    return table


def _who(one: Placed | Moved, language: Language) -> tuple[str, str]:
    # A visitor's own words are not to be read as colours.
    return escape(one.name) or f"[dim]{word('unknown', language)}[/dim]", one.lead_id


def _day(at_ms: int | None, language: Language) -> str:
    if at_ms is None:
        return word("none", language)
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _scored(one: CardStatus) -> str:
    return f"{one.scored:,} / {one.leads:,}" if one.state in ("current", "filling") else ""


COMMANDS = (scorecard, rescore)
