"""The trackers that are compared: ours as it is served, and bundles of the others as published on npm."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.snippet.readers import Message, read_countly, read_ours, read_plausible, read_posthog, read_snowplow
from bench.snippet.site import Received

STATIC = Path(__file__).parents[2] / "static"
PEERS = Path(__file__).parents[1] / "peers"
BUNDLES = PEERS / "node_modules" / ".bundles"


@dataclass(frozen=True)
class Tracker:
    """A tracker: *read* tells what its requests mean; *script* is the file that pages load, none for no tracker."""

    key: str
    name: str
    script: bytes
    read: Callable[[Received], Iterator[Message]]

    def tag(self, collector: str) -> str:
        """Return the script tag for a page whose collector is *collector*."""
        if not self.script:
            return ""
        settings = f'data-collector="{collector}"'
        if self.key == "ours":
            settings = f'data-key="wk_bench" data-host="{collector}" data-local'
        return f'<script async src="/tracker/{self.key}.js" {settings}></script>'


NONE = Tracker("none", "no tracker", b"", read_ours)


def ours() -> Tracker:
    """Return our snippet as built."""
    return Tracker("ours", "Warmtrail", (STATIC / "dist" / "snippet.js").read_bytes(), read_ours)


def peers() -> list[Tracker]:
    """Install the others, and return them."""
    _install()
    versions = json.loads((PEERS / "package.json").read_text(encoding="utf-8"))["dependencies"]
    return [
        Tracker(key, f"{name} {versions[package]}", (BUNDLES / f"{key}.js").read_bytes(), read)
        for key, name, package, read in (
            ("plausible", "Plausible", "@plausible-analytics/tracker", read_plausible),
            ("snowplow", "Snowplow", "@snowplow/browser-tracker", read_snowplow),
            ("posthog", "PostHog", "posthog-js", read_posthog),
            ("countly", "Countly", "countly-sdk-web", read_countly),
        )
    ]


def _install() -> None:
    """Install what the lock files say, and make one minified file of each of ``bench/peers/*.js``."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("the other trackers are installed by npm, which is not here: install Node.js")
    if not (STATIC / "node_modules").exists():
        subprocess.run([npm, "ci"], cwd=STATIC, check=True, stdout=sys.stderr)
    # Their scripts are not needed, and nobody has read them.
    subprocess.run([npm, "ci", "--ignore-scripts"], cwd=PEERS, check=True, stdout=sys.stderr)
    esbuild = STATIC / "node_modules" / ".bin" / "esbuild"
    options = ["--bundle", "--minify", "--format=iife", "--target=es2020", "--legal-comments=none", "--log-level=warning"]
    sources = map(str, sorted(PEERS.glob("*.js")))
    subprocess.run([str(esbuild), *sources, *options, f"--outdir={BUNDLES}"], cwd=PEERS, check=True)
