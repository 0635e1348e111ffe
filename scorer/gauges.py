"""What Prometheus reads of the whole service at each scrape: the exact accounts of the intake, and what waits."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from scorer.intake import read_accounts
from scorer.resources import Resources


class QueueGauges(Collector):
    """Reads the accounts at each scrape, so that every process tells the same."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def describe(self) -> Iterable[Metric]:
        """Name no metrics ahead: registering must not need the database."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Return the accounts by site."""
        accounts = read_accounts(self._resources)
        events = CounterMetricFamily("warmtrail_events", "Events by site and outcome", labels=["site", "outcome"])
        waiting = GaugeMetricFamily("warmtrail_events_waiting", "Events in the queue", labels=["site"])
        for site, account in accounts.sites.items():
            for outcome in ("received", "stored", "duplicate", "filtered", "dead_lettered"):
                events.add_metric([site, outcome], getattr(account, outcome))
            waiting.add_metric([site], account.waiting)
        return [events, waiting]
