"""Commands for scorecards that are learned from outcomes: train, judge, and decide on what was proposed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from scorer import proposals, trainings
from scorer.cli.archive import engine_options, whole_history
from scorer.cli.common import by_option, console, json_option, listing, print_json, service, the_site
from scorer.cli.language import Mistake, language_option
from scorer.cli.learned_report import judgement_report, report, told_figure, told_shadow
from scorer.cli.learning_words import word
from scorer.cli.scorecards import changing_options, finish, refusals, rescore, scorecard, site_option, why_option
from scorer.core.labels import Language
from scorer.core.learned import Judgement
from scorer.resources import Resources, now_ms
from scorer.simulating import proposal as as_published
from tracker.sites import Site

number_argument = click.argument("number", type=click.IntRange(1))


@scorecard.command("train")
@site_option
@click.option(
    "--horizon-days", type=click.IntRange(7, 365), help="Foretell a win within so many days; without, as the site says."
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of all that is drawn by chance.")
@click.option("--dry-run", is_flag=True, help="Keep nothing.")
@engine_options
@by_option
@language_option
@json_option
def scorecard_train(
    site_name: str | None,
    horizon_days: int | None,
    seed: int,
    dry_run: bool,
    engine: str | None,
    archive_url: str | None,
    by: str,
    language: Language,
    as_json: bool,
) -> None:
    """Learn a scorecard from won and lost leads, judge it, and propose it."""
    _check_extra()
    from scorer.learning.job import keep, learn

    with service() as resources, _bar(language) as progress:
        with resources.database.reading() as connection:
            site = the_site(connection, site_name)
        history = whole_history(resources.settings, engine, archive_url)
        taught = learn(
            resources.database, site, now_ms(), horizon_days=horizon_days, seed=seed, progress=progress, history=history
        )
        number = None
        if not dry_run:
            with resources.database.writing() as connection:
                number = keep(connection, site, taught, by, now_ms())
    learned = taught.trained.learned
    if as_json:
        print_json({"proposal": number, "learned": learned})
        return
    console.print(*report(learned, language), sep="\n")
    if number is None:
        click.echo(word("dry run", language))
    else:
        click.echo("\n" + word("proposed", language, number=number))
        click.echo(word("how to go on", language, number=number))


@scorecard.command("backtest")
@site_option
@click.option("--number", type=click.IntRange(1), help="Of which learned scorecard; the latest without.")
@click.option("--anew", is_flag=True, help="Judge what would be learned now, and keep nothing.")
@language_option
@json_option
def scorecard_backtest(site_name: str | None, number: int | None, anew: bool, language: Language, as_json: bool) -> None:
    """Print how a learned scorecard would have done, against the one that was current and against simple orders."""
    with service() as resources:
        with resources.database.reading() as connection:
            site = the_site(connection, site_name)
            known = proposals.list_proposals(connection, site.id)
        if anew:
            judgement = _judged_anew(resources, site, language)
        else:
            found = next((one for one in known if number is None or one.number == number), None)
            if found is None:
                raise _unknown(site, number)
            judgement = found.learned.judgement
    if as_json:
        print_json(judgement)
    else:
        console.print(*judgement_report(judgement, language), sep="\n")


@scorecard.command("proposals")
@site_option
@language_option
@json_option
def scorecard_proposals(site_name: str | None, language: Language, as_json: bool) -> None:
    """List what was learned, the latest first, and what became of it."""
    with service() as resources, resources.database.reading() as connection:
        found = proposals.list_proposals(connection, the_site(connection, site_name).id)
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo(word("no proposal", language))
        return
    table = listing(*(word(name, language) for name in ("number", "made", "state", "verdict", "gain column")))
    table.columns[0].justify = "right"
    for one in found:
        gain = one.learned.judgement.gain if one.learned.judgement else None
        made = datetime.fromtimestamp(one.created_at / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
        state, verdict = word(f"state {one.state}", language), word(f"verdict {one.learned.verdict}", language)
        table.add_row(str(one.number), made, state, verdict, Text(told_figure(gain, language)))
    console.print(table)
    for one in found:
        if one.state == "proposed" and one.shadow is not None:
            click.echo("\n" + told_shadow(one.shadow, language))


@scorecard.command("promote")
@number_argument
@changing_options
def scorecard_promote(
    number: int, site_name: str | None, why: str, by: str, no_wait: bool, language: Language, as_json: bool
) -> None:
    """Publish a proposed scorecard under its number."""
    with service() as resources, refusals():
        with resources.database.reading() as connection:
            site, now = the_site(connection, site_name), now_ms()
            found = proposals.find(connection, site.id, number)
            if found is None:
                raise _unknown(site, number)
            told = as_published(connection, site, found.body, now)
        with resources.database.writing() as connection:
            stored = proposals.promote(connection, site, number, by, why, now, told["hot"]["enter"])
        finish(resources, site, stored, not no_wait, language, as_json)


@scorecard.command("refuse")
@number_argument
@site_option
@why_option
@by_option
@language_option
def scorecard_refuse(number: int, site_name: str | None, why: str, by: str, language: Language) -> None:
    """Refuse a proposed scorecard. What was learned stays readable."""
    with service() as resources, resources.database.writing() as connection:
        proposals.refuse(connection, the_site(connection, site_name), number, by, why, now_ms())
    click.echo(word("refused", language, number=number))


def _judged_anew(resources: Resources, site: Site, language: Language) -> Judgement | None:
    _check_extra()
    from scorer.learning.job import learn

    with _bar(language) as progress:
        return learn(resources.database, site, now_ms(), progress=progress).trained.learned.judgement


def _check_extra() -> None:
    if not trainings.has_extra():
        raise trainings.TrainingError(trainings.NO_EXTRA.en, trainings.NO_EXTRA.zh)


def _unknown(site: Site, number: int | None) -> Mistake:
    if number is None:
        return Mistake(f"Nothing has been learned on {site.name!r} yet.", f"{site.name!r} 尚无学习结果。")
    return Mistake(
        f"{site.name!r} has no learned scorecard {number}.", f"{site.name!r} 没有第 {number} 号学习所得的评分卡。"
    )


@contextmanager
def _bar(language: Language) -> Iterator[Callable[[float], None]]:
    """Yield what to tell the share that is done. The bar is on stderr, and only where somebody looks at it."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        shown = bar.add_task(word("learning", language), total=1.0)
        yield lambda done: bar.update(shown, completed=done)


COMMANDS = (scorecard, rescore)
