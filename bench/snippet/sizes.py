"""How many bytes a page loads."""

from __future__ import annotations

import gzip
import shutil
import subprocess

from bench.snippet.stage import Stage
from bench.snippet.table import Cell, Row

_BROTLI = """const { brotliCompressSync } = require('zlib');
const parts = [];
process.stdin.on('data', (part) => parts.push(part));
process.stdin.on('end', () => console.log(brotliCompressSync(Buffer.concat(parts)).length))"""


def measure(stage: Stage) -> list[Row]:
    """Weigh each script."""
    kinds = {"raw": len, "gzip -9": _gzip} | ({"brotli 11": _brotli} if shutil.which("node") else {})
    rows = []
    for kind, weigh in kinds.items():
        sizes = {tracker.key: weigh(tracker.script) for tracker in stage.trackers}
        cells = {key: Cell(f"{size:,}", size) for key, size in sizes.items()}
        rows.append(Row(f"Size of the script, {kind}, bytes", cells, "it does more: see the rows below"))
    return rows


def _gzip(script: bytes) -> int:
    return len(gzip.compress(script, 9, mtime=0))


def _brotli(script: bytes) -> int:
    # Node's default quality is 11.
    return int(subprocess.run(["node", "-e", _BROTLI], input=script, capture_output=True, check=True).stdout)
