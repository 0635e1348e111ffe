"""What an import did, counted while it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tracker.core.weblogs import BadReason


@dataclass
class ImportReport:
    """Counts of one import; it grows as the import goes on and is handed to ``progress`` on the way.

    Every line is in exactly one place: ``lines = delivered + rejected + skipped + bad + silent``
    (``delivered`` counts what was accepted; at the end nothing is under way).
    """

    format: str
    """Name of the log's format, or ``events``."""
    lines: int = 0
    delivered: int = 0
    """Events the service accepted. Those it already had are among them: it tells them apart later."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Readable lines that are no behaviour of a visitor, by reason."""
    bad: Counter[str] = field(default_factory=Counter)
    """Lines that could not be read, by reason."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Events the service refused, by reason; it keeps them as dead letters."""
    silent: int = 0
    """Empty lines, comments and directives."""

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as plain values, for ``--json``."""
        return {
            "format": self.format,
            "lines": self.lines,
            "delivered": self.delivered,
            "skipped": dict(self.skipped.most_common()),
            "bad": dict(self.bad.most_common()),
            "rejected": dict(self.rejected.most_common()),
            "silent": self.silent,
        }


Progress = Callable[[int, int | None, ImportReport], None]
"""Called now and then, and at the end: bytes read, bytes there are (``None`` for a pipe), the counts so far."""

KeepBad = Callable[[BadReason, int, str], None]
"""Called for every bad line: reason, line number from 1, text (at most 2,000 characters of it)."""
