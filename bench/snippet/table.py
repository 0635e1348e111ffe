"""Rows of the comparison: who is best is printed bold, and where that is not us, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """What is printed, and how bad it is: the least is best, None takes no part."""

    text: str
    cost: float | None


@dataclass(frozen=True)
class Row:
    """One thing measured, a cell for each tracker by its key; *why* is printed only if ours is not the best."""

    what: str
    cells: Mapping[str, Cell]
    why: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether nobody is better than ours."""
        return self.cells["ours"].cost in (self._best(), None)

    def texts(self, keys: list[str]) -> tuple[str, ...]:
        """Return the row as it is printed."""
        shown = [self.cells[key] for key in keys]
        costs = {cell.cost for cell in shown if cell.cost is not None}
        best = self._best() if len(costs) > 1 else None  # nobody wins where all are equal
        return (
            self.what,
            *(f"**{cell.text}**" if cell.cost is not None and cell.cost == best else cell.text for cell in shown),
        )

    def _best(self) -> float | None:
        return min((cell.cost for cell in self.cells.values() if cell.cost is not None), default=None)


def right(is_right: bool, text: str = "") -> Cell:
    """Return a tick or a cross, with a remark."""
    return Cell(("✓" if is_right else "✗") + (f" {text}" if text else ""), 0 if is_right else 1)
