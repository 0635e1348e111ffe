"""Companies: the leads of each as one, added up in the transactions that change them, from all of them each time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, func, select

from scorer.models import accounts, lead_scores, leads, scorecards
from tracker import bulk

_COLUMNS: Final = tuple(column.name for column in accounts.columns)


class Company(msgspec.Struct, frozen=True):
    """What a lead tells of its company; empty texts and ``None`` where nothing."""

    site_id: int
    name: str = ""
    domain: str = ""
    industry: str = ""
    employees: int | None = None
    country: str = ""
    region: str = ""


class _Sums(msgspec.Struct, frozen=True):
    """What the leads of an account add up to."""

    leads: int
    roots: float
    """Sum of the square roots of their heats."""
    first_at: int
    last_at: int


def touch_accounts(connection: Connection, touched: Mapping[str, Company | None]) -> None:
    """Bring accounts up to date after their leads were written, and drop those that nobody belongs to any more.

    *touched* names each account with what is told of it now; ``None`` where nothing new is told. An account's heat is
    (Σ √heatᵢ)² over its leads that aren't excluded: of degree one, so that it fades in step with them and the order of
    accounts stays as it is while nothing happens. It grows with every lead, and two keen people outrank one with the same sum.
    """
    if not touched:
        return
    names = sorted(touched)
    new = [
        (name, told.site_id, "", "", "", None, "", "", 0, 0.0, 0, 0) for name in names if (told := touched[name]) is not None
    ]
    # First of all the row itself, which of two workers the second waits for: then it sees the leads of the first.
    bulk.upsert(connection, accounts, new, columns=_COLUMNS, keep=_COLUMNS[1:])
    present = {
        row[0]: dict(zip(_COLUMNS, row, strict=True))
        for row in bulk.select_where_in(connection, accounts, _COLUMNS, "id", names, lock=True)
    }
    sums = _sums(connection, list(present))
    rows = []
    for name, known in present.items():
        mine, told = sums.get(name), touched[name]
        if mine is None:
            continue
        values = known | {
            "leads": mine.leads,
            "heat": mine.roots**2,
            "first_at": mine.first_at,
            "last_at": mine.last_at,
        }
        if told is not None:
            for field in ("name", "domain", "industry", "employees", "country", "region"):
                values[field] = getattr(told, field) or values[field]
        if values != known:
            rows.append(tuple(values[column] for column in _COLUMNS))
    bulk.upsert(connection, accounts, rows, columns=_COLUMNS)
    empty = [name for name in present if name not in sums]
    if empty:
        connection.execute(delete(accounts).where(accounts.c.id.in_(empty)))


def _sums(connection: Connection, names: list[str]) -> dict[str, _Sums]:
    """Add up the leads of each account by its site's current card; excluded ones are counted, but have no heat in it."""
    heat = func.coalesce(func.sum(func.sqrt(lead_scores.c.heat)).filter(leads.c.exclusion.is_(None)), 0.0)
    query = (
        select(
            leads.c.account_id,
            func.count(),
            heat,
            func.min(leads.c.first_at),
            func.max(func.coalesce(lead_scores.c.last_at, leads.c.first_at)),
        )
        .select_from(
            leads.join(scorecards, (scorecards.c.site_id == leads.c.site_id) & scorecards.c.is_current).outerjoin(
                lead_scores, (lead_scores.c.lead_id == leads.c.id) & (lead_scores.c.scorecard_id == scorecards.c.id)
            )
        )
        .where(leads.c.account_id.in_(names), leads.c.merged_into.is_(None))
        .group_by(leads.c.account_id)
    )
    return {row[0]: _Sums(*row[1:]) for row in connection.execute(query)}


def refresh_accounts(connection: Connection, site_id: int) -> None:
    """Add up all accounts of a site anew: another card is current."""
    found: list[Any] = list(connection.execute(select(accounts.c.id).where(accounts.c.site_id == site_id)).scalars())
    for start in range(0, len(found), 500):
        touch_accounts(connection, dict.fromkeys(found[start : start + 500]))
