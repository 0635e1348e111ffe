from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tracker.embedded import EmbeddedServer
from tracker.supervisor import Child, Supervisor, wait_for_http, watch_parent

SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def python(name: str, code: str, **env: str) -> Child:
    return Child(name, [sys.executable, "-c", textwrap.dedent(code)], env)


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether *pid* runs; a zombie that nobody has reaped yet does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return state != "" and not state.startswith("Z")


class Events(list[tuple[str, dict[str, object]]]):
    def __call__(self, event: str, fields: Mapping[str, object]) -> None:
        self.append((event, dict(fields)))

    def named(self, event: str) -> list[dict[str, object]]:
        return [fields for name, fields in self if name == event]


@contextmanager
def running(supervisor: Supervisor) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        yield thread
    finally:
        supervisor.ask_to_stop()
        thread.join(10)


def test_a_killed_child_is_started_again_and_told_about() -> None:
    events = Events()
    supervisor = Supervisor([python("web", SLEEP), python("worker", SLEEP)], on_event=events)
    with running(supervisor):
        until(lambda: len(events.named("process_started")) == 2)
        first, other = supervisor.pid("web"), supervisor.pid("worker")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        until(lambda: len(events.named("process_started")) == 3)
        assert supervisor.pid("web") not in (None, first)
        assert supervisor.pid("worker") == other
    assert events.named("process_died") == [{"process": "web", "code": -9, "restart_in_seconds": 0.2}]
    assert events.named("process_killed") == []


def test_a_child_that_keeps_dying_is_started_ever_more_slowly() -> None:
    events = Events()
    supervisor = Supervisor([python("web", "raise SystemExit(3)")], on_event=events)
    with running(supervisor):
        until(lambda: len(events.named("process_died")) >= 3)
    assert [died["restart_in_seconds"] for died in events.named("process_died")][:3] == [0.2, 0.4, 0.8]
    assert events.named("process_died")[0]["code"] == 3


