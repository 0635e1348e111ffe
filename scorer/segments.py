"""Segments of a site: saved filters over leads, and who is in them now. That isn't kept: each question is one query."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from scorer.core.company_sizes import SIZES, size_name
from scorer.core.labels import Problem
from scorer.core.segment import Level, Segment, level
from scorer.core.segment_reading import SegmentError, lint_name, parse
from scorer.hot_list import Place, Ranked
from scorer.lead_views import LEAD_COLUMNS, POINT_DIGITS, SCORED_LEADS, LeadRow
from scorer.models import accounts, lead_scores, leads, segments
from scorer.scorecards import StoredCard
from scorer.segment_sql import members_condition, tier_condition

MAX_SEGMENTS: Final = 200
"""Segments of a site: all are counted when they are listed."""
BREAKDOWN_AT_MOST: Final = 100

Shared = Literal["region", "group", "organisation"]
"""The levels on which leads have something in common."""


class NameTaken(SegmentError):
    """The site has a segment of this name."""

    def __init__(self, name: str) -> None:
        super().__init__([Problem("name", f"there is a segment {name!r} already", f"已有分组 {name!r}")])


class SavedSegment(msgspec.Struct, frozen=True):
    """A filter with a name."""

    id: int
    name: str
    where: Segment
    level: Level
    """What its leads have in common."""
    created_at: int


class Counts(msgspec.Struct, frozen=True):
    """How many leads are in a segment now."""

    leads: int
    hot: int
    warm: int


class Group(msgspec.Struct, frozen=True):
    """Leads that have something in common."""

    of: dict[str, str]
    """What: ``country`` and ``region``, ``industry`` and ``size``, or ``account``, ``company`` and ``domain``. Empty where
    that isn't known."""
    leads: int
    hot: int
    warm: int
    won: int
    points: float
    """Points of all of them now."""


def add_segment(connection: Connection, site_id: int, name: str, where: Segment, now_ms: int) -> SavedSegment:
    """Save a filter under a name that is new to the site. Raises ``SegmentError``; ``NameTaken`` is one."""
    name = _checked(name)
    mine = select(func.count()).where(segments.c.site_id == site_id)
    if connection.execute(mine).scalar_one() >= MAX_SEGMENTS:
        told = f"a site has at most {MAX_SEGMENTS} segments", f"一个站点最多有 {MAX_SEGMENTS} 个分组"
        raise SegmentError([Problem("$", *told)])
    values = {"site_id": site_id, "name": name, "body": _written(where), "created_at": now_ms}
    try:
        with connection.begin_nested():
            number = connection.execute(insert(segments).values(values).returning(segments.c.id)).scalar_one()
    except IntegrityError:
        raise NameTaken(name) from None
    return SavedSegment(number, name, where, level(where), now_ms)


def list_segments(connection: Connection, site_id: int) -> list[SavedSegment]:
    """Return the segments of a site, by name."""
    return _load(connection, segments.c.site_id == site_id)


def find_segment(connection: Connection, site_id: int, name: str) -> SavedSegment | None:
    """Return the segment of a site with this name, else the one with this number; ``None`` where there is neither."""
    mine, named = segments.c.site_id == site_id, segments.c.name == name.strip()
    found = _load(connection, mine & named)
    if not found and name.isascii() and name.isdecimal() and len(name) < 10:
        found = _load(connection, mine & (segments.c.id == int(name)))
    return found[0] if found else None


def change_segment(
    connection: Connection, saved: SavedSegment, *, name: str | None = None, where: Segment | None = None
) -> SavedSegment:
    """Give a segment another name or filter, or both, and return it. Raises ``SegmentError``; ``NameTaken`` is one."""
    name = saved.name if name is None else _checked(name)
    where = saved.where if where is None else where
    changed = update(segments).where(segments.c.id == saved.id).values(name=name, body=_written(where))
    try:
        with connection.begin_nested():
            connection.execute(changed)
    except IntegrityError:
        raise NameTaken(name) from None
    return SavedSegment(saved.id, name, where, level(where), saved.created_at)


def remove_segment(connection: Connection, saved: SavedSegment) -> None:
    """Remove a segment; its leads stay as they are."""
    connection.execute(delete(segments).where(segments.c.id == saved.id))


def count(connection: Connection, stored: StoredCard, where: Segment, now_ms: int) -> Counts:
    """Count who is in a segment now, in one query."""
    hot, warm = (_number_of(tier_condition(stored, tier, now_ms)) for tier in ("hot", "warm"))
    query = select(func.count(), hot, warm).select_from(SCORED_LEADS).where(members_condition(stored, where, now_ms))
    return Counts(*connection.execute(query).one())


