"""Leads as features, read from what scoring keeps of them: no history is folded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from scorer.core.company_sizes import size_of
from scorer.core.lead_features import Seen, features_of
from scorer.core.objecting import OBJECTION
from scorer.core.score import Totals
from scorer.lead_views import SCORED_LEADS
from scorer.models import lead_scores, leads
from scorer.scoring import unpack_score

_OF_SCORE: Final = ("visits", "page_views", "downloads", "engaged_ms", "last_at", "state")
_OF_LEAD: Final = ("visitors", "first_at", "title", "industry", "country", "role", "channel", "employees", "account_id")
_COLUMNS: Final = (
    lead_scores.c.lead_id,
    *(lead_scores.c[name] for name in _OF_SCORE),
    *(leads.c[name] for name in _OF_LEAD),
)
_IN_ONE_QUERY: Final = 2_000

Features = dict[str, float]


def read_some(connection: Connection, scorecard_id: int, lead_ids: Iterable[str]) -> dict[str, tuple[Features, str]]:
    """Return features, and what stands for the company (the lead itself where none is known), of those of the leads that
    have a score by this card."""
    found: dict[str, tuple[Features, str]] = {}
    wanted = sorted(set(lead_ids))
    for start in range(0, len(wanted), _IN_ONE_QUERY):
        some = wanted[start : start + _IN_ONE_QUERY]
        rows = connection.execute(_query(scorecard_id).where(lead_scores.c.lead_id.in_(some)))
        found |= {row.lead_id: (_features(row), row.account_id or row.lead_id) for row in rows}
    return found


def read_after(
    connection: Connection, scorecard_id: int, after: str, limit: int, *, lock: bool = False
) -> list[tuple[str, Features]]:
    """Return the next *limit* leads by id, after one of them, with their features.

    With *lock* they aren't erased before the transaction ends.
    """
    query = _query(scorecard_id).where(lead_scores.c.lead_id > after).order_by(lead_scores.c.lead_id).limit(limit)
    if lock:
        query = query.with_for_update(of=leads, read=True, key_share=True)
    return [(row.lead_id, _features(row)) for row in connection.execute(query)]


def seen_leads(connection: Connection, scorecard_id: int) -> list[str]:
    """Return the leads that have looked at a page, in no particular order."""
    query = select(lead_scores.c.lead_id).where(lead_scores.c.scorecard_id == scorecard_id, lead_scores.c.page_views > 0)
    return list(connection.execute(query).scalars())


def _query(scorecard_id: int) -> Select[Any]:
    may_be = leads.c.exclusion.is_distinct_from(OBJECTION)
    mine = (lead_scores.c.scorecard_id == scorecard_id, leads.c.merged_into.is_(None), may_be)
    return select(*_COLUMNS).select_from(SCORED_LEADS).where(*mine)


def _features(row: Any) -> Features:
    return features_of(
        Seen(
            unpack_score(row.state) if row.state else Totals(),
            visits=row.visits,
            page_views=row.page_views,
            downloads=row.downloads,
            engaged_ms=row.engaged_ms,
            visitors=row.visitors,
            first_at=row.first_at,
            last_at=row.last_at,
            title=row.title,
            industry=row.industry,
            country=row.country,
            role=row.role,
            channel=row.channel,
            size=size_of(row.employees) or "",
        )
    )
