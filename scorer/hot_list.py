"""The ranked list of leads: a stretch of an index on priority, however many leads there are.

Priority is heat times what the fit is worth, so it ranks the same at every time, and nothing needs computing for leads that
aren't on the page.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, func, or_, select

from scorer.core.decay import points_of_score
from scorer.core.fit import Grade, least_multiplier
from scorer.core.scorecard import Stage
from scorer.lead_views import LEAD_COLUMNS, SCORED_LEADS, LeadRow
from scorer.models import lead_scores, leads
from scorer.scorecards import StoredCard

SCANNED_AT_MOST: Final = 2000
"""Leads that one page looks through for those that pass its filters; the next page goes on from there."""
_SCANNED_AT_ONCE: Final = 200


class Wanted(msgspec.Struct, frozen=True):
    """Which leads to list. ``None``: any."""

    min_score: float | None = None
    """From 0 to below 100: all leads with at least this score, hot or not. ``None``: the hot ones."""
    search: str | None = None
    """Beginning of the name or a later word of it, of the e-mail address, or of the company's name or domain."""
    topic: str | None = None
    """Among the lead's interests."""
    stage: Stage | None = None
    owner: str | None = None
    """Empty: leads that nobody has claimed."""
    grade: Grade | None = None

    @property
    def filtered(self) -> bool:
        """Whether leads have to be looked at one by one."""
        return (self.topic, self.stage, self.owner, self.grade) != (None, None, None, None)


class Place(msgspec.Struct, frozen=True):
    """A place in the ranking: after the lead with this priority and id."""

    priority: float
    lead_id: str


class Ranked(msgspec.Struct, frozen=True):
    """A page of the ranking."""

    rows: list[LeadRow]
    next: Place | None
    """Where to go on; ``None`` at the end. With filters a page may be short, even empty, and not be the last."""


def rank(connection: Connection, stored: StoredCard, wanted: Wanted, after: Place | None, limit: int, now_ms: int) -> Ranked:
    """Return up to *limit* leads of a card's site from the first down, those after a place in the ranking."""
    taken: list[LeadRow] = []
    scanned = 0
    size = _SCANNED_AT_ONCE if wanted.filtered else limit
    while True:
        query = ranked_query(stored, wanted, after, size + 1, now_ms)
        rows = [LeadRow(*row) for row in connection.execute(query)]
        more, rows = len(rows) > size, rows[:size]
        for place, row in enumerate(rows, start=1):
            after = Place(row.priority, row.id)
            if not _passes(wanted, row):
                continue
            taken.append(row)
            if len(taken) == limit:
                return Ranked(taken, after if more or place < len(rows) else None)
        scanned += len(rows)
        if not more:
            return Ranked(taken, None)
        if scanned >= SCANNED_AT_MOST:
            return Ranked(taken, after)


def ranked_query(
    stored: StoredCard, wanted: Wanted, after: Place | None, limit: int, now_ms: int
) -> Select[tuple[Any, ...]]:
    """Return the query for the next *limit* rows of the ranking: a range of ``ix_lead_scores_hot`` (of
    ``ix_lead_scores_priority`` for leads that need not be hot), read in its order."""
    card, score = stored.card, lead_scores.c
    # Said of a sum, or PostgreSQL would take heat and priority for independent, expect a handful of leads, read them off
    # another index and sort them all.
    heat = score.heat + 0.0
    query = select(*LEAD_COLUMNS).select_from(SCORED_LEADS).where(score.scorecard_id == stored.id)
    if wanted.min_score is None:
        query = query.where(score.hot_since.is_not(None), heat >= card.decay.threshold_heat(card.leave, now_ms))
    elif wanted.min_score > 0:
        least = card.decay.threshold_heat(points_of_score(wanted.min_score, card.scorecard.p50), now_ms)
        # The second condition is what the index can stop at.
        query = query.where(heat >= least, score.priority >= least * least_multiplier(card.scorecard.fit))
    if after is not None:
        # The first condition is what the index can start from, the second drops what has been listed of equal priority.
        further = or_(score.priority < after.priority, score.lead_id > after.lead_id)
        query = query.where(score.priority <= after.priority, further)
    if wanted.search:
        query = query.where(_matches(wanted.search))
    return query.order_by(score.priority.desc(), score.lead_id).limit(limit)


def _matches(search: str) -> Any:
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    beginnings = [(leads.c[name], f"{escaped}%") for name in ("name", "email", "company_name", "company_domain")]
    later_words = [(leads.c.name, f"% {escaped}%")]
    return or_(*(func.lower(column).like(func.lower(pattern), escape="\\") for column, pattern in beginnings + later_words))


def _passes(wanted: Wanted, row: LeadRow) -> bool:
    if wanted.owner is not None and wanted.owner != (row.owner or ""):
        return False
    if wanted.stage is not None and wanted.stage != row.stage:
        return False
    if wanted.grade is not None and wanted.grade != row.grade:
        return False
    return wanted.topic is None or f" {wanted.topic} " in row.topics
