"""Tables as CSV that a spreadsheet opens as it is meant: commas, quoted where needed, lines ended as RFC 4180 has it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

Cell = str | float | None
"""``None`` becomes an empty cell."""

BOM: Final = "\ufeff"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Beginnings of texts that spreadsheets take for formulas, which may call out; in full width, too, as Chinese input writes
them. Source: OWASP, "CSV Injection"."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, bom: bool = False) -> Iterator[str]:
    """Yield the table line by line, each with its end. *bom* puts the mark in front by which Excel knows UTF-8.

    >>> list(csv_lines(["name", "visits"], [["=1+1", 3]]))
    ['name,visits\\r\\n', "'=1+1,3\\r\\n"]
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    before = BOM if bom else ""
    for row in chain([header], rows):
        writer.writerow([safe(cell) for cell in row])
        yield before + buffer.getvalue()
        before = ""
        buffer.seek(0)
        buffer.truncate()


def safe(cell: Cell) -> Cell:
    """Return the cell as it may stand in a spreadsheet: a text that would be a formula gets an apostrophe in front, and
    control characters are left out, which terminals obey and behind which a formula may hide.

    >>> safe("+49 30 1234"), safe("\x0b=1+1"), safe(-1.5)
    ("'+49 30 1234", "'=1+1", -1.5)
    """
    if not isinstance(cell, str):
        return cell
    text = _CONTROL.sub("", cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
