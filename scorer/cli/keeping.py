"""Commands that copy the database and put a copy back."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from scorer.backup import back_up
from scorer.backup import restore as put_back
from scorer.cli.common import json_option, print_json, settings_with_logging
from scorer.cli.keeping_words import word
from scorer.cli.language import language_option
from scorer.core.labels import Language

_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command()
@_file
@language_option
@json_option
def backup(file: Path, language: Language, as_json: bool) -> None:
    """Copy the SQLite database into a new file, while the service runs."""
    size = back_up(settings_with_logging(), file)
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
