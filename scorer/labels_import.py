"""Labels of many leads from a table, as a CRM or a spreadsheet exports it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from scorer.core.joining import EMAIL
from scorer.core.labels import Label
from scorer.decision_errors import DecisionError
from scorer.labelled import LabelledError
from scorer.labelling_by_hand import Asked, checked_label, set_labels
from scorer.models import identities, leads
from tracker import bulk
from tracker.sites import Site

MAX_ROWS: Final = 200_000
_COLUMNS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("lead", "lead_id", "id", "线索", "线索编号"), "lead"),
    **dict.fromkeys(("email", "e-mail", "邮箱"), "email"),
    **dict.fromkeys(("scheme", "分类体系"), "scheme"),
    **dict.fromkeys(("label", "class", "标签", "类别"), "label"),
}
"""What columns may be called, whatever the case; others are left alone."""


class Row(msgspec.Struct, frozen=True):
    """One line of the table. An empty label takes back what was said."""

    line: int
    lead: str
    email: str
    scheme: str
    label: str


class RefusedRow(msgspec.Struct, frozen=True):
    """A line that says nothing, and why."""

    line: int
    reason: Label


class Imported(msgspec.Struct, frozen=True):
    """What came of a table."""

    rows: int
    changed: int
    """Leads and schemes of which something else is said now than before."""
    refused: list[RefusedRow]


def read_table(content: bytes, scheme: str | None = None) -> list[Row]:
    """Return the lines of a CSV table with a heading; with *scheme* all are of that one.

    Separated by commas, semicolons or tabs. Raises ``LabelledError`` for what is no such table.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelledError(
            f"The file isn't UTF-8 (byte {error.start:,}).", f"文件不是 UTF-8 编码（第 {error.start:,} 字节）。"
        ) from None
    heading = text.partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=heading.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise LabelledError(f"The file isn't CSV: {error}", f"文件不是 CSV：{error}") from None
    places = {_COLUMNS[name]: place for place, name in _named(lines[0] if lines else ())}
    if "label" not in places or not {"lead", "email"} & places.keys() or (scheme is None and "scheme" not in places):
        raise LabelledError(
            "The first line must name the columns: lead or email, scheme (unless --scheme is given), label.",
            "第一行须为列名：lead 或 email、scheme（除非已给出 --scheme）、label。",
        )
    if len(lines) - 1 > MAX_ROWS:
        raise LabelledError(f"A file has {MAX_ROWS:,} rows at most.", f"每个文件最多 {MAX_ROWS:,} 行。")

    def cell(line: Sequence[str], name: str) -> str:
        place = places.get(name)
        return line[place].strip() if place is not None and place < len(line) else ""

    return [
        Row(number, cell(line, "lead"), cell(line, "email").lower(), scheme or cell(line, "scheme"), cell(line, "label"))
        for number, line in enumerate(lines[1:], 2)
        if any(one.strip() for one in line)
    ]


def import_labels(connection: Connection, site: Site, rows: Sequence[Row], actor: str, now_ms: int) -> Imported:
    """Say of the leads that a table names what they are. Lines that name none, or no label, are refused one by one.

    Raises ``DecisionError`` where the table has too many schemes or labels, and writes nothing then.
    """
    roots = _roots(connection, site.id, rows)
    asked: list[Asked] = []
    refused: list[RefusedRow] = []
    for row in rows:
        root = roots.get(row.lead) or roots.get(EMAIL + row.email)
        if root is None:
            told = row.lead or row.email
            refused.append(RefusedRow(row.line, Label(f"There is no lead {told!r}.", f"没有线索 {told!r}。")))
            continue
        try:
            label = checked_label(row.label) if row.label else None
            asked.append(Asked(root, checked_label(row.scheme), label))
        except DecisionError as error:
            refused.append(RefusedRow(row.line, error.label))
    return Imported(len(rows), set_labels(connection, site, asked, actor, now_ms), refused)


def _named(heading: Iterable[str]) -> list[tuple[int, str]]:
    names = [(place, name.strip().lower()) for place, name in enumerate(heading)]
    # Of two columns of one name the first counts.
    return [(place, name) for place, name in reversed(names) if name in _COLUMNS]


def _roots(connection: Connection, site_id: int, rows: Sequence[Row]) -> dict[str, str]:
    """The lead that each id or address means now, of this site."""
    mine = f"site_id = {site_id}"
    claims = sorted({EMAIL + row.email for row in rows if row.email and "\0" not in row.email})
    bearers = dict(map(tuple, bulk.select_where_in(connection, identities, ("claim", "lead_id"), "claim", claims, mine)))
    named = {row.lead: row.lead for row in rows if row.lead and "\0" not in row.lead}
    meant: dict[str, str] = bearers | named
    parent: dict[str, str | None] = {}
    layer = set(meant.values())
    while layer:
        found = bulk.select_where_in(connection, leads, ("id", "merged_into"), "id", sorted(layer), mine)
        parent |= {row[0]: row[1] for row in found}
        layer = {merged for _, merged in found if merged is not None} - parent.keys()
    roots = {}
    for name, lead in meant.items():
        place: str | None = lead
        while place is not None and place in parent:
            if parent[place] is None:
                roots[name] = place
            place = parent[place]
    return roots
