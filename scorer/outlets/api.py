"""The sales API over HTTP: who may ask, what for, and how answers and refusals are sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import msgspec
from flask import Blueprint, Request, Response, request
from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from scorer.core.labels import Language
from scorer.keys import ApiKey, find_key
from scorer.lead_views import Viewpoint
from scorer.outlets import docs_page, problems
from scorer.outlets.answers import Call, NotModified, Reply
from scorer.outlets.openapi import describe
from scorer.outlets.parameters import Parameters, read_parameters
from scorer.outlets.problems import Refusal
from scorer.outlets.routes import ROUTES, Route
from scorer.scorecards import current_cards
from tracker.db import Database
from tracker.front import WAIT_ENVIRON
from tracker.log import get_logger
from tracker.settings import Settings
from tracker.sites import Site, load_sites

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_RETRY_SECONDS: Final = "5"
log = get_logger(__name__)


def make_blueprint(database: Database, settings: Settings, now: Callable[[], int]) -> Blueprint:
    """Return the blueprint of ``/api``. *now* tells the time in ms since 1970 UTC."""
    api = _Api(database, settings, now)
    blueprint = Blueprint("api", __name__, url_prefix="/api")
    by_path: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        by_path.setdefault(route.path, {})[route.method] = route
    # Every method comes to us, so that a refusal of one is told as a problem, too.
    for path, routes in by_path.items():
        rule = "/v1" + re.sub(r"{(\w+)}", r"<\1>", path)
        _add(blueprint, rule, next(iter(routes.values())).name, _by_method(routes, api.answer))
    _add(blueprint, "/v1/openapi.json", "openapi", _by_method({"GET": None}, lambda _: api.description()))
    _add(blueprint, "/docs", "docs", _by_method({"GET": None}, lambda _: api.documentation()))
    for rule in ("/v1", "/v1/", "/v1/<path:rest>"):
        _add(blueprint, rule, "unknown", _unknown)
    return blueprint


def _add(blueprint: Blueprint, rule: str, name: str, view: Callable[..., Response]) -> None:
    blueprint.add_url_rule(rule, name, view, methods=_METHODS, provide_automatic_options=False)


def _by_method(routes: dict[str, Any], answer: Callable[..., Response]) -> Callable[..., Response]:
    """Return the view that answers the request with the route of its method."""
    allowed = ", ".join(method for known in routes for method in (("GET", "HEAD") if known == "GET" else (known,)))

    def view(**names: str) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if method in routes:
            return answer(routes[method], **names)
        detail = f"{request.method} is not allowed here; {allowed} is."
        return _refuse(Refusal(problems.METHOD_NOT_ALLOWED, detail, headers={"Allow": allowed}))

    return view


def _unknown(rest: str = "") -> Response:
    return _refuse(Refusal(problems.NOT_FOUND, "There is no such address; /api/docs lists those that are."))


class _Api:
    """Answers requests: read, decide, answer."""

    def __init__(self, database: Database, settings: Settings, now: Callable[[], int]) -> None:
        self._database = database
        self._base_url = settings.url
        self._now = now

    def answer(self, route: Route, **names: str) -> Response:
        """Answer a request to *route*, or refuse it with a problem."""
        try:
            with self._database.reading() as connection:
                reply = route.handle(self._let_in(connection, route), **names)
        except Refusal as refusal:
            return _refuse(refusal)
        except NotModified as known:
            return _send(b"", 304, etag=known.etag)
        except (OperationalError, InterfaceError):
            log.warning("api_database_away", route=route.name)
            detail = "The database can't be reached at the moment."
            return _refuse(Refusal(problems.UNAVAILABLE, detail, headers={"Retry-After": _RETRY_SECONDS}))
        except Exception:
            log.exception("api_failed", route=route.name)
            return _refuse(Refusal(problems.FAILED, "The fault is ours; the service's log has the details."))
        return _reply(reply)

    def description(self) -> Response:
        """Answer with the OpenAPI document."""
        return _send(_description(self._base_url), 200, cache="public, max-age=300")

    def documentation(self) -> Response:
        """Answer with the description as a page."""
        page = docs_page.render(describe(self._base_url))
        response = _send(page.html.encode(), 200, media_type="text/html; charset=utf-8", cache="public, max-age=300")
        response.headers["Content-Security-Policy"] = page.content_security_policy
        return response

    def _let_in(self, connection: Connection, route: Route) -> Call:
        key = _check_key(connection, request, route)
        parameters = read_parameters(request.args, route.parameters)
        site = load_sites(connection)[key.site_id]
        if parameters.site and parameters.site not in (site.name, str(site.id)):
            raise Refusal(problems.SITE_NOT_ALLOWED, "The key opens another site than the one asked for.")
        stored = current_cards(connection)[site.id]
        view = Viewpoint(site, stored, self._now(), _language(request, parameters, site), self._base_url)
        return Call(connection, view, parameters, request.if_none_match.contains_weak)


def _check_key(connection: Connection, asked: Request, route: Route) -> ApiKey:
    """Return the key that the request shows; refuse one that is missing, unknown, revoked or not enough."""
    kind, _, shown = asked.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not shown.strip():
        challenge = {"WWW-Authenticate": 'Bearer realm="warmtrail"'}
        raise Refusal(problems.KEY_MISSING, "Send the header Authorization: Bearer with an API key.", headers=challenge)
    key = find_key(connection, shown.strip())
    if key is None:
        challenge = {"WWW-Authenticate": 'Bearer realm="warmtrail", error="invalid_token"'}
        raise Refusal(problems.KEY_INVALID, "There is no such key, or it was revoked.", headers=challenge)
    if not key.allows(route.scope):
        challenge = {"WWW-Authenticate": f'Bearer realm="warmtrail", error="insufficient_scope", scope="{route.scope}"'}
        detail = f"This needs the scope {route.scope}; the key has {key.scope}."
        raise Refusal(problems.SCOPE_MISSING, detail, headers=challenge)
    return key


def _language(asked: Request, parameters: Parameters, site: Site) -> Language:
    own: Language = "zh" if site.settings.language == "zh" else "en"
    if parameters.lang:
        return parameters.lang
    # The site's own first: it is what "*" gets.
    found = asked.accept_languages.best_match([own, "en" if own == "zh" else "zh"], default=own)
    return "zh" if found == "zh" else "en"


def _reply(reply: Reply) -> Response:
    if reply.wait_seconds:
        request.environ[WAIT_ENVIRON] = reply.wait_seconds
    return _send(msgspec.json.encode(reply.body), 200, etag=reply.etag)


def _refuse(refusal: Refusal) -> Response:
    response = _send(msgspec.json.encode(refusal.problem), refusal.problem.status, media_type=problems.MEDIA_TYPE)
    response.headers.extend(refusal.headers)
    return response


def _send(
    content: bytes, status: int, *, media_type: str = "application/json", etag: str | None = None, cache: str | None = None
) -> Response:
    response = Response(content, status, content_type=media_type)
    if etag is not None:
        response.set_etag(etag, weak=True)
    # Leads are personal data: kept by nobody in between, and by the asker only together with its tag.
    response.headers["Cache-Control"] = cache or ("private, no-cache" if etag is not None else "no-store")
    response.headers["Vary"] = "Authorization, Accept-Language"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@cache
def _description(base_url: str) -> bytes:
    return msgspec.json.encode(describe(base_url))
