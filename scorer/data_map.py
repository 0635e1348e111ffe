"""The data map: each table and column, what it is for, and whether exports and erasures reach it. ``docs/data-map.md``.

``python -m scorer.data_map docs/data-map.md`` writes it anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Table

from scorer import learning_models, models, outlet_models  # noqa: F401  # so that the metadata has all tables
from scorer.archive import models as archive_models  # noqa: F401
from scorer.core.data_purposes import PURPOSES, Purpose
from scorer.core.personal_data import KEPT
from scorer.person_export import LEFT_OUT
from tracker.models import metadata

_HEAD: Final = """# Data map

Each table and column of the database, made from the program's own models and from `scorer/core/data_purposes.py`. It is
renewed by `python -m scorer.data_map docs/data-map.md`; a test fails while a column has no purpose, or this page isn't what
that command writes. What is kept outside the database, and what is taken out before: [privacy](privacy.md).

Of a person: *identity*, *contact*, *behaviour*, *judgement* (what was concluded), *pseudonym* (a number or digest that
stands for somebody), *text* (words that may name anybody), *staff* (of the company's own people); `–` nothing by itself.
"""
_ABOUT_PERSONS: Final = frozenset(("pseudonym", "identity", "contact", "behaviour", "judgement", "text"))


def render() -> str:
    """Return the page. Raises ``KeyError`` for a table or column without a purpose."""
    return "\n".join([_HEAD, *_lines()])


def _lines() -> Iterator[str]:
    for table in sorted(metadata.sorted_tables, key=lambda one: one.name):
        told = PURPOSES[table.name]
        yield f"## {table.name}\n"
        yield f"{told.purpose[:1].upper()}{told.purpose[1:]}. {_reach(table, told)}\n"
        yield "| column | of a person | why |"
        yield "|---|---|---|"
        left_out = LEFT_OUT.get(table.name, ())
        for column in table.columns:
            about = told.columns[column.name]
            mark = " (not in the export)" if column.name in left_out else ""
            yield f"| `{column.name}` | {'–' if about.kind == '-' else about.kind} | {about.purpose}{mark} |"
        yield ""


def _reach(table: Table, told: Purpose) -> str:
    kept = next((one for one in KEPT if one.table == table.name), None)
    if kept is not None:
        erased = "emptied: rows stay without what they said" if kept.stays else "deleted"
        return f"Goes: {kept.ends.en}. In the export: yes. Erasure: {erased}."
    if told.apart:
        return f"Goes: {told.ends}. Export and erasure: {told.apart}."
    return f"Goes: {told.ends}. Export and erasure: nothing of a visitor or lead is in it."


def tables_apart() -> list[str]:
    """Return the tables that say something of persons, aren't reached by export and erasure, and don't say why."""
    reached = {one.table for one in KEPT}
    return [
        name
        for name, told in PURPOSES.items()
        if name not in reached and not told.apart and _ABOUT_PERSONS & {one.kind for one in told.columns.values()}
    ]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
