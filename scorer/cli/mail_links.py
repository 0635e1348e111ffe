"""The command that makes a tracked link for a mail."""

from __future__ import annotations

import click

from scorer.cli.common import json_option, print_json, service, site_of_lead
from scorer.cli.language import Mistake, error_language_option
from scorer.mail_links import link_maker, make_link
from scorer.memberships import surviving
from scorer.outlets.shapes import time_text
from scorer.resources import now_ms
from tracker.core.mail_links import LIFETIME_DAYS, LinkError


@click.command()
@click.argument("lead_id", metavar="LEAD")
@click.argument("url")
@click.option("--campaign", required=True, help="The mailing that the link is for.")
@click.option("--days", default=LIFETIME_DAYS, show_default=True, help="How long it stands.")
@error_language_option
@json_option
def link(lead_id: str, url: str, campaign: str, days: int, as_json: bool) -> None:
    """A link to URL for a mail to LEAD: who follows it and reads is that lead."""
    with service() as resources:
        with resources.database.reading() as connection:
            site_id = site_of_lead(connection, lead_id)
            root = surviving(connection, site_id, lead_id) or lead_id
        try:
            made = make_link(link_maker(resources), site_id, root, url, campaign, now_ms(), days=days)
        except LinkError as error:
            raise Mistake(error.label.en, error.label.zh) from None
    if as_json:
        told = {"id": made.id, "lead": made.lead, "url": made.url, "campaign": made.campaign}
        print_json({"link": made.link, **told, "expires_at": time_text(made.expires_at)})
    else:
        click.echo(made.link)


COMMANDS = (link,)
