"""The whole service as one supervised tree of processes, and the parts of it that several machines share out."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scorer.resources import Resources, check_redis, prepare_database
from scorer.web.oidc_setup import open_provider
from scorer.webhook_delivery import transport_of
from tracker.embedded import EmbeddedServer
from tracker.networks import open_networks
from tracker.queue import CARE_QUEUE, drain_queue
from tracker.serve import check_address
from tracker.settings import SettingError, Settings
from tracker.supervisor import Child, Supervisor


def up(
    settings: Settings, environ: Mapping[str, str], *, demo_key: str | None = None, ready: Callable[[], None] | None = None
) -> None:
    """Run everything until SIGINT or SIGTERM: private server if none is set, database, collector, workers, cron.

    *environ* is handed to the processes. *ready* is called once they are started. Raises ``SettingError`` for what can't
    work.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_address(*settings.bind_address)
    open_networks(settings.network_file)  # Said once here rather than by a collector that is started again and again.
    transport_of(settings)  # The same.
    open_provider(settings)
    with alone(settings.data_dir):
        _run(settings, environ, demo_key, ready)


def _run(settings: Settings, environ: Mapping[str, str], demo_key: str | None, ready: Callable[[], None] | None) -> None:
    server = None if settings.redis_url else EmbeddedServer(settings.data_dir)
    try:
        url = server.start() if server else settings.redis_url or ""
        resources = Resources(settings, url)
        try:
            check_redis(resources)
            prepare_database(resources.database)
            _ = resources.secret  # Made here once rather than by whichever process comes first.
        finally:
            resources.close()
        handed = {**environ, "WARMTRAIL_REDIS_URL": url}
        collector = [*_command(), "collector", "--web", *(["--demo-key", demo_key] if demo_key else [])]
        children = [
            Child("collector", collector, handed),
            *workers(settings, handed),
            Child("cron", [*_command(), "cron"], handed),
        ]
        supervisor = Supervisor(children, keep_alive=_healer(server))
        if ready is not None:
            ready()
        supervisor.run()
    finally:
        if server is not None:
            server.stop()


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Hold the data directory; raise ``SettingError`` when another ``up`` does, whose server would stop with ours."""
    with (data_dir / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingError(
                f"WARMTRAIL_DATA_DIR: another warmtrail up is running on {data_dir}",
                f"WARMTRAIL_DATA_DIR：另一个 warmtrail up 正在使用 {data_dir}",
            ) from None
        yield


def workers(settings: Settings, environ: Mapping[str, str]) -> list[Child]:
    """Return the worker processes: one for each slot, and one for what cron asks for."""
    drains = [
        Child(f"worker-{slot}", [*_command(), "worker", "--queue", drain_queue(slot)], dict(environ))
        for slot in range(settings.slot_count)
    ]
    return [*drains, Child("worker-care", [*_command(), "worker", "--queue", CARE_QUEUE], dict(environ))]


def _command() -> list[str]:
    # Not the console script: it may not be on PATH, and this is surely the same installation.
    return [sys.executable, "-m", "scorer.cli"]


def _healer(server: EmbeddedServer | None) -> Callable[[], None] | None:
    if server is None:
        return None

    def heal() -> None:
        server.ensure_running()

    return heal
