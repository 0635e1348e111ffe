"""What every process of the service opens: database, queue, secret. Opened after a fork, never before."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import redis

from scorer import migrations
from tracker import queue, replica
from tracker.db import Database
from tracker.embedded import EmbeddedServer, url_if_running
from tracker.endpoints import Client
from tracker.layouts import agreed_layouts, read_layouts
from tracker.migrate import migrate
from tracker.settings import Settings

DRAIN_JOB = "scorer.jobs.drain_slot"
"""The function that RQ runs to drain a slot. Stored in waiting jobs, so a new name needs the old one for a release."""


class Resources:
    """Connections of one process. They open on first use."""

    def __init__(self, settings: Settings, redis_url: str) -> None:
        self.settings = settings
        self.redis_url = redis_url
        self.stream_url = settings.stream_url or redis_url
        pool = settings.database_pool_sizes
        self.database = Database(settings.effective_database_url, pool, pooled=settings.database_pooled)
        self._replica: replica.Replica | None = None
        self.control = queue.connect(redis_url)
        self.streams: Client = queue.connect_streams(self.stream_url) if settings.stream_url else self.control

    def close(self) -> None:
        """Close all connections."""
        if self._replica is not None:
            self._replica.close()
        self.database.close()
        self.control.close()
        self.streams.close()

    def open_replica(self) -> replica.Replica | None:
        """Return the replica that the settings name; ``None`` where there is none."""
        url, settings = self.settings.effective_read_database_url, self.settings
        if url is None:
            return None
        if self._replica is None:
            copy = Database(
                url, settings.database_pool_sizes, pooled=settings.database_pooled, connect_seconds=replica.CONNECT_SECONDS
            )
            self._replica = replica.Replica(self.database, copy, settings.read_lag_seconds, self.control)
        return self._replica

    def layouts(self) -> list[int]:
        """Return the layouts of partitions in which something may wait, the oldest first; the last is the one in use."""
        with self.database.reading() as connection:
            return read_layouts(connection, self.settings.partitions)

    def agreed_layouts(self) -> list[int]:
        """Return the same after making sure that database and queue agree; what whoever appends to the last one needs."""
        return agreed_layouts(self.database, self.streams, self.settings.partitions)

    def tell_committed(self) -> None:
        """Tell those who wait for changes to look; without Redis they do so by themselves after some seconds."""
        with suppress(redis.RedisError):
            self.control.publish(queue.COMMITTED_CHANNEL, b"1")

    @property
    def secret(self) -> bytes:
        """The key of pseudonyms and sessions: the setting, or one made once and kept in the data directory."""
        if self.settings.secret_key:
            return self.settings.secret_key.encode()
        return _kept_secret(self.settings.data_dir)


def prepare_database(database: Database) -> bool:
    """Migrate the database; return whether there was anything to do."""
    return migrate(database, Path(migrations.__file__).parent)


@contextmanager
def opened(settings: Settings) -> Iterator[Resources]:
    """Yield resources for a command: with the Redis of the settings, the service's own if it runs, or one just for now."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        url = settings.redis_url or url_if_running(settings.data_dir)
        if url is None:
            private = EmbeddedServer(settings.data_dir)
            stack.callback(private.stop)  # Also when what follows refuses a setting.
            url = private.start()
        resources = Resources(settings, url)
        stack.callback(resources.close)
        prepare_database(resources.database)
        yield resources


def now_ms() -> int:
    """Return the present time in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def check_redis(resources: Resources) -> None:
    """Raise ``SettingError`` unless Redis can be trusted with events."""
    queue.check_server(resources.control, "WARMTRAIL_REDIS_URL")
    if resources.settings.stream_url:
        queue.check_server(resources.streams, "WARMTRAIL_STREAM_URL")


def _kept_secret(data_dir: Path) -> bytes:
    path = data_dir / "secret_key"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = secrets.token_urlsafe(32).encode()
    try:
        with path.open("xb") as file:
            path.chmod(0o600)
            file.write(made)
    except FileExistsError:
        return path.read_bytes()
    return made
