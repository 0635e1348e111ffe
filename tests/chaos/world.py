"""A whole installation to be broken: collector, workers, cron, queue, database, each behind what can be spoilt about it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis
from sqlalchemy.exc import DBAPIError

from scorer.alerts import add_alert
from scorer.keys import add_key
from scorer.resources import Resources, now_ms, prepare_database
from scorer.sites import found_site
from scorer.webhooks import add_webhook
from tests import services
from tests.chaos.follower import Follower
from tests.chaos.proxy import Proxy
from tests.chaos.traffic import Traffic
from tests.chaos.units import Disk, Unit
from tests.mail_server import Kept, mail_server
from tests.scorer.webhook_receiver import Receiver, receiver
from tests.service.running import CLI, ROOT, free_port
from tracker.embedded import _arguments, find_server
from tracker.settings import Settings
from tracker.sites import SiteSettings, load_sites
from tracker.supervisor import wait_for_http

ROLES = {
    "collector": ("collector", "--web"),
    "worker-0": ("worker", "--queue", "drain-0"),
    "worker-1": ("worker", "--queue", "drain-1"),
    "worker-care": ("worker", "--queue", "care"),
    "cron": ("cron",),
}
QUEUE_MB, DATA_MB = 128, 640
SUBSCRIBERS = 3


def _clock_library(folder: Path) -> Path | None:
    """Compile what lets a process believe in another time; ``None`` where there is no compiler."""
    compiler, library = shutil.which("cc"), folder / "clock.so"
    if compiler is None or sys.platform != "linux":
        return None
    source = Path(__file__).with_name("clock.c")
    done = subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], capture_output=True)
    return library if done.returncode == 0 else None


class World:
    """The installation in *folder*, with all that it talks to. Use ``made``."""

    def __init__(self, folder: Path, database: str, seed: int, stack: ExitStack) -> None:
        self.folder = folder
        self.database = database
        self.clock_library = _clock_library(folder)
        self.data_disk = Disk(folder / "data", DATA_MB)
        self.queue_disk = Disk(folder / "queue", QUEUE_MB)
        for disk in (self.data_disk, self.queue_disk):
            stack.callback(disk.close)
        self.data_dir = (self.data_disk.folder if database == "sqlite" else folder) / "var"
        self.data_dir.mkdir(mode=0o700)
        self.postgres = self._make_postgres(stack) if database == "postgresql" else None
        self.queue_port = free_port()
        self.valkey = self._unit("valkey", self._valkey_command(), dict(os.environ))
        for unit in (self.valkey, *([self.postgres] if self.postgres else [])):
            stack.callback(unit.stop)
        self.queue_proxy = Proxy(self.queue_port)
        self.database_proxy = Proxy(self.postgres_folder / ".s.PGSQL.5432") if self.postgres else None
        self.mails = Kept()
        smtp = stack.enter_context(mail_server(self.mails))
        self.hook: Receiver = stack.enter_context(receiver())
        self.port = free_port()
        self.resources = self._open(stack)
        self.roles = {name: self._role(name, arguments, smtp) for name, arguments in ROLES.items()}
        for unit in self.roles.values():
            stack.callback(unit.stop)
        for proxy in self.proxies:
            stack.callback(proxy.close)
        server_key, api_key = self._found()
        self.traffic = Traffic(self.port, server_key, seed)
        self.follower = Follower(self.port, api_key)

    @property
    def proxies(self) -> list[Proxy]:
        return [self.queue_proxy, *([self.database_proxy] if self.database_proxy else [])]

    def start(self) -> None:
        """Start all roles, and the traffic once it is taken."""
        for unit in self.roles.values():
            unit.start()
        assert wait_for_http(f"http://127.0.0.1:{self.port}/readyz", 60), "the collector doesn't get ready"
        self.traffic.start()
        self.follower.start()

    def heal(self) -> None:
        """Mend all that a fault may have spoilt, and return once queue and database answer."""
        for proxy in self.proxies:
            proxy.heal()
        for disk in (self.data_disk, self.queue_disk):
            disk.clear()
        for name in self.roles:
            self.set_clock(name, 0)
        servers = [self.valkey, *([self.postgres] if self.postgres else [])]
        for unit in (*self.roles.values(), *servers):
            unit.signal(signal.SIGCONT)
            unit.start()
        self.insist(lambda: self.resources.control.config_set("maxmemory", 0))
        self.set_read_only(False)

    def keep_logs(self) -> Path:
        """Copy the logs to where they outlive this world; return the folder."""
        kept = Path(tempfile.mkdtemp(prefix="warmtrail-chaos-logs-"))
        for log in self.folder.glob("*.log"):
            shutil.copy(log, kept)
        return kept

    def set_clock(self, role: str, seconds: int) -> None:
        """Let a role's clock go so much ahead of the time, or behind it."""
        with self._clock(role).open("r+b" if self._clock(role).exists() else "wb") as clock:
            clock.write(struct.pack("l", seconds))

    def set_read_only(self, on: bool) -> None:
        """Let nobody write to the database, or everybody again."""
        if self.postgres:
            name = self.database_name
            change = f'ALTER DATABASE "{name}" ' + ("SET default_transaction_read_only = on" if on else "RESET ALL")
            ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"

            def run() -> None:
                with psycopg.connect(self.admin_url, autocommit=True, connect_timeout=3) as connection:
                    known = "SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase"
                    is_on = bool((connection.execute(known).fetchone() or (0,))[0])
                    if is_on != on:
                        connection.execute("SET default_transaction_read_only = off")
                        connection.execute(change)  # type: ignore[arg-type]
                        connection.execute(ending, [name])

            self.insist(run, 40 if not on else 3)
        else:
            for path in self.data_dir.glob("warmtrail.db*"):
                with contextlib.suppress(FileNotFoundError):
                    path.chmod(0o444 if on else 0o600)
            self.data_dir.chmod(0o555 if on else 0o700)

    def insist(self, action: Callable[[], Any], seconds: float = 40.0) -> Any:
        """Do *action* until queue and database let us; return what it returns."""
        until = time.monotonic() + seconds
        while True:
            try:
                return action()
            except (redis.RedisError, psycopg.Error, DBAPIError, OSError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    # ------------------------------------------------------------ how it is made

    def _unit(self, name: str, command: list[str], environ: dict[str, str], **options: Any) -> Unit:
        return Unit(name, command, environ, self.folder / f"{name}.log", **options)

    def _valkey_command(self) -> list[str]:
        given = _arguments(self.queue_disk.folder, self.queue_disk.folder / "valkey.sock")
        given[given.index("--port") + 1] = str(self.queue_port)
        given[given.index("--logfile") + 1] = str(self.folder / "valkey-server.log")
        return [find_server(), *given, "--bind", "127.0.0.1", "--auto-aof-rewrite-min-size", "16mb"]

    def _make_postgres(self, stack: ExitStack) -> Unit:
        folder = self.postgres_folder = Path(tempfile.mkdtemp(prefix="warmtrail-pg-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        disk = Disk(folder, DATA_MB)
        stack.callback(disk.close)
        if disk.is_small:
            self.data_disk.close()
            self.data_disk = disk
        as_user = services._unprivileged(folder)
        process = services._start(services._usable_binaries(folder, as_user), folder, as_user, services._SETTINGS)
        self.admin_url = f"postgresql://warmtrail@/postgres?host={folder}"
        self.database_name = "warmtrail"
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute('CREATE DATABASE "warmtrail" TEMPLATE template0')
        process.send_signal(signal.SIGINT)
        process.wait(10)
        command = [str(part) for part in process.args]  # type: ignore[union-attr]
        unit = self._unit("postgres", command, {**os.environ, "LC_ALL": "C"}, cwd=folder, **as_user)
        unit.start()
        return unit

    def _open(self, stack: ExitStack) -> Resources:
        self.valkey.start()
        url = f"postgresql+psycopg://warmtrail@/warmtrail?host={self.postgres_folder}" if self.postgres else None
        settings = Settings(data_dir=self.data_dir, database_url=url, workers=2, secret_key="chaos" * 8)
        resources = Resources(settings, f"redis://127.0.0.1:{self.queue_port}/0?socket_timeout=3")
        stack.callback(resources.close)
        self.insist(lambda: resources.control.ping())
        self.insist(lambda: prepare_database(resources.database))
        return resources

    def _role(self, name: str, arguments: tuple[str, ...], smtp: int) -> Unit:
        settings = {
            "DATA_DIR": str(self.data_dir),
            "BIND": f"127.0.0.1:{self.port}",
            "REDIS_URL": f"redis://127.0.0.1:{self.queue_proxy.port}/0",
            "SECRET_KEY": "chaos" * 8,
            "WORKERS": "2",
            "SMTP_URL": f"smtp://127.0.0.1:{smtp}",
            "MAIL_FROM": "leads@warmtrail.example",
            "WEBHOOK_ALLOW": "127.0.0.1",
            "API_RATE": "1000000,1000000",
        }
        if self.database_proxy:
            settings["DATABASE_URL"] = f"postgresql://warmtrail@127.0.0.1:{self.database_proxy.port}/warmtrail"
        environ = {**os.environ, **{f"WARMTRAIL_{key}": value for key, value in settings.items()}}
        if self.clock_library is not None:
            self.set_clock(name, 0)
            environ |= {"LD_PRELOAD": str(self.clock_library), "CHAOS_CLOCK": str(self._clock(name))}
        # As root, a file's rights would not keep it from writing.
        plain = (
            ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if shutil.which("setpriv") and os.geteuid() == 0 else []
        )
        return self._unit(name, [*plain, *CLI, *arguments], environ, cwd=ROOT)

    def _clock(self, role: str) -> Path:
        return self.folder / f"clock-{role}"

    def _found(self) -> tuple[str, str]:
        with self.resources.database.writing() as connection:
            made = found_site(connection, "nordwind", SiteSettings(), now_ms())
            site = load_sites(connection)[made.id]
            self.site_id = site.id
            self.webhook = add_webhook(
                connection, site, f"http://127.0.0.1:{self.hook.port}/in", "test", now_ms(), name="chaos"
            ).webhook
            for number in range(SUBSCRIBERS):
                add_alert(connection, site, f"sales{number}@nordwind.example", "test", now_ms(), max_per_day=100)
            return made.server_key, add_key(connection, site.id, "sales", now_ms()).key


@contextmanager
def made(database: str, seed: int) -> Iterator[World]:
    """Yield an installation on *database* (``sqlite`` or ``postgresql``) that runs; nothing of it stays."""
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="warmtrail-chaos-", ignore_cleanup_errors=True))
        )
        world = World(folder, database, seed, stack)
        stack.callback(world.traffic.stop)
        stack.callback(world.follower.stop)
        try:
            world.start()
            yield world
        except BaseException:
            print(f"The logs of its processes are in {world.keep_logs()}", file=sys.stderr)
            raise
