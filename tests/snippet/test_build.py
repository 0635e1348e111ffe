"""The committed files are what the build makes of the source."""

import base64
import gzip
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

STATIC = Path(__file__).parents[2] / "static"
DIST = STATIC / "dist"
GZIP_LIMIT = 3000


def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DIST / "manifest.json").read_text())
    return found


def parts() -> dict[str, dict[str, Any]]:
    """What the manifest says of each part, by the name it is served under."""
    found = manifest()
    return {"snippet.js": found, "snippet-panel.js": found["panel"], "snippet-links.js": found["links"]}


def test_the_minified_snippet_is_at_most_3000_bytes_gzipped(capsys: pytest.CaptureFixture[str]) -> None:
    packed = {name: len(gzip.compress((DIST / name).read_bytes(), 9, mtime=0)) for name in parts()}
    with capsys.disabled():
        for name, part in parts().items():
            print(f"\n{name}: {part['raw']} bytes raw, {packed[name]} gzip, {part['brotli']} brotli", end="")
        print(f"; limit of the snippet {GZIP_LIMIT} gzip")
    assert packed["snippet.js"] <= GZIP_LIMIT


def test_the_manifest_describes_the_served_and_the_frozen_files() -> None:
    version = manifest()["version"]
    assert version == json.loads((STATIC / "package.json").read_text())["version"]
    for name, part in parts().items():
        built = (DIST / name).read_bytes()
        assert part["file"] == name.replace("snippet", f"snippet-{version}")
        assert (DIST / part["file"]).read_bytes() == built
        assert part["raw"] == len(built)
        assert part["sha384"] == "sha384-" + base64.b64encode(hashlib.sha384(built).digest()).decode()


def test_the_server_finds_the_place_for_a_sites_settings() -> None:
    assert (DIST / "snippet.js").read_text().rstrip().endswith("({});")
    assert (DIST / "snippet-links.js").read_text().rstrip().endswith('("");')


def test_building_the_source_again_gives_the_same_bytes(tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node or npm is not installed")
    for name in (
        "snippet.js",
        "panel.js",
        "links.js",
        "build.mjs",
        "names.mjs",
        "names.json",
        "package.json",
        "package-lock.json",
    ):
        shutil.copy(STATIC / name, tmp_path)
    if (STATIC / "node_modules" / "esbuild").is_dir():
        (tmp_path / "node_modules").symlink_to(STATIC / "node_modules")
    else:
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([npm, "ci", *quiet], cwd=tmp_path, check=True, timeout=120)
    subprocess.run([node, "build.mjs", "--out", "dist"], cwd=tmp_path, check=True, timeout=60, stdout=subprocess.PIPE)
    assert {path.name for path in (tmp_path / "dist").iterdir()} == {path.name for path in DIST.iterdir()}
    for name, part in parts().items():
        assert (tmp_path / "dist" / name).read_bytes() == (DIST / name).read_bytes(), f"{name} is not what the source makes"
        rebuilt = json.loads((tmp_path / "dist" / "manifest.json").read_text())
        again = rebuilt if name == "snippet.js" else rebuilt[name.removeprefix("snippet-").removesuffix(".js")]
        assert again["sha384"] == part["sha384"]
        for size in ("gzip", "brotli"):  # vary a little with the version of the compressor
            assert again[size] == pytest.approx(part[size], rel=0.02)
