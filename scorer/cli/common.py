"""What the commands share: settings, an open service, JSON, finding a site by what the user calls it."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Column, Table
from sqlalchemy import Connection, select

from scorer.cli.language import Mistake
from scorer.core.one_line import standing
from scorer.models import leads
from scorer.resources import Resources, opened
from tracker.log import configure_logging
from tracker.settings import Settings, read_settings
from tracker.sites import Site, find_site, load_sites

_WIDE = 200
"""Columns of a listing that goes into a file or another program, which can't be made wider by its reader."""


class _Screen(Console):
    """A console that shows of every text only what can be shown: a terminal obeys control characters, whoever wrote them."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield the segments of *renderable*; those that are orders of Rich's own stay as they are."""
        for one in super().render(renderable, options):
            yield one if one.control else Segment(standing(one.text), one.style)


console = _Screen(highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDE)
Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


def by_option(command: Command) -> Command:
    """Add ``--by``: whom the audit log names."""
    return click.option("--by", default=getpass.getuser, show_default="you", help="Who does it, for the log.")(command)


def settings_with_logging() -> Settings:
    """Return the settings, with the logs going to stderr as they say."""
    settings = read_settings()
    configure_logging("json" if settings.log_format == "json" else "text")
    return settings


@contextmanager
def service() -> Iterator[Resources]:
    """Yield the database and queue of the service, whether it runs or not."""
    settings = read_settings()
    configure_logging("json" if settings.log_format == "json" else "text", level="warning")
    with opened(settings) as resources:
        yield resources


def listing(*titles: str) -> Table:
    """Return an empty table with these titles. What doesn't fit into a column is folded: cut off, an id is of no use."""
    return Table(*(Column(title, overflow="fold") for title in titles), box=None, header_style="bold")


def print_json(value: Any) -> None:
    """Print *value* as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def the_site(connection: Connection, name: str | None) -> Site:
    """Return the site named, or the only one there is. Raises ``Mistake`` saying what would do."""
    sites = list(load_sites(connection).values())
    known = ", ".join(repr(one.name) for one in sites)
    if name is not None:
        site = find_site(connection, name)
        if site is None:
            raise Mistake(
                f"There is no site {name!r} (known: {known or 'none yet'}).",
                f"没有站点 {name!r}（已有：{known or '无'}）。",
            )
        return site
    if not sites:
        make_one = "warmtrail site add NAME --origin URL"
        raise Mistake(f"There is no site yet; make one with: {make_one}", f"还没有站点；请先创建：{make_one}")
    if len(sites) > 1:
        raise Mistake(f"Say which site with --site; there are {known}.", f"请用 --site 指定站点；已有：{known}。")
    return sites[0]


def site_of_lead(connection: Connection, lead_id: str) -> int:
    """Return the site of a lead, merged or not. Raises ``Mistake`` where there is no such lead."""
    site_id: int | None = connection.execute(select(leads.c.site_id).where(leads.c.id == lead_id)).scalar_one_or_none()
    if site_id is None:
        raise Mistake(f"There is no lead {lead_id!r}.", f"没有线索 {lead_id!r}。")
    return site_id
