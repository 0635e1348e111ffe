"""Commands for the archive of raw events, and the options by which other commands fold over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorer.cli.archive_words import word
from scorer.cli.common import Command, json_option, print_json, service
from scorer.cli.language import language_option
from scorer.cli.progress import counting_bar
from scorer.core.labels import Language
from scorer.resources import now_ms
from tracker.core.labels import LabelledError
from tracker.settings import Settings

if TYPE_CHECKING:  # They need the extra.
    from scorer.archive.places import Place
    from scorer.whole_history import WholeHistory

ENGINES = ("processes", "spark")

archive_option = click.option("--archive", "archive_url", help="Folder or s3:// URL; without, that of the settings.")


def engine_options(command: Command) -> Command:
    """Add ``--engine`` and ``--archive``: where the history comes from, and who folds it."""
    engine = click.option(
        "--engine",
        type=click.Choice(ENGINES),
        help="Fold over the archive, in processes of this machine or on Spark; without, from the database.",
    )
    return engine(archive_option(command))


@click.group()
def archive() -> None:
    """The archive of raw events."""


@archive.command("run")
@archive_option
@language_option
@json_option
def archive_run(archive_url: str | None, language: Language, as_json: bool) -> None:
    """Bring the archive up to date, as the service does each hour."""
    with service() as resources:
        place = opened(resources.settings, archive_url)
        from scorer.archive.keeping import keep

        with counting_bar(word("archiving", language)) as progress:
            done = keep(resources, place, now_ms(), progress)
    if as_json:
        print_json(done)
        return
    click.echo(word("done", language, days=done.days, events=f"{done.events:,}"))
    if done.erased_events:
        click.echo(word("erased", language, events=f"{done.erased_events:,}"))
    if done.cut_off_days:
        click.echo(word("cut off", language, days=done.cut_off_days))
    if done.waits_for_queue:
        click.echo(word("waits", language))


@archive.command("status")
@archive_option
@language_option
@json_option
def archive_status(archive_url: str | None, language: Language, as_json: bool) -> None:
    """Say what the archive holds, and how large it is."""
    with service() as resources:
        place = opened(resources.settings, archive_url)
        from scorer.archive.keeping import status

        found = status(resources, place)
    if as_json:
        print_json(found)
        return
    if found.days:
        click.echo(word("holds", language, first=found.first, last=found.last, days=found.days, events=f"{found.events:,}"))
        each = found.bytes / max(1, found.events)
        click.echo(word("size", language, files=f"{found.files:,}", bytes=f"{found.bytes:,}", each=f"{each:.1f}"))
    else:
        click.echo(word("empty", language))
    if found.erasures_waiting:
        click.echo(word("erasures", language, visitors=found.erasures_waiting))


def opened(settings: Settings, url: str | None) -> Place:
    """Return the archive that is meant. Raises ``ArchiveError``, and ``LabelledError`` where none is named."""
    from scorer.archive.places import Place

    wanted = url or settings.archive_url
    if wanted is None:
        raise LabelledError(
            "There is no archive: set WARMTRAIL_ARCHIVE_URL, or name one with --archive.",
            "没有归档：请设置 WARMTRAIL_ARCHIVE_URL，或用 --archive 指定。",
        )
    return Place(wanted)


def whole_history(settings: Settings, engine: str | None, url: str | None) -> WholeHistory | None:
    """Return what folds a site's leads; ``None``: the database. Raises ``LabelledError`` where options don't fit."""
    if engine is None:
        if url is not None:
            raise LabelledError("--archive is for --engine processes or spark.", "--archive 须与 --engine 一起使用。")
        return None
    place = opened(settings, url)
    from scorer.whole_history import WholeHistory

    if engine == "spark":
        from scorer.engines.spark import Spark

        return WholeHistory(place, Spark(settings.spark_master))
    from scorer.engines.processes import Processes

    return WholeHistory(place, Processes())


COMMANDS = (archive,)
