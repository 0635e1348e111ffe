"""What a page is given: who asks, for which site, in which language and zone, and a connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar
from urllib.parse import urlencode

import msgspec
from flask import Response
from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict

from scorer.core.labels import Language
from scorer.lead_views import Viewpoint
from scorer.resources import Resources
from scorer.scorecards import current_cards
from scorer.users import Role, User
from scorer.web.sessions import Session
from scorer.web.throttle import Throttle
from scorer.web.translations import translations
from tracker.db import Database
from tracker.replica import Replica
from tracker.settings import Settings
from tracker.sites import Site

if TYPE_CHECKING:
    from scorer.web.oidc import Provider

Needs = Literal["nobody", "user", "viewer", "sales", "admin"]
"""Who may open a page: anybody at all; whoever is signed in; or somebody with at least this role on the site."""
Theme = Literal["auto", "light", "dark"]
THEMES: Final[tuple[Theme, ...]] = ("auto", "light", "dark")
Query = TypeVar("Query")


class PageRefusal(Exception):
    """Ends a page with a status and a reason in the reader's words; what was written is taken back."""

    def __init__(self, status: int, reason: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Services(msgspec.Struct, frozen=True):
    """What pages share for as long as the process lives."""

    database: Database
    settings: Settings
    secret: bytes
    throttle: Throttle
    now: Callable[[], int]
    routes: Mapping[str, Route]
    """All addresses, by name."""
    resources: Resources | None = None
    """The queue, for pages that look after it; ``None`` where there is none."""
    openid: Provider | None = None
    """Through which people may sign in without a password here; ``None``: through none."""
    replica: Replica | None = None
    """What pages are made of where it may be; ``None``: there is none."""

    @property
    def is_secure(self) -> bool:
        """Whether people come by https, so that cookies may ask for it."""
        return self.settings.url.startswith("https://")


@dataclass(frozen=True)
class Call:
    """A request that has been let in."""

    services: Services
    connection: Connection
    """Reads where the route is asked by GET, writes in one transaction where it is asked by POST."""
    now_ms: int
    route: str
    """Name of the route."""
    path: str
    query: MultiDict[str, str]
    form: MultiDict[str, str]
    is_partial: bool
    """Whether a script asks, which puts the answer into the page it has."""
    address: str
    """Of the client; for counting sign-ins only."""
    agent: str
    language: Language
    zone: tzinfo
    zone_name: str
    """Empty where the user leaves it to the browser."""
    theme: Theme
    form_token: str
    toast: str
    """What the page before has left to be said; empty: nothing."""
    user: User | None
    session: Session | None
    sites: tuple[Site, ...]
    """Those the user has a part in, by name."""
    site: Site | None
    """The one looked at; ``None`` for somebody without any."""

    @property
    def me(self) -> User:
        """The user, of a page that needs one."""
        if self.user is None:
            raise PageRefusal(401)
        return self.user

    @property
    def here(self) -> Site:
        """The site, of a page that needs one."""
        if self.site is None:
            raise PageRefusal(403, self.gettext("You have no part in any site yet. Ask whoever looks after Warmtrail."))
        return self.site

    @property
    def view(self) -> Viewpoint:
        """From where leads of the site are looked at."""
        stored = current_cards(self.connection)[self.here.id]
        return Viewpoint(self.here, stored, self.now_ms, self.language, self.services.settings.url)

    @property
    def resources(self) -> Resources:
        """The queue, of a page that needs it."""
        if self.services.resources is None:
            raise PageRefusal(503, self.gettext("The queue can't be reached at the moment. Try again in a few seconds."))
        return self.services.resources

    def may(self, role: Role) -> bool:
        """Whether the user may do on the site what *role* is needed for."""
        return self.user is not None and self.site is not None and self.user.may(role, self.site.id)

    def gettext(self, text: str) -> str:
        """Return a text of ours in the reader's language."""
        return translations(self.language).gettext(text)

    def ngettext(self, one: str, many: str, number: int) -> str:
        """Return a text of ours for a number of things."""
        return translations(self.language).ngettext(one, many, number)

    def read(self, kind: type[Query]) -> Query:
        """Return the query as a struct whose fields all have defaults; empty and unknown parameters are left out.

        Raises ``PageRefusal`` (400) naming a parameter that makes no sense.
        """
        given: dict[str, Any] = {name: value for name, value in self.query.items() if value}
        try:
            return msgspec.convert(given, kind, strict=False)
        except msgspec.ValidationError as error:
            name = str(error).rpartition("$.")[2].rstrip("`")
            reason = self.gettext("The address has a value of “{name}” that makes no sense.")
            raise PageRefusal(400, reason.format(name=name)) from None

    def address_with(self, **changes: str | None) -> str:
        """Return this page's address with some parameters changed; ``None`` leaves one out."""
        kept = {name: value for name, value in self.query.items() if value and name not in changes}
        query = urlencode(kept | {name: value for name, value in changes.items() if value is not None})
        return f"{self.path}?{query}" if query else self.path


@dataclass(frozen=True)
class Route:
    """One address of the page."""

    method: Literal["GET", "POST"]
    path: str
    """As Flask writes it: ``/leads/<lead_id>``."""
    name: str
    handle: Callable[..., Response]
    """Given the ``Call`` and what stands in the path, returns the answer."""
    needs: Needs = "viewer"
    site_of: Callable[..., int | None] | None = None
    """Given the connection and what stands in the path, returns the site that it belongs to; ``None``: there is no such
    thing. Without it, it is the site that the user has chosen."""
    own_transaction: bool = False
    """Whether a POST is given a connection that only reads, and opens its own transaction (``services.database.writing()``):
    for what takes long before it writes."""
