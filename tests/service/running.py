"""A service that runs: ``warmtrail up`` in a process tree of its own, its data in a folder of the test's."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from click.testing import CliRunner

from scorer.cli import cli
from scorer.intake import Account, Accounts, read_accounts
from scorer.keys import add_key
from scorer.resources import Resources, now_ms, opened
from scorer.sites import found_site
from tracker.embedded import EmbeddedServer
from tracker.settings import Settings
from tracker.sites import SiteSettings
from tracker.supervisor import wait_for_http

ROOT = Path(__file__).parents[2]
CLI = (sys.executable, "-m", "scorer.cli")
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0"
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000

Event = dict[str, Any]


@dataclass(frozen=True)
class Keys:
    """A site and all that opens it."""

    id: int
    name: str
    write_key: str
    server_key: str
    api_key: str


@dataclass(frozen=True)
class Answer:
    """What the service answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Service:
    """``warmtrail up`` with its data in *data_dir*. Making one starts nothing."""

    data_dir: Path
    database_url: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    """Further settings, by their names without the prefix."""
    command: Sequence[str] = (*CLI, "up")
    folder: Path = ROOT
    """Where it is started."""
    port: int = field(default_factory=lambda: free_port())
    process: subprocess.Popen[bytes] | None = None
    _resources: Resources | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        """The environment of its processes."""
        # What is said to benchmarks and tests is no setting, and would stop the start.
        ours = ("WARMTRAIL_BENCH_", "WARMTRAIL_TEST_")
        return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | self._settings

    @property
    def _settings(self) -> dict[str, str]:
        mine = {"DATA_DIR": str(self.data_dir), "BIND": f"127.0.0.1:{self.port}"}
        quotas = dict.fromkeys(("KEY_QUOTA", "ADDRESS_QUOTA", "VISITOR_QUOTA"), "1000000,1000000")
        mine |= {"API_RATE": "1000000,1000000", **quotas, **self.settings}  # Tests ask without a pause.
        if self.database_url:
            mine["DATABASE_URL"] = self.database_url
        return {f"WARMTRAIL_{name}": value for name, value in mine.items()}

    @property
    def log(self) -> str:
        path = self._log_path
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def _log_path(self) -> Path:
        return self.data_dir.with_name(self.data_dir.name + ".log")

    # ------------------------------------------------------------ its life

    def launch(self) -> subprocess.Popen[bytes]:
        """Start it and return at once."""
        with self._log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environ,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.process

    def start(self) -> Service:
        """Start it and return once it takes events."""
        process = self.launch()
        assert wait_for_http(f"{self.url}/readyz", 90), f"not ready (exit code {process.poll()}):\n{self.log[-4000:]}"
        return self

    def ask_to_stop(self, number: int = signal.SIGTERM) -> float:
        """Send the signal; return after how many seconds it had ended, and well."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(15)
        assert code == 0, f"exit code {code}:\n{self.log[-4000:]}"
        self.process = None
        return time.monotonic() - started

    def end(self) -> None:
        """Leave nothing of it behind, whatever has become of it."""
        if self._resources is not None:
            self._resources.close()
            self._resources = None
        if self.process is not None:
            children = [pid for pid, _ in children_of(self.process.pid)]
            if self.process.poll() is None:
                self.process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(8)
            for pid in (self.process.pid, *children):
                kill_group(pid)
            self.process.wait(5)
            self.process = None
        if self.data_dir.exists() and "REDIS_URL" not in self.settings:
            EmbeddedServer(self.data_dir).stop()

    def processes(self) -> dict[str, int]:
        """Process ids of the children that run now, by what they are: collector, cron, worker drain-0, …"""
        assert self.process is not None
        found: dict[str, int] = {}
        for pid, command in children_of(self.process.pid):
            _, called, arguments = command.partition("-m scorer.cli ")
            if called:
                name = arguments.replace("--queue ", "").split(" --")[0].strip()
                found[name] = pid
        valkey = EmbeddedServer(self.data_dir).pid
        return found | ({"valkey": valkey} if valkey else {})

    def kill(self, name: str, seconds: float = 20) -> float:
        """Kill a child (or ``valkey``) as ``kill -9`` does; return after how many seconds there was another."""
        old = wait_for(lambda: self.processes().get(name), seconds, f"no {name}")
        started = time.monotonic()
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: self.processes().get(name, old) != old, seconds, f"no new {name}")
        return time.monotonic() - started

    # ------------------------------------------------------------ its commands

    def cli(self, *arguments: str, code: int | None = 0) -> str:
        """Run ``warmtrail`` with *arguments*; return its output, having checked the exit code (``None``: it may be any).

        In this very process: to load the program takes longer than most commands. ``run`` is for where that matters.
        """
        with _logs_as_they_were():
            done = CliRunner().invoke(cli, arguments, env=self._settings, prog_name="warmtrail")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert code in (None, done.exit_code), f"{arguments} ended with {done.exit_code}:\n{done.stdout}\n{done.stderr}"
        return done.stderr if code else done.stdout

    def cli_json(self, *arguments: str) -> Any:
        """The same with ``--json``, read."""
        return json.loads(self.cli(*arguments, "--json"))

    def run(self, *arguments: str, code: int = 0) -> str:
        """What ``cli`` does, in a process of its own."""
        done = subprocess.run([*CLI, *arguments], env=self.environ, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stderr

    # ------------------------------------------------------------ what it holds

    @property
    def resources(self) -> Resources:
        """Its database and queue, opened in this process. Only while it runs."""
        if self._resources is None:
            settings = Settings(data_dir=self.data_dir, database_url=self.database_url, bind=f"127.0.0.1:{self.port}")
            self._resources = Resources(settings, self.settings.get("REDIS_URL") or EmbeddedServer(self.data_dir).url)
        return self._resources

    def add_site(self, name: str = "nordwind", *, origins: tuple[str, ...] = ()) -> Keys:
        """Add a site and a key of the API for it, whether the service runs or not."""
        settings = Settings(data_dir=self.data_dir, database_url=self.database_url)
        with opened(settings) as resources, resources.database.writing() as connection:
            made = found_site(connection, name, SiteSettings(origins=origins), now_ms())
            api_key = add_key(connection, made.id, "sales", now_ms())
        return Keys(made.id, made.name, made.write_key, made.server_key, api_key.key)

    def accounts(self) -> Accounts:
        return read_accounts(self.resources)

    def processed(self, seconds: float = 60) -> Accounts:
        """Wait until nothing waits; return the accounts, having checked that they close."""
        wait_for(lambda: self.accounts().waiting == 0, seconds, "events still wait")
        found = self.accounts()
        for account in (found, *found.sites.values()):
            check_sums(account)
        return found

    # ------------------------------------------------------------ its address

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = 20,
    ) -> Answer:
        """Ask over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        started = time.monotonic()
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            content = answer.read()
            return Answer(answer.status, dict(answer.headers.items()), content, time.monotonic() - started)
        finally:
            connection.close()

    def post(self, route: str, body: Any, key: str | None, headers: Mapping[str, str] | None = None) -> Answer:
        """Post to a collect route, with a key or without; bytes go as they are."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        more = {"Content-Type": "application/json", "User-Agent": AGENT, **(headers or {})}
        return self.request("POST", f"/v1/{route}", sent, more | (basic(key) if key else {}))

    def send(self, events: Iterable[Event], key: str, at_once: int = 100) -> None:
        """Send *events* in batches over one connection; all must be taken."""
        with Sender(self.port, key) as sender:
            for batch in batches(events, at_once):
                answer = sender.send(batch)
                assert answer == {"success": True}, answer

    def get(self, path: str, key: str) -> Any:
        """What the sales API answers below ``/api/v1``."""
        answer = self.request("GET", f"/api/v1{path}", headers={"Authorization": f"Bearer {key}"})
        assert answer.status == 200, answer
        return answer.json()


class Sender:
    """Sends batches as a server's SDK does: over one connection, gzipped, again and again until they are taken."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self.headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", **basic(key)}
        self.retries = 0
        self._connection: http.client.HTTPConnection | None = None

    def send(self, batch: list[Event], seconds: float = 60) -> Any:
        """Return the answer that accepted *batch*; what is no acceptance and no trouble of the service's fails."""
        body = gzip.compress(json.dumps({"batch": batch}).encode(), 1)
        until = time.monotonic() + seconds
        while True:
            try:
                status, answer = self._post(body)
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                status, answer = 0, repr(error).encode()
            if status == 200:
                return json.loads(answer)
            assert status in (0, 503), (status, answer)
            assert time.monotonic() < until, (status, answer)
            self.retries += 1
            time.sleep(0.1)

    def _post(self, body: bytes) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        self._connection.request("POST", "/v1/batch", body, self.headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()


# ---------------------------------------------------------------- small things


@contextlib.contextmanager
def _logs_as_they_were() -> Iterator[None]:
    """Afterwards, let this process log as before: a command sends its logs to a stderr that ends with it."""
    root = logging.getLogger()
    kept, handlers, level = structlog.get_config(), root.handlers[:], root.level
    try:
        yield
    finally:
        structlog.configure(**kept)
        root.handlers[:] = handlers
        root.setLevel(level)


def basic(key: str) -> dict[str, str]:
    """The header that names *key* as Segment's SDKs do."""
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def batches(events: Iterable[Event], size: int) -> Iterator[list[Event]]:
    batch: list[Event] = []
    for event in events:
        batch.append(event)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def page(who: str, path: str, at: int | None = None, **fields: Any) -> Event:
    """A page view, by default now."""
    event = {"type": "page", "anonymousId": who, "properties": {"url": f"https://www.nordwind.example{path}"}}
    event |= {"context": {"userAgent": AGENT}, **fields}
    return event if at is None else event | {"timestamp": time_text(at)}


def time_text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_sums(account: Account) -> None:
    """Assert that every event received is somewhere, once."""
    somewhere = account.stored + account.duplicate + account.filtered + account.dead_lettered + account.waiting
    assert account.received == somewhere, account


def wait_for(condition: Callable[[], Any], seconds: float, complaint: str, pause: float = 0.03) -> Any:
    """The condition's first true value."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"{complaint} after {seconds} s"
        time.sleep(pause)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def children_of(parent: int) -> list[tuple[int, str]]:
    """Process ids and commands of the processes that *parent* has started and that have not ended."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split(None, 3) for line in listed.splitlines())
    return [(int(row[0]), row[3]) for row in rows if len(row) == 4 and int(row[1]) == parent and row[2][0] != "Z"]


def is_alive(pid: int) -> bool:
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(listed) and listed[0] != "Z"


def kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
