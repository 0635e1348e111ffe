"""The composition root of the HTTP side: the Flask application, and the front that serves it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from flask import Flask
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from scorer import unsubscribing
from scorer.changes_feed import FeedHeads
from scorer.demo.pages import make_demo_blueprint
from scorer.gauges import QueueGauges
from scorer.outlets import api
from scorer.resources import DRAIN_JOB, Resources, now_ms
from scorer.response_headers import dress_answers
from scorer.web import blueprint as web_page
from tracker.cluster_commit import open_commit
from tracker.collect import Limits
from tracker.collector import Collector, make_blueprint
from tracker.core.quotas import read_quota
from tracker.front import Front
from tracker.health import make_health_blueprint
from tracker.keys import SiteKeys
from tracker.metrics import IntakeMetrics
from tracker.networks import open_networks
from tracker.notices import CommitNotices
from tracker.quotas import Quotas
from tracker.serve import serve
from tracker.watch import QueueWatch


class HttpSide:
    """One process that answers HTTP: the collector's routes, the sales side's, or both."""

    def __init__(self, resources: Resources, *, collector: bool, web: bool, demo_key: str | None = None) -> None:
        settings, layout = resources.settings, resources.layouts()[-1]
        self._resources = resources
        self.keys = SiteKeys(resources.database)
        self.watch = QueueWatch(
            resources.control,
            resources.streams,
            self.keys,
            partitions=layout,
            slots=settings.slot_count,
            max_waiting=settings.max_waiting_entries,
            job=DRAIN_JOB,
            moved=self._move,
        )
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._registry.register(QueueGauges(resources))
        self._metrics = IntakeMetrics()
        self._registry.register(self._metrics)
        self._limits = Limits(layout, round(settings.late_window_days * 86_400_000))
        self._company_of = open_networks(settings.network_file) if collector else None
        self._quotas = Quotas(
            key=read_quota(settings.key_quota),
            visitor=read_quota(settings.visitor_quota),
            address=read_quota(settings.address_quota),
            newcomers=read_quota(settings.newcomer_quota),
        )
        self._notices = CommitNotices(resources.control)
        self._heads = FeedHeads(resources.database)
        self.commit = open_commit(resources.stream_url, settings.stream_replicas)
        self._collects = collector
        self.app = self._make_app(collector=collector, web=web, demo_key=demo_key)

    def run(self) -> None:
        """Serve on the settings' address until told to stop."""
        self.keys.refresh()
        self._move(self._resources.agreed_layouts()[-1])
        self.watch.start()
        host, port = self._resources.settings.bind_address
        try:
            serve(self._make_front, self._close, host, port)
        finally:
            self.watch.stop()

    def _move(self, layout: int) -> None:
        """Have events go to the partitions of *layout*."""
        self._limits.partitions = layout

    def _make_app(self, *, collector: bool, web: bool, demo_key: str | None) -> Flask:
        app = Flask("warmtrail", static_folder=None)
        dress_answers(app, is_secure=self._resources.settings.url.startswith("https://"))
        trouble = (lambda: self.watch.trouble) if collector else self._trouble_of_the_page
        app.register_blueprint(make_health_blueprint(trouble, self._registry))
        if collector:
            parts = Collector(
                keys=self.keys,
                limits=self._limits,
                streams=self._resources.streams,
                touched=self.watch.touched,
                is_full=lambda: self.watch.full,
                metrics=self._metrics,
                secret=self._resources.secret,
                company_of=self._company_of,
                quotas=self._quotas,
            )
            app.register_blueprint(make_blueprint(parts, self._resources.settings.collect_prefix))
        if web:
            secret, redis_url, replica = self._resources.secret, self._resources.redis_url, self._resources.open_replica()
            app.register_blueprint(
                api.make_blueprint(
                    self._resources.database,
                    self._resources.settings,
                    now_ms,
                    redis_url=redis_url,
                    committed=self._resources.tell_committed,
                    heads=self._heads,
                    queue=self._resources.control,
                    replica=replica,
                )
            )
            app.register_blueprint(
                web_page.make_blueprint(
                    self._resources.database,
                    self._resources.settings,
                    secret,
                    redis_url,
                    now_ms,
                    self._resources,
                    replica,
                )
            )
            app.register_blueprint(unsubscribing.make_blueprint(self._resources.database, secret, now_ms))
        if demo_key is not None:
            app.register_blueprint(make_demo_blueprint(demo_key))
        return app

    def _trouble_of_the_page(self) -> str:
        """Why the sales side can't be answered at present; empty when it can. Intake goes on without the database."""
        try:
            with self._resources.database.reading() as connection:
                connection.execute(select(1))
            self._resources.control.ping()
        except SQLAlchemyError:
            return "database_unavailable"
        except RedisError:
            return "redis_unavailable"
        return ""

    def _make_front(self, loop: asyncio.AbstractEventLoop) -> Front:
        self._notices.start(loop)
        return Front(
            self.app.wsgi_app,
            collect_prefix=self._resources.settings.collect_prefix if self._collects else None,
            keys=self.keys,
            limits=self._limits,
            secret=self._resources.secret,
            commit=self.commit,
            watch=self.watch,
            metrics=self._metrics,
            changed=self._notices.changed,
            look=self._heads.look,
            company_of=self._company_of,
            quotas=self._quotas,
        )

    @property
    def _close(self) -> Callable[[], Awaitable[None]]:
        async def close() -> None:
            self._notices.stop()
            await self.commit.close()

        return close
