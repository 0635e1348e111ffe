"""What an import did, counted while it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tracker.core.lead_rows import Column
from tracker.core.refusals import RowRefusal
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


@dataclass
class LeadReport(ImportReport):
    """Counts of one import of leads. ``lines`` are rows under the header, each in exactly one place:
    ``lines = taken + bad + silent``; and of the events of the rows taken, ``delivered + rejected`` is their number.
    """

    encoding: str = ""
    delimiter: str = ""
    columns: tuple[Column, ...] = ()
    examples: dict[str, str] = field(default_factory=dict)
    """By column, the first text in it."""
    taken: int = 0
    """Rows that became events."""
    events: Counter[str] = field(default_factory=Counter)
    """Events made, by type; tracks by name."""
    undated: int = 0
    """Events dated by the import, since their row has no time for them."""
    unknown_statuses: Counter[str] = field(default_factory=Counter)
    """States that no list of words has: their rows count, without an outcome."""
    first_bad: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """By reason, the first rows refused for it: row number and column (empty: the whole row)."""
    samples: list[list[dict[str, Any]]] = field(default_factory=list)
    """The events of the first rows taken; in a dry run only."""
    is_dry: bool = False
    """Whether nothing was sent."""

    def as_dict(self) -> dict[str, Any]:
        """Return the counts and the mapping as plain values, for ``--json``."""
        return {
            **super().as_dict(),
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "dry_run": self.is_dry,
            "columns": [
                {"column": one.name, "field": one.field, "why": one.why, "example": self.examples.get(one.name, "")}
                for one in self.columns
            ],
            "taken": self.taken,
            "events": dict(self.events.most_common()),
            "undated": self.undated,
            "unknown_statuses": dict(self.unknown_statuses.most_common()),
            "first_bad": {
                reason: [{"row": row, "column": column} for row, column in rows] for reason, rows in self.first_bad.items()
            },
            "samples": self.samples,
        }


Progress = Callable[[int, int | None, ImportReport], None]
"""Called now and then, and at the end: bytes read, bytes there are (``None`` for a pipe), the counts so far."""

KeepBad = Callable[[BadReason | RowRefusal, int, str], None]
"""Called for every bad line: reason, line number from 1, text (at most 2,000 characters of it)."""
