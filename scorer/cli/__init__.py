"""The command ``warmtrail``. One file a family of commands; what they share is in ``scorer.cli.common``."""

from __future__ import annotations

import sys

import click
import redis
from sqlalchemy.exc import OperationalError

from scorer.cli import care, imports, leads, running, setting_up
from tracker.embedded import EmbeddedError
from tracker.migrate import WrongVersion
from tracker.settings import SettingError
from tracker.sites import SiteError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="warmtrail")
def cli() -> None:
    """Tells a sales team which website visitors are about to buy, why, and what to do next."""


for family in (running, setting_up, imports, leads, care):
    for command in family.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Run the command line; what the user can mend is told in a line, not as a traceback."""
    try:
        cli(prog_name="warmtrail")
    except (SettingError, SiteError, EmbeddedError, WrongVersion) as error:
        _fail(str(error))
    except redis.RedisError as error:
        _fail(f"Redis can't be used: {error}")
    except OperationalError as error:
        _fail(f"The database can't be used: {error.orig}")


def _fail(message: str) -> None:
    click.echo(f"warmtrail: {message}", err=True)
    sys.exit(1)
