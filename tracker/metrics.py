"""What a collector's process counts of itself, for Prometheus. The exact accounts are in the database (``intake``)."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from tracker.collect import Accepted


class IntakeMetrics:
    """Counters of one collector process; they begin at nought with it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter("warmtrail_collect_requests", "Collect requests by outcome", ["outcome"], registry=registry)
        self._events = Counter("warmtrail_collect_events", "Events in accepted requests", ["outcome"], registry=registry)
        self._accepted_requests = self._requests.labels("accepted")
        self._admitted = self._events.labels("admitted")

    def accepted(self, accepted: Accepted) -> None:
        """Count a request whose events are in the queue."""
        self._accepted_requests.inc()
        refused = len(accepted.rejected)
        self._admitted.inc(accepted.received - refused)
        for rejected in accepted.rejected:
            self._events.labels(rejected.reason).inc()

    def refused(self, reason: str) -> None:
        """Count a request that was refused for *reason*."""
        self._requests.labels(reason).inc()
