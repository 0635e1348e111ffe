"""What the commands share: settings, an open service, JSON, finding a site by what the user calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console
from sqlalchemy import Connection

from scorer.resources import Resources, opened
from tracker.log import configure_logging
from tracker.settings import Settings, read_settings
from tracker.sites import Site, find_site, load_sites

console = Console(highlight=False, soft_wrap=False)
Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


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


def print_json(value: Any) -> None:
    """Print *value* as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def the_site(connection: Connection, name: str | None) -> Site:
    """Return the site named, or the only one there is; a usage error says what would do."""
    if name is not None:
        site = find_site(connection, name)
        if site is None:
            known = ", ".join(repr(one.name) for one in load_sites(connection).values()) or "none yet"
            raise click.UsageError(f"There is no site {name!r} (known: {known}).")
        return site
    sites = list(load_sites(connection).values())
    if len(sites) != 1:
        message = "There is no site yet; make one with: warmtrail site add NAME --origin URL"
        raise click.UsageError("Say which site with --site." if sites else message)
    return sites[0]
