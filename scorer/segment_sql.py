"""A segment's filter as a condition in SQL: what ``scorer.core.segment.matches`` says of plain values, said to the database.

Tests hold the two equal. No expression in it is ever NULL, so that ``NOT`` turns every test round. What a filter names is
always a bound parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    String,
    Table,
    and_,
    case,
    distinct,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from scorer.core.decay import DAY_MS, points_of_score
from scorer.core.fit import least_multiplier
from scorer.core.phrases import MINUTE_MS
from scorer.core.rules import Tier
from scorer.core.segment import (
    MARKS,
    UNKNOWN,
    AllOf,
    AnyOf,
    Bounds,
    Condition,
    Measure,
    Not,
    Segment,
    Window,
    asks_for_excluded,
    beginnings,
    class_text,
    spellings,
    wanted,
)
from scorer.labelling_by_hand import counts
from scorer.learning_models import lead_classes, lead_groups, lead_labels
from scorer.models import accounts, lead_scores, lead_visitors, leads
from scorer.scorecards import StoredCard
from tracker.models import visits

Sql = ColumnElement[bool]

_TEXTS: Final[dict[str, ColumnElement[Any]]] = {
    **{name: leads.c[name] for name in ("name", "email", "title", "industry", "country", "region")},
    "company": leads.c.company_name,
    "company_domain": leads.c.company_domain,
    "owner": func.coalesce(leads.c.owner, ""),
}
_CHOICES: Final[dict[str, ColumnElement[Any]]] = {
    **{name: leads.c[name] for name in ("kind", "role", "channel", "status")},
    "exclusion": func.coalesce(leads.c.exclusion, UNKNOWN),
    "grade": func.coalesce(lead_scores.c.grade, UNKNOWN),
    "stage": func.coalesce(lead_scores.c.stage, UNKNOWN),
}
_AMOUNTS: Final[dict[str, tuple[ColumnElement[Any], int]]] = {
    **{name: (lead_scores.c[name], 1) for name in ("visits", "page_views", "downloads")},
    "engaged_minutes": (lead_scores.c.engaged_ms, MINUTE_MS),
    "visitors": (leads.c.visitors, 1),
    "employees": (leads.c.employees, 1),
}
"""The column, and how many of its units one of the field's is."""
_AGES: Final[dict[str, ColumnElement[Any]]] = {"first_seen_days": leads.c.first_at, "last_seen_days": lead_scores.c.last_at}


def members_condition(stored: StoredCard, segment: Segment, now_ms: int) -> Sql:
    """Return which rows of ``lead_scores`` joined with ``leads`` are in a segment now, by the card that scores them."""
    mine = [lead_scores.c.scorecard_id == stored.id, leads.c.merged_into.is_(None)]
    if not asks_for_excluded(segment):
        mine.append(leads.c.exclusion.is_(None))
    return and_(*mine, _Compiler(stored, now_ms).holds(segment))


def tier_condition(stored: StoredCard, tier: Tier, now_ms: int) -> Sql:
    """Return which rows of ``lead_scores`` have this tier now, as ``Card.tier`` says."""
    card, score = stored.card, lead_scores.c
    hot = and_(score.hot_since.is_not(None), score.heat >= card.decay.threshold_heat(card.leave, now_ms))
    if tier == "hot":
        return hot
    warm = score.heat >= card.decay.threshold_heat(card.warm, now_ms)
    return and_(not_(hot), warm if tier == "warm" else not_(warm))


