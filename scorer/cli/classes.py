"""Commands for classes and groups: label leads, learn from the labels, see how far that is to be believed."""

from __future__ import annotations

from collections.abc import Collection
from typing import IO

import click
from rich.text import Text
from sqlalchemy import Connection

from scorer.class_assignment import assign
from scorer.class_requests import NO_LEARNING
from scorer.classes import Scheme, list_schemes
from scorer.cli.class_words import word
from scorer.cli.common import by_option, console, json_option, listing, print_json, service, site_of_lead, the_site
from scorer.cli.language import Mistake, language_option
from scorer.core.class_words import told_examples, told_groups, told_judgement, told_missing
from scorer.core.grouping import told_group
from scorer.core.labels import Language, pick
from scorer.decision_errors import DecisionError
from scorer.groups import list_groups, load_groups
from scorer.labelled import LabelledError
from scorer.labelling_by_hand import set_label
from scorer.labels_import import import_labels, read_table
from scorer.outlets.class_answers import groups_shape, scheme_shape
from scorer.resources import Resources, now_ms
from scorer.scorecards import StoredCard, current_cards
from tracker.sites import Site, load_sites

_REFUSED_SHOWN = 20
_site_option = click.option("--site", "site_name", help="Only needed where there are several.")


@click.group()
def classes() -> None:
    """The company's own classes of leads, learned from a few labels."""


@classes.command("list")
@_site_option
@language_option
@json_option
def classes_list(site_name: str | None, language: Language, as_json: bool) -> None:
    """List schemes and labels, with how far each scheme can be told."""
    with service() as resources, resources.database.reading() as connection:
        schemes = list_schemes(connection, the_site(connection, site_name).id)
    _show_schemes(schemes, language, as_json)


@classes.command("label")
@click.argument("lead_id")
@click.argument("scheme")
@click.argument("label", required=False)
@click.option("--none", "taken_back", is_flag=True, help="Take back what was said.")
@by_option
@language_option
def classes_label(lead_id: str, scheme: str, label: str | None, taken_back: bool, by: str, language: Language) -> None:
    """Say what LEAD_ID is in SCHEME: LABEL. A scheme exists as soon as a label in it does."""
    if (label is None) != taken_back:
        raise Mistake("Say either a label or --none.", "请给出标签或 --none，二者选一。")
    with service() as resources, resources.database.writing() as connection:
        site = load_sites(connection)[site_of_lead(connection, lead_id)]
        try:
            set_label(connection, site, lead_id, scheme, label, by, now_ms())
        except DecisionError as error:
            raise Mistake(error.label.en, error.label.zh) from None
    click.echo(
        word("is not labelled" if label is None else "is labelled", language, lead=lead_id, label=label, scheme=scheme)
    )


@classes.command("import")
@click.argument("file", type=click.File("rb"))
@_site_option
@click.option("--scheme", help="Scheme of all rows; else a column names it.")
@by_option
@language_option
@json_option
def classes_import(
    file: IO[bytes], site_name: str | None, scheme: str | None, by: str, language: Language, as_json: bool
) -> None:
    """Label many leads from a CSV FILE with the columns lead or email, scheme and label."""
    rows = read_table(file.read(), scheme)
    with service() as resources, resources.database.writing() as connection:
        site = the_site(connection, site_name)
        done = import_labels(connection, site, rows, by, now_ms())
    if as_json:
        print_json(done)
        return
    click.echo(word("is imported", language, rows=done.rows, changed=done.changed, refused=len(done.refused)))
    for one in done.refused[:_REFUSED_SHOWN]:
        click.echo(word("line", language, line=one.line, reason=pick(one.reason, language)), err=True)
    if len(done.refused) > _REFUSED_SHOWN:
        click.echo(word("and more", language, n=len(done.refused) - _REFUSED_SHOWN), err=True)


@classes.command("train")
@_site_option
@click.option("--seed", default=0, show_default=True, help="For the folds; the same gives the same models.")
@language_option
@json_option
def classes_train(site_name: str | None, seed: int, language: Language, as_json: bool) -> None:
    """Learn the schemes from the labels there are, and tell of the other leads."""
    with service() as resources:
        site = _learn(resources, site_name, seed, ("classes",))
        with resources.database.reading() as connection:
            schemes = list_schemes(connection, site.id)
    _show_schemes(schemes, language, as_json)


@click.group()
def groups() -> None:
    """Groups of leads that behave alike, found without labels."""


@groups.command("list")
@_site_option
@language_option
@json_option
def groups_list(site_name: str | None, language: Language, as_json: bool) -> None:
    """List the groups with size, share won, and what makes each different."""
    with service() as resources, resources.database.reading() as connection:
        site = the_site(connection, site_name)
        _show_groups(connection, site.id, current_cards(connection)[site.id], language, as_json)


@groups.command("make")
@_site_option
@click.option(
    "--seed", default=0, show_default=True, help="For the beginning of the search; the same gives the same groups."
)
@language_option
@json_option
def groups_make(site_name: str | None, seed: int, language: Language, as_json: bool) -> None:
    """Look for groups anew. Those that are still there keep their numbers."""
    with service() as resources:
        site = _learn(resources, site_name, seed, ("groups",))
        with resources.database.reading() as connection:
            _show_groups(connection, site.id, current_cards(connection)[site.id], language, as_json)


def _learn(resources: Resources, site_name: str | None, seed: int, parts: Collection[str]) -> Site:
    with resources.database.reading() as connection:
        site = the_site(connection, site_name)
    try:
        from scorer.learning.classes_job import learn_site
    except ImportError:
        raise LabelledError(NO_LEARNING.en, NO_LEARNING.zh) from None
    learn_site(resources.database, site.id, now_ms(), seed=seed, parts=parts)
    assign(resources.database, site.id)
    return site


def _show_schemes(schemes: list[Scheme], language: Language, as_json: bool) -> None:
    if as_json:
        print_json([scheme_shape(scheme, language) for scheme in schemes])
        return
    if not schemes:
        console.print(word("no scheme", language))
    for scheme in schemes:
        console.print(Text(scheme.name, style="bold"))
        table = listing(*(word(title, language) for title in ("label", "by people", "learned")))
        for column in table.columns[1:]:
            column.justify = "right"
        for one in scheme_shape(scheme, language).labels:
            table.add_row(Text(one.label), f"{one.people:,}", f"{one.learned:,}")
        console.print(table)
        if scheme.model is None:
            console.print(Text(told_missing(scheme.labels, language)), end="\n\n")
            continue
        judged = scheme.model.judgement
        console.print(Text(f"{told_judgement(judged, language)} {told_examples(judged, language)}"))
        console.print(word("unsure", language, n=scheme.untold), end="\n\n")


def _show_groups(connection: Connection, site_id: int, stored: StoredCard, language: Language, as_json: bool) -> None:
    if as_json:
        print_json(groups_shape(connection, site_id, stored.card, language))
        return
    model = load_groups(connection, site_id)
    if model is None:
        console.print(word("no groups", language))
        return
    console.print(told_groups(model, language))
    found = list_groups(connection, site_id)
    if not found:
        return
    table = listing(*(word(title, language) for title in ("group", "leads", "won", "what")))
    for one in found:
        told = Text(told_group(one.group, stored.card, language))
        table.add_row(str(one.group.id), f"{one.leads:,}", f"{one.won.rate or 0:.1%}", told)
    console.print(table)


COMMANDS = (classes, groups)
