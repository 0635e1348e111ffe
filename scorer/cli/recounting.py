"""The command that lets labelled events count after all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast, get_args
from zoneinfo import ZoneInfo

import click

from scorer.auditing import note
from scorer.catching_up import catch_up
from scorer.cli.common import by_option, console, json_option, print_json, service, the_site
from scorer.cli.language import language_option
from scorer.cli.words import word
from scorer.core.labels import Language
from scorer.resources import Resources, now_ms
from tracker import queue
from tracker.core.layouts import numbers_of
from tracker.core.refusals import FilterLabel
from tracker.recounting import Wanted, count_labelled
from tracker.recounting import recount as send_again

MOST_WAITING = 50_000
"""Entries in the queue, beyond which no more are sent."""


@click.command()
@click.option("--site", "site_name", help="Only needed where there are several.")
@click.option("--label", required=True, type=click.Choice(get_args(FilterLabel)), help="The label that is wrong.")
@click.option("--visitor", metavar="ID", help="Only what one visitor did: an anonymousId, or user: and a userId.")
@click.option(
    "--since",
    metavar="DAY",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Only what happened on this day or later, in the site's time zone.",
)
@click.option("--dry-run", is_flag=True, help="Only say how many there are.")
@click.option("--why", default="", help="The reason, for the log.")
@by_option
@language_option
@json_option
def recount(
    site_name: str | None,
    label: str,
    visitor: str | None,
    since: datetime | None,
    dry_run: bool,
    why: str,
    by: str,
    language: Language,
    as_json: bool,
) -> None:
    """Let events count that were filtered wrongly: you vouch for them. Process them, if no worker does."""
    with service() as resources:
        with resources.database.reading() as connection:
            site = the_site(connection, site_name)
        since_ms = round(since.replace(tzinfo=ZoneInfo(site.settings.time_zone)).timestamp() * 1000) if since else 0
        wanted = Wanted(site.id, cast(FilterLabel, label), visitor, since_ms)
        visitors, events = count_labelled(resources.database, wanted)
        found = {"visitors": visitors, "events": events, "sent": 0, "waiting": 0}
        if events and not dry_run:
            detail = {"label": label, "visitors": visitors, "events": events}
            if since:
                detail["since"] = datetime.fromtimestamp(since_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            # First, and by itself: if this is cut off, the log tells of more than was done, never of less.
            with resources.database.writing() as connection:
                note(connection, site.id, by, "recount", "site", why, detail, now_ms())
            found["sent"], found["waiting"] = _send(resources, wanted)
    if as_json:
        print_json(found)
    else:
        console.print(word("would count" if dry_run else "recounted", language, label=label, **found))


def _send(resources: Resources, wanted: Wanted) -> tuple[int, int]:
    """Return how many events were sent, and how many still wait."""
    layout = resources.agreed_layouts()[-1]

    def hold() -> None:
        if queue.count_entries(resources.streams, list(numbers_of(layout))) > MOST_WAITING:
            catch_up(resources, lambda _: None)

    sent = send_again(resources.database, resources.streams, wanted, layout, now_ms(), hold)
    return sent, catch_up(resources, lambda _: None)


COMMANDS = (recount,)
