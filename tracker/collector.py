"""The collector's routes as a Flask blueprint: everything public that a company's pages and servers talk to.

Under the HTTP front (``tracker.front``) the POST routes here are not reached: the front answers them in its event loop
with the same ``decide``. They serve where the application runs under another WSGI server, one round trip to Redis each.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec
import redis
from flask import Blueprint, Response, request
from werkzeug.datastructures import Headers

from tracker import queue
from tracker.assets import Asset, snippet, snippet_with
from tracker.collect import ROUTES, Answer, CompanyOf, KeyRing, Limits, Request, allow_origin, answer_headers, decide, refuse
from tracker.endpoints import Client
from tracker.mail_clicks import HEADERS as CLICK_HEADERS
from tracker.mail_clicks import ClickQueue, Turned, decide_click, new_message_id
from tracker.metrics import IntakeMetrics
from tracker.quotas import Quotas
from tracker.snippet_settings import snippet_settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_GIF: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_YEAR_SECONDS: Final = 31_536_000
_PLAIN_CACHING: Final = "public, max-age=3600"
_FROZEN_CACHING: Final = f"public, max-age={_YEAR_SECONDS}, immutable"
# A changed setting should arrive soon, and no page view should wait for the question whether there is one: a visitor who
# leaves meanwhile would not be seen. So after ten minutes the browser still runs what it has and asks beside that, and
# only who comes back after more than a day waits for the answer. The price: who was here within the day has one more page
# view under the old settings. (Safari knows no stale-while-revalidate and asks after ten minutes.)
_SETTINGS_CACHING: Final = "public, max-age=600, stale-while-revalidate=86400"
_REFUSED_CACHING: Final = "no-cache"
"""A key may be made, or a tag mended, in the next minute."""


class Collector(msgspec.Struct, frozen=True):
    """What the routes need of the outside."""

    keys: KeyRing
    limits: Limits
    streams: Client
    touched: Callable[[list[int]], None]
    """Told of the partitions that entries were appended to."""
    is_full: Callable[[], bool]
    """Whether events must be refused for want of room."""
    metrics: IntakeMetrics
    secret: bytes
    """Keys the daily pseudonyms of visitors without an id, and signs links in mails."""
    company_of: CompanyOf | None = None
    """``None`` where networks are not looked up."""
    quotas: Quotas | None = None
    """``None``: nobody counts what comes from whom."""


def make_blueprint(collector: Collector, collect_prefix: str) -> Blueprint:
    """Return the collector's routes; the collect paths begin with *collect_prefix*."""
    routes = Blueprint("collector", __name__)

    # Without Flask's own answer to OPTIONS, which would come before the preflight and allow nothing.
    @routes.post(f"{collect_prefix}/<any({','.join(ROUTES)}):name>", provide_automatic_options=False)
    def collect(name: str) -> Response:
        headers = {key.lower(): value for key, value in request.headers.items()}
        wanted = Request(name, headers, request.get_data(cache=False), _now_ms(), request.remote_addr or "")
        return _respond(_take(collector, wanted))

    @routes.route(f"{collect_prefix}/<any({','.join(ROUTES)}):name>", methods=["OPTIONS"])
    def preflight(name: str) -> Response:
        response = Response(status=204)
        for header, value in allow_origin(request.headers.get("Origin")):
            response.headers[header] = value
        response.headers["Access-Control-Allow-Methods"] = "POST"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type, Content-Encoding, Authorization"
        response.headers["Access-Control-Max-Age"] = "86400"
        return response

    @routes.route(f"{collect_prefix}/<any({','.join(ROUTES)}):name>", methods=["GET", "PUT", "PATCH", "DELETE"])
    def wrong_method(name: str) -> Response:
        response = _respond(refuse("method_not_allowed"))
        response.headers["Allow"] = "OPTIONS, POST"
        return response

    @routes.get(f"{collect_prefix}/pixel.gif")
    def pixel() -> Response:
        answer = _take(collector, _pixel_request())
        response = Response(_GIF, status=200, mimetype="image/gif")
        response.headers["Cache-Control"] = "no-store"
        if answer.reason:
            # An image cannot show a message; whoever set it up sees this in the browser's network panel.
            response.headers["X-Warmtrail-Refused"] = answer.reason
        return response

    clicks = lru_cache(lambda: ClickQueue(collector.streams))

    @routes.get(f"{collect_prefix}/go/<token>", provide_automatic_options=False)
    def go(token: str) -> Response:
        return _go(collector, clicks, token)

    @routes.get("/snippet.js")
    def current_snippet() -> Response:
        key = request.args.get("key")
        if key is None:
            return _serve(snippet(), _PLAIN_CACHING)
        known = collector.keys.find(key)
        # A server key has no business in a page, and must not be repeated there.
        if known is None or known.trusted:
            response = _serve(snippet(), _REFUSED_CACHING)
            response.headers["X-Warmtrail-Refused"] = "write_key_unknown"
            return response
        return _serve(snippet_with(snippet_settings(known.settings, collect_prefix, key)), _SETTINGS_CACHING)

    # Parts under names without a version: they change, so they must not be kept for ever like the frozen ones.
    @routes.get("/snippet-panel.js")
    def panel() -> Response:
        return _serve(snippet("snippet-panel.js"), _SETTINGS_CACHING)

    @routes.get("/snippet-links.js")
    def links() -> Response:
        return _serve(snippet("snippet-links.js"), _SETTINGS_CACHING)

    @routes.get("/snippet-<version>.js")
    def frozen_snippet(version: str) -> Response:
        return _serve(snippet(f"snippet-{version}.js"), _FROZEN_CACHING)

    return routes


