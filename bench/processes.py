"""Start processes on a core of their own and count the CPU they use."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def pinned(core: int) -> list[str]:
    """Return the prefix of a command that keeps it on a core, where that can be had."""
    cores = os.cpu_count() or 1
    return ["taskset", "-c", str(core % cores)] if shutil.which("taskset") and cores > 1 else []


@contextmanager
def running(command: list[str], core: int, url: str, environ: Mapping[str, str]) -> Iterator[int]:
    """Run a server until the block ends; yield its process id once it answers on *url*."""
    process = subprocess.Popen([*pinned(core), *command], env={**os.environ, **environ}, start_new_session=True)
    try:
        _wait(url, process)
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def cpu_seconds(leader: int) -> float:
    """Return the CPU time used so far by a process and its children."""
    total = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader:  # its process group
            total += (int(fields[11]) + int(fields[12])) / _TICK
    return total


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing answers on {url}")
