"""The package as it is published: all is in it, and it runs where there is no checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.service.conftest import MakeService
from tests.service.running import CLI, ROOT, page


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("warmtrail-*.whl")
    return built


def test_the_wheel_holds_what_the_service_needs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    assert {
        "tracker/static/dist/snippet.js",
        "tracker/static/dist/manifest.json",
        "scorer/cards/default.json",
        "scorer/demo/semicomplete-2015/access.log.gz",
        "scorer/demo/semicomplete-2015/NOTICE",
        "scorer/demo/site/index.html",
        "scorer/demo/site/downloads/price-list.pdf",
        "warmtrail/client.py",
        "warmtrail/py.typed",
    } <= names
    migrations = {str(path.relative_to(ROOT)) for path in (ROOT / "scorer" / "migrations").rglob("*.py")}
    assert len(migrations) > 2
    assert migrations <= names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"tracker", "scorer", "warmtrail"}
    unwanted = ("node_modules", "__pycache__", "/tests/", ".pyc", "/var/")
    assert [name for name in names if any(part in name for part in unwanted)] == []
    assert wheel.stat().st_size < 3_000_000


def test_the_wheel_installed_elsewhere_runs_and_counts_an_event(
    wheel: Path, make_service: MakeService, tmp_path: Path
) -> None:
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    place = Path(
        subprocess.run(
            [environment / "bin" / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    )
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(place)  # a pure wheel is installed by unpacking it
    # What it depends on is taken from here, without the .pth files there: one of them points at the checkout.
    (place / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    service = make_service()
    program = (str(environment / "bin" / "python"), "-c", "from scorer.cli import main; main()")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*program, *arguments], env=service.environ, cwd=elsewhere, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    found = subprocess.run(
        [program[0], "-c", "import scorer, tracker; print(scorer.__file__, tracker.__file__)"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    ).stdout
    assert str(ROOT) not in found
    site = json.loads(run("site", "add", "Installed", "--json"))
    service.command, service.folder = (*program, "up"), elsewhere
    service.start()
    assert service.post("page", page("anna", "/pricing"), site["write_key"]).status == 200
    service.processed()
    status = json.loads(run("status", "--json"))
    assert (status["received"], status["stored"]) == (1, 1)
    assert b"warmtrail" in service.request("GET", "/snippet.js").body
    assert run("--version").startswith("warmtrail, version ")
    assert service.command[:1] != CLI[:1]
