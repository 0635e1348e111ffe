"""Commands for the people who sign in to the web page."""

from __future__ import annotations

import secrets

import click
import msgspec
from rich.markup import escape
from sqlalchemy import Connection

from scorer.cli.common import console, json_option, listing, print_json, service, the_site
from scorer.cli.language import Mistake, error_language_option, language_option
from scorer.cli.setting_up_words import word
from scorer.core.labels import Language
from scorer.resources import now_ms
from scorer.users import ROLES, Role, User, add_user, find_user, list_users, set_disabled, set_password, set_role
from tracker.sites import load_sites

_SHOWN_LENGTH = 15
"""Random bytes of a password that we make."""


@click.group()
def user() -> None:
    """People who sign in to the web page."""


@user.command("add")
@click.argument("email")
@click.option("--name", default="", help="As colleagues know the person.")
@click.option("--site", "site_names", multiple=True, help="Site the person has a part in; repeat for several. Default: all.")
@click.option("--role", type=click.Choice(ROLES), help="Default: admin for the first user, else sales.")
@click.option("--language", "spoken", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option("--time-zone", default="", help="Default: as the person's browser has it.")
@click.option("--password", help="Default: one is made and shown once.")
@click.option("--no-password", is_flag=True, help="The person signs in through OpenID Connect only.")
@language_option
@json_option
def user_add(
    email: str,
    name: str,
    site_names: tuple[str, ...],
    role: Role | None,
    spoken: Language,
    time_zone: str,
    password: str | None,
    no_password: bool,
    language: Language,
    as_json: bool,
) -> None:
    """Add somebody; a password that isn't given is made, and shown once."""
    if no_password and password:
        raise Mistake("Give --password or --no-password, not both.", "--password 与 --no-password 不能同时使用。")
    shown = None if no_password else password or secrets.token_urlsafe(_SHOWN_LENGTH)
    with service() as resources, resources.database.writing() as connection:
        first = not list_users(connection)
        roles: dict[int, Role] = dict.fromkeys(_sites(connection, site_names), role or ("admin" if first else "sales"))
        made = add_user(connection, email, name, roles, now_ms(), password=shown, language=spoken, time_zone=time_zone)
        url = resources.settings.url
    if as_json:
        print_json({"id": made.id, "email": made.email, "password": shown, "roles": made.roles})
        return
    click.echo(word("may sign in", language, email=made.email, url=f"{url}/sign-in"))
    if shown is not None and password is None:
        click.echo(word("password", language, password=shown))


@user.command("list")
@language_option
@json_option
def user_list(language: Language, as_json: bool) -> None:
    """List the people who may sign in, and what each is on which site."""
    with service() as resources, resources.database.reading() as connection:
        known = list_users(connection)
        names = {site.id: site.name for site in load_sites(connection).values()}
    if as_json:
        print_json([msgspec.to_builtins(one) for one in known])
        return
    if not known:
        console.print(word("no user", language))
        return
    titles = ("address", "name", "roles", "disabled")
    table = listing(*(word(title, language) for title in titles))
    for one in known:
        roles = (word("role", language, site=names[site_id], role=role) for site_id, role in sorted(one.roles.items()))
        cells = (one.email, one.name, word("list", language).join(roles), word("yes", language) if one.disabled_at else "")
        table.add_row(*map(escape, cells))
    console.print(table)


@user.command("password")
@click.argument("email")
@click.option("--password", help="Default: one is made and shown once.")
@language_option
def user_password(email: str, password: str | None, language: Language) -> None:
    """Give somebody another password; all the person's browsers are signed out."""
    shown = password or secrets.token_urlsafe(_SHOWN_LENGTH)
    with service() as resources, resources.database.writing() as connection:
        set_password(connection, _known(connection, email).id, shown)
    click.echo(word("password changed", language) if password else word("password", language, password=shown))


@user.command("role")
@click.argument("email")
@click.argument("role", type=click.Choice([*ROLES, "none"]))
@click.option("--site", "site_names", multiple=True, help="Site that it is about; repeat for several. Default: all.")
@error_language_option
def user_role(email: str, role: str, site_names: tuple[str, ...]) -> None:
    """Say what somebody is on a site; none: nothing any more."""
    chosen = next((one for one in ROLES if one == role), None)
    with service() as resources, resources.database.writing() as connection:
        found = _known(connection, email)
        for site_id in _sites(connection, site_names):
            set_role(connection, found.id, site_id, chosen)
    click.echo(f"{found.email}: {role}")


@user.command("disable")
@click.argument("email")
@click.option("--undo", is_flag=True, help="Let the person in again.")
@language_option
def user_disable(email: str, undo: bool, language: Language) -> None:
    """Keep somebody out, at once; what the person has done stays."""
    with service() as resources, resources.database.writing() as connection:
        found = _known(connection, email)
        set_disabled(connection, found.id, None if undo else now_ms())
    click.echo(word("may sign in again" if undo else "kept out", language, email=found.email))


def _known(connection: Connection, email: str) -> User:
    found = find_user(connection, email)
    if found is None:
        raise Mistake(f"There is no user {email!r}.", f"没有用户 {email!r}。")
    return found


def _sites(connection: Connection, names: tuple[str, ...]) -> list[int]:
    """Return the sites named, or all. Raises ``Mistake`` saying what would do."""
    known = [the_site(connection, name).id for name in names] or list(load_sites(connection))
    return known or [the_site(connection, None).id]  # which says how to make one


COMMANDS = (user,)
