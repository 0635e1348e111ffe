"""Child processes kept alive together and stopped together.

The supervisor is small on purpose: whatever it may do wrong takes the whole service down. It holds no connection, reads
no output (children write to the terminal or log they inherit) and knows nothing of what its children are for.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

from tracker.log import get_logger

FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 5.0
GOOD_AFTER_SECONDS = 30.0
"""A child that lived this long has recovered: its next death counts as the first."""
GRACE_SECONDS = 3.5
"""From SIGTERM to SIGKILL, for all children together: requests under way have 2 s, and within 5 s all is to be over, also
on a machine that is busy."""

_POLL_SECONDS = 0.1
_KEEP_ALIVE_SECONDS = 0.5
# Begins with an underscore so that it is not taken for a setting.
_PARENT_VARIABLE = "_WARMTRAIL_SUPERVISOR_PID"

OnEvent = Callable[[str, Mapping[str, object]], None]


@dataclass(frozen=True)
class Child:
    """One process to keep alive: *name* for people, *argv* as ``Popen`` takes it, *env* on top of our environment."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Running:
    child: Child
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    deaths: int = 0
    start_at: float = 0.0
    """Monotonic time before which it is not started again."""


class Supervisor:
    """Runs *processes*, restarts what dies, stops all on SIGINT or SIGTERM.

    *on_event* is told ``process_started``, ``process_not_started``, ``process_died``, ``process_killed``,
    ``keep_alive_failed`` and ``stopping`` with their fields (default: they are logged). *keep_alive* is called about
    every half second while running, to heal what is not a child (the private Valkey server); it must return quickly,
    and may raise.
    """

    def __init__(
        self,
        processes: Sequence[Child],
        *,
        on_event: OnEvent | None = None,
        keep_alive: Callable[[], object] | None = None,
    ) -> None:
        self._running = [_Running(child) for child in processes]
        self._on_event = _log_event if on_event is None else on_event
        self._keep_alive = keep_alive
        self._keep_alive_failing = False
        self._stop_asked = False
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_writer, False)

    def run(self) -> None:
        """Start all children and return once all have been stopped, within 5 s of SIGINT, SIGTERM or ``ask_to_stop``.

        Installs the two signal handlers when called in the main thread, and puts the old ones back.
        """
        with self._signals():
            try:
                next_keep_alive = 0.0
                while not self._stop_asked:
                    now = time.monotonic()
                    if now >= next_keep_alive:
                        self._call_keep_alive()
                        next_keep_alive = now + _KEEP_ALIVE_SECONDS
                    for running in self._running:
                        self._look_after(running)
                    self._sleep(_POLL_SECONDS)
            finally:
                self._stop_all()

    def ask_to_stop(self) -> None:
        """Make ``run`` stop the children and return. May be called from any thread and from a signal handler."""
        self._stop_asked = True
        # A pipe rather than a threading.Event: setting an Event in a handler can deadlock with the wait it interrupts.
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_writer, b"!")

    def pid(self, name: str) -> int | None:
        """Process id of the child *name*; ``None`` while it is down. Raises ``KeyError`` for an unknown name."""
        for running in self._running:
            if running.child.name == name:
                return running.process.pid if running.process is not None else None
        raise KeyError(name)

    def _look_after(self, running: _Running) -> None:
        if running.process is not None:
            code = running.process.poll()
            if code is None:
                return
            # What it left behind (workers of a killed server) would keep its port.
            _signal_group(running.process.pid, signal.SIGKILL)
            delay = self._hold_back(running)
            self._tell("process_died", process=running.child.name, code=code, restart_in_seconds=delay)
        if time.monotonic() >= running.start_at:
            self._start(running)

    def _start(self, running: _Running) -> None:
        child = running.child
        try:
            running.process = subprocess.Popen(  # noqa: S603  (the composition root's own commands)
                list(child.argv),
                env={**os.environ, **child.env, _PARENT_VARIABLE: str(os.getpid())},
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # so that Ctrl-C in the terminal reaches the supervisor alone
            )
        except OSError as error:  # out of memory or processes just now: the other children must go on
            delay = self._hold_back(running)
            self._tell("process_not_started", process=child.name, error=str(error), restart_in_seconds=delay)
            return
        running.started_at = time.monotonic()
        self._tell("process_started", process=child.name, pid=running.process.pid)

    def _hold_back(self, running: _Running) -> float:
        """Count one more death and return the seconds until the next start."""
        now = time.monotonic()
        recovered = running.process is not None and now - running.started_at >= GOOD_AFTER_SECONDS
        running.deaths = 1 if recovered else running.deaths + 1
        delay = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(running.deaths - 1, 10))
        running.process, running.start_at = None, now + delay
        return delay

    def _call_keep_alive(self) -> None:
        if self._keep_alive is None:
            return
        try:
            self._keep_alive()
            self._keep_alive_failing = False
        except Exception as error:
            # Twice a second the same line would bury the others.
            if not self._keep_alive_failing:
                self._tell("keep_alive_failed", error=f"{type(error).__name__}: {error}")
            self._keep_alive_failing = True

    def _stop_all(self) -> None:
        left = [(running.child.name, running.process) for running in self._running if running.process is not None]
        self._tell("stopping", processes=len(left))
        for _, process in left:
            process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        while any(process.poll() is None for _, process in left) and time.monotonic() < deadline:
            time.sleep(0.02)
        for name, process in left:
            if process.poll() is None:
                self._tell("process_killed", process=name, pid=process.pid)
            _signal_group(process.pid, signal.SIGKILL)
        for _, process in left:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
        for running in self._running:
            running.process = None

    def _tell(self, event: str, **fields: object) -> None:
        # Whoever reads our log may have gone; that must not keep us from stopping the children.
        with contextlib.suppress(Exception):
            self._on_event(event, fields)

    def _sleep(self, seconds: float) -> None:
        ready, _, _ = select.select([self._wake_reader], [], [], seconds)
        if ready:
            os.read(self._wake_reader, 512)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(_number: int, _frame: FrameType | None) -> None:
            self.ask_to_stop()

        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def watch_parent(*, poll_seconds: float = 0.5, grace_seconds: float = 5.0) -> threading.Thread | None:
    """Make this process stop when the supervisor that started it is gone, however that died.

    Sends SIGTERM to itself, then after *grace_seconds* ends itself and its process group. Returns the watching thread,
    or ``None`` for a process that no supervisor started: one started by hand may well outlive its shell. Call it once,
    in the process that the supervisor started, not in one forked from it.
    """
    recorded = os.environ.pop(_PARENT_VARIABLE, None)  # a grandchild must not take the supervisor for its parent
    if recorded is None:
        return None
    parent = int(recorded)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(poll_seconds)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_seconds)
        if os.getpgrp() == os.getpid():
            _signal_group(os.getpid(), signal.SIGKILL)
        os._exit(1)

    thread = threading.Thread(target=watch, name="watch-parent", daemon=True)
    thread.start()
    return thread


def wait_for_http(url: str, seconds: float) -> bool:
    """Return whether *url* answered with a 2xx status within *seconds*. Goes past any proxy of the environment."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while True:
        try:
            with opener.open(url, timeout=2.0):
                return True
        except (OSError, http.client.HTTPException):
            pass  # refused, reset, a 4xx or 5xx, a broken answer: not ready yet
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)


def _signal_group(leader: int, number: int) -> None:
    """Signal the process group led by *leader*; nothing happens when it is gone."""
    # EPERM is macOS's answer for a group of zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _log_event(event: str, fields: Mapping[str, object]) -> None:
    log = get_logger("supervisor")
    if event in ("process_started", "stopping"):
        log.info(event, **fields)
    else:
        log.warning(event, **fields)
