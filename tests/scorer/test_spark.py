"""The same fold on Spark: a cluster of two executors on this machine, and Sail, which needs no Java."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import services
from tests.conftest import give_up

pytestmark = pytest.mark.timeout(300)


def folded(master: str, database_url: str, redis_url: str, archive: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.spark_folds", master, database_url, redis_url, str(archive)]
    # Whatever this machine is called, all of it is on this machine.
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("leads") > 50
    assert found.pop("snapshots") > 50
    return found


def test_two_executors_fold_as_the_database_does(migrated_sqlite_url: str, redis_url: str, tmp_path: Path) -> None:
    try:
        services.java()
    except services.Missing as missing:
        give_up(str(missing))
    found = folded("local-cluster[2,1,1024]", migrated_sqlite_url, redis_url, tmp_path / "archive")
    assert found == {"simulated": True, "learned": True, "rescored": True, "executors": 2}


def test_so_does_sail(migrated_sqlite_url: str, redis_url: str, tmp_path: Path) -> None:
    found = folded("sail", migrated_sqlite_url, redis_url, tmp_path / "archive")
    assert found == {"simulated": True, "learned": True, "rescored": True}
