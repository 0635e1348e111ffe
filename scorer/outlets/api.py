"""The sales API over HTTP: who may ask, what for, and how answers and refusals are sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from hashlib import blake2b
from typing import Any, Final

import msgspec
import redis
from flask import Blueprint, Request, Response, g, request
from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from scorer.changes_feed import FeedHeads
from scorer.core.labels import Language, pick
from scorer.decision_errors import DecisionError, NoSuchLead, Stale, Taken
from scorer.idempotency import Kept, Reused, Running, Taking, give_back, keep, take
from scorer.keys import ApiKey, find_key
from scorer.lead_views import Viewpoint
from scorer.outlets import docs_page, problems
from scorer.outlets.answers import Call, NotModified, Reply
from scorer.outlets.bodies import read_body
from scorer.outlets.openapi import describe
from scorer.outlets.parameters import Parameters, read_parameters
from scorer.outlets.problems import Refusal
from scorer.outlets.route import Route
from scorer.outlets.routes import ROUTES
from scorer.outlets.shapes import ParameterError, time_text
from scorer.rate_limits import Allowance, RateLimits
from scorer.scorecards import current_cards
from tracker.db import Database
from tracker.front import NEWS_ENVIRON, WAIT_ENVIRON
from tracker.log import get_logger
from tracker.replica import Replica
from tracker.settings import Settings
from tracker.sites import Site, load_sites

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_RETRY_SECONDS: Final = "5"
_RUNNING_SECONDS: Final = "1"
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
PRESENT: Final = frozenset({"listChanges"})
"""Routes that never answer from a replica. The feed is told when there is news, and asked for it at once."""
_COUNTED: Final = "warmtrail.allowance"
"""Where the environment of a request says that it was counted: one that waits is asked again, and is still one request."""
log = get_logger(__name__)


def make_blueprint(
    database: Database,
    settings: Settings,
    now: Callable[[], int],
    *,
    redis_url: str | None = None,
    committed: Callable[[], None] = lambda: None,
    heads: FeedHeads | None = None,
    queue: redis.Redis | None = None,
    replica: Replica | None = None,
) -> Blueprint:
    """Return the blueprint of ``/api``.

    *now* tells the time in ms since 1970 UTC. *redis_url* is where requests are counted (``None``: in this process);
    *committed* is called after each change that the feed tells of; *heads* says whether those who wait need to ask again
    (``None``: they do); *queue* is where work is left for the workers (``None``: what needs one is refused); *replica*
    answers reads where it may.
    """
    api = _Api(database, settings, now, RateLimits(*settings.api_rates, redis_url), committed, heads, queue, replica)
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

    def __init__(
        self,
        database: Database,
        settings: Settings,
        now: Callable[[], int],
        limits: RateLimits,
        committed: Callable[[], None],
        heads: FeedHeads | None,
        queue: redis.Redis | None,
        replica: Replica | None,
    ) -> None:
        self._database = database
        self._base_url = settings.url
        self._now = now
        self._limits = limits
        self._committed = committed
        self._heads = heads
        self._queue = queue
        self._replica = replica

    def answer(self, route: Route, **names: str) -> Response:
        """Answer a request to *route*, or refuse it with a problem."""
        try:
            return self._read(route, names) if route.body is None else self._write(route, names)
        except Refusal as refusal:
            return _refuse(refusal)
        except NotModified as known:
            return _send(b"", 304, etag=known.etag)
        except Reused:
            return _refuse(Refusal(problems.KEY_REUSED, "The Idempotency-Key was sent with another request before."))
        except Running:
            detail = "The request that was sent with this Idempotency-Key hasn't been answered yet."
            return _refuse(Refusal(problems.REQUEST_RUNNING, detail, headers={"Retry-After": _RUNNING_SECONDS}))
        except redis.RedisError:
            log.warning("api_queue_away", route=route.name)
            detail = "The queue can't be reached at the moment."
            return _refuse(Refusal(problems.UNAVAILABLE, detail, headers={"Retry-After": _RETRY_SECONDS}))
        except (OperationalError, InterfaceError):
            log.warning("api_database_away", route=route.name)
            detail = "The database can't be reached at the moment."
            return _refuse(Refusal(problems.UNAVAILABLE, detail, headers={"Retry-After": _RETRY_SECONDS}))
        except Exception:
            log.exception("api_failed", route=route.name)
            return _refuse(Refusal(problems.FAILED, "The fault is ours; the service's log has the details."))

    def _read(self, route: Route, names: dict[str, str]) -> Response:
        with self._database.reading() as connection:
            call = self._let_in(connection, route)
            elsewhere = self._replica is not None and route.name not in PRESENT and self._replica.serves(call.actor)
            reply = None if elsewhere else route.handle(call, **names)
        if reply is None:
            assert self._replica is not None
            reply = self._replica.read(lambda copy: self._answer_from(copy, call, route, names))
        if reply.wait_seconds:
            request.environ[WAIT_ENVIRON] = reply.wait_seconds
            if self._heads is not None:
                request.environ[NEWS_ENVIRON] = partial(self._heads.is_beyond, call.site_id, reply.after)
        return _send(msgspec.json.encode(reply.body), 200, etag=reply.etag)

    def _answer_from(self, database: Database, call: Call, route: Route, names: dict[str, str]) -> Reply:
        """Answer with what a replica has, its own scorecard included; who may ask has been looked up before."""
        with database.reading() as connection:
            view = msgspec.structs.replace(call.view, stored=current_cards(connection)[call.site_id])
            return route.handle(msgspec.structs.replace(call, connection=connection, view=view), **names)

    def _write(self, route: Route, names: dict[str, str]) -> Response:
        with self._database.reading() as connection:
            call = self._let_in(connection, route)
        content = request.get_data()
        assert route.body is not None
        body = read_body(content, request.mimetype, request.mimetype_params, route.body)
        call = msgspec.structs.replace(call, body=body, if_match=request.headers.get("If-Match"))
        if not route.changes:
            with self._database.reading() as connection:
                reply = route.handle(msgspec.structs.replace(call, connection=connection), **names)
            return _send(msgspec.json.encode(reply.body), 200)
        key = _idempotency_key(request)
        if any("\0" in name for name in names.values()):
            raise Refusal(problems.NOT_FOUND, "There is no such lead on the key's site.")
        if key is None:
            return _send_kept(self._carry_out(route, call, names, None))
        taken = take(self._database, call.actor, key, _fingerprint(request, content), call.view.now_ms)
        if isinstance(taken, Kept):
            response = _send_kept(taken)
            response.headers["Idempotency-Replayed"] = "true"
            return response
        try:
            return _send_kept(self._carry_out(route, call, names, taken))
        except Refusal as refusal:
            with self._database.writing() as connection:
                answer = msgspec.json.encode(refusal.problem)
                keep(connection, taken, Kept(refusal.problem.status, answer, None), None)
            raise
        except Exception:
            with suppress(Exception):  # What has failed is told below; the key is free again after a minute at the latest.
                give_back(self._database, taken)
            raise

    def _carry_out(self, route: Route, call: Call, names: dict[str, str], taking: Taking | None) -> Kept:
        """Do what is asked and keep the answer, in one transaction."""
        if route.prepare is not None:
            with self._database.reading() as connection:
                found = route.prepare(msgspec.structs.replace(call, connection=connection), **names)
            call = msgspec.structs.replace(call, prepared=found)
        with self._database.writing() as connection:
            # Another scorecard may have become the current one since the key was looked at.
            view = msgspec.structs.replace(call.view, stored=current_cards(connection)[call.site_id])
            try:
                reply = route.handle(msgspec.structs.replace(call, connection=connection, view=view), **names)
            except DecisionError as error:
                raise _refusal(error, view.language) from None
            kept = Kept(route.status, msgspec.json.encode(reply.body), reply.etag)
            if taking is not None:
                keep(connection, taking, kept, reply.lead_id)
        if self._replica is not None:
            self._replica.wrote(call.actor)
        self._committed()
        return kept

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
        self._count(key, route)
        parameters = read_parameters(request.args, route.parameters)
        site = load_sites(connection)[key.site_id]
        if parameters.site and parameters.site not in (site.name, str(site.id)):
            raise Refusal(problems.SITE_NOT_ALLOWED, "The key opens another site than the one asked for.")
        stored = current_cards(connection)[site.id]
        view = Viewpoint(site, stored, self._now(), _language(request, parameters, site), self._base_url)
        has = request.if_none_match.contains_weak if route.body is None else lambda _: False
        return Call(connection, view, parameters, has, key.id, queue=self._queue)

    def _count(self, key: ApiKey, route: Route) -> None:
        """Count the request against the limit of its key; refuse it where that is used up."""
        allowance: Allowance | None = request.environ.get(_COUNTED)
        if allowance is None:
            allowance = self._limits.count(key.id, "read" if route.body is None else "write")
            request.environ[_COUNTED] = allowance
        g.allowance = allowance
        if not allowance.allowed:
            doing = "reading" if route.body is None else "writing"
            detail = f"A key may make {allowance.limit} {doing} requests a minute."
            raise Refusal(problems.TOO_MANY_REQUESTS, detail)


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


def _idempotency_key(asked: Request) -> str | None:
    key = asked.headers.get("Idempotency-Key")
    if key is None or _IDEMPOTENCY_KEY.fullmatch(key):
        return key
    wrong = ParameterError("Idempotency-Key", "1 to 255 visible ASCII characters")
    raise Refusal(problems.PARAMETER_INVALID, f"{wrong.parameter}: {wrong.detail}", errors=[wrong])


def _fingerprint(asked: Request, content: bytes) -> str:
    """Return what tells a request from others: the same for one that is sent again."""
    whole = b"\n".join((asked.method.encode(), asked.path.encode(), asked.query_string, content))
    return blake2b(whole, digest_size=32).hexdigest()


def _refusal(error: DecisionError, language: Language) -> Refusal:
    detail = pick(error.label, language)
    if isinstance(error, NoSuchLead):
        return Refusal(problems.NOT_FOUND, detail)
    if isinstance(error, Stale):
        return Refusal(problems.STALE, detail)
    if isinstance(error, Taken):
        return Refusal(problems.TAKEN, f"{detail} {time_text(error.until_ms)}")
    return Refusal(problems.NOT_POSSIBLE, detail)


def _send_kept(kept: Kept) -> Response:
    media_type = problems.MEDIA_TYPE if kept.status >= 400 else "application/json"
    return _send(kept.answer, kept.status, media_type=media_type, etag=kept.etag)


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
    allowance: Allowance | None = g.get("allowance")
    if allowance is not None:
        response.headers.extend(allowance.headers())
    return response


@cache
def _description(base_url: str) -> bytes:
    return msgspec.json.encode(describe(base_url))
