"""Commands that show leads on the terminal: the hot list, one lead, the exact sum of its score."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection

from scorer.cli.common import console, json_option, print_json, service, site_of_lead, the_site
from scorer.cli.language import Mistake, language_option
from scorer.cli.words import counted, word
from scorer.core.domain_names import readable
from scorer.core.exclusions import EXCLUDED
from scorer.core.labels import Language, pick
from scorer.core.observing import AT_ONCE, came_at_once
from scorer.core.phrases import ago
from scorer.explaining import explain
from scorer.hot_list import Wanted, rank
from scorer.lead_views import Viewpoint, find_leads, view_leads
from scorer.memberships import surviving
from scorer.outlets import shapes
from scorer.resources import Resources, now_ms
from scorer.scorecards import current_cards
from tracker.sites import Site, load_sites

_TIER_STYLE = {"hot": "bold red", "warm": "yellow", "cold": "blue"}
_REASONS_SHOWN = 3


@click.command()
@click.option("--site", "site_name", help="Only this site.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 200))
@click.option("--min-score", type=click.FloatRange(0, 99.9), help="All leads with at least this score, hot or not.")
@language_option
@json_option
def hot(site_name: str | None, limit: int, min_score: float | None, language: Language, as_json: bool) -> None:
    """The hot list: who is about to buy, why, and what to do next."""
    with service() as resources:
        if as_json:
            print_json(shapes.LeadPage(_ranked(resources, site_name, limit, min_score, language), None))
        else:
            show_hot(resources, site_name, limit, min_score, language)


@click.command()
@click.argument("lead_id")
@language_option
@json_option
def lead(lead_id: str, language: Language, as_json: bool) -> None:
    """One lead: who, why, what it read, what to do next."""
    with service() as resources, resources.database.reading() as connection:
        shown = _one(connection, resources, lead_id, language)
    if as_json:
        print_json(shown)
    else:
        if shown.id != lead_id:
            console.print(word("part of", language, lost=lead_id), style="dim")
        console.print(_portrait(shown, language))


@click.command("explain")
@click.argument("lead_id")
@language_option
@json_option
def explain_command(lead_id: str, language: Language, as_json: bool) -> None:
    """The exact sum of a lead's score: every contribution, as earned and as faded until now."""
    with service() as resources, resources.database.reading() as connection:
        root = surviving(connection, site_of_lead(connection, lead_id), lead_id) or lead_id
        found = explain(connection, root, now_ms(), language)
    if found is None:
        raise Mistake(f"There is no lead {lead_id!r}.", f"没有线索 {lead_id!r}。")
    if as_json:
        print_json(found)
        return
    columns = (word(name, language) for name in ("when", "what", "where", "points", "now"))
    table = Table(*columns, box=None, header_style="bold")
    for column in table.columns[3:]:
        column.justify = "right"
    for one in found.contributions:
        at = datetime.fromisoformat(one.at).astimezone()
        table.add_row(
            f"{at:%Y-%m-%d %H:%M}", Text(one.text), Text(one.detail), f"{one.points:g}", f"{one.decayed_points:.2f}"
        )
    table.add_section()
    total = f"{word('score', language)} {found.score:.1f}"
    table.add_row("", f"[bold]{word('all', language)}[/bold]", total, "", f"[bold]{found.points:.2f}[/bold]")
    console.print(table)


def show_hot(
    resources: Resources, site_name: str | None, limit: int, min_score: float | None = None, language: Language = "en"
) -> None:
    """Print the hot list as a table."""
    ranked = _ranked(resources, site_name, limit, min_score, language)
    if not ranked:
        console.print(f"{word('nobody', language)} [dim]{word('everybody', language)}[/dim]")
        return
    wide = console.width >= 110
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 1, 0), expand=True)
    table.add_column(word("score", language), justify="right", no_wrap=True)
    table.add_column(word("who", language), ratio=4)
    table.add_column(word("why", language), ratio=6)
    if wide:
        table.add_column(word("wants", language), ratio=2)
    table.add_column(word("next", language), ratio=4)
    for one in ranked:
        cells = [_score(one), _who(one, language), _why(one, language)]
        if wide:
            cells.append(_wants(one, language))
        table.add_row(*cells, _next(one, language))
    console.print(table)


def _ranked(
    resources: Resources, site_name: str | None, limit: int, min_score: float | None, language: Language
) -> list[shapes.Lead]:
    """Return the best leads of one site or of all, the best first."""
    now = now_ms()
    found: list[shapes.Lead] = []
    with resources.database.reading() as connection:
        chosen = [the_site(connection, site_name)] if site_name else list(load_sites(connection).values())
        cards = current_cards(connection)
        for site in chosen:
            view = Viewpoint(site, cards[site.id], now, language, resources.settings.url)
            page = rank(connection, view.stored, Wanted(min_score=min_score), None, limit, now)
            found += view_leads(connection, view, page.rows)
    return sorted(found, key=lambda one: -one.score)[:limit] if len(chosen) > 1 else found


def _one(connection: Connection, resources: Resources, lead_id: str, language: Language) -> shapes.Lead:
    site_id = site_of_lead(connection, lead_id)
    root = surviving(connection, site_id, lead_id) or lead_id
    site: Site = load_sites(connection)[site_id]
    view = Viewpoint(site, current_cards(connection)[site_id], now_ms(), language, resources.settings.url)
    return view_leads(connection, view, list(find_leads(connection, view.stored.id, [root]).values()))[0]


def _score(one: shapes.Lead) -> Text:
    text = Text(f"{one.score:.0f}", style=_TIER_STYLE[one.tier])
    return text.append(f"\n{one.fit.grade}", style="not bold default") if one.fit.grade else text


