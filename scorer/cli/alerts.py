"""Commands for alerts: who gets a mail when a lead becomes hot."""

from __future__ import annotations

import click
import msgspec
from rich.text import Text

from scorer import alerts
from scorer.cli.common import by_option, console, json_option, listing, print_json, service, the_site
from scorer.cli.language import Mistake, language_option
from scorer.cli.webhook_words import word
from scorer.core.labels import Language
from scorer.core.quiet_hours import read_quiet_hours
from scorer.resources import now_ms
from tracker.sites import load_sites

_site_option = click.option("--site", "site_name", help="Site it is of; may be left out while there is only one.")


@click.group()
def alert() -> None:
    """Mails to people the moment a lead becomes hot."""


@alert.command("add")
@click.argument("email")
@_site_option
@click.option("--segment", default="", help="Only of leads in this segment.")
@click.option("--texts", type=click.Choice(["en", "zh"]), default=None, help="Language of the mails. Default: the site's.")
@click.option("--time-zone", default="", metavar="ZONE", help="Of the reader. Default: the site's.")
@click.option("--quiet", default="", metavar="19:00-08:00", help="Hours of the reader's day without mails.")
@click.option("--max-per-day", default=alerts.DEFAULT_PER_DAY, show_default=True, help="Mails a day.")
@by_option
@language_option
@json_option
def alert_add(
    email: str,
    site_name: str | None,
    segment: str,
    texts: str | None,
    time_zone: str,
    quiet: str,
    max_per_day: int,
    by: str,
    language: Language,
    as_json: bool,
) -> None:
    """Have an address told of what becomes hot from now on."""
    hours = read_quiet_hours(quiet)
    with service() as resources, resources.database.writing() as connection:
        made = alerts.add_alert(
            connection,
            the_site(connection, site_name),
            email,
            by,
            now_ms(),
            segment=segment,
            language=texts or "",
            time_zone=time_zone,
            quiet=hours,
            max_per_day=max_per_day,
        )
        can_send = resources.settings.smtp_url is not None
    if as_json:
        print_json(made)
        return
    click.echo(word("is alert", language, email=made.email, id=made.id))
    if not can_send:
        click.echo(word("no mail", language))


@alert.command("list")
@_site_option
@language_option
@json_option
def alert_list(site_name: str | None, language: Language, as_json: bool) -> None:
    """List who is alerted, of what, and when not."""
    with service() as resources, resources.database.reading() as connection:
        known = alerts.list_alerts(connection, the_site(connection, site_name).id if site_name else None)
        names = {site.id: site.name for site in load_sites(connection).values()}
    if as_json:
        print_json([msgspec.to_builtins(one) for one in known])
        return
    if not known:
        console.print(word("no alert", language))
        return
    titles = ("id", "email", "site", "segment", "zone", "quiet", "limit", "state")
    table = listing(*(word(title, language) for title in titles))
    for one in known:
        cells = (
            one.email,
            names[one.site_id],
            one.segment or word("all leads", language),
            one.time_zone,
            str(one.quiet) or word("no quiet", language),
            str(one.max_per_day),
            word("on it" if one.unsubscribed_at is None else "given up", language),
        )
        table.add_row(one.id, *(Text(cell) for cell in cells))
    console.print(table)


@alert.command("remove")
@click.argument("alert_id")
@by_option
@language_option
def alert_remove(alert_id: str, by: str, language: Language) -> None:
    """End an alert."""
    with service() as resources, resources.database.writing() as connection:
        found = alerts.find_alert(connection, alert_id)
        if found is None:
            raise Mistake(f"There is no alert {alert_id!r}.", f"没有提醒 {alert_id!r}。")
        alerts.remove_alert(connection, found, by, now_ms())
    click.echo(word("alert removed", language, email=found.email))


COMMANDS = (alert,)
