"""The web page over HTTP: who is let in, in which language, and how pages and refusals are sent."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, NoReturn
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

import redis
from flask import Blueprint, Response, g, request
from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from scorer.core.labels import Language, pick
from scorer.labelled import LabelledError
from scorer.resources import Resources
from scorer.users import User, load_user
from scorer.web import cookies
from scorer.web.assets import PREFIX, assets
from scorer.web.call import THEMES, Call, PageRefusal, Route, Services, Theme
from scorer.web.forgery import FIELD, form_token, is_own_form
from scorer.web.navigation import opens
from scorer.web.oidc_setup import open_provider
from scorer.web.rendering import TOAST_COOKIE, environment, read_toast
from scorer.web.routes import BY_NAME, ROUTES
from scorer.web.sessions import Session, find_session, is_due, touch
from scorer.web.throttle import Throttle
from scorer.web.translations import translations
from tracker.core.addresses import client_address
from tracker.db import Database
from tracker.log import get_logger
from tracker.replica import Replica
from tracker.settings import Settings
from tracker.sites import Site, load_sites

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    # Not no-referrer: with it browsers name no origin when they send our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_RETRY_SECONDS: Final = "5"
_LONGEST_NEXT: Final = 500
log = get_logger(__name__)


def make_blueprint(
    database: Database,
    settings: Settings,
    secret: bytes,
    redis_url: str | None,
    now: Callable[[], int],
    resources: Resources | None = None,
    replica: Replica | None = None,
) -> Blueprint:
    """Return the blueprint of the page. *redis_url* is where sign-ins are counted (``None``: in this process); *now* tells
    the time in ms since 1970 UTC; *resources* have the queue, for pages that look after it; *replica* is what pages are made
    of where it may be.

    Raises ``SettingError`` where people are to sign in through another service and the extra for that is missing."""
    openid = open_provider(settings)
    throttle = Throttle(redis_url, secret)
    pages = _Pages(Services(database, settings, secret, throttle, now, BY_NAME, resources, openid, replica))
    blueprint = Blueprint("web", __name__)
    for route in ROUTES:
        blueprint.add_url_rule(route.path, route.name, _view(pages, route), methods=[route.method])
    blueprint.add_url_rule("/", "home", lambda: _dress(Response(status=302, headers={"Location": "/hot"})))
    blueprint.add_url_rule(f"{PREFIX}/<tag>/<path:name>", "asset", _asset)
    blueprint.app_errorhandler(404)(pages.unknown)
    blueprint.app_errorhandler(405)(pages.unknown)
    return blueprint


def _view(pages: _Pages, route: Route) -> Callable[..., Response]:
    def view(**names: str) -> Response:
        return _dress(pages.answer(route, names))

    return view


def _asset(tag: str, name: str) -> Response:
    found = assets().get(name)
    if found is None:
        return _dress(Response("There is no such file.\n", 404, mimetype="text/plain"))
    response = Response(found.content, content_type=found.media_type)
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Of another version's page: what is there now will do, but is not what that address stands for.
    current = tag == found.tag
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if current else "no-cache"
    return response


def _dress(response: Response) -> Response:
    """Give an answer what all pages are sent with."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