class _Compiler:
    """Turns a filter into SQL, as of a moment and by a card."""

    def __init__(self, stored: StoredCard, now_ms: int) -> None:
        self.stored = stored
        self.now_ms = now_ms

    def holds(self, segment: Segment) -> Sql:
        """Return where the filter holds."""
        if isinstance(segment, AllOf):
            return and_(*(self.holds(part) for part in segment.all))
        if isinstance(segment, AnyOf):
            return or_(*(self.holds(part) for part in segment.any))
        if isinstance(segment, Not):
            return not_(self.holds(segment.part))
        if isinstance(segment, Window):
            return self._window(segment)
        return self._condition(segment)

    def _condition(self, one: Condition) -> Sql:
        if one.known is not None:
            return _known(one.field) if one.known else not_(_known(one.field))
        if one.at_least is not None or one.at_most is not None:
            return self._number(one.field, Bounds(one.at_least, one.at_most))
        if one.contains is not None:
            text = _Worded(_TEXTS[one.field])
            return or_(*(text.contains(part, autoescape=True) for part in beginnings(one.contains)))
        found = self._is_one(one.field, wanted(one))
        return found if one.not_ is None else not_(found)

    def _is_one(self, field: str, values: tuple[str, ...]) -> Sql:
        if field == "tier":
            return or_(*(tier_condition(self.stored, tier, self.now_ms) for tier in values))  # type: ignore[arg-type]
        if field in _CHOICES:
            return _CHOICES[field].in_(values)
        names = list(dict.fromkeys(spelling for value in values for spelling in spellings(value)))
        if field == "group":
            numbers = [int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 10]
            return _grouped(lead_groups.c.group_id.in_(numbers))
        if field == "class":
            return _classed(names)
        if field == "account":
            return and_(leads.c.account_id.is_not(None), leads.c.account_id.in_(names))
        if field == "email_domain":
            return or_(*(_Folded(leads.c.email).endswith(f"@{name}", autoescape=True) for name in names))
        if field == "topic":
            return or_(*(_Folded(lead_scores.c.topics).contains(f" {name} ", autoescape=True) for name in names))
        if field == "region":
            places = _Folded(", " + leads.c.region + ", ")
            return or_(*(places.contains(f", {name}, ", autoescape=True) for name in names))
        return _Folded(_TEXTS[field]).in_(names)

    def _number(self, field: str, bounds: Bounds) -> Sql:
        if field in _AMOUNTS:
            column, scale = _AMOUNTS[field]
            within = _within(column, bounds, scale)
            return and_(leads.c.employees.is_not(None), within) if field == "employees" else within
        if field in _AGES:
            return _within(_AGES[field], Bounds(self._ago(bounds.at_most), self._ago(bounds.at_least)))
        if field == "account_leads":
            return self._of_account(_within(accounts.c.leads, bounds))
        to_points: Callable[[float], float] = self._points_of_score if field in ("score", "account_score") else float
        limits = (bounds.at_least, bounds.at_most)
        heats = Bounds(*(None if limit is None else self._heat(to_points(limit)) for limit in limits))
        if field == "account_score":
            return self._of_account(_heat_within(accounts.c.heat, heats))
        if field == "priority":
            return _heat_within(lead_scores.c.priority, heats)
        within = _heat_within(lead_scores.c.heat, heats)
        if heats.at_least is None:
            return within
        # Says nothing new, but is what the index on the priority can stop at.
        return and_(within, lead_scores.c.priority >= heats.at_least * least_multiplier(self.stored.card.scorecard.fit))

    def _points_of_score(self, score: float) -> float:
        return points_of_score(score, self.stored.card.scorecard.p50)

    def _heat(self, points: float) -> float:
        return self.stored.card.decay.threshold_heat(points, self.now_ms)

    def _ago(self, days: float | None) -> int | None:
        return None if days is None else self.now_ms - round(days * DAY_MS)

    @staticmethod
    def _of_account(condition: Sql) -> Sql:
        return select(accounts.c.id).where(accounts.c.id == leads.c.account_id, condition).correlate(leads).exists()

    def _window(self, window: Window) -> Sql:
        measure, bounds = window.measure
        since = literal(window.since(self.now_ms), BigInteger())
        added_up = (
            select(_MEASURES[measure])
            .select_from(lead_visitors.join(visits, visits.c.visitor_id == lead_visitors.c.visitor_id))
            .where(lead_visitors.c.lead_id == lead_scores.c.lead_id, visits.c.started_at >= since)
            .correlate(lead_scores)
            .scalar_subquery()
        )
        # The visits of a lead that was last seen before the window need not be looked at.
        value = case((lead_scores.c.last_at >= since, added_up), else_=literal(0, BigInteger()))
        return _within(value, bounds, MINUTE_MS if measure == "engaged_minutes" else 1)


