"""The committed files are what the build makes of the source."""

import base64
import gzip
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "static"
DIST = STATIC / "dist"
GZIP_LIMIT = 3000


def test_the_minified_snippet_is_at_most_3000_bytes_gzipped(capsys: pytest.CaptureFixture[str]) -> None:
    built = (DIST / "snippet.js").read_bytes()
    packed = len(gzip.compress(built, 9, mtime=0))
    with capsys.disabled():
        print(f"\nsnippet.js: {len(built)} bytes raw, {packed} bytes gzip, limit {GZIP_LIMIT}")
    assert packed <= GZIP_LIMIT


def test_the_manifest_describes_the_served_and_the_frozen_file() -> None:
    manifest = json.loads((DIST / "manifest.json").read_text())
    built = (DIST / "snippet.js").read_bytes()
    assert manifest["version"] == json.loads((STATIC / "package.json").read_text())["version"]
    assert manifest["file"] == f"snippet-{manifest['version']}.js"
    assert (DIST / manifest["file"]).read_bytes() == built
    assert manifest["raw"] == len(built)
    assert manifest["sha384"] == "sha384-" + base64.b64encode(hashlib.sha384(built).digest()).decode()


def test_building_the_source_again_gives_the_same_bytes(tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node or npm is not installed")
    for name in ("snippet.js", "build.mjs", "package.json", "package-lock.json"):
        shutil.copy(STATIC / name, tmp_path)
    if (STATIC / "node_modules" / "esbuild").is_dir():
        (tmp_path / "node_modules").symlink_to(STATIC / "node_modules")
    else:
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([npm, "ci", *quiet], cwd=tmp_path, check=True, timeout=120)
    subprocess.run([node, "build.mjs", "--out", "dist"], cwd=tmp_path, check=True, timeout=60, stdout=subprocess.PIPE)
    assert (tmp_path / "dist" / "snippet.js").read_bytes() == (DIST / "snippet.js").read_bytes()
    rebuilt, committed = (json.loads((d / "manifest.json").read_text()) for d in (tmp_path / "dist", DIST))
    assert {**rebuilt, "gzip": 0, "brotli": 0} == {**committed, "gzip": 0, "brotli": 0}  # sizes vary with zlib
