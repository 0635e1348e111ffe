"""The composition root of the HTTP side: the Flask application, and the front that serves it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from flask import Flask
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from scorer import unsubscribing
from scorer.changes_feed import FeedHeads
from scorer.demo.pages import make_demo_blueprint
from scorer.gauges import QueueGauges
from scorer.outlets import api
from scorer.resources import DRAIN_JOB, Resources, now_ms
from scorer.response_headers import dress_answers
from scorer.web import blueprint as web_page
from tracker.collect import Limits
from tracker.collector import Collector, make_blueprint
from tracker.commit import GroupCommit
from tracker.front import Front
from tracker.keys import SiteKeys
from tracker.metrics import IntakeMetrics
from tracker.networks import open_networks
from tracker.notices import CommitNotices
from tracker.serve import serve
from tracker.watch import QueueWatch


class HttpSide:
    """One process that answers HTTP: the collector's routes, the sales side's, or both."""

    def __init__(self, resources: Resources, *, collector: bool, web: bool, demo_key: str | None = None) -> None:
        settings = resources.settings
        self._resources = resources
        self.keys = SiteKeys(resources.database)
        self.watch = QueueWatch(
            resources.control,
            resources.streams,
            self.keys,
            partitions=settings.partitions,
            slots=settings.slot_count,
            max_waiting=settings.max_waiting_entries,
            job=DRAIN_JOB,
        )
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._registry.register(QueueGauges(resources))
        self._metrics = IntakeMetrics()
        self._registry.register(self._metrics)
        self._limits = Limits(settings.partitions, round(settings.late_window_days * 86_400_000))
        self._company_of = open_networks(settings.network_file) if collector else None
        self._notices = CommitNotices(resources.control)
        self._heads = FeedHeads(resources.database)
        self._commit = GroupCommit(resources.stream_url)
        self._collects = collector
        self.app = self._make_app(collector=collector, web=web, demo_key=demo_key)

    def run(self) -> None:
        """Serve on the settings' address until told to stop."""
        self.keys.refresh()
        self.watch.start()
        host, port = self._resources.settings.bind_address
        try:
            serve(self._make_front, self._close, host, port)
        finally:
            self.watch.stop()

    def _make_app(self, *, collector: bool, web: bool, demo_key: str | None) -> Flask:
        app = Flask("warmtrail", static_folder=None)
        dress_answers(app, is_secure=self._resources.settings.url.startswith("https://"))
        if collector:
            parts = Collector(
                keys=self.keys,
                limits=self._limits,
                streams=self._resources.streams,
                touched=self.watch.touched,
                is_full=lambda: self.watch.full,
                trouble=lambda: self.watch.trouble,
                metrics=self._metrics,
                registry=self._registry,
                secret=self._resources.secret,
                company_of=self._company_of,
            )
            app.register_blueprint(make_blueprint(parts, self._resources.settings.collect_prefix))
        if web:
            secret, redis_url = self._resources.secret, self._resources.redis_url
            app.register_blueprint(
                api.make_blueprint(
                    self._resources.database,
                    self._resources.settings,
                    now_ms,
                    redis_url=redis_url,
                    committed=self._resources.tell_committed,
                    heads=self._heads,
                    queue=self._resources.control,
                )
            )
            app.register_blueprint(
                web_page.make_blueprint(
                    self._resources.database, self._resources.settings, secret, redis_url, now_ms, self._resources
                )
            )
            app.register_blueprint(unsubscribing.make_blueprint(self._resources.database, secret, now_ms))
        if demo_key is not None:
            app.register_blueprint(make_demo_blueprint(demo_key))
        return app

    def _make_front(self, loop: asyncio.AbstractEventLoop) -> Front:
        self._notices.start(loop)
        return Front(
            self.app.wsgi_app,
            collect_prefix=self._resources.settings.collect_prefix if self._collects else None,
            keys=self.keys,
            limits=self._limits,
            secret=self._resources.secret,
            commit=self._commit,
            watch=self.watch,
            metrics=self._metrics,
            changed=self._notices.changed,
            look=self._heads.look,
            company_of=self._company_of,
        )

    @property
    def _close(self) -> Callable[[], Awaitable[None]]:
        async def close() -> None:
            self._notices.stop()
            await self._commit.close()

        return close
