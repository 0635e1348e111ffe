"""What monitors ask of a process that answers HTTP: whether it lives, whether it can work, and its figures."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest


def make_health_blueprint(trouble: Callable[[], str], registry: CollectorRegistry) -> Blueprint:
    """Return ``/healthz``, ``/readyz`` and ``/metrics``.

    *trouble* says in a word why requests should go elsewhere, and is empty when they need not; *registry* has the figures.
    """
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def alive() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @routes.get("/readyz")
    def ready() -> Response:
        why = trouble()
        return Response(f"{why or 'ready'}\n", status=503 if why else 200, mimetype="text/plain")

    @routes.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), mimetype="text/plain; version=0.0.4; charset=utf-8")

    return routes