_MEASURES: Final[dict[Measure, ColumnElement[Any]]] = {
    "visits": func.count(),
    "active_days": func.count(distinct(visits.c.day)),
    "page_views": func.coalesce(func.sum(visits.c.page_views), 0),
    "downloads": func.coalesce(func.sum(visits.c.downloads), 0),
    "engaged_minutes": func.coalesce(func.sum(visits.c.engaged_ms), 0),
}


def _known(field: str) -> Sql:
    if field in _CHOICES:
        return _CHOICES[field] != UNKNOWN
    if field in ("account", "account_score", "account_leads"):
        return leads.c.account_id.is_not(None)
    if field == "employees":
        return leads.c.employees.is_not(None)
    if field == "topic":
        return lead_scores.c.topics != " "
    if field == "group":
        return _grouped(true())
    if field == "class":
        return _classed(None)
    return _TEXTS["email" if field == "email_domain" else field] != ""


def _grouped(condition: Sql) -> Sql:
    """Where the lead is in a group of which the condition holds."""
    return exists().where(lead_groups.c.lead_id == leads.c.id, condition).correlate(leads)


def _classed(names: list[str] | None) -> Sql:
    """Where the lead is of one of the classes of these names, folded; ``None``: of any. What people say stands above what
    was learned."""
    said, learned = lead_labels.c, lead_classes.c
    by_people = exists().where(said.lead_id == leads.c.id, counts(), _named(lead_labels, names)).correlate(leads)
    labelled = exists().where(
        said.lead_id == learned.lead_id, said.site_id == learned.site_id, said.scheme == learned.scheme
    )
    told = (learned.label.is_not(None), _named(lead_classes, names), ~labelled.correlate(lead_classes))
    return or_(by_people, exists().where(learned.lead_id == leads.c.id, *told).correlate(leads))


def _named(table: Table, names: list[str] | None) -> Sql:
    return true() if names is None else _Folded(table.c.scheme + class_text("", "") + table.c.label).in_(names)


def _within(value: ColumnElement[Any], bounds: Bounds, scale: int = 1) -> Sql:
    """Where a whole number is within bounds that are told in units of *scale*."""
    least = None if bounds.at_least is None else literal(_whole(bounds.at_least, scale, math.ceil), BigInteger())
    most = None if bounds.at_most is None else literal(_whole(bounds.at_most, scale, math.floor), BigInteger())
    if least is not None and most is not None:
        return value.between(least, most)
    return value >= least if least is not None else value <= most


def _whole(bound: float, scale: int, rounded: Callable[[float], int]) -> int:
    return round(bound * scale) if scale > 1 else rounded(bound)


def _heat_within(value: ColumnElement[Any], bounds: Bounds) -> Sql:
    parts = []
    if bounds.at_least is not None:
        parts.append(value >= literal(bounds.at_least, Float(53)))
    if bounds.at_most is not None:
        parts.append(value <= literal(bounds.at_most, Float(53)))
    return and_(*parts)


# Of these functions each database has its own. SQLite's lower() changes A to Z only; PostgreSQL's does by the collation C.


class _Folded(FunctionElement[str]):
    """``scorer.core.segment.folded`` of a column."""

    type = String()
    inherit_cache = True


class _Worded(FunctionElement[str]):
    """``scorer.core.segment.worded`` of a column."""

    type = String()
    inherit_cache = True


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@compiles(_Folded)
def _folded(element: Any, compiler: Any, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(_Folded, "postgresql")
def _folded_on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f'lower(({compiler.process(element.clauses, **options)}) COLLATE "C")'


@compiles(_Worded)
def _worded(element: Any, compiler: Any, **options: Any) -> str:
    text = _folded(element, compiler, **options)
    for mark in MARKS:
        text = f"replace({text}, {_quoted(mark)}, ' ')"
    return f"(' ' || {text})"


@compiles(_Worded, "postgresql")
def _worded_on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    text = _folded_on_postgresql(element, compiler, **options)
    return f"(' ' || translate({text}, {_quoted(MARKS)}, {_quoted(' ' * len(MARKS))}))"
