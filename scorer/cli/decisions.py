"""What people decide about leads: one person or two, and who is no lead; and the companies that leads belong to."""

from __future__ import annotations

import getpass
from collections.abc import Callable

import click
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, select

from scorer.account_views import rank_accounts, view_accounts
from scorer.by_hand import NEVER, DecisionError
from scorer.by_hand import exclude as decide_exclusion
from scorer.by_hand import merge as decide_merge
from scorer.by_hand import unmerge as decide_unmerge
from scorer.cli.common import console, json_option, print_json, service, the_site
from scorer.cli.words import word
from scorer.core.exclusions import REASONS
from scorer.core.labels import Language, pick
from scorer.lead_views import Viewpoint
from scorer.models import leads
from scorer.outlets import account_shapes
from scorer.resources import now_ms
from scorer.scorecards import current_cards
from tracker.sites import Site, load_sites

_why = click.option("--why", required=True, help="The reason, for the log.")
_by = click.option("--by", default=getpass.getuser, show_default="you", help="Who decides.")


@click.command()
@click.argument("kept")
@click.argument("lost")
@_why
@_by
def merge(kept: str, lost: str, why: str, by: str) -> None:
    """Make LOST a part of KEPT: they are one person. `unmerge` takes it back."""
    _decide(kept, lambda connection, site: decide_merge(connection, site, kept, lost, by, why, now_ms()))
    click.echo(f"{lost} is part of {kept} now.")


@click.command()
@click.argument("lead_id")
@_why
@_by
def unmerge(lead_id: str, why: str, by: str) -> None:
    """Make LEAD_ID, which became part of another lead, a lead of its own again."""
    _decide(lead_id, lambda connection, site: decide_unmerge(connection, site, lead_id, by, why, now_ms()))
    click.echo(f"{lead_id} is a lead of its own again.")


@click.command()
@click.argument("lead_id")
@click.option("--reason", required=True, type=click.Choice(list(REASONS)))
@_why
@_by
def exclude(lead_id: str, reason: str, why: str, by: str) -> None:
    """Keep a lead off the hot list. `include` takes it back."""
    _decide(lead_id, lambda connection, site: decide_exclusion(connection, site, lead_id, reason, by, why, now_ms()))
    click.echo(f"{lead_id} is excluded: {reason}.")


@click.command()
@click.argument("lead_id")
@click.option("--automatic", is_flag=True, help="Leave it to the scorecard, which may exclude it again.")
@_why
@_by
def include(lead_id: str, automatic: bool, why: str, by: str) -> None:
    """Let a lead on the hot list again, whatever the scorecard says."""
    reason = None if automatic else NEVER
    _decide(lead_id, lambda connection, site: decide_exclusion(connection, site, lead_id, reason, by, why, now_ms()))
    click.echo(f"{lead_id} {'is left to the scorecard' if automatic else 'is never excluded'}.")


@click.command()
@click.option("--site", "site_name", help="Only needed where there are several.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 200))
@click.option("--search", help="Beginning of the company's name or domain.")
@click.option("--lang", "language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@json_option
def accounts(site_name: str | None, limit: int, search: str | None, language: Language, as_json: bool) -> None:
    """Companies, hottest first, with their people."""
    with service() as resources, resources.database.reading() as connection:
        site = the_site(connection, site_name)
        rows, _ = rank_accounts(connection, site.id, search, None, limit)
        view = Viewpoint(site, current_cards(connection)[site.id], now_ms(), language, resources.settings.url)
        shown = view_accounts(connection, view, rows)
    if as_json:
        print_json(account_shapes.AccountPage(shown, None))
        return
    if not shown:
        console.print(word("no company", language))
        return
    titles = ("score", "company", "trend", "people", "wants")
    table = Table(*(word(title, language) for title in titles), box=None, header_style="bold", padding=(0, 2, 1, 0))
    for one in shown:
        told = (_company(one), _trend(one, language), _people(one, language), _wants(one, language))
        table.add_row(f"{one.score:.0f}", *told)
    console.print(table)


def _company(one: account_shapes.Account) -> Text:
    text = Text(one.name or one.domain or "", style="bold")
    known = (one.domain if one.name else None, one.industry, one.country)
    return text.append("\n" + ", ".join(part for part in known if part), style="not bold dim")


def _trend(one: account_shapes.Account, language: Language) -> str:
    return word(one.trend.trend, language) if one.trend.trend else "–"


def _people(one: account_shapes.Account, language: Language) -> Text:
    text = Text()
    for person in one.people[:4]:
        name = person.name or person.email or word("somebody", language)
        excluded = f" ({pick(REASONS[person.exclusion], language)})" if person.exclusion else ""
        role = f", {word(person.role, language)}" if person.role != "unknown" else ""
        text.append(f"{person.score:3.0f}  {name}{role}{excluded}\n", style="dim" if person.exclusion else "")
    more = one.leads - 4
    return text.append(word("and n more", language, n=more) if more > 0 else "", style="dim")


def _wants(one: account_shapes.Account, language: Language) -> Text:
    text = Text("\n".join(f"{interest.label} {interest.share:.0%}" for interest in one.interests[:3]))
    return text.append(f"\n{word(one.stage, language)}" if one.stage else "", style="dim")


def _decide(lead_id: str, decision: Callable[[Connection, Site], None]) -> None:
    with service() as resources, resources.database.writing() as connection:
        site_id = connection.execute(select(leads.c.site_id).where(leads.c.id == lead_id)).scalar_one_or_none()
        if site_id is None:
            raise click.UsageError(f"There is no lead {lead_id!r}.")
        try:
            decision(connection, load_sites(connection)[site_id])
        except DecisionError as error:
            raise click.UsageError(str(error)) from None


COMMANDS = (merge, unmerge, exclude, include, accounts)