def members(
    connection: Connection,
    stored: StoredCard,
    where: Segment,
    after: Place | None,
    limit: int,
    now_ms: int,
    *,
    also: ColumnElement[bool] | None = None,
) -> Ranked:
    """Return up to *limit* leads of a segment, ranked as ``hot_list.rank`` does, those after a place in the ranking.

    *also* is a further condition on them.
    No page but the last is short: as much of the ranking is read as it takes to fill it.
    """
    query = members_query(stored, where, after, limit + 1, now_ms, LEAD_COLUMNS)
    if also is not None:
        query = query.where(also)
    rows = [LeadRow(*row) for row in connection.execute(query)]
    more, rows = len(rows) > limit, rows[:limit]
    return Ranked(rows, Place(rows[-1].priority, rows[-1].id) if more else None)


def members_query(
    stored: StoredCard, where: Segment, after: Place | None, limit: int, now_ms: int, columns: tuple[Any, ...]
) -> Select[tuple[Any, ...]]:
    """Return the query for *columns* of the next *limit* leads of a segment, in their ranking."""
    score = lead_scores.c
    query = select(*columns).select_from(SCORED_LEADS).where(members_condition(stored, where, now_ms))
    if after is not None:
        # As in the hot list: the first is what the index can start from, the second drops what has been listed.
        further = or_(score.priority < after.priority, score.lead_id > after.lead_id)
        query = query.where(score.priority <= after.priority, further)
    return query.order_by(score.priority.desc(), score.lead_id).limit(limit)


# What leads have in common.


def breakdown(
    connection: Connection, stored: StoredCard, shared: Shared, now_ms: int, where: Segment | None = None
) -> list[Group]:
    """Return the leads of a site (of a segment of it) by what they have in common, the warmest first; at most the first 100.

    ``region``: by country and region. ``group``: by industry and number of employees. ``organisation``: by company; leads of
    none are left out. Excluded leads count only in a segment that asks for them.
    """
    by: dict[str, dict[str, ColumnElement[Any]]] = {
        "region": {"country": leads.c.country, "region": leads.c.region},
        "group": {"industry": leads.c.industry, "size": _size()},
        "organisation": {"account": leads.c.account_id},
    }
    of = by[shared]
    heat = func.sum(lead_scores.c.heat)
    hot, warm = (_number_of(tier_condition(stored, tier, now_ms)) for tier in ("hot", "warm"))
    won = _number_of(leads.c.status == "won")
    sums = (func.count().label("leads"), hot.label("hot"), warm.label("warm"), won.label("won"), heat.label("heat"))
    query = select(*of.values(), *sums).select_from(SCORED_LEADS).group_by(*of.values())
    query = query.where(_everybody(stored) if where is None else members_condition(stored, where, now_ms))
    if shared == "organisation":
        query = query.where(leads.c.account_id.is_not(None))
    rows = list(connection.execute(query.order_by(heat.desc(), *of.values()).limit(BREAKDOWN_AT_MOST)))
    names = _company_names(connection, [row[0] for row in rows]) if shared == "organisation" else {}
    found = []
    for row in rows:
        told = dict(zip(of, row[: len(of)], strict=True))
        if shared == "organisation":
            told |= dict(zip(("company", "domain"), names.get(row[0], ("", "")), strict=True))
        elif shared == "group":
            told["size"] = size_name(told["size"])
        points = round(stored.card.points(row.heat, now_ms), POINT_DIGITS)
        found.append(Group(told, row.leads, row.hot, row.warm, row.won, points))
    return found


def _everybody(stored: StoredCard) -> ColumnElement[bool]:
    return and_(lead_scores.c.scorecard_id == stored.id, leads.c.merged_into.is_(None), leads.c.exclusion.is_(None))


def _size() -> ColumnElement[Any]:
    # Written out rather than bound: PostgreSQL wants the expression of GROUP BY to be the very same one.
    return case(*((leads.c.employees >= literal_column(str(one)), literal_column(str(one))) for one in reversed(SIZES)))


def _company_names(connection: Connection, account_ids: list[str]) -> dict[str, tuple[str, str]]:
    query = select(accounts.c.id, accounts.c.name, accounts.c.domain).where(accounts.c.id.in_(account_ids))
    return {row.id: (row.name, row.domain) for row in connection.execute(query)}


def _number_of(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


# How segments are kept.

_COLUMNS: Final = (segments.c.id, segments.c.name, segments.c.body, segments.c.created_at)


def _load(connection: Connection, condition: ColumnElement[bool]) -> list[SavedSegment]:
    rows = connection.execute(select(*_COLUMNS).where(condition).order_by(segments.c.name))
    found = ((row, _read(row.body)) for row in rows)
    return [SavedSegment(row.id, row.name, where, level(where), row.created_at) for row, where in found]


@lru_cache(maxsize=500)
def _read(body: str) -> Segment:
    return parse(msgspec.json.decode(body))


def _written(where: Segment) -> str:
    return msgspec.json.encode(where).decode()


def _checked(name: str) -> str:
    name = name.strip()
    problems = lint_name(name)
    if problems:
        raise SegmentError(problems)
    return name
