"""Commands that copy the database and put a copy back."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from scorer.backup import back_up
from scorer.backup import restore as put_back
from scorer.backup_records import note_backup
from scorer.cli.common import json_option, print_json, settings_with_logging
from scorer.cli.keeping_words import word
from scorer.cli.language import language_option
from scorer.core.labels import Language
from scorer.resources import now_ms
from tracker.db import Database

_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command()
@_file
@click.option("--keep-days", type=click.IntRange(0, 3650), help="After so many days you delete it: erasures name it until.")
@language_option
@json_option
def backup(file: Path, keep_days: int | None, language: Language, as_json: bool) -> None:
    """Copy the SQLite database into a new file, while the service runs."""
    settings = settings_with_logging()
    size = back_up(settings, file)
    database = Database(settings.effective_database_url)
    try:
        with database.writing() as connection:
            note_backup(connection, file, now_ms(), keep_days)
    finally:
        database.close()
    if as_json:
        print_json({"file": str(file), "bytes": size})
    else:
        click.echo(word("copied", language, file=file, size=f"{size:,}"))


@click.command()
@_file
@click.option("--yes", is_flag=True, help="Don't ask.")
@language_option
@json_option
def restore(file: Path, yes: bool, language: Language, as_json: bool) -> None:
    """Put a backup in place of the SQLite database, which is kept beside it. The service must be stopped."""
    if not yes:
        click.confirm(word("sure", language, file=file), abort=True, err=True)
    done = put_back(settings_with_logging(), file)
    if as_json:
        print_json(msgspec.structs.asdict(done))
        return
    click.echo(word("restored", language, database=done.database))
    if done.former:
        click.echo(word("former", language, former=done.former))


COMMANDS = (backup, restore)
