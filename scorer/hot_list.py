"""The ranked list of leads: a stretch of an index on heat, however many leads there are.

Heat ranks as score does, at every time, so nothing needs computing for leads that aren't on the page.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, func, or_, select

from scorer.core.decay import points_of_score
from scorer.core.interests import interests
from scorer.core.rules import Card
from scorer.core.score import Totals
from scorer.core.scorecard import Stage
from scorer.core.stages import stage
from scorer.lead_views import LEAD_COLUMNS, LeadRow, load_scores
from scorer.models import leads
from scorer.outlets.shapes import Grade

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
        return (self.topic, self.stage, self.owner) != (None, None, None)


class Place(msgspec.Struct, frozen=True):
    """A place in the ranking: after the lead with this heat and id."""

    heat: float
    lead_id: str


class Ranked(msgspec.Struct, frozen=True):
    """A page of the ranking."""

    rows: list[LeadRow]
    next: Place | None
    """Where to go on; ``None`` at the end. With filters a page may be short, even empty, and not be the last."""


def rank(
    connection: Connection, card: Card, site_id: int, wanted: Wanted, after: Place | None, limit: int, now_ms: int
) -> Ranked:
    """Return up to *limit* leads of a site from the hottest down, those after a place in the ranking."""
    if wanted.grade is not None:
        return Ranked([], None)  # No lead's fit is known.
    taken: list[LeadRow] = []
    scanned = 0
    size = _SCANNED_AT_ONCE if wanted.filtered else limit
    while True:
        query = ranked_query(card, site_id, wanted, after, size + 1, now_ms)
        rows = [LeadRow(*row) for row in connection.execute(query)]
        more, rows = len(rows) > size, rows[:size]
        scores = load_scores(connection, card, [row.id for row in rows]) if wanted.filtered else {}
        for place, row in enumerate(rows, start=1):
            after = Place(row.heat, row.id)
            if wanted.filtered and not _passes(card, wanted, row, scores[row.id].totals if row.id in scores else Totals()):
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
    card: Card, site_id: int, wanted: Wanted, after: Place | None, limit: int, now_ms: int
) -> Select[tuple[Any, ...]]:
    """Return the query for the next *limit* rows of the ranking: a range of ``ix_leads_hot`` (of ``ix_leads_heat``
    for leads that need not be hot), read in its order."""
    query = select(*LEAD_COLUMNS).where(leads.c.site_id == site_id)
    if wanted.min_score is None:
        faded = card.decay.threshold_heat(card.leave, now_ms)
        query = query.where(leads.c.hot_since.is_not(None), leads.c.heat >= faded)
    elif wanted.min_score > 0:
        points = points_of_score(wanted.min_score, card.scorecard.p50)
        query = query.where(leads.c.heat >= card.decay.threshold_heat(points, now_ms))
    if after is not None:
        # The first condition is what the index can start from, the second drops what has been listed of equal heat.
        query = query.where(leads.c.heat <= after.heat, or_(leads.c.heat < after.heat, leads.c.id > after.lead_id))
    if wanted.search:
        query = query.where(_matches(wanted.search))
    return query.order_by(leads.c.heat.desc(), leads.c.id).limit(limit)


def _matches(search: str) -> Any:
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    beginnings = [(leads.c[name], f"{escaped}%") for name in ("name", "email", "company_name", "company_domain")]
    later_words = [(leads.c.name, f"% {escaped}%")]
    return or_(*(func.lower(column).like(func.lower(pattern), escape="\\") for column, pattern in beginnings + later_words))


def _passes(card: Card, wanted: Wanted, row: LeadRow, totals: Totals) -> bool:
    if wanted.owner is not None and wanted.owner != (row.owner or ""):
        return False
    if wanted.stage is not None and stage(totals) != wanted.stage:
        return False
    return wanted.topic is None or any(interest.topic == wanted.topic for interest in interests(card, totals))
