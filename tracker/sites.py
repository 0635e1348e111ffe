"""Sites: what each has chosen, and the keys by which its events are known."""

from __future__ import annotations

import hashlib
import re
import secrets
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, insert, select, update

from tracker.core.addresses import read_network
from tracker.core.domains import registrable_domain
from tracker.core.labels import LabelledError
from tracker.core.minimising import Kept
from tracker.core.screening import SiteRules
from tracker.models import sites

Consent = Literal["not-required", "required", "cookieless"]
Listed = Annotated[tuple[str, ...], msgspec.Meta(max_length=100)]

_PARAMETER: Final = re.compile(r"[\w.$~:\[\]-]{1,100}")
_EXTENSION: Final = re.compile(r"[a-z0-9]{1,20}")
_DOMAIN: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


class SiteSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a site has chosen. Kept as JSON in ``sites.settings``."""

    origins: tuple[str, ...] = ()
    """Origins whose pages may send with the public key (``https://www.example.com``, ``https://*.example.com``).
    Empty: any may."""
    time_zone: str = "UTC"
    language: str = "en"
    visit_gap_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 30
    own_networks: tuple[str, ...] = ()
    """Networks of the company itself (``203.0.113.0/24``): what comes from there is kept but doesn't count."""
    respect_gpc: bool = True
    """Honour Global Privacy Control, in the browser and here."""
    respect_dnt: bool = True
    """Honour Do Not Track, in the browser and here."""

    no_ip: bool = False
    """Visitors' addresses are not looked up, nor made into a pseudonym: events without an id are refused."""
    requires_consent: bool = False
    """What browsers send counts, and is kept, only while a consent of the visitor is on record."""
    keep_parameters: Listed = ()
    """Query parameters that are kept in stored addresses, beside those of campaigns. Empty: all that carry no secret."""

    # What follows is for the snippet: see ``tracker.snippet_settings``.
    consent: Consent = "not-required"
    """``required``: nothing is sent or stored before the visitor agrees. ``cookieless``: until then, without an id."""
    strip_parameters: Listed = ()
    """Query parameters that are removed from every address before it is sent, and again before it is stored."""
    download_extensions: Listed = ()
    """File extensions that count as downloads. Empty: the snippet's own list."""
    linked_domains: Listed = ()
    """Other domains of the company (``example.cn``, with all subdomains): links to them carry the visitor's id."""
    hash_routes: bool = False
    """Whether a new fragment is a new page."""
    idle_seconds: Annotated[int, msgspec.Meta(ge=5, le=600)] = 30
    """Seconds without input after which engaged time stops."""

    # What follows is for learning from what became of leads: see ``docs/learning.md``.
    learning_horizon_days: Annotated[int, msgspec.Meta(ge=7, le=365)] = 90
    """A win within so many days is what is learned to foretell."""
    learning_promotes: bool = False
    """Whether a learned card is published by itself when it has shown that it ranks better."""
    goal_events: Listed = ()
    """Names of ``track`` events that count as a win, whatever their case."""
    explore_percent: Annotated[int, msgspec.Meta(ge=0, le=20)] = 5
    """Share of the hot list that is drawn from the other leads, so that more is learned than the score believes already."""
    lost_reasons: Listed = ()
    """What is offered as the reason when a lead is lost. Empty: the shipped list."""

    # What follows is against forgers: see ``docs/bots.md``.
    server_events: Listed = ()
    """Names of ``track`` events, whatever their case, that count only when they come with the server key."""
    blocked_referrers: Listed = ()
    """Domains (``spam.example``, with all subdomains): page views that name one as their referrer don't count."""
    observe_seconds: Annotated[int, msgspec.Meta(ge=0, le=604_800)] = 0
    """For so long a lead must have been heard before what its browsers alone say puts it on the lists; 0: not at all."""

    @property
    def rules(self) -> SiteRules:
        """The part that screening asks for."""
        return SiteRules(
            respect_gpc=self.respect_gpc,
            respect_dnt=self.respect_dnt,
            kept=_kept(self.keep_parameters, self.strip_parameters),
            requires_consent=self.requires_consent,
            server_events=_folded(self.server_events),
            blocked_referrers=_domains(self.blocked_referrers),
        )


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


class SiteError(LabelledError):
    """A site can't be made or changed as asked."""


def add_site(connection: Connection, name: str, settings: SiteSettings, now_ms: int) -> NewSite:
    """Create a site and its keys. Raises ``SiteError`` for a name that is taken or a setting that makes no sense."""
    name = name.strip()
    if not name or len(name) > 100:
        raise SiteError("A site needs a name of 1 to 100 characters.", "站点名称须为 1 到 100 个字符。")
    if connection.execute(select(sites.c.id).where(sites.c.name == name)).first():
        raise SiteError(f"There is a site named {name!r} already.", f"已有名为 {name!r} 的站点。")
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
    if settings.consent not in get_args(Consent):
        modes = ", ".join(get_args(Consent))
        raise SiteError(
            f"consent is one of {modes}, not {settings.consent!r}.",
            f"consent 须为 {modes} 之一，而不是 {settings.consent!r}。",
        )
    try:
        # One row that can't be read again would stop the drain for all sites.
        msgspec.convert(msgspec.to_builtins(settings), SiteSettings)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        setting = path.rstrip("`") or "setting"
        raise SiteError(
            f"A site's {setting} makes no sense: {message}.", f"站点设置 {setting} 的值无效：{message}。"
        ) from None
    for origin in settings.origins:
        scheme, _, host = origin.partition("://")
        if scheme not in ("http", "https") or not host or "/" in host or origin != origin.strip():
            raise SiteError(
                f"An origin is written like https://www.example.com, not {origin!r}.",
                f"来源须写成 https://www.example.com 的形式，而不是 {origin!r}。",
            )
    try:
        ZoneInfo(settings.time_zone)
    except (KeyError, ValueError, OSError):
        raise SiteError(f"There is no time zone {settings.time_zone!r}.", f"没有时区 {settings.time_zone!r}。") from None
    for network in settings.own_networks:
        try:
            read_network(network)
        except ValueError:
            raise SiteError(
                f"A network is written like 203.0.113.0/24, not {network!r}.",
                f"网络须写成 203.0.113.0/24 的形式，而不是 {network!r}。",
            ) from None
    if settings.language not in ("en", "zh"):
        raise SiteError(
            f"The language must be en or zh, not {settings.language!r}.",
            f"语言须为 en 或 zh，而不是 {settings.language!r}。",
        )
    _check_snippet(settings)
    _check_learning(settings)


def _check_snippet(settings: SiteSettings) -> None:
    for setting in ("strip_parameters", "keep_parameters"):
        for name in getattr(settings, setting):
            if not _PARAMETER.fullmatch(name):
                raise SiteError(
                    f"A query parameter in {setting} is written like token, not {name!r}.",
                    f"{setting} 中的查询参数须写成 token 的形式，而不是 {name!r}。",
                )
    if settings.no_ip and settings.consent == "cookieless":
        raise SiteError(
            "Cookieless visitors are told apart by their address: not with no_ip.",
            "无 Cookie 模式需以网络地址区分访客，不能与 no_ip 同时使用。",
        )
    for extension in settings.download_extensions:
        if not _EXTENSION.fullmatch(extension):
            raise SiteError(
                f"An extension in download_extensions is written like pdf, not {extension!r}.",
                f"download_extensions 中的扩展名须写成 pdf 的形式，而不是 {extension!r}。",
            )
    for domain in settings.blocked_referrers:
        if not _DOMAIN.fullmatch(domain):
            raise SiteError(
                f"A domain in blocked_referrers is written like example.cn (in its xn-- form), not {domain!r}.",
                f"blocked_referrers 中的域名须写成 example.cn 的形式（中文域名用 xn-- 形式），而不是 {domain!r}。",
            )
    for domain in settings.linked_domains:
        if not _DOMAIN.fullmatch(domain):
            raise SiteError(
                f"A domain in linked_domains is written like example.cn (in its xn-- form), not {domain!r}.",
                f"linked_domains 中的域名须写成 example.cn 的形式（中文域名用 xn-- 形式），而不是 {domain!r}。",
            )
        if not registrable_domain(domain):
            # Links to every customer of a registry or hoster would carry the visitor's id.
            raise SiteError(
                f"{domain!r} in linked_domains is nobody's own domain.",
                f"linked_domains 中的 {domain!r} 不是任何人自己的域名。",
            )


def _check_learning(settings: SiteSettings) -> None:
    for setting, longest in (("goal_events", 200), ("lost_reasons", 100), ("server_events", 200)):
        for name in getattr(settings, setting):
            if not (0 < len(name) <= longest and name.isprintable() and name == name.strip()):
                raise SiteError(
                    f"A name in {setting} has 1 to {longest} printable characters, unlike {name!r}.",
                    f"{setting} 中的名称须为 1 到 {longest} 个可打印字符，而不是 {name!r}。",
                )


def change_site(connection: Connection, site_id: int, settings: SiteSettings) -> None:
    """Give a site other settings. Raises ``SiteError`` for a setting that makes no sense."""
    check_settings(settings)
    stored = msgspec.json.encode(settings).decode()
    connection.execute(update(sites).where(sites.c.id == site_id).values(settings=stored))


_ALL_SITES: Final = select(sites.c.id, sites.c.name, sites.c.settings).order_by(sites.c.id)


def load_sites(connection: Connection) -> dict[int, Site]:
    """Return all sites by id."""
    return {row[0]: Site(row[0], row[1], read_settings(row[2])) for row in connection.execute(_ALL_SITES)}


def write_key_of(connection: Connection, site_id: int) -> str:
    """Return the public key of a site that exists."""
    key: str = connection.execute(select(sites.c.write_key).where(sites.c.id == site_id)).scalar_one()
    return key


def find_site(connection: Connection, name_or_id: str) -> Site | None:
    """Return the site with this name or number, ``None`` if there is none."""
    found = load_sites(connection)
    by_name = next((site for site in found.values() if site.name == name_or_id), None)
    return by_name or (found.get(int(name_or_id)) if name_or_id.isascii() and name_or_id.isdigit() else None)


@lru_cache(maxsize=1000)
def _folded(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name.casefold() for name in names)


@lru_cache(maxsize=1000)
def _domains(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name.removeprefix("www.") for name in names)


@lru_cache(maxsize=1000)
def _kept(only: tuple[str, ...], never: tuple[str, ...]) -> Kept:
    return Kept(frozenset(only), frozenset(never))


@lru_cache(maxsize=1000)
def read_settings(text: str) -> SiteSettings:
    """Return the settings kept as *text*. What a later version added, beside which this one runs on, is passed over."""
    kept: dict[str, Any] = msgspec.json.decode(text)
    return msgspec.convert({name: kept[name] for name in SiteSettings.__struct_fields__ if name in kept}, SiteSettings)


def hash_key(key: str) -> str:
    """Return what is stored of a secret key: keys are long and random, so one round of SHA-256 is enough."""
    return hashlib.sha256(key.encode()).hexdigest()
