"""The command ``warmtrail``. One file a family of commands; what they share is in ``scorer.cli.common``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from copy import copy
from importlib import import_module
from typing import Any, Final

import click
import redis
from sqlalchemy.exc import OperationalError

from scorer.cli.help import Translated, in_chinese, speaking
from scorer.cli.language import error_language_option, language_of_words, told
from tracker.core.labels import LabelledError, Language

FAMILIES: Final = {
    "running": ("up", "collector", "web", "worker", "cron"),
    "setting_up": ("init", "site", "key"),
    "imports": ("import-log", "import-events", "import-leads"),
    "leads": ("hot", "lead", "explain"),
    "decisions": ("merge", "unmerge", "exclude", "include", "accounts"),
    "mail_links": ("link",),
    "care": ("status", "dead-letters", "doctor"),
    "recounting": ("recount",),
    "partitions": ("partitions",),
    "audit": ("audit",),
    "keeping": ("backup", "restore"),
    "archive": ("archive",),
    "privacy": ("export", "erase", "objection", "consent"),
    "learning": ("scorecard", "rescore"),
    "segments": ("segment",),
    "classes": ("classes", "groups"),
    "digests": ("digest",),
    "users": ("user",),
    "webhooks": ("webhook",),
    "alerts": ("alert",),
}
"""The commands of each module of this package."""


class _Families(click.Group):
    """Loads a command's module when it is asked for: the service starts this program five times over."""

    language: Language = "en"

    def main(self, args: Sequence[str] | None = None, *rest: Any, **more: Any) -> Any:
        words = sys.argv[1:] if args is None else list(args)
        group = copy(self)
        group.language = language_of_words(words)
        with speaking(group.language):
            return click.Group.main(group.translated(group), words, *rest, **more)

    def translated(self, command: Translated) -> Translated:
        """Return a command with its help in the language of what runs."""
        return in_chinese(command) if self.language == "zh" else command

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(name for names in FAMILIES.values() for name in names)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        family = next((family for family, names in FAMILIES.items() if name in names), None)
        if family is None:
            return None
        commands: tuple[click.Command, ...] = import_module(f"scorer.cli.{family}").COMMANDS
        return self.translated(next(command for command in commands if command.name == name))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except LabelledError as error:
            raise told(error, ctx) from error
        except redis.RedisError as error:
            raise told(LabelledError(f"Redis can't be used: {error}", f"无法使用 Redis：{error}"), ctx) from error
        except OperationalError as error:
            why = error.orig
            raise told(LabelledError(f"The database can't be used: {why}", f"无法使用数据库：{why}"), ctx) from error


@click.group(cls=_Families, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@error_language_option
@click.version_option(package_name="warmtrail")
def cli() -> None:
    """Tells a sales team which website visitors are about to buy, why, and what to do next."""


def main() -> None:
    """Run the command line; what the user can mend is told in a line, not as a traceback."""
    cli(prog_name="warmtrail")
