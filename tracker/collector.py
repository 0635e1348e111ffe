"""The collector's routes as a Flask blueprint: everything public that a company's pages and servers talk to.

Under the HTTP front (``tracker.front``) the POST routes here are not reached: the front answers them in its event loop
with the same ``decide``. They serve where the application runs under another WSGI server, one round trip to Redis each.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Final

import msgspec
import redis
from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from tracker import queue
from tracker.assets import snippet
from tracker.collect import RETRY_AFTER_SECONDS, ROUTES, Answer, KeyRing, Limits, Request, decide, refuse
from tracker.core.addresses import client_address
from tracker.metrics import IntakeMetrics

_GIF: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_YEAR_SECONDS: Final = 31_536_000
_SNIPPET_SECONDS: Final = 3600


class Collector(msgspec.Struct, frozen=True):
    """What the routes need of the outside."""

    keys: KeyRing
    limits: Limits
    streams: redis.Redis
    touched: Callable[[list[int]], None]
    """Told of the partitions that entries were appended to."""
    is_full: Callable[[], bool]
    """Whether events must be refused for want of room."""
    trouble: Callable[[], str]
    """Why events would not be persisted at present; empty when they would."""
    metrics: IntakeMetrics
    registry: CollectorRegistry
    secret: bytes
    """Keys the daily pseudonyms of visitors that the pixel sees."""


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
        response.headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")
        response.headers["Access-Control-Allow-Methods"] = "POST"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type, Content-Encoding, Authorization"
        response.headers["Access-Control-Max-Age"] = "86400"
        response.headers["Vary"] = "Origin"
        return response

    @routes.route(f"{collect_prefix}/<any({','.join(ROUTES)}):name>", methods=["GET", "PUT", "PATCH", "DELETE"])
    def wrong_method(name: str) -> Response:
        response = _respond(refuse("method_not_allowed"))
        response.headers["Allow"] = "OPTIONS, POST"
        return response

    @routes.get(f"{collect_prefix}/pixel.gif")
    def pixel() -> Response:
        answer = _take(collector, _pixel_request(collector.secret))
        response = Response(_GIF, status=200, mimetype="image/gif")
        response.headers["Cache-Control"] = "no-store"
        if answer.reason:
            # An image cannot show a message; whoever set it up sees this in the browser's network panel.
            response.headers["X-Warmtrail-Refused"] = answer.reason
        return response

    @routes.get("/snippet.js")
    def current_snippet() -> Response:
        return _serve_snippet("snippet.js", f"public, max-age={_SNIPPET_SECONDS}")

    @routes.get("/snippet-<version>.js")
    def frozen_snippet(version: str) -> Response:
        return _serve_snippet(f"snippet-{version}.js", f"public, max-age={_YEAR_SECONDS}, immutable")

    @routes.get("/healthz")
    def alive() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @routes.get("/readyz")
    def ready() -> Response:
        trouble = collector.trouble()
        return Response(f"{trouble or 'ready'}\n", status=503 if trouble else 200, mimetype="text/plain")

    @routes.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(collector.registry), mimetype="text/plain; version=0.0.4; charset=utf-8")

    return routes


def _take(collector: Collector, wanted: Request) -> Answer:
    full = collector.is_full()
    decision = refuse("overloaded") if full else decide(wanted, collector.keys, collector.limits)
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


def _respond(answer: Answer) -> Response:
    response = Response(answer.body, status=answer.status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    origin = request.headers.get("Origin")
    if origin:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        response.headers["Vary"] = "Origin"
    if answer.status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if answer.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="warmtrail"'
    return response


def _pixel_request(secret: bytes) -> Request:
    """Return the page view that a pixel's address stands for.

    Without a script there is no id: a visitor is known for a day, by a keyed digest of address and browser. The page is
    the one named in the address, else the one that shows the pixel.
    """
    query = request.args
    headers = {key.lower(): value for key, value in request.headers.items()}
    headers.pop("authorization", None)
    day = _now_ms() // 86_400_000
    address = client_address(request.remote_addr or "", headers.get("x-forwarded-for"))
    seen = f"{day}|{address}|{headers.get('user-agent', '')}"
    visitor = query.get("id") or "px-" + hmac.new(secret, seen.encode(), hashlib.sha256).hexdigest()[:24]
    page = {"url": query.get("url") or headers.get("referer") or "", "title": query.get("title", "")}
    properties = page | {"referrer": query.get("referrer", "")}
    body = msgspec.json.encode({"writeKey": query.get("key", ""), "anonymousId": visitor, "properties": properties})
    # The request comes from the page that shows it, whatever the site allows to send.
    return Request(
        "page",
        {key: value for key, value in headers.items() if key not in ("origin", "content-encoding")},
        body,
        _now_ms(),
        request.remote_addr or "",
    )


def _serve_snippet(file_name: str, caching: str) -> Response:
    asset = snippet(file_name)
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