class _Pages:
    """Answers requests: let in, hand over, answer."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def answer(self, route: Route, names: Mapping[str, str]) -> Response:
        """Answer a request to *route*, or refuse it with a page."""
        call: Call | None = None
        g.is_secure = self._services.is_secure
        bound = request.cookies.get(cookies.FORM, "")[:100] or secrets.token_urlsafe(16)
        try:
            _check_text(names)
            with self._open(route) as connection:
                call = self._let_in(connection, route, names, bound)
                elsewhere = self._may_read_elsewhere(route, call)
                response: Response | None = None if elsewhere else route.handle(call, **names)
            if response is None:
                response = self._answer_elsewhere(route, call, names)
            elif route.method == "POST":
                self._note_written(call)
            if call.session is not None and is_due(call.session, call.now_ms):
                with self._services.database.writing() as connection:
                    touch(connection, call.session, call.now_ms)
        except PageRefusal as refusal:
            return self._refuse(refusal.status, refusal.reason, call)
        except LabelledError as error:
            return self._refuse(409, pick(error.label, _language(call.user if call else None)), call)
        except HTTPException:  # A form with more in it than any of ours has.
            return self._refuse(422, "", call)
        except (OperationalError, InterfaceError):
            log.warning("page_database_away", route=route.name)
            return self._refuse(503, "", call)
        except redis.RedisError:
            log.warning("page_queue_away", route=route.name)
            reason = call.gettext("The queue can't be reached at the moment. Try again in a few seconds.") if call else ""
            return self._refuse(503, reason, call)
        except Exception:
            log.exception("page_failed", route=route.name)
            return self._refuse(500, "", call)
        self._remember(response, call, bound)
        return response

    def _may_read_elsewhere(self, route: Route, call: Call) -> bool:
        """Whether a page may be made of what the replica has. Pages without a user, and those about the user, may not: what
        somebody does while signing in is nobody's yet."""
        replica = self._services.replica
        if replica is None or route.method != "GET" or call.user is None or route.needs in ("nobody", "user"):
            return False
        return replica.serves(call.user.id)

    def _answer_elsewhere(self, route: Route, call: Call, names: Mapping[str, str]) -> Response:
        def ask(database: Database) -> Response:
            with database.reading() as connection:
                return route.handle(dataclasses.replace(call, connection=connection), **names)

        assert self._services.replica is not None
        return self._services.replica.read(ask)

    def _note_written(self, call: Call) -> None:
        if self._services.replica is not None and call.user is not None:
            self._services.replica.wrote(call.user.id)

    def unknown(self, error: HTTPException) -> Response:
        """Answer a request to an address that isn't there, with a page for those who read pages."""
        status = error.code or 404
        if request.accept_mimetypes.best_match(["text/plain", "text/html"]) != "text/html":
            response = Response(f"{error.name}\n", status, mimetype="text/plain")
        else:
            response = self._refuse(status, "", None)
        for name, value in error.get_headers():
            if name == "Allow":
                response.headers["Allow"] = value
        return _dress(response)

    def _open(self, route: Route) -> AbstractContextManager[Connection]:
        database = self._services.database
        return database.writing() if route.method == "POST" and not route.own_transaction else database.reading()

    def _let_in(self, connection: Connection, route: Route, names: Mapping[str, str], bound: str) -> Call:
        services, now_ms = self._services, self._services.now()
        token = request.cookies.get(cookies.session_cookie(services.is_secure), "")[:200]
        session = find_session(connection, token, now_ms) if token else None
        user = load_user(connection, session.user_id) if session else None
        expected = form_token(services.secret, f"session:{token}" if session else f"browser:{bound}")
        if route.method == "POST" and not _is_own(services.settings.url, expected):
            words = translations(_language(user))
            reason = words.gettext("The form is too old, or isn't from this page. Load the page anew and try again.")
            raise PageRefusal(403, reason)
        if user is None and route.needs != "nobody":
            raise PageRefusal(401)
        known = load_sites(connection)
        mine = sorted((known[number] for number in (user.roles if user else ()) if number in known), key=_by_name)
        site = _chosen(connection, route, names, mine)
        call = self._call(connection, route, now_ms, session, user, tuple(mine), site, expected)
        if not opens(call, route.needs):
            _ = call.here
            raise PageRefusal(403, call.gettext("You may not do this on this site. Ask an administrator of it."))
        return call

    def _call(
        self,
        connection: Connection,
        route: Route,
        now_ms: int,
        session: Session | None,
        user: User | None,
        mine: tuple[Site, ...],
        site: Site | None,
        expected: str,
    ) -> Call:
        zone_name = user.time_zone if user else ""
        names = (zone_name, unquote(request.cookies.get(cookies.ZONE, "")), site.settings.time_zone if site else "")
        zone = next(filter(None, map(_zone, names)), None)
        return Call(
            services=self._services,
            connection=connection,
            now_ms=now_ms,
            route=route.name,
            path=request.path,
            query=MultiDict(request.args),
            form=MultiDict(request.form),
            is_partial=request.headers.get("HX-Request") == "true",
            address=client_address(request.remote_addr or "", request.headers.get("X-Forwarded-For")),
            agent=request.headers.get("User-Agent", ""),
            language=_language(user),
            zone=zone or ZoneInfo("UTC"),
            zone_name=zone_name,
            theme=_theme(),
            form_token=expected,
            toast=read_toast(request.cookies.get(TOAST_COOKIE, "")),
            user=user,
            session=session,
            sites=mine,
            site=site,
        )

    def _remember(self, response: Response, call: Call, bound: str) -> None:
        """Let the browser keep what the next page is to know."""
        secure = self._services.is_secure
        if call.user is None and request.cookies.get(cookies.FORM) != bound:
            cookies.keep_form(response, bound, secure)
        if call.site is not None and request.cookies.get(cookies.SITE) != str(call.site.id):
            cookies.keep(response, cookies.SITE, str(call.site.id), secure)
        if call.toast and response.status_code == 200 and not call.is_partial:
            response.delete_cookie(TOAST_COOKIE, httponly=True, samesite="Lax", secure=secure)
        if call.user is None and request.args.get("lang") in ("en", "zh"):
            cookies.keep(response, cookies.LANGUAGE, request.args["lang"], secure)

    def _refuse(self, status: int, reason: str, call: Call | None) -> Response:
        if status == 401:
            # After a POST the form is lost anyway; what it was sent from is the place to go on.
            came_from = request.full_path.rstrip("?") if request.method == "GET" else "/"
            to = f"/sign-in?next={quote(came_from[:_LONGEST_NEXT], safe='')}"
            if request.headers.get("HX-Request") == "true":
                return _dress(Response(status=401, headers={"HX-Redirect": "/sign-in"}))
            return _dress(Response(status=303, headers={"Location": to}))
        language = _language(call.user if call else None)
        partial = request.headers.get("HX-Request") == "true"
        template = environment(language).get_template("refusal_part.html" if partial else "refusal.html")
        text = template.render(status=status, reason=reason, theme=_theme())
        response = Response(text, status, content_type="text/html; charset=utf-8")
        if partial:
            # What was asked for stays as it is; only the message is put in.
            response.headers["HX-Reswap"] = "none"
        if status == 503:
            response.headers["Retry-After"] = _RETRY_SECONDS
        return _dress(response)