def _take(collector: Collector, wanted: Request) -> Answer:
    decision = (
        refuse("overloaded")
        if collector.is_full()
        else decide(wanted, collector.keys, collector.limits, collector.secret, collector.company_of, collector.quotas)
    )
    if not isinstance(decision, Answer):
        try:
            queue.append(collector.streams, decision.site_id, decision.entries)
        except redis.OutOfMemoryError:
            decision = refuse("overloaded")
        except redis.RedisError:
            decision = refuse("queue_unavailable")
        else:
            collector.touched([partition for partition, _, _ in decision.entries])
            collector.metrics.accepted(decision)
            return decision.answer
    if decision.reason:
        collector.metrics.refused(decision.reason)
    return decision


def _go(collector: Collector, clicks: Callable[[], ClickQueue], token: str) -> Response:
    """Send whoever clicked a link in a mail on their way, whether or not the queue takes note of it."""
    headers = {key.lower(): value for key, value in request.headers.items()}
    partitions = collector.limits.partitions
    decision = decide_click(token, request.method, headers, collector.secret, partitions, new_message_id(), _now_ms())
    if isinstance(decision, Turned):
        collector.metrics.clicked(decision.reason)
        response = Response(decision.page, status=decision.status, mimetype="text/html", headers=CLICK_HEADERS)
        response.headers["Content-Security-Policy"] = "default-src 'none'"
        return response
    if not collector.is_full() and clicks().append(decision):
        collector.touched([partition for partition, _, _ in decision.entries])
        collector.metrics.clicked("recorded")
    else:
        collector.metrics.clicked("not_recorded")
    return _Redirect(status=302, headers={"Location": decision.location, **CLICK_HEADERS})


class _Redirect(Response):
    """Leads to its ``Location`` as it is: Werkzeug would escape more of it than its site may expect."""

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        headers = super().get_wsgi_headers(environ)
        headers["Location"] = self.headers["Location"]
        return headers


def _respond(answer: Answer) -> Response:
    response = Response(answer.body, status=answer.status, headers=answer_headers(answer, request.headers.get("Origin")))
    response.headers["Cache-Control"] = "no-store"
    return response


def _pixel_request() -> Request:
    """Return the page view that a pixel's address stands for.

    Without a script there is no id: unless the address names one, a visitor is known for a day. The page is the one named
    in the address, else the one that shows the pixel.
    """
    query = request.args
    headers = {key.lower(): value for key, value in request.headers.items()}
    headers.pop("authorization", None)
    page = {"url": query.get("url") or headers.get("referer") or "", "title": query.get("title", "")}
    properties = page | {"referrer": query.get("referrer", "")}
    who = {"writeKey": query.get("key", ""), "anonymousId": query.get("id", ""), "cookieless": True}
    body = msgspec.json.encode({**who, "properties": properties})
    # The request comes from the page that shows it, whatever the site allows to send.
    return Request(
        "page",
        {key: value for key, value in headers.items() if key not in ("origin", "content-encoding")},
        body,
        _now_ms(),
        request.remote_addr or "",
    )


def _serve(asset: Asset | None, caching: str) -> Response:
    if asset is None:
        return Response("There is no such version of the snippet.\n", status=404, mimetype="text/plain")
    compressed = "gzip" in request.headers.get("Accept-Encoding", "")
    response = Response(asset.compressed if compressed else asset.content, mimetype="text/javascript")
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = caching
    # So that pages may pin the file with an integrity hash.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.set_etag(asset.etag + ("-gzip" if compressed else ""))
    response.make_conditional(request)
    return response


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
