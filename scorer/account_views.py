"""Companies as salespeople see them: how warm, since when, who, interested in what. A constant number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, Select, func, or_, select

from scorer.core.account import account_tier, momentum, parts, roles, together
from scorer.core.deal_value import added_up
from scorer.core.interests import interests
from scorer.core.stages import stage
from scorer.deal_values import Valuation, rounded_sum, valuation
from scorer.lead_views import LEAD_COLUMNS, POINT_DIGITS, SCORED_LEADS, LeadRow, Viewpoint
from scorer.models import accounts, lead_scores, leads
from scorer.outlet_models import account_words
from scorer.outlets import account_shapes, shapes
from scorer.outlets.shapes import time_text
from scorer.searching import Found, beginning, look_up_accounts
from tracker.days import day_of

PEOPLE_AT_MOST: Final = 100
"""People of one company that are told of, the keenest first."""

SHARED_BY: Final = 2000
"""Companies that are looked at for what many have in common."""


class AccountRow(msgspec.Struct, frozen=True):
    """A company as stored."""

    id: str
    name: str
    domain: str
    industry: str
    employees: int | None
    country: str
    region: str
    leads: int
    heat: float
    first_at: int
    last_at: int


ACCOUNT_COLUMNS: Final = tuple(accounts.c[name] for name in AccountRow.__struct_fields__)


class AccountPlace(msgspec.Struct, frozen=True):
    """A place in the ranking of companies: after the one with this heat and id."""

    heat: float
    account_id: str


def rank_accounts(
    connection: Connection,
    site_id: int,
    search: str | None,
    after: AccountPlace | None,
    limit: int,
    *,
    industry: str | None = None,
    country: str | None = None,
) -> tuple[list[AccountRow], AccountPlace | None]:
    """Return up to *limit* companies of a site from the hottest down, and where to go on; ``None`` at the end.

    A search finds companies of whose name and domain each of its words begins a word. It is looked up; words that more
    than a thousand begin with, and the other filters (``None``: any), are looked for along the ranking.
    """
    query = select(*ACCOUNT_COLUMNS).where(accounts.c.site_id == site_id)
    if industry is not None:
        query = query.where(accounts.c.industry == industry)
    if country is not None:
        query = query.where(accounts.c.country == country)
    if after is not None:
        further = or_(accounts.c.heat < after.heat, accounts.c.id > after.account_id)
        query = query.where(accounts.c.heat <= after.heat, further)
    where = look_up_accounts(connection, site_id, search) if search else Found(None, ())
    query = _found(query, site_id, where).limit(limit + 1)
    found = [AccountRow(*row) for row in connection.execute(query)]
    more, found = len(found) > limit, found[:limit]
    return found, AccountPlace(found[-1].heat, found[-1].id) if more else None


def _found(query: Select[Any], site_id: int, where: Found) -> Select[Any]:
    """Return the query narrowed to what a search wants, in the order of the ranking."""
    for word in where.wanted:
        begins = beginning(account_words, site_id, word) & (account_words.c.account_id == accounts.c.id)
        query = query.where(select(account_words.c.account_id).where(begins).exists())
    if where.among is None:
        return query.order_by(accounts.c.heat.desc(), accounts.c.id)
    # Ordered by a sum, or databases would read the whole ranking rather than sort these.
    return query.where(accounts.c.id.in_(sorted(where.among))).order_by((accounts.c.heat + 0.0).desc(), accounts.c.id)


def shared_by_accounts(
    connection: Connection, site_id: int, column: Literal["industry", "country"], limit: int
) -> list[str]:
    """Return what the hottest companies of a site have as their industry or country, the commonest first: of two thousand,
    however many there are."""
    chosen = accounts.c[column].label("shared")
    hottest = select(chosen).where(accounts.c.site_id == site_id).order_by(accounts.c.heat.desc(), accounts.c.id)
    some = hottest.limit(SHARED_BY).subquery()
    query = select(some.c.shared).where(some.c.shared != "").group_by(some.c.shared)
    return list(connection.execute(query.order_by(func.count().desc(), some.c.shared).limit(limit)).scalars())


def find_account(connection: Connection, site_id: int, account_id: str) -> AccountRow | None:
    """Return a company of this site; ``None`` where there is no such one."""
    mine = (accounts.c.id == account_id) & (accounts.c.site_id == site_id)
    row = connection.execute(select(*ACCOUNT_COLUMNS).where(mine)).first()
    return AccountRow(*row) if row else None


def view_accounts(connection: Connection, view: Viewpoint, rows: Sequence[AccountRow]) -> list[account_shapes.Account]:
    """Return *rows* as the API shows them, in the same order."""
    people = _load_people(connection, view.stored.id, [row.id for row in rows])
    values = valuation(connection, view.site.id, view.stored.id)
    return [_view(view, row, people.get(row.id, []), values) for row in rows]


def _load_people(connection: Connection, scorecard_id: int, account_ids: Sequence[str]) -> dict[str, list[LeadRow]]:
    place = func.row_number().over(partition_by=leads.c.account_id, order_by=(lead_scores.c.heat.desc(), leads.c.id))
    # Said of a sum for SQLite's sake, as in ``load_colleagues``.
    mine = (lead_scores.c.scorecard_id + 0 == scorecard_id) & leads.c.account_id.in_(list(account_ids))
    ranked = select(*LEAD_COLUMNS, place.label("place")).select_from(SCORED_LEADS).where(mine).subquery()
    query = select(ranked).where(ranked.c.place <= PEOPLE_AT_MOST).order_by(ranked.c.account_id, ranked.c.place)
    found: dict[str, list[LeadRow]] = {}
    for row in connection.execute(query):
        found.setdefault(row.account_id, []).append(LeadRow(*row[:-1]))
    return found


def _view(view: Viewpoint, row: AccountRow, people: Sequence[LeadRow], values: Valuation) -> account_shapes.Account:
    card, now_ms = view.card, view.now_ms
    counting = [one for one in people if one.exclusion is None]
    totals = [one.totals for one in counting]
    whole = together(totals)
    gained = momentum(totals, day_of(view.site.settings.time_zone)(now_ms))
    this_week, last_week = round(gained.this_week, POINT_DIGITS), round(gained.last_week, POINT_DIGITS)
    part_of = dict(zip((one.id for one in counting), parts([one.heat for one in counting]), strict=True))
    tiers = [card.tier(one.heat, one.hot_since, now_ms) for one in counting]
    buying: Any = roles([one.role for one in counting])  # type: ignore[misc]
    return account_shapes.Account(
        id=row.id,
        name=row.name or None,
        domain=row.domain or None,
        industry=row.industry or None,
        employees=row.employees,
        country=row.country or None,
        region=row.region or None,
        score=round(card.score(max((one.heat for one in counting), default=0.0), now_ms), 1),
        tier=account_tier(tiers),
        points=round(card.points(row.heat, now_ms), POINT_DIGITS),
        as_of=time_text(now_ms),
        leads=row.leads,
        hot_leads=tiers.count("hot"),
        first_seen=time_text(row.first_at),
        last_seen=time_text(row.last_at),
        trend=account_shapes.Trend(gained.trend, this_week, last_week),
        stage=stage(whole),
        interests=[
            shapes.Interest(one.topic, round(one.share, POINT_DIGITS), one.label)
            for one in interests(card, whole, view.language)
        ],
        roles=account_shapes.Roles(**buying),
        expected_value=rounded_sum(added_up(values.of(one, card, now_ms) for one in people)),
        people=[
            account_shapes.Colleague(
                lead=one.id,
                name=one.name or None,
                email=one.email or None,
                title=one.title or None,
                role=one.role,  # type: ignore[arg-type]
                score=round(card.score(one.heat, now_ms), 1),
                tier=card.tier(one.heat, one.hot_since, now_ms),
                part=round(part_of.get(one.id, 0.0), POINT_DIGITS),
                exclusion=one.exclusion,  # type: ignore[arg-type]
                last_seen=time_text(one.last_at),
            )
            for one in people
        ],
        url=f"{view.base_url}/accounts/{row.id}",
    )
