"""Commands that set the service up: sites and API keys."""

from __future__ import annotations

from textwrap import indent

import click
import msgspec
from rich.markup import escape
from sqlalchemy import select

from scorer.cli.common import by_option, console, json_option, listing, print_json, service, the_site
from scorer.cli.language import Mistake, error_language_option, language_option
from scorer.cli.setting_up_words import word
from scorer.core.labels import Language
from scorer.keys import Scope, add_key, list_keys, revoke_key
from scorer.resources import now_ms
from scorer.sites import found_site, set_site
from tracker.assets import release
from tracker.models import sites
from tracker.settings import Settings
from tracker.site_changes import tidy_origin
from tracker.sites import SiteSettings, load_sites, write_key_of
from tracker.snippet_settings import snippet_settings
from tracker.snippet_tags import SnippetTags, snippet_tags


@click.command()
@language_option
@json_option
def init(language: Language, as_json: bool) -> None:
    """Make the data directory and the database, and say what comes next. Harmless where they exist."""
    with service() as resources:
        folder, kind = resources.settings.data_dir.absolute(), resources.database.engine.dialect.name
        if as_json:
            print_json({"data_dir": str(folder), "database": kind})
            return
        console.print(word("ready", language, kind=kind, folder=escape(str(folder))))
        console.print(word("first site", language))


@click.group()
def site() -> None:
    """Websites whose visitors are watched."""


