"""Say of every lead of a site that nobody has labelled what it is taken to be, and of every one in which group it is, by the
models that are stored.

Leads are gone through by id, a part in each transaction. Two that do it at once do it one after the other, part by part, and
write the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, delete, select

from scorer.classes import load_models
from scorer.core.classifying import Classifier, ClassModel
from scorer.core.grouping import GroupModel, group_of
from scorer.feature_reading import Features, read_after
from scorer.groups import load_groups
from scorer.labelling_by_hand import labels_of
from scorer.learning_models import lead_classes, lead_groups
from scorer.scorecards import current_cards
from tracker import bulk
from tracker.db import Database
from tracker.models import sites

AT_ONCE: Final = 500
"""Leads of one transaction: SQLite has one writer at a time, and a drain must not wait for long."""
_CLASS_COLUMNS: Final = ("site_id", "scheme", "lead_id", "label", "guess", "confidence", "margin", "reasons")
_GROUP_COLUMNS: Final = ("site_id", "lead_id", "group_id")
_DIGITS: Final = 6


def assign(
    database: Database,
    site_id: int,
    *,
    after: str = "",
    stopping: Callable[[], bool] = lambda: False,
    at_once: int = AT_ONCE,
) -> str | None:
    """Go on after a lead until all are done, or it is to stop; return after which lead to go on, ``None`` at the end.

    What was told of leads that are no more, or are part of others now, goes with it.
    """
    place: str | None = after
    while place is not None and not stopping():
        with database.writing() as connection:
            place = assign_some(connection, site_id, place, at_once)
    return place


def assign_some(connection: Connection, site_id: int, after: str, limit: int) -> str | None:
    """Do the next *limit* leads; return the last of them, ``None`` where there are no more."""
    # Whoever else is at it waits here, and whoever stores other models waits for this part.
    connection.execute(select(sites.c.id).where(sites.c.id == site_id).with_for_update(key_share=True)).all()
    models, groups = load_models(connection, site_id), load_groups(connection, site_id)
    card = current_cards(connection).get(site_id)
    found = read_after(connection, card.id, after, limit, lock=True) if card is not None else []
    said = labels_of(connection, [lead for lead, _ in found]) if models else {}
    last = found[-1][0] if len(found) == limit else None
    for scheme, model in models.items():
        rows = _class_rows(site_id, scheme, model, [one for one in found if scheme not in said.get(one[0], {})])
        _replace(connection, lead_classes, _CLASS_COLUMNS, rows, after, last, site_id, scheme)
    rows = _group_rows(site_id, groups, found) if groups is not None else []
    _replace(connection, lead_groups, _GROUP_COLUMNS, rows, after, last, site_id)
    return last


def _class_rows(site_id: int, scheme: str, model: ClassModel, found: list[tuple[str, Features]]) -> list[tuple[Any, ...]]:
    classifier = Classifier(model)
    rows = []
    for lead, features in found:
        told = classifier.classify(features)
        reasons = msgspec.json.encode(told.reasons).decode()
        figures = (round(told.confidence, _DIGITS), round(told.margin, _DIGITS))
        rows.append((site_id, scheme, lead, told.label, told.guess, *figures, reasons))
    return rows


def _group_rows(site_id: int, model: GroupModel, found: list[tuple[str, Features]]) -> list[tuple[Any, ...]]:
    placed = ((lead, group_of(model, features)) for lead, features in found)
    return [(site_id, lead, group) for lead, group in placed if group is not None]


def _replace(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: list[tuple[Any, ...]],
    after: str,
    last: str | None,
    site_id: int,
    scheme: str | None = None,
) -> None:
    """Put *rows* in the place of what the table has of leads after one, up to another."""
    mine = delete(table).where(table.c.site_id == site_id, table.c.lead_id > after)
    if scheme is not None:
        mine = mine.where(table.c.scheme == scheme)
    connection.execute(mine if last is None else mine.where(table.c.lead_id <= last))
    bulk.append(connection, table, rows, columns=columns)
