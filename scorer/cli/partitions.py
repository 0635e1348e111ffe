"""Commands about the partitions that events are spread over."""

from __future__ import annotations

import click

from scorer.cli.common import console, json_option, print_json, service
from scorer.cli.language import language_option
from scorer.cli.partition_words import word
from scorer.core.labels import Language
from scorer.resources import DRAIN_JOB, Resources
from tracker import queue
from tracker.core.layouts import numbers_of, partition_count
from tracker.layouts import raise_partitions


@click.group("partitions")
def partitions() -> None:
    """Streams that events are spread over by visitor."""


@partitions.command("show")
@language_option
@json_option
def show(language: Language, as_json: bool) -> None:
    """Show how many there are, and what is left of a raise."""
    with service() as resources:
        _tell(resources, language, as_json)


@partitions.command("raise")
@click.argument("number", type=click.IntRange(min=1))
@language_option
@json_option
def raise_(number: int, language: Language, as_json: bool) -> None:
    """Raise their number while the service runs. The order of each visitor's events stays."""
    with service() as resources:
        resources.agreed_layouts()
        raise_partitions(resources.database, resources.streams, resources.settings.partitions, number)
        for slot in range(resources.settings.slot_count):
            queue.wake_surely(resources.control, slot, DRAIN_JOB)
        _tell(resources, language, as_json)


def _tell(resources: Resources, language: Language, as_json: bool) -> None:
    *older, newest = resources.layouts()
    waiting = queue.count_entries(resources.streams, [number for layout in older for number in numbers_of(layout)])
    if as_json:
        print_json({"partitions": partition_count(newest), "layout": newest, "waiting_in_older": waiting})
        return
    console.print(word("partitions", language, count=partition_count(newest)))
    if older:
        console.print(word("older", language, waiting=f"{waiting:,}"))


COMMANDS = (partitions,)
