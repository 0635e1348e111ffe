"""Commands for a person's own data and choices: export, erase, objection, consent."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from scorer.by_hand import object_to_scoring
from scorer.cli.common import by_option, console, json_option, listing, print_json, service, the_site
from scorer.cli.decisions import decide
from scorer.cli.language import Mistake, language_option
from scorer.cli.privacy_words import word
from scorer.consents import record_consent
from scorer.core.labels import Label, Language, pick
from scorer.core.personal_data import KEPT
from scorer.data_subjects import Asked, find_subject
from scorer.erasing import copies_elsewhere
from scorer.erasing import erase as erase_person
from scorer.outlets.privacy_shapes import Certificate
from scorer.person_export import export_person
from scorer.resources import now_ms
from tracker.core.consents import Declared
from tracker.core.events import TRACKING

_who = click.argument("who")
_names_option = click.option(
    "--as",
    "kind",
    type=click.Choice(["lead", "email", "user-id", "anonymous-id"]),
    help="What WHO is. Left out: an address if there is an @ in it, else a lead.",
)


@click.command()
@_who
@_names_option
@click.option("--site", "site_name", help="Only needed where there are several.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Into this file, not to the terminal.")
@language_option
def export(who: str, kind: str | None, site_name: str | None, output: Path | None, language: Language) -> None:
    """All that is kept of a person, as JSON: for somebody who asks for their data."""
    with service() as resources, resources.database.reading() as connection:
        found = export_person(connection, the_site(connection, site_name), _asked(who, kind), now_ms())
    if output is None:
        print_json(found)
        return
    output.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2))
    output.chmod(0o600)
    rows = sum(map(len, found.tables.values()))
    console.print(word("written", language, rows=f"{rows:,}", path=output))


@click.command()
@_who
@_names_option
@click.option("--site", "site_name", help="Only needed where there are several.")
@click.option("--why", required=True, help="Kept in the log: don't name the person.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@by_option
@language_option
@json_option
def erase(
    who: str, kind: str | None, site_name: str | None, why: str, yes: bool, by: str, language: Language, as_json: bool
) -> None:
    """Delete all that is kept of a person, for good, and print the record of it."""
    asked = _asked(who, kind)
    with service() as resources:
        with resources.database.reading() as connection:
            site = the_site(connection, site_name)
            subject = find_subject(connection, site, asked)
        if not yes:
            told = word("sure", language, leads=len(subject.leads), browsers=len(subject.visitors))
            click.confirm(told, abort=True, err=True)
        with resources.database.writing() as connection:
            made = erase_person(connection, site, asked, by, why, now_ms())
            elsewhere = copies_elsewhere(connection)
        resources.tell_committed()
    if as_json:
        print_json(made)
    else:
        _show(made, elsewhere, language)


def _asked(who: str, kind: str | None) -> Asked:
    if not who.strip():
        raise Mistake("Say who.", "请指明是谁。")
    kind = kind or ("email" if "@" in who else "lead")
    return Asked(**{kind.replace("-", "_"): who.strip()})


def _show(made: Certificate, elsewhere: Iterable[Label], language: Language) -> None:
    console.print(word("erased", language, id=made.id, at=made.erased_at))
    titles = {kept.table: pick(kept.title, language) for kept in KEPT}
    table = listing(word("what", language), word("rows", language))
    table.columns[1].justify = "right"
    for name, count in made.removed.items():
        table.add_row(titles[name], f"{count:,}")
    if made.refused_events:
        table.add_row(word("refused", language), f"{made.refused_events:,}")
    for name, count in made.emptied.items():
        table.add_row(word("emptied", language, what=titles[name]), f"{count:,}")
    console.print(table)
    for held in made.backups:
        goes = word("until", language, at=held.goes_at) if held.goes_at else word("no end", language)
        console.print(word("held", language, file=held.file, at=held.made_at, goes=goes))
    console.print(word("outside", language))
    for place in elsewhere:
        console.print(f"  · {pick(place, language)}")


@click.command()
@click.argument("lead_id")
@click.option("--withdrawn", is_flag=True, help="No longer objects: it may be scored again.")
@click.option("--why", required=True, help="The reason, for the log.")
@by_option
@language_option
def objection(lead_id: str, withdrawn: bool, why: str, by: str, language: Language) -> None:
    """Record that a lead doesn't want to be scored, and score it no more."""
    decide(lead_id, lambda connection, site: object_to_scoring(connection, site, lead_id, not withdrawn, by, why, now_ms()))
    click.echo(word("may be scored" if withdrawn else "is not scored", language, lead=lead_id))


@click.command()
@click.argument("lead_id")
@click.option("--withdrawn", is_flag=True, help="It was taken back.")
@click.option("--purpose", default=TRACKING, show_default=True, help="What was agreed to.")
@click.option("--version", default="", help="Of the text that was agreed to.")
@click.option("--source", default="", help="Where it was said: a form, a telephone call.")
@click.option("--why", required=True, help="The reason, for the log.")
@by_option
@language_option
def consent(
    lead_id: str, withdrawn: bool, purpose: str, version: str, source: str, why: str, by: str, language: Language
) -> None:
    """Record a consent that was given, or taken back, elsewhere than on the site."""
    declared = Declared(purpose.strip().lower(), not withdrawn, version.strip(), source.strip())
    decide(lead_id, lambda connection, site: record_consent(connection, site, lead_id, declared, by, why, now_ms()))
    click.echo(word("consent withdrawn" if withdrawn else "consent given", language, lead=lead_id, purpose=declared.purpose))


COMMANDS = (export, erase, objection, consent)
