"""The command that reads the audit log: what people did by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import msgspec
from rich.text import Text

from scorer.auditing import read_log
from scorer.cli.common import console, json_option, listing, print_json, service, the_site
from scorer.cli.language import language_option
from scorer.cli.words import word
from scorer.core.audit_words import action_label, told_changes
from scorer.core.labels import Language
from scorer.outlets.shapes import time_text


@click.command()
@click.option("--site", "site_name", help="Only needed where there are several.")
@click.option("--subject", help="Only what was done to this: a lead's id, a key's, 'scorecard 3', 'site'.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@language_option
@json_option
def audit(site_name: str | None, subject: str | None, limit: int, language: Language, as_json: bool) -> None:
    """What people did by hand, the latest first: who, when, what, why."""
    with service() as resources, resources.database.reading() as connection:
        site = the_site(connection, site_name)
        lines = read_log(connection, site.id, subject, limit)
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
        told = (one.actor or "–", action_label(one.action, language), one.subject, changed, one.why)
        # People's own words are not to be read as colours.
        table.add_row(f"{at:%Y-%m-%d %H:%M}", *map(Text, told))
    console.print(table)


COMMANDS = (audit,)
