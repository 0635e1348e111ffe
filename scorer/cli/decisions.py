"""What people decide about leads: one person or two, and who is no lead; and the companies that leads belong to."""

from __future__ import annotations

from collections.abc import Callable

import click
from rich.text import Text
from sqlalchemy import Connection

from scorer.account_views import rank_accounts, view_accounts
from scorer.by_hand import NEVER, DecisionError
from scorer.by_hand import exclude as decide_exclusion
from scorer.by_hand import merge as decide_merge
from scorer.by_hand import unmerge as decide_unmerge
from scorer.cli.common import by_option, console, json_option, listing, print_json, service, site_of_lead, the_site
from scorer.cli.language import Mistake, language_option
from scorer.cli.words import word
from scorer.core.domain_names import readable
from scorer.core.exclusions import EXCLUDED, REASONS, ExclusionReason
from scorer.core.labels import Language, pick
from scorer.lead_views import Viewpoint
from scorer.outlets import account_shapes
from scorer.resources import now_ms
from scorer.scorecards import current_cards
from tracker.sites import Site, load_sites

_why = click.option("--why", required=True, help="The reason, for the log.")


@click.command()
@click.argument("kept")
@click.argument("lost")
@_why
@by_option
@language_option
def merge(kept: str, lost: str, why: str, by: str, language: Language) -> None:
    """Make LOST a part of KEPT: they are one person. `unmerge` takes it back."""
    decide(kept, lambda connection, site: decide_merge(connection, site, kept, lost, by, why, now_ms()))
    click.echo(word("is merged", language, lost=lost, kept=kept))


@click.command()
@click.argument("lead_id")
@_why
@by_option
@language_option
def unmerge(lead_id: str, why: str, by: str, language: Language) -> None:
    """Make LEAD_ID, which became part of another lead, a lead of its own again."""
    decide(lead_id, lambda connection, site: decide_unmerge(connection, site, lead_id, by, why, now_ms()))
    click.echo(word("is unmerged", language, lead=lead_id))


@click.command()
@click.argument("lead_id")
@click.option("--reason", required=True, type=click.Choice(list(REASONS)))
@_why
@by_option
@language_option
def exclude(lead_id: str, reason: ExclusionReason, why: str, by: str, language: Language) -> None:
    """Keep a lead off the hot list. `include` takes it back."""
    decide(lead_id, lambda connection, site: decide_exclusion(connection, site, lead_id, reason, by, why, now_ms()))
    click.echo(word("is excluded", language, lead=lead_id, reason=pick(REASONS[reason], language)))


@click.command()
@click.argument("lead_id")
@click.option("--automatic", is_flag=True, help="Leave it to the scorecard, which may exclude it again.")
@_why
@by_option
@language_option
def include(lead_id: str, automatic: bool, why: str, by: str, language: Language) -> None:
    """Let a lead on the hot list again, whatever the scorecard says."""
    reason = None if automatic else NEVER
    decide(lead_id, lambda connection, site: decide_exclusion(connection, site, lead_id, reason, by, why, now_ms()))
    click.echo(word("is left to the card" if automatic else "is never excluded", language, lead=lead_id))


@click.command()
@click.option("--site", "site_name", help="Only needed where there are several.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 200))
@click.option("--search", help="Beginning of the company's name or domain.")
@language_option
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
    titles = ("score", "points", "company", "trend", "people", "wants")
    table = listing(*(word(title, language) for title in titles))
    table.padding = (0, 2, 1, 0)
    for column in table.columns[:2]:
        column.justify = "right"
    for one in shown:
        told = (_company(one), _trend(one, language), _people(one, language), _wants(one, language))
        table.add_row(f"{one.score:.0f}", f"{one.points:,.0f}", *told)
    console.print(table)


def _company(one: account_shapes.Account) -> Text:
    text = Text(one.name or readable(one.domain), style="bold")
    known = (readable(one.domain) if one.name else None, one.industry, one.country)
    return text.append("\n" + ", ".join(part for part in known if part), style="not bold dim")


def _trend(one: account_shapes.Account, language: Language) -> str:
    return word(one.trend.trend, language) if one.trend.trend else "–"


def _people(one: account_shapes.Account, language: Language) -> Text:
    lines: list[Text] = []
    for person in one.people[:4]:
        name = person.name or readable(person.email) or word("somebody", language)
        excluded = f" ({pick(EXCLUDED[person.exclusion], language)})" if person.exclusion else ""
        role = f", {word(person.role, language)}" if person.role != "unknown" else ""
        lines.append(Text(f"{person.score:3.0f}  {name}{role}{excluded}", style="dim" if person.exclusion else ""))
    if (more := one.leads - 4) > 0:
        lines.append(Text(f"     {word('and n more', language, n=more)}", style="dim"))
    return Text("\n").join(lines)


def _wants(one: account_shapes.Account, language: Language) -> Text:
    text = Text("\n".join(f"{interest.label} {interest.share:.0%}" for interest in one.interests[:3]))
    return text.append(f"\n{word(one.stage, language)}" if one.stage else "", style="dim")


def decide(lead_id: str, decision: Callable[[Connection, Site], None]) -> None:
    """Carry out a decision about a lead, on its site; what can't be done is told as a mistake."""
    with service() as resources, resources.database.writing() as connection:
        site_id = site_of_lead(connection, lead_id)
        try:
            decision(connection, load_sites(connection)[site_id])
        except DecisionError as error:
            raise Mistake(error.label.en, error.label.zh) from None


COMMANDS = (merge, unmerge, exclude, include, accounts)
