"""Processes of an installation, each started again as soon as it has ended, as a machine's own supervisor would."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.service.running import children_of, kill_group

PAUSE_SECONDS = 0.1
"""Between a death and the next start."""


class Unit:
    """One process that is kept running. *options* go to ``Popen``."""

    def __init__(self, name: str, command: Sequence[str], environ: Mapping[str, str], log: Path, **options: Any) -> None:
        self.name = name
        self.command = list(command)
        self.environ = dict(environ)
        self.options = options
        self.log = log
        self.starts = 0
        self.wanted = False
        """Whether it is started again when it ends."""
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()
        self._keeper = threading.Thread(target=self._keep, name=f"keep-{name}", daemon=True)

    def start(self) -> None:
        """Begin to keep it running."""
        self.wanted = True
        self._look()
        if not self._keeper.is_alive():
            self._keeper.start()

    def signal(self, number: int) -> None:
        """Send a signal to it and to the processes that it has started."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                return
            for pid in (self._process.pid, *(pid for pid, _ in children_of(self._process.pid))):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def kill(self) -> None:
        """End it as ``kill -9`` does; it is started again, if it is wanted."""
        with self._lock:
            self.signal(signal.SIGKILL)
            if self._process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(10)

    def stop(self) -> None:
        """End it as ``kill -9`` does, and don't start it again."""
        self.wanted = False
        self.kill()
        if self._process is not None:
            kill_group(self._process.pid)

    @property
    def pid(self) -> int | None:
        """Its process id; ``None`` while it is down."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def children(self) -> list[int]:
        """Process ids of what it has started itself."""
        return [pid for pid, _ in children_of(self.pid)] if self.pid else []

    def _keep(self) -> None:
        while True:
            time.sleep(PAUSE_SECONDS)
            if self.wanted:
                self._look()

    def _look(self) -> None:
        with self._lock:
            if not self.wanted or self.pid is not None:
                return
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    self.command,
                    env=self.environ,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    **self.options,
                )
            self.starts += 1


class Disk:
    """A small disk: a tmpfs where we may mount one, else a folder that can't be filled."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.is_small = False
        if os.geteuid() == 0 and shutil.which("mount"):
            command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "warmtrail-chaos", str(folder)]
            self.is_small = subprocess.run(command, capture_output=True).returncode == 0

    def fill(self) -> None:
        """Leave no room on it."""
        with contextlib.suppress(OSError), (self.folder / "filler").open("ab", buffering=0) as filler:
            while filler.write(b"\0" * 65_536):
                pass

    def clear(self) -> None:
        """Give the room back."""
        (self.folder / "filler").unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount it."""
        if self.is_small:
            # Lazily: at once for us, and for good when the last process that was killed has let go of its files.
            subprocess.run(["umount", "-l", str(self.folder)], capture_output=True)
            self.is_small = False
