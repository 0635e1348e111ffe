"""Every column has a purpose written, and the data map in the docs is the one that follows from the models."""

from __future__ import annotations

from pathlib import Path

from scorer.core.data_purposes import PURPOSES
from scorer.core.personal_data import KEPT
from scorer.data_map import render, tables_apart
from tracker.models import metadata

MAP = Path(__file__).parents[2] / "docs" / "data-map.md"


def test_every_column_has_a_purpose_and_no_purpose_is_of_a_column_that_is_gone() -> None:
    there = {table.name: [column.name for column in table.columns] for table in metadata.sorted_tables}
    assert {name: list(told.columns) for name, told in PURPOSES.items()} == there
    assert all(one.purpose for told in PURPOSES.values() for one in told.columns.values())


def test_what_speaks_of_persons_is_exported_and_erased_or_says_why_not() -> None:
    assert tables_apart() == []
    kept = {one.table for one in KEPT}
    assert [name for name, told in PURPOSES.items() if bool(told.ends) == (name in kept)] == []


def test_the_page_is_what_the_command_writes() -> None:
    assert MAP.read_text(encoding="utf-8") == render(), "run: python -m scorer.data_map docs/data-map.md"
