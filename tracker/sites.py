"""Sites: what each has chosen, and the keys by which its events are known."""

from __future__ import annotations

import hashlib
import secrets
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, insert, select

from tracker.core.addresses import read_network
from tracker.core.screening import SiteRules
from tracker.models import sites


class SiteSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a site has chosen. Kept as JSON in ``sites.settings``."""

    origins: tuple[str, ...] = ()
    """Origins whose pages may send with the public key (``https://www.example.com``, ``https://*.example.com``).
    Empty: any may."""
    time_zone: str = "UTC"
    language: str = "en"
    visit_gap_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 30
    respect_opt_out: bool = True
    own_networks: tuple[str, ...] = ()
    """Networks of the company itself (``203.0.113.0/24``): what comes from there is kept but doesn't count."""

    @property
    def rules(self) -> SiteRules:
        """The part that screening asks for."""
        return SiteRules(respect_opt_out=self.respect_opt_out)


class Site(msgspec.Struct, frozen=True):
    """A site as the rest of the program sees it."""

    id: int
    name: str
    settings: SiteSettings


class NewSite(msgspec.Struct, frozen=True):
    """A site just made, with the two keys; the server key can't be shown again."""

    id: int
    name: str
    write_key: str
    server_key: str


class SiteError(ValueError):
    """A site can't be made as asked; the message says why."""


def add_site(connection: Connection, name: str, settings: SiteSettings, now_ms: int) -> NewSite:
    """Create a site and its keys. Raises ``SiteError`` for a name that is taken or a setting that makes no sense."""
    name = name.strip()
    if not name or len(name) > 100:
        raise SiteError("A site needs a name of 1 to 100 characters.")
    if connection.execute(select(sites.c.id).where(sites.c.name == name)).first():
        raise SiteError(f"There is a site named {name!r} already.")
    check_settings(settings)
    write_key, server_key = "wk_" + secrets.token_urlsafe(18), "sk_" + secrets.token_urlsafe(24)
    row = insert(sites).values(
        name=name,
        settings=msgspec.json.encode(settings).decode(),
        created_at=now_ms,
        write_key=write_key,
        server_key_hash=hash_key(server_key),
    )
    site_id = connection.execute(row.returning(sites.c.id)).scalar_one()
    return NewSite(site_id, name, write_key, server_key)


def check_settings(settings: SiteSettings) -> None:
    """Raise ``SiteError`` naming the setting that makes no sense."""
    try:
        # One row that can't be read again would stop the drain for all sites.
        msgspec.convert(msgspec.to_builtins(settings), SiteSettings)
    except msgspec.ValidationError as error:
        raise SiteError(f"A site's setting makes no sense: {error}.") from None
    for origin in settings.origins:
        scheme, _, host = origin.partition("://")
        if scheme not in ("http", "https") or not host or "/" in host or origin != origin.strip():
            raise SiteError(f"An origin is written like https://www.example.com, not {origin!r}.")
    try:
        ZoneInfo(settings.time_zone)
    except (KeyError, ValueError, OSError):
        raise SiteError(f"There is no time zone {settings.time_zone!r}.") from None
    for network in settings.own_networks:
        try:
            read_network(network)
        except ValueError:
            raise SiteError(f"A network is written like 203.0.113.0/24, not {network!r}.") from None
    if settings.language not in ("en", "zh"):
        raise SiteError(f"The language must be en or zh, not {settings.language!r}.")


def load_sites(connection: Connection) -> dict[int, Site]:
    """Return all sites by id."""
    rows = connection.execute(select(sites.c.id, sites.c.name, sites.c.settings).order_by(sites.c.id))
    return {row.id: Site(row.id, row.name, read_settings(row.settings)) for row in rows}


def find_site(connection: Connection, name_or_id: str) -> Site | None:
    """Return the site with this name or number, ``None`` if there is none."""
    found = load_sites(connection)
    by_name = next((site for site in found.values() if site.name == name_or_id), None)
    return by_name or (found.get(int(name_or_id)) if name_or_id.isascii() and name_or_id.isdigit() else None)


@lru_cache(maxsize=1000)
def read_settings(text: str) -> SiteSettings:
    """Return the settings kept as *text*."""
    return msgspec.json.decode(text, type=SiteSettings)


def hash_key(key: str) -> str:
    """Return what is stored of a secret key: keys are long and random, so one round of SHA-256 is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


def origin_allowed(origin: str, allowed: tuple[str, ...]) -> bool:
    """Decide whether pages of *origin* may send. ``https://*.example.com`` allows every subdomain, not the domain itself."""
    if not allowed or origin in allowed:
        return True
    scheme, _, host = origin.partition("://")
    return any(
        pattern_scheme == scheme and pattern_host.startswith("*.") and host.endswith(pattern_host[1:])
        for pattern_scheme, _, pattern_host in (pattern.partition("://") for pattern in allowed)
    )
