"""Companies: the leads of each as one, added up in the transactions that change them, from all of them each time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, text

from scorer.models import accounts, scorecards
from scorer.searching import forget_account_words, keep_account_words
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
    accounts stays as it is while nothing happens. It grows with every lead, and two keen people outrank one with the same
    sum.
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
    by_site: dict[int, list[str]] = {}
    for name, known in present.items():
        by_site.setdefault(known["site_id"], []).append(name)
    sums = _sums(connection, by_site)
    rows: list[tuple[object, ...]] = []
    renamed = []
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
        if (values["name"], values["domain"]) != (known["name"], known["domain"]):
            renamed.append(values)
    bulk.upsert(connection, accounts, rows, columns=_COLUMNS)
    keep_account_words(connection, renamed)
    empty = [name for name in present if name not in sums]
    if empty:
        forget_account_words(connection, empty)
        connection.execute(delete(accounts).where(accounts.c.id.in_(empty)))


def _sums(connection: Connection, by_site: Mapping[int, list[str]]) -> dict[str, _Sums]:
    """Add up the leads of each account by its site's current card; excluded ones are counted, but have no heat in it."""
    current = select(scorecards.c.site_id, scorecards.c.id).where(scorecards.c.is_current)
    found: dict[str, _Sums] = {}
    for site_id, card_id in connection.execute(current):
        if site_id in by_site:
            query = _SUMS_SQLITE if connection.dialect.name == "sqlite" else _SUMS_POSTGRESQL
            for row in connection.execute(query, {"names": by_site[site_id], "card": card_id}):
                found[row[0]] = _Sums(*row[1:])
    return found


_SUMS: Final = """
    SELECT leads.account_id, count(*),
        coalesce(sum(sqrt(score.heat)) FILTER (WHERE leads.exclusion IS NULL), 0.0),
        min(leads.first_at), max(coalesce(score.last_at, leads.first_at))
    FROM leads LEFT JOIN lead_scores AS score ON score.scorecard_id = :card AND score.lead_id = leads.id
    WHERE leads.merged_into IS NULL AND leads.account_id {among} GROUP BY leads.account_id"""
_SUMS_SQLITE: Final = text(_SUMS.format(among="IN :names")).bindparams(bindparam("names", expanding=True))
_SUMS_POSTGRESQL: Final = text(_SUMS.format(among="= ANY(CAST(:names AS text[]))"))
