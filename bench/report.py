"""How results are written down."""

from __future__ import annotations

import os
import platform
import re
import statistics
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path


@dataclass
class Section:
    """The results of one benchmark."""

    name: str
    title: str
    method: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the section as Markdown."""
        lines = [f"## {self.title}", "", self.method, "", f"Repeat with `python3 dev.py bench {self.name}`.", ""]
        lines += ["| " + " | ".join(self.header) + " |", "|" + "---|" * len(self.header)]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes)]) + "\n"


def spread(values: list[float], digits: int = 0) -> str:
    """Return median and range as text."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"


def machine() -> str:
    """Return a line that describes the machine."""
    model = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*:\s*(.+)", info.read_text())
        model = found[1].strip() if found else model
    day = datetime.now(UTC).date().isoformat()
    return f"{day}, {os.cpu_count()} cores of {model}, {platform.system()}, Python {platform.python_version()}"


def merge(before: str, section: Section, where: str) -> str:
    """Return the results file with *section* in place of an older one of the same title."""
    kept = {part.partition("\n")[0].strip(): part for part in before.split("\n## ")[1:]}
    kept[section.title] = section.text().removeprefix("## ").rstrip() + f"\n\nMeasured {where}.\n"
    head = (
        "# Results\n\nEvery figure is the median of interleaved runs, with the range in brackets. Use the ratios: machines\n"
        "differ, and a shared one differs from minute to minute. CPU is user and system time of the process measured.\n"
    )
    return head + "".join(f"\n## {part.rstrip()}\n" for part in kept.values())
