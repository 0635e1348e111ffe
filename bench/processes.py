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
    # The service refuses variables that look like settings and are none.
    own = {name: value for name, value in os.environ.items() if not name.startswith(("WARMTRAIL_BENCH_", "WARMTRAIL_TEST_"))}
    process = subprocess.Popen(
        [*pinned(core), *command], env={**own, **environ}, stdout=subprocess.DEVNULL, start_new_session=True
    )
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


def cpu_of(pid: int, *, ended: bool = False) -> float:
    """Return the CPU time used so far by one process, 0 where it is gone; with *ended* also by its children that ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11 : 15 if ended else 13]) / _TICK


def used_memory(leader: int) -> int:
    """Return the bytes of memory that a process and its children have resident."""
    pages = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[2]) == leader:  # its process group
                pages += int((folder / "statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE")


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
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
