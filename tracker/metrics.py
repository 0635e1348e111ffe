"""What a collector's process counts of itself, for Prometheus. The exact accounts are in the database (``intake``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from tracker.collect import Accepted


class IntakeMetrics(Collector):
    """Counters of one collector process; they begin at nought with it.

    Plain numbers, handed over at each scrape: Prometheus' own counters take a lock, twice a request.
    """

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._clicks: Counter[str] = Counter()

    def accepted(self, accepted: Accepted) -> None:
        """Count a request whose events are in the queue."""
        self._requests["accepted"] += 1
        self._events["admitted"] += accepted.received - len(accepted.rejected)
        for rejected in accepted.rejected:
            self._events[rejected.reason] += 1

    def refused(self, reason: str) -> None:
        """Count a request that was refused for *reason*."""
        self._requests[reason] += 1

    def clicked(self, outcome: str) -> None:
        """Count a click on a link in a mail: ``recorded``, ``not_recorded``, ``forged`` or ``expired``."""
        self._clicks[outcome] += 1

    def describe(self) -> Iterable[Metric]:
        """Name no metrics ahead: they have no values yet."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Return the counts."""
        requests = CounterMetricFamily("warmtrail_collect_requests", "Collect requests by outcome", labels=["outcome"])
        events = CounterMetricFamily("warmtrail_collect_events", "Events in accepted requests", labels=["outcome"])
        clicks = CounterMetricFamily("warmtrail_mail_clicks", "Clicks on links in mails by outcome", labels=["outcome"])
        for family, counts in ((requests, self._requests), (events, self._events), (clicks, self._clicks)):
            for outcome, count in list(counts.items()):  # another thread may add one meanwhile
                family.add_metric([outcome], count)
        return [requests, events, clicks]
