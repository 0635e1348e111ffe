"""The ranked list of leads: a stretch of an index on priority, however many leads there are.

Priority is heat times what the fit is worth, so it ranks the same at every time, and nothing needs computing for leads that
aren't on the page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from scorer.core.decay import points_of_score
from scorer.core.fit import Grade, least_multiplier
from scorer.core.next_steps import Status
from scorer.core.scorecard import Stage
from scorer.core.search import finds
from scorer.lead_views import LEAD_COLUMNS, SCORED_LEADS, LeadRow
from scorer.models import lead_scores, leads
from scorer.scorecards import StoredCard
from scorer.searching import Found, look_up, words_of_row

SCANNED_AT_MOST: Final = 2000
"""Leads that one page looks through for those that pass its filters; the next page goes on from there."""
_SCANNED_AT_ONCE: Final = 200


class Wanted(msgspec.Struct, frozen=True):
    """Which leads to list. ``None``: any."""

    min_score: float | None = None
    """From 0 to below 100: all leads with at least this score, hot or not. ``None``: the hot ones that are not
    at rest."""
    search: str | None = None
    """Beginnings of words of the name, the e-mail address, the company's name or domain, all of which a lead must have; or
    a lead's id."""
    topic: str | None = None
    """Among the lead's interests."""
    stage: Stage | None = None
    owner: str | None = None
    """Empty: leads that nobody has claimed."""
    grade: Grade | None = None
    status: Status | None = None
    """Given, leads at rest are listed, too."""

    @property
    def filtered(self) -> bool:
        """Whether leads have to be looked at one by one."""
        return (self.topic, self.stage, self.owner, self.grade, self.status) != (None,) * 5


class Place(msgspec.Struct, frozen=True):
    """A place in the ranking: after the lead with this priority and id."""

    priority: float
    lead_id: str


class Ranked(msgspec.Struct, frozen=True):
    """A page of the ranking."""

    rows: list[LeadRow]
    next: Place | None
    """Where to go on; ``None`` at the end. With filters a page may be short, even empty, and not be the last."""


def rank(
    connection: Connection,
    stored: StoredCard,
    wanted: Wanted,
    after: Place | None,
    limit: int,
    now_ms: int,
    *,
    also: ColumnElement[bool] | None = None,
) -> Ranked:
    """Return up to *limit* leads of a card's site from the first down, those after a place in the ranking.

    *also* is a further condition on rows of ``lead_scores`` joined with ``leads``.
    """
    taken: list[LeadRow] = []
    scanned = 0
    found = look_up(connection, stored.site_id, wanted.search) if wanted.search else Found(None, ())
    if found.among is not None and not found.among:
        return Ranked([], None)
    size = _SCANNED_AT_ONCE if wanted.filtered or found.wanted else limit
    while True:
        query = ranked_query(stored, wanted, after, size + 1, now_ms, found.among)
        if also is not None:
            query = query.where(also)
        rows = [LeadRow(*row) for row in connection.execute(query)]
        more, rows = len(rows) > size, rows[:size]
        for place, row in enumerate(rows, start=1):
            after = Place(row.priority, row.id)
            if not passes(wanted, row) or (found.wanted and not finds(found.wanted, words_of_row(row))):
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
    stored: StoredCard,
    wanted: Wanted,
    after: Place | None,
    limit: int,
    now_ms: int,
    among: Collection[str] | None = None,
) -> Select[tuple[Any, ...]]:
    """Return the query for the next *limit* rows of the ranking: a range of ``ix_lead_scores_hot`` (of
    ``ix_lead_scores_priority`` for leads that need not be hot), read in its order; of the leads *among* those given, each
    looked up by its id."""
    card, score = stored.card, lead_scores.c
    # Said of a sum, or PostgreSQL would take heat and priority for independent, expect a handful of leads, read them off
    # another index and sort them all.
    heat = score.heat + 0.0
    query = select(*LEAD_COLUMNS).select_from(SCORED_LEADS).where(score.scorecard_id == stored.id)
    if wanted.min_score is None:
        query = query.where(score.hot_since.is_not(None), heat >= card.decay.threshold_heat(card.leave, now_ms))
        if wanted.status is None:
            query = query.where(awake())
    elif wanted.min_score > 0:
        least = card.decay.threshold_heat(points_of_score(wanted.min_score, card.scorecard.p50), now_ms)
        # The second condition is what the index can stop at.
        query = query.where(heat >= least, score.priority >= least * least_multiplier(card.scorecard.fit))
    if after is not None:
        # The first condition is what the index can start from, the second drops what has been listed of equal priority.
        further = or_(score.priority < after.priority, score.lead_id > after.lead_id)
        query = query.where(score.priority <= after.priority, further)
    if among is None:
        return query.order_by(score.priority.desc(), score.lead_id).limit(limit)
    # Ordered by a sum, or databases would read the whole ranking rather than sort these.
    return query.where(score.lead_id.in_(sorted(among))).order_by((score.priority + 0.0).desc(), score.lead_id).limit(limit)


def awake() -> ColumnElement[bool]:
    """Return which leads sales want to see on the hot list: neither won nor at rest."""
    return and_(leads.c.snoozed_until.is_(None), leads.c.status != "won")


def is_awake(row: Mapping[str, Any]) -> bool:
    """Whether ``awake`` holds for this row of ``leads``."""
    return row["snoozed_until"] is None and row["status"] != "won"


def passes(wanted: Wanted, row: LeadRow) -> bool:
    """Whether a lead passes the filters that are looked at one by one."""
    if wanted.owner is not None and wanted.owner != (row.owner or ""):
        return False
    if wanted.stage is not None and wanted.stage != row.stage:
        return False
    if wanted.status is not None and wanted.status != row.status:
        return False
    if wanted.grade is not None and wanted.grade != row.grade:
        return False
    return wanted.topic is None or f" {wanted.topic} " in row.topics