def _who(one: shapes.Lead, language: Language) -> Text:
    text = Text(one.name or readable(one.email) or word("somebody", language), style="bold")
    company = one.company.name or readable(one.company.domain) if one.company else None
    for line in (", ".join(part for part in (one.title, company) if part), readable(one.email) if one.name else None):
        if line:
            text.append(f"\n{line}", style="not bold")
    if came_at_once(one.tier, one.observed_seconds):
        text.append(f"\n{pick(AT_ONCE, language)}", style="not bold yellow")
    seen = word("last seen", language, ago=_ago(one.last_seen, language))
    place = word("comma", language).join(part for part in ((one.location.country if one.location else None), seen) if part)
    return text.append(f"\n{place}\n{one.id}", style="not bold dim")


def _why(one: shapes.Lead, language: Language) -> Text:
    behaviour = (
        counted(one.visits, "visit", language),
        _pages(one, language),
        counted(one.downloads, "download", language),
    )
    text = Text("\n".join(reason.text for reason in one.reasons[:_REASONS_SHOWN]))
    return text.append("\n" + word("comma", language).join(behaviour), style="dim")


def _pages(one: shapes.Lead, language: Language) -> str:
    seconds = one.engaged_seconds
    unit, amount = ("minutes", seconds / 60) if seconds >= 60 else ("seconds", seconds)
    return counted(one.page_views, "page", language, time=word(unit, language, n=f"{amount:.0f}"))


def _wants(one: shapes.Lead, language: Language) -> Text:
    text = Text("\n".join(f"{interest.label} {interest.share:.0%}" for interest in one.interests[:3]))
    return text.append(f"\n{word(one.stage, language)}" if one.stage else "", style="dim")


def _next(one: shapes.Lead, language: Language) -> Text:
    return Text(_step(one, language), style="bold green").append(f"\n{one.next_step.why}", style="default not bold")


def _step(one: shapes.Lead, language: Language) -> str:
    step = one.next_step
    return word("by", language, action=word(step.action, language), time=_local(step.due, language))


def _portrait(one: shapes.Lead, language: Language) -> Group:
    unknown = word("unknown", language)
    visits = {"n": one.visits, "week": one.frequency.visits_7d, "month": one.frequency.visits_30d}
    rows = {
        "score": _standing(one, language),
        "fit": _fit(one, language),
        "stage": _stage(one, language),
        "wants": word("list", language).join(f"{interest.label} {interest.share:.0%}" for interest in one.interests)
        or unknown,
        "visits": word("recent visits", language, **visits),
        "read": _pages(one, language),
        "downloads": str(one.downloads),
        "came by": _source(one.source, language),
        "best hours": _best_hours(one, language),
        **({"network": word("probably at", language, company=one.network_hint)} if one.network_hint else {}),
        "device": f"{one.device.type}, {one.device.browser}, {one.device.system}" if one.device else unknown,
        "last pages": "\n".join(f"{_local(page.at, language)}  {page.title or page.url}" for page in one.last_pages),
        "next": word("step", language, step=_step(one, language), why=one.next_step.why),
    }
    facts = Table(box=None, show_header=False, pad_edge=False)
    for title, value in rows.items():
        facts.add_row(f"[dim]{word(title, language)}[/dim]", Text(value))
    why = Table(word("points", language), word("why", language), box=None, header_style="bold", pad_edge=False)
    for reason in one.reasons:
        why.add_row(f"{reason.points:6.2f}", Text(reason.text))
    return Group(Panel(_who(one, language), expand=False), facts, Text(), why)


def _fit(one: shapes.Lead, language: Language) -> str:
    told = [word("excluded", language, reason=pick(EXCLUDED[one.exclusion], language))] if one.exclusion else []
    told.append(one.fit.grade or word("unknown", language))
    return "\n".join([*told, *one.fit.reasons])


def _stage(one: shapes.Lead, language: Language) -> str:
    if one.stage is None:
        return word("unknown", language)
    told = next(each for each in one.stage_evidence if each.stage == one.stage)
    because = word("list", language).join(told.reasons)
    return word("stage because", language, stage=word(one.stage, language), share=f"{told.share:.0%}", reasons=because)


def _best_hours(one: shapes.Lead, language: Language) -> str:
    habits = one.rhythm
    hours = [f"{word(span.days, language)} {span.from_hour:02}–{span.to_hour:02}" for span in habits.best_hours]
    silent = [word("unusual silence", language, days=f"{habits.silence_days:.0f}")] if habits.unusual_silence else []
    return word("list", language).join([*hours, *silent]) or word("unknown", language)


def _standing(one: shapes.Lead, language: Language) -> str:
    parts = {"score": one.score, "tier": word(one.tier, language)}
    if one.hot_since is None or one.cools_at is None:
        return word("score and tier", language, **parts)
    spell = {"since": _local(one.hot_since, language), "until": _local(one.cools_at, language)}
    return word("hot from to", language, **parts, **spell)


def _source(source: shapes.Source | None, language: Language) -> str:
    if source is None:
        return word("unknown", language)
    campaign = source.campaign.get("name", "") if source.campaign else ""
    return " ".join(part for part in (word(source.channel, language), campaign, source.referrer or "") if part)


def _local(time_text: str, language: Language) -> str:
    return datetime.fromisoformat(time_text).astimezone().strftime(word("date", language))


def _ago(time_text: str, language: Language) -> str:
    at = datetime.fromisoformat(time_text).astimezone(UTC)
    return ago(round(at.timestamp() * 1000), now_ms(), language)


COMMANDS = (hot, lead, explain_command)
