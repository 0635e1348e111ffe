"""The TypeScript declarations let through what the snippet takes, and nothing else: both stand in the samples."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import give_up

STATIC = Path(__file__).parents[2] / "static"
TYPES = STATIC / "snippet.d.ts"
SAMPLES = Path(__file__).parent / "types"
STRICT = ["--noEmit", "--strict", "--target", "es2020", "--lib", "es2020,dom"]


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that checks types, in the locked version."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        give_up("node or npm is not installed")
    locked = json.loads((STATIC / "package-lock.json").read_text())["packages"]["node_modules/typescript"]["version"]
    installed = STATIC / "node_modules" / "typescript"
    if not installed.is_dir() or json.loads((installed / "package.json").read_text())["version"] != locked:
        folder = tmp_path_factory.mktemp("typescript")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(STATIC / name, folder)
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([npm, "ci", *quiet], cwd=folder, check=True, timeout=120)
        installed = folder / "node_modules" / "typescript"
    return [node, str(installed / "bin" / "tsc"), *STRICT]


def complaints(command: list[str]) -> str:
    return subprocess.run(command, cwd=SAMPLES, capture_output=True, text=True, timeout=120).stdout


def test_a_script_that_refers_to_the_types_is_checked_by_them(compiler: list[str]) -> None:
    assert complaints([*compiler, "calls.ts"]) == ""


def test_a_module_is_checked_when_the_types_are_among_the_files(compiler: list[str]) -> None:
    assert complaints([*compiler, "--module", "esnext", "included.ts", str(TYPES)]) == ""


def test_the_marked_mistakes_are_the_only_ones(compiler: list[str], tmp_path: Path) -> None:
    # An expected error could stand for another than the one meant; without the marks each must be named, once.
    text = (SAMPLES / "calls.ts").read_text()
    marked = [number + 1 for number, line in enumerate(text.splitlines(), 1) if "@ts-expect-error" in line]
    bare = tmp_path / "calls.ts"
    bare.write_text(text.replace("@ts-expect-error", "wrong").replace("../../../static/snippet.d.ts", str(TYPES)))
    found = complaints([*compiler, str(bare)])
    lines = [int(line) for line in re.findall(r"^\S*calls\.ts\((\d+),\d+\): error", found, re.MULTILINE)]
    assert sorted(set(lines)) == marked, found


def test_every_call_of_the_snippet_has_a_type() -> None:
    source = (STATIC / "snippet.js").read_text()
    commands = source[source.index("const commands = {") : source.index("const run =")]
    named = set(re.findall(r"^    (\w+)(?:\(|:|,$)", commands, re.MULTILINE)) - {"emit"}  # emit is for the parts
    types = TYPES.read_text()
    assert named == set(re.findall(r'\[call: "(\w+)"', types))
    assert named | {"push"} == set(re.findall(r"^    (\w+)\(", types, re.MULTILINE))
