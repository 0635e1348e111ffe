from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import dev

ROOT = Path(__file__).parent.parent


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(ROOT / "dev.py"), *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("arguments", [[], ["help"], ["--help"]])
def test_help_lists_every_command(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 0
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert listed == ["run", "test", "lint", "messages", "screenshots", "bench", "chaos", "audit", "lock", "help"]


def test_an_unknown_command_is_named_and_the_known_ones_listed() -> None:
    done = run("tset")
    assert done.returncode == 2
    assert "no command 'tset'" in done.stderr
    assert "run, test, lint" in done.stderr


def test_an_unknown_option_stops_before_anything_is_installed() -> None:
    done = run("run", "--prot", "80")
    assert done.returncode == 2
    assert "--prot" in done.stderr


def test_an_old_python_is_told_which_one_is_needed() -> None:
    with pytest.raises(dev.Stop, match=r"Python 3\.11 or newer is needed and .* is 3\.9"):
        dev.check_python((3, 9))


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """dev.py looking at a checkout of its own, with the lock files and a .venv that holds nothing."""
    locks = {"run": tmp_path / "requirements.lock", "test": tmp_path / "requirements-test.lock"}
    for path in (*locks.values(), tmp_path / "pyproject.toml", tmp_path / ".venv" / "bin" / "python"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("first==1.0\n")
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.setattr(dev, "LOCKS", locks)
    monkeypatch.setattr(dev, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(dev, "STAMP", tmp_path / ".venv" / "installed.json")
    return tmp_path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that dev.py would have run."""
    done: list[list[str]] = []

    def note(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        done.append([str(part) for part in command])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(dev.subprocess, "run", note)
    return done


def test_packages_are_installed_once_for_each_set_and_again_when_the_lock_changes(
    checkout: Path, commands: list[list[str]]
) -> None:
    def installs() -> list[str]:
        dev.prepare(wanted)
        locks = [Path(command[-1]).name for command in commands if "--require-hashes" in command]
        commands.clear()
        return locks

    wanted = "run"
    assert installs() == ["requirements.lock"]
    assert installs() == []
    wanted = "test"
    assert installs() == ["requirements-test.lock"]
    wanted = "run"  # is part of the test set
    assert installs() == []
    (checkout / "requirements-test.lock").write_text("first==1.1\n")
    assert installs() == ["requirements.lock"]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Commands whose argument list holds one of these words fail."""
    words: list[str] = []

    def answer(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, int(any(word in command for word in words)), "", "No module")

    monkeypatch.setattr(dev.subprocess, "run", answer)
    return words


def test_an_installation_that_failed_is_tried_again(checkout: Path, broken: list[str]) -> None:
    broken.append("--require-hashes")
    with pytest.raises(dev.Stop, match="could not be installed"):
        dev.prepare("run")
    assert not dev.is_prepared("run")
    broken.clear()
    dev.prepare("run")
    assert dev.is_prepared("run")


def test_an_audit_that_could_not_be_made_is_no_success(
    checkout: Path, broken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "prepare", lambda wanted: None)
    monkeypatch.setattr(dev, "find_uv", lambda: "/bin/uv")
    assert dev.audit([]) == 0
    broken.append("requirements.lock")  # the first of two: the second's success doesn't hide it
    with pytest.raises(dev.Stop, match="or could not be asked about"):
        dev.audit([])


def test_an_audit_passes_over_no_package(checkout: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev, "prepare", lambda wanted: None)
    monkeypatch.setattr(dev, "find_uv", lambda: "/bin/uv")
    dev.audit([])
    assert [command[-1] for command in commands] == ["requirements.lock", "requirements-test.lock"]
    assert all(
        "--strict" in command and command[command.index("--vulnerability-service") + 1] == "osv" for command in commands
    )


def test_pip_takes_over_where_uv_fails(
    checkout: Path, broken: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "find_uv", lambda: "/bin/uv")
    broken.append("/bin/uv")
    dev.prepare("run")
    assert dev.is_prepared("run")
    assert "uv could not" in capsys.readouterr().out


def test_where_debian_has_no_ensurepip_the_line_to_type_is_printed(
    broken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken += ["import pip", "ensurepip"]
    monkeypatch.setattr(dev, "is_debian", lambda: True)
    monkeypatch.setattr(dev.os, "geteuid", lambda: 1000)
    with pytest.raises(dev.Stop, match=r"sudo apt install python3\.\d+-venv"):
        dev.add_pip()


def test_root_on_debian_gets_it_installed(monkeypatch: pytest.MonkeyPatch, commands: list[list[str]]) -> None:
    monkeypatch.setattr(dev.os, "geteuid", lambda: 0)
    dev.apt_install("chromium", why="test in a browser")
    assert commands[-1][:2] == ["apt-get", "install"]
    assert commands[-1][-1] == "chromium"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, {}),
        ({"PYTHONDONTWRITEBYTECODE": "1"}, {"PYTHONPYCACHEPREFIX": str(dev.VENV / "bytecode")}),
        ({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/mine"}, {"PYTHONPYCACHEPREFIX": "/mine"}),
    ],
)
def test_no_process_of_the_tests_compiles_what_another_has_compiled(
    given: dict[str, str], kept: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev.os, "environ", dict(given))
    dev.keep_bytecode()
    assert dev.os.environ == kept


def test_the_tests_of_a_machine_without_browser_run_on_with_a_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "find_browser", lambda: None)
    monkeypatch.setattr(dev, "is_debian", lambda: False)
    dev.set_up_browser()
    assert "-m playwright install chromium" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_a_lock_holds_hashes_and_names_no_host(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links|^\s*# .*/", text, re.MULTILINE)
    for pinned in re.split(r"\n(?=[a-z0-9])", text)[1:]:
        assert "--hash=sha256:" in pinned, pinned.splitlines()[0]


def test_the_locks_hold_every_direct_dependency_and_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[^A-Za-z0-9_.-]", requirement)[0].lower() for requirement in requirements}

    def locked(name: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9.-]+)(?:\[.*\])?==([^ ]+)", (ROOT / name).read_text(), re.MULTILINE))

    run_set, test_set = locked("requirements.lock"), locked("requirements-test.lock")
    extras = project["project"]["optional-dependencies"]
    direct = names(project["project"]["dependencies"] + project["build-system"]["requires"])
    assert direct - run_set.keys() == set()
    assert names([*extras["test"], *extras["postgres"]]) - test_set.keys() == {"warmtrail"}
    assert run_set.items() - test_set.items() == set()


def test_continuous_integration_runs_the_same_command() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "exec python3 dev.py test" in script.read_text()
    subprocess.run(["sh", "-n", str(script)], check=True)