def test_the_wait_has_an_end_and_a_child_that_lived_long_starts_afresh() -> None:
    supervisor = Supervisor([python("web", SLEEP)])
    child = supervisor._running[0]
    assert [supervisor._hold_back(child) for _ in range(7)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    child.process = subprocess.Popen([sys.executable, "-c", ""])
    child.process.wait()
    child.started_at = time.monotonic() - 31
    assert supervisor._hold_back(child) == 0.2


def test_a_command_that_is_not_there_does_not_take_the_others_down() -> None:
    events = Events()
    supervisor = Supervisor([Child("gone", ["/nowhere/at/all"]), python("web", SLEEP)], on_event=events)
    with running(supervisor):
        until(lambda: len(events.named("process_not_started")) >= 2)
        assert supervisor.pid("gone") is None
        assert supervisor.pid("web") is not None


def test_what_a_killed_child_leaves_behind_is_killed_before_the_restart(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    parent = f"""
        import pathlib, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pathlib.Path({str(pid_file)!r}).write_text(str(child.pid))
        time.sleep(60)
    """
    supervisor = Supervisor([python("web", parent)], on_event=Events())
    with running(supervisor):
        until(lambda: pid_file.exists() and pid_file.read_text() != "")
        grandchild, child = int(pid_file.read_text()), supervisor.pid("web")
        assert child is not None
        os.kill(child, signal.SIGKILL)
        until(lambda: not is_alive(grandchild))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_willing_and_stubborn_children_within_5_seconds(number: signal.Signals) -> None:
    code = f"""
        import sys
        from tracker.supervisor import Child, Supervisor
        def tell(event, fields):
            print(event, fields.get("process", ""), fields.get("pid", ""), flush=True)
        stubborn = {STUBBORN!r}
        Supervisor([Child(f"web{{i}}", [sys.executable, "-c", {SLEEP!r}]) for i in range(2)]
                   + [Child("stubborn", [sys.executable, "-c", stubborn])], on_event=tell).run()
        print("returned", flush=True)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = []
    while "up\n" not in lines:
        lines.append(process.stdout.readline())
    pids = [int(line.split()[2]) for line in lines if line.startswith("process_started")]
    assert len(pids) == 3
    started = time.monotonic()
    process.send_signal(number)
    rest = process.communicate(timeout=10)[0]
    assert time.monotonic() - started < 5
    assert process.returncode == 0
    assert [line.split()[:2] for line in rest.splitlines()] == [
        ["stopping"],
        ["process_killed", "stubborn"],
        ["returned"],
    ]
    assert not any(is_alive(pid) for pid in pids)


def test_willing_children_are_stopped_at_once() -> None:
    supervisor = Supervisor([python("web", SLEEP)], on_event=Events())
    with running(supervisor) as thread:
        until(lambda: supervisor.pid("web") is not None)
        started = time.monotonic()
        supervisor.ask_to_stop()
        thread.join(10)
    assert time.monotonic() - started < 1
    assert supervisor.pid("web") is None


def test_a_listener_that_fails_does_not_keep_the_children_running() -> None:
    def broken(event: str, fields: Mapping[str, object]) -> None:
        raise BrokenPipeError

    supervisor = Supervisor([python("web", SLEEP)], on_event=broken)
    with running(supervisor):
        until(lambda: supervisor.pid("web") is not None)
        pid = supervisor.pid("web")
    assert pid is not None
    assert not is_alive(pid)


def test_keep_alive_heals_a_killed_valkey(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "data")
    supervisor = Supervisor([], on_event=Events(), keep_alive=server.ensure_running)
    try:
        with running(supervisor):
            until(lambda: server.pid is not None)
            server.start()
            first = server.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            until(lambda: server.pid not in (None, first), seconds=3)
    finally:
        server.stop()


def test_a_keep_alive_that_fails_is_told_once_and_called_again() -> None:
    events, calls = Events(), []

    def fail() -> None:
        calls.append(1)
        raise OSError("no memory")

    supervisor = Supervisor([], on_event=events, keep_alive=fail)
    with running(supervisor):
        until(lambda: len(calls) >= 3)
    assert events.named("keep_alive_failed") == [{"error": "OSError: no memory"}]


def test_children_of_a_killed_supervisor_stop_by_themselves(tmp_path: Path) -> None:
    child = f"""
        import os, pathlib, signal, sys, time
        from tracker.supervisor import watch_parent
        if sys.argv[1] == "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        assert watch_parent(poll_seconds=0.1, grace_seconds=0.5) is not None
        pathlib.Path({str(tmp_path)!r}, sys.argv[1] + ".tmp").write_text(str(os.getpid()))
        pathlib.Path({str(tmp_path)!r}, sys.argv[1] + ".tmp").rename(pathlib.Path({str(tmp_path)!r}, sys.argv[1]))
        time.sleep(60)
    """
    code = f"""
        import sys
        from tracker.supervisor import Child, Supervisor
        argv = [sys.executable, "-c", {textwrap.dedent(child)!r}]
        Supervisor([Child(name, [*argv, name]) for name in ("willing", "stubborn")]).run()
    """
    supervisor = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.DEVNULL)
    files = [tmp_path / "willing", tmp_path / "stubborn"]
    until(lambda: all(file.exists() for file in files))
    pids = [int(file.read_text()) for file in files]
    supervisor.kill()
    supervisor.wait()
    until(lambda: not any(is_alive(pid) for pid in pids), seconds=5)


def test_a_process_started_by_hand_watches_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("_WARMTRAIL_SUPERVISOR_PID", raising=False)
    assert watch_parent() is None


def test_children_write_straight_to_the_terminal_and_get_their_environment() -> None:
    code = """
        import sys, threading
        from tracker.supervisor import Child, Supervisor
        say = "import os, sys, time; print(os.environ['WHO'], flush=True); print('err', file=sys.stderr); time.sleep(9)"
        supervisor = Supervisor([Child("a", [sys.executable, "-uc", say], {"WHO": "me, unaltered"})],
                                on_event=lambda *_: None)
        threading.Timer(1.0, supervisor.ask_to_stop).start()
        supervisor.run()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.stderr) == ("me, unaltered\n", "err\n")


def test_wait_for_http_waits_for_a_good_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [503, 503, 200]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers.pop(0))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert wait_for_http(f"http://127.0.0.1:{server.server_port}/readyz", 5)
        server.shutdown()
    assert answers == []
    assert not wait_for_http(f"http://127.0.0.1:{server.server_port}/readyz", 0.2)