def _is_own(own_url: str, expected: str) -> bool:
    token = request.form.get(FIELD) or request.headers.get("X-Form-Token", "")
    return is_own_form(request.headers, own_url, request.host_url, token, expected)


def _check_text(names: Mapping[str, str]) -> None:
    """Refuse what PostgreSQL can't even be asked for; nobody types the character NUL."""
    if any("\0" in name for name in names.values()):
        _missing()
    told = (*request.args.items(multi=True), *request.form.items(multi=True))
    if any("\0" in value for _, value in told):
        raise PageRefusal(400)


def _chosen(connection: Connection, route: Route, names: Mapping[str, str], mine: list[Site]) -> Site | None:
    """Return the site that a request is about; refuse one that the user has no part in as if it weren't there."""
    if route.site_of is not None:
        number = route.site_of(connection, **names)
        return next((site for site in mine if site.id == number), None) or _missing()
    asked = request.args.get("site", "")
    if asked and mine:
        return next((site for site in mine if asked in (str(site.id), site.name)), None) or _missing()
    kept = request.cookies.get(cookies.SITE, "")
    return next((site for site in mine if str(site.id) == kept), None) or (mine[0] if mine else None)


def _missing() -> NoReturn:
    raise PageRefusal(404)


def _by_name(site: Site) -> str:
    return site.name.casefold()


def _language(user: User | None) -> Language:
    if user is not None:
        return user.language
    asked: Any = request.args.get("lang") or request.cookies.get(cookies.LANGUAGE)
    found = asked if asked in ("en", "zh") else request.accept_languages.best_match(["en", "zh"], default="en")
    return "zh" if found == "zh" else "en"


def _theme() -> Theme:
    kept = request.cookies.get(cookies.THEME)
    return next((theme for theme in THEMES if theme == kept), "auto")


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None  # A cookie says what it likes.
