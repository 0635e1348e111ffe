"""One command for each thing a developer does: ``python3 dev.py help``.

Needs nothing but Python 3.11 or newer on Linux or macOS. Everything else goes into ``.venv`` beside this file, in the
versions and with the hashes of requirements.lock (to run) or requirements-test.lock (to test). Nothing here is part of
the service.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed.json"
OLDEST_PYTHON = (3, 11)
AUDIT_TOOL = "pip-audit==2.10.1"
LOCKS = {"run": ROOT / "requirements.lock", "test": ROOT / "requirements-test.lock"}

COMMANDS = {
    "run": "start the whole service with sample data on http://127.0.0.1:8700 [--port N] [--once] [--data-dir D]",
    "test": "set up all that the tests need, then check style and types and run them [pytest arguments]",
    "lint": "check style and types [--fix]",
    "messages": "find the texts of pages and help and bring their Chinese catalogues up to date [JSON file of translations]",
    "screenshots": "take pictures of every page into ./screenshots [names] [--url U --data-dir D of a running demo]",
    "bench": "measure and write bench/RESULTS.md [name]",
    "chaos": "break a running installation by chance [--faults N] [--seed S] [--database sqlite|postgresql] [--minutes M]",
    "audit": "ask the database of known weaknesses (osv.dev) about every locked package",
    "lock": "renew requirements.lock and requirements-test.lock from pyproject.toml [--upgrade]",
    "help": "print this list",
}

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_BROWSERS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


class Stop(Exception):
    """Ends dev.py with a message for the person at the keyboard and exit code 1."""


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code: 2 for a command or option that isn't one."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
    if command in ("help", "-h", "--help"):
        print_help()
        return 0
    if command not in COMMANDS:
        print(f"dev.py: there is no command {command!r}; the commands are {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        check_python(sys.version_info[:2])
        commands = {"run": run, "test": test, "lint": lint, "messages": messages, "screenshots": screenshots}
        return {**commands, "bench": bench, "chaos": chaos, "audit": audit, "lock": lock}[command](rest)
    except Stop as stop:
        print(f"dev.py: {stop}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"dev.py: failed with exit code {error.returncode}: {shlex.join(error.cmd)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def print_help() -> None:
    print("usage: python3 dev.py COMMAND [arguments]\n")
    for name, what in COMMANDS.items():
        print(f"  {name:<13}{what}")


def check_python(version: tuple[int, ...]) -> None:
    """Raise ``Stop`` when this Python is too old, or the system is none that the service runs on."""
    if version < OLDEST_PYTHON:
        wanted, found = (".".join(map(str, v)) for v in (OLDEST_PYTHON, version))
        raise Stop(f"Python {wanted} or newer is needed and {sys.executable} is {found}; try python{wanted} dev.py")
    if os.name != "posix":
        raise Stop("Linux or macOS is needed; on Windows use WSL")


# ---------------------------------------------------------------- the commands


def run(rest: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py run", description=COMMANDS["run"], allow_abbrev=False)
    parser.add_argument("--port", type=int, help="port of the service (default 8700)")
    parser.add_argument("--once", action="store_true", help="print the hot leads and exit instead of serving on")
    parser.add_argument("--data-dir", help="where its data goes (default ./var)")
    parser.parse_args(rest)
    prepare("run")
    return become([str(PYTHON), "-m", "scorer.demo.run", *rest])


def test(rest: list[str]) -> int:
    prepare("test")
    os.chdir(ROOT)
    keep_bytecode()
    if rest:
        return become([str(PYTHON), "-m", "pytest", *rest])
    set_up_browser()
    set_up_promtool()
    set_up_database()
    set_up_java()
    if not shutil.which("node"):
        say("Node.js is not on PATH: the tests that rebuild the snippet are skipped")
    code = lint([])
    if code:
        return code
    workers = min((os.cpu_count() or 1) * 3 // 2, 6)  # a third of the time a test waits
    # By scope: the tests of a module share the services that the module starts.
    return become([str(PYTHON), "-m", "pytest", "-n", str(workers), "--dist", "loadscope", "--no-loadscope-reorder"])


def lint(rest: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py lint", description=COMMANDS["lint"], allow_abbrev=False)
    parser.add_argument("--fix", action="store_true", help="mend what can be mended without a person")
    fix = parser.parse_args(rest).fix
    prepare("test")
    checks = (
        ["ruff", "check", *(["--fix"] if fix else []), "."],
        ["ruff", "format", *([] if fix else ["--check"]), "."],
        ["mypy"],
    )
    codes = []
    for name, *options in checks:
        say(shlex.join([name, *options]))
        codes.append(subprocess.run([str(PYTHON), "-m", name, *options], cwd=ROOT).returncode)
    return max(codes)


def bench(rest: list[str]) -> int:
    prepare("test")
    os.chdir(ROOT)
    return become([str(PYTHON), "-m", "bench", *rest])


def chaos(rest: list[str]) -> int:
    prepare("test")
    os.chdir(ROOT)
    keep_bytecode()
    set_up_database()
    return become([str(PYTHON), "-m", "tests.chaos", *rest])


def messages(rest: list[str]) -> int:
    prepare("test")
    given = [str(Path(name).resolve()) for name in rest]
    os.chdir(ROOT)
    return become([str(PYTHON), "-m", "tests.messages", *given])


def screenshots(rest: list[str]) -> int:
    prepare("test")
    set_up_browser()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # and stay where we are: folders may be named
    return subprocess.run([str(PYTHON), "-m", "tests.screenshots", *rest], env=environment).returncode


def audit(rest: list[str]) -> int:
    """Fail where a locked package has a known weakness, and as well where that couldn't be asked of every one."""
    argparse.ArgumentParser(prog="dev.py audit", description=COMMANDS["audit"], allow_abbrev=False).parse_args(rest)
    prepare("test")
    uv = find_uv() or shutil.which("uv", path=str(VENV / "bin"))
    if uv is None:
        raise Stop("uv is needed to audit: pip install uv")
    # In an environment of its own: it shall not choose the versions of what it looks at. Strict, and asking OSV, because
    # against a package index that carries no advisories it would pass over every package and call that a success.
    command = [uv, "tool", "run", "--from", AUDIT_TOOL, "pip-audit", "--strict", "--vulnerability-service", "osv"]
    command += ["--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    codes = []
    for path in LOCKS.values():
        say(f"auditing {path.name}")
        codes.append(subprocess.run([*command, "--requirement", path.name], cwd=ROOT, env=uv_environment()).returncode)
    if any(codes):
        raise Stop("a locked package has a known weakness, or could not be asked about; the messages above say which")
    return 0


def lock(rest: list[str]) -> int:
    """Write both lock files. They name no package host, so that whichever one a machine is set to is used."""
    import tomllib  # not at the top: a Python without it shall get as far as the message about its age

    parser = argparse.ArgumentParser(prog="dev.py lock", description=COMMANDS["lock"], allow_abbrev=False)
    parser.add_argument("--upgrade", action="store_true", help="take the newest allowed versions, not the locked ones")
    upgrade = ["--upgrade"] if parser.parse_args(rest).upgrade else []
    uv = find_uv() or shutil.which("uv", path=str(VENV / "bin"))
    if uv is None:
        raise Stop("uv is needed to lock: pip install uv")
    # What builds the project itself is locked too, so that the editable installation fetches nothing unlocked.
    build_tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    build_tools.append("editables")  # hatchling asks for it when the installation is an editable one
    # The test set first; the run set then takes the same versions.
    for extra, target in (
        (["--extra", "test"], LOCKS["test"]),
        (["--extra", "learn", "--constraint", LOCKS["test"].name], LOCKS["run"]),
    ):
        command = [uv, "pip", "compile", "--universal", "--generate-hashes", "--python-version", "3.11", "--quiet"]
        command += ["--annotation-style", "line", "--custom-compile-command", "python3 dev.py lock", *upgrade, *extra]
        command += ["--no-emit-index-url", "--no-emit-find-links", "-o", target.name, "pyproject.toml", "-"]
        subprocess.run(command, cwd=ROOT, check=True, env=uv_environment(), input="\n".join(build_tools), text=True)
        say(f"wrote {target.name}")
    return 0


# ---------------------------------------------------------------- .venv and what is in it


def prepare(wanted: str) -> None:
    """Make ``.venv`` hold the *wanted* set ("run" or "test") of packages and the project itself.

    Returns at once when it does already. Raises ``Stop`` when that can't be had.
    """
    if is_prepared(wanted):
        return
    started = time.monotonic()
    if not PYTHON.exists():  # also when the Python it was made from has gone
        say("making .venv")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", str(VENV)], check=True)
    STAMP.unlink(missing_ok=True)
    packages = LOCKS[wanted].read_text(encoding="utf-8").count("==")
    say(f"installing {packages} packages, as locked in {LOCKS[wanted].name}; the first time takes a minute")
    uv = find_uv()
    if not (uv and install(wanted, [uv, "pip", "install", "--quiet", "--python", str(PYTHON)])):
        if uv:  # it does not read pip's configuration, where a company names its own package index
            say("uv could not; trying pip")
        add_pip()
        pip = [str(PYTHON), "-m", "pip", "install", "-qq", "--no-input", "--no-compile", "--disable-pip-version-check"]
        if not install(wanted, pip):
            raise Stop("the packages could not be installed; the message above says why")
    STAMP.write_text(json.dumps({"set": wanted, "digest": digest(wanted)}), encoding="utf-8")
    say(f"ready after {time.monotonic() - started:.0f} s")


def is_prepared(wanted: str) -> bool:
    """Whether the last installation was of this set, or one that includes it, from the lock files as they are now."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
        return PYTHON.exists() and stamp["set"] in (wanted, "test") and stamp["digest"] == digest(stamp["set"])
    except (OSError, ValueError, KeyError):
        return False


def digest(name: str) -> str:
    """What the stamp must say for the set *name*: changes with its lock, with pyproject.toml and with the place."""
    content = b"\0".join((LOCKS[name].read_bytes(), (ROOT / "pyproject.toml").read_bytes(), os.fsencode(ROOT)))
    return hashlib.sha256(content).hexdigest()


def install(wanted: str, installer: list[str]) -> bool:
    """Install the *wanted* set and the project with *installer*; return whether that worked."""
    steps = (
        ["--require-hashes", "-r", str(LOCKS[wanted])],
        # The tools that build it are in the lock, so nothing unlocked is fetched for it.
        ["--no-build-isolation", "-e", str(ROOT)],
    )
    return all(subprocess.run([*installer, "--no-deps", *step], env=uv_environment()).returncode == 0 for step in steps)


def add_pip() -> None:
    """Put pip into ``.venv`` unless it is there, with the help of apt where Debian left out what that takes."""
    if subprocess.run([str(PYTHON), "-c", "import pip"], capture_output=True).returncode == 0:
        return
    command = [str(PYTHON), "-m", "ensurepip", "--default-pip"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return
    if not is_debian():
        raise Stop(f"pip cannot be put into .venv; install this Python's venv package, or uv.\n{done.stderr}")
    apt_install(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv", why="make a virtual environment")
    subprocess.run(command, check=True, capture_output=True)


def find_uv() -> str | None:
    return shutil.which("uv")


def uv_environment() -> dict[str, str]:
    # Otherwise uv fetches a Python of its own when it does not like ours.
    return {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}


# ---------------------------------------------------------------- what the tests need besides Python packages


def set_up_browser() -> None:
    found = find_browser()
    if not found and is_debian() and os.geteuid() == 0:
        # The font too: without one the Chinese pages show boxes.
        apt_install("chromium", "fonts-noto-cjk", why="test in a browser", required=False)
        found = find_browser()
    if found:
        say(f"browser: {found}")
        return
    line = "sudo apt install chromium" if is_debian() else f"{PYTHON} -m playwright install chromium"
    say(f"no Chromium: the browser tests cannot run. To have them, type\n\n    {line}\n")


def find_browser() -> str | None:
    """Return the path of a Chromium or Chrome: on PATH, in macOS's Applications, or fetched by Playwright."""
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    patterns = ("*/chrome-linux*/chrome", "*/chrome-mac*/*.app/Contents/MacOS/*")
    folders = (".cache/ms-playwright", "Library/Caches/ms-playwright")
    fetched = (path for folder in folders for pattern in patterns for path in (Path.home() / folder).glob(pattern))
    for path in (*map(Path, MAC_BROWSERS), *sorted(fetched, reverse=True)):
        if path.exists():
            return str(path)
    return None


def set_up_promtool() -> None:
    """Find what tries the alert rules out; it comes with Prometheus."""
    if shutil.which("promtool") is None and is_debian() and os.geteuid() == 0:
        apt_install("prometheus", why="try the alert rules out", required=False)
    if shutil.which("promtool") is None:
        line = "sudo apt install prometheus" if is_debian() else "brew install prometheus"
        say(f"no promtool: the alert rules cannot be tried out. To have it, type\n\n    {line}\n")


def set_up_database() -> None:
    """Say which PostgreSQL the tests will start. There always is one: the test set holds its binaries."""
    given = os.environ.get("WARMTRAIL_TEST_POSTGRES_URL")
    installed = shutil.which("pg_ctl") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")), None)
    say(f"PostgreSQL: {'the one of WARMTRAIL_TEST_POSTGRES_URL' if given else installed or 'of the test packages'}")


def set_up_java() -> None:
    """Find the Java that Spark is tested on."""
    if shutil.which("java") is None and is_debian() and os.geteuid() == 0:
        apt_install("default-jre-headless", why="test on Spark", required=False)
    if shutil.which("java") is None:
        line = "sudo apt install default-jre-headless" if is_debian() else "brew install openjdk"
        say(f"no Java: the test on a Spark cluster cannot run. To have it, type\n\n    {line}\n")


def keep_bytecode() -> None:
    """Let compiled modules be kept, in ``.venv`` where the environment forbids it beside the source: the tests start some
    hundreds of processes, and each would compile the whole program anew, which takes four times as long as to load it."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(VENV / "bytecode"))


def is_debian() -> bool:
    return Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def apt_install(*packages: str, why: str, required: bool = True) -> None:
    """Install Debian *packages* where we may (as root); raise ``Stop`` with the line to type where we may not."""
    if os.geteuid() != 0:
        raise Stop(f"to {why}, this machine needs one more thing. Type\n\n    sudo apt install {' '.join(packages)}\n")
    say(f"apt-get install {' '.join(packages)} (to {why})")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # An update that fails (one stale source among many) need not make the installation fail.
    subprocess.run(["apt-get", "update", "-qq"], env=environment)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode != 0 and required:
        raise Stop(f"could not install {' '.join(packages)}")


# ---------------------------------------------------------------- small things


def say(text: str) -> None:
    print(f"dev.py: {text}", flush=True)


def become(command: list[str]) -> int:
    """Replace this process by *command*, so that Ctrl-C and the exit code are its own."""
    sys.stdout.flush()
    os.execv(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
