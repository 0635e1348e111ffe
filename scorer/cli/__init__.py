"""The command ``warmtrail``. One file a family of commands; what they share is in ``scorer.cli.common``."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

import click
import redis
from sqlalchemy.exc import OperationalError

from tracker.embedded import EmbeddedError
from tracker.migrate import WrongVersion
from tracker.settings import SettingError
from tracker.sites import SiteError

FAMILIES: Final = {
    "running": ("up", "collector", "web", "worker", "cron"),
    "setting_up": ("init", "site", "key"),
    "imports": ("import-log", "import-events", "import-leads"),
    "leads": ("hot", "lead", "explain"),
    "decisions": ("merge", "unmerge", "exclude", "include", "accounts"),
    "mail_links": ("link",),
    "care": ("status", "dead-letters", "doctor"),
    "scorecards": ("scorecard", "rescore"),
    "segments": ("segment",),
}
"""The commands of each module of this package."""


class _Families(click.Group):
    """Loads a command's module when it is asked for: the service starts this program five times over."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(name for names in FAMILIES.values() for name in names)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        family = next((family for family, names in FAMILIES.items() if name in names), None)
        if family is None:
            return None
        commands: tuple[click.Command, ...] = import_module(f"scorer.cli.{family}").COMMANDS
        return next(command for command in commands if command.name == name)


@click.group(cls=_Families, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="warmtrail")
def cli() -> None:
    """Tells a sales team which website visitors are about to buy, why, and what to do next."""


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