@site.command("add")
@click.argument("name")
@click.option("--origin", "origins", multiple=True, metavar="URL", help="Origin of its pages; repeat for several.")
@click.option("--own-network", "networks", multiple=True, metavar="CIDR", help="The company's own network; doesn't count.")
@click.option("--time-zone", default="UTC", show_default=True, help="Zone in which its days begin.")
@click.option("--language", "spoken", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@by_option
@language_option
@json_option
def site_add(
    name: str,
    origins: tuple[str, ...],
    networks: tuple[str, ...],
    time_zone: str,
    spoken: str,
    by: str,
    language: Language,
    as_json: bool,
) -> None:
    """Add a website; its keys are shown once."""
    settings = SiteSettings(
        origins=tuple(tidy_origin(one) for one in origins),
        own_networks=networks,
        time_zone=time_zone,
        language=spoken,
    )
    with service() as resources, resources.database.writing() as connection:
        made = found_site(connection, name, settings, now_ms(), actor=by)
    if as_json:
        print_json(made)
        return
    tags = _tags(resources.settings, settings, made.write_key)
    console.print(word("is site", language, name=escape(made.name), id=made.id) + "\n")
    console.print(word("tag", language) + "\n")
    _show_tag(f"{tags.short}\n")
    if tags.pinned:
        console.print(word("pinned tag", language) + "\n")
        _show_tag(f"{tags.pinned}\n")
    click.echo(word("write key", language, key=made.write_key))
    click.echo(word("server key", language, key=made.server_key))


@site.command("show")
@click.argument("name")
@language_option
@json_option
def site_show(name: str, language: Language, as_json: bool) -> None:
    """Show a website's settings, its public key and the script tags for its pages."""
    with service() as resources, resources.database.reading() as connection:
        found = the_site(connection, name)
        write_key = write_key_of(connection, found.id)
    tags = _tags(resources.settings, found.settings, write_key)
    if as_json:
        print_json({**msgspec.to_builtins(found), "write_key": write_key, "snippet": tags})
        return
    console.print(word("is site", language, name=escape(found.name), id=found.id) + "\n")
    _show_settings(found.settings)
    click.echo(f"\n{word('key of pages', language, key=write_key)}\n")
    console.print(word("short tag", language) + "\n")
    _show_tag(f"{tags.short}\n")
    console.print(word("tag with settings", language) + "\n")
    _show_tag(tags.attributes)
    if tags.pinned:
        console.print(f"\n{word('pinned tag with settings', language)}\n")
        _show_tag(tags.pinned)


@site.command("set")
@click.argument("name")
@click.argument("changes", nargs=-1, required=True, metavar="SETTING=VALUE...")
@click.option("--why", default="", help="The reason, for the log.")
@by_option
@error_language_option
@json_option
def site_set(name: str, changes: tuple[str, ...], why: str, by: str, as_json: bool) -> None:
    """Change settings of a website: lists separated by commas, yes or no, numbers. Nothing after = empties a list.

    For example: warmtrail site set Example consent=required strip_parameters=token,email
    """
    with service() as resources, resources.database.writing() as connection:
        found = the_site(connection, name)
        settings = set_site(connection, found, changes, by, why, now_ms())
    if as_json:
        print_json(settings)
    else:
        _show_settings(settings)


def _tags(service_settings: Settings, settings: SiteSettings, write_key: str) -> SnippetTags:
    told = snippet_settings(settings, service_settings.collect_prefix, write_key)
    return snippet_tags(service_settings.url, told, release())


def _show_tag(tag: str) -> None:
    # Not through the console, which would break a key in two to fit a narrow window.
    click.echo(indent(tag, "  "))


def _show_settings(settings: SiteSettings) -> None:
    # As they are written to "site set", so that a line can be copied; not through the console, for the same reason.
    for setting, value in msgspec.to_builtins(settings).items():
        if isinstance(value, bool):
            value = "yes" if value else "no"
        click.echo(f"  {setting}={','.join(value) if isinstance(value, list | tuple) else value}")


@site.command("list")
@language_option
@json_option
def site_list(language: Language, as_json: bool) -> None:
    """List the websites with their public keys."""
    with service() as resources, resources.database.reading() as connection:
        known = load_sites(connection)
        keys = {row.id: row.write_key for row in connection.execute(select(sites.c.id, sites.c.write_key))}
    if as_json:
        print_json([{**msgspec.to_builtins(one), "write_key": keys[one.id]} for one in known.values()])
        return
    if not known:
        console.print(word("no site", language))
        return
    titles = ("id", "name", "origins", "own networks", "time zone", "key")
    table = listing(*(word(title, language) for title in titles))
    for one in known.values():
        settings = one.settings
        origins, networks = ", ".join(settings.origins) or word("any", language), ", ".join(settings.own_networks)
        table.add_row(str(one.id), escape(one.name), origins, networks, settings.time_zone, keys[one.id])
    console.print(table)


@click.group()
def key() -> None:
    """Keys of the sales API."""


@key.command("add")
@click.option("--site", "site_name", help="Site it opens; may be left out while there is only one.")
@click.option("--scope", type=click.Choice(["read", "sales", "admin"]), default="read", show_default=True)
@by_option
@language_option
@json_option
def key_add(site_name: str | None, scope: Scope, by: str, language: Language, as_json: bool) -> None:
    """Make a key; it is shown once."""
    with service() as resources, resources.database.writing() as connection:
        made = add_key(connection, the_site(connection, site_name).id, scope, now_ms(), actor=by)
    if as_json:
        print_json({"id": made.id, "key": made.key})
    else:
        click.echo(word("made key", language, id=made.id, key=made.key))


@key.command("list")
@language_option
@json_option
def key_list(language: Language, as_json: bool) -> None:
    """List keys (not the secrets)."""
    with service() as resources, resources.database.reading() as connection:
        known = list_keys(connection)
    if as_json:
        print_json(known)
        return
    titles = ("id", "site", "scope", "revoked")
    table = listing(*(word(title, language) for title in titles))
    for one in known:
        table.add_row(one.id, str(one.site_id), one.scope, word("yes", language) if one.revoked_at else "")
    console.print(table if known else word("no key", language))


@key.command("revoke")
@click.argument("key_id")
@by_option
@language_option
def key_revoke(key_id: str, by: str, language: Language) -> None:
    """Take a key out of use, at once."""
    with service() as resources, resources.database.writing() as connection:
        revoked = revoke_key(connection, key_id, now_ms(), actor=by)
    if not revoked:
        raise Mistake(f"There is no key {key_id!r} in use.", f"没有正在使用的密钥 {key_id!r}。")
    console.print(word("revoked key", language, id=key_id))


COMMANDS = (init, site, key)
