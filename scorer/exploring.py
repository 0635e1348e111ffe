"""Exploratory leads as stored: drawn once a week, shown below the hot ones until the week is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, update

from scorer.core import exploring
from scorer.core.decay import DAY_MS, points_of_score
from scorer.core.digest_weeks import week_of
from scorer.core.search import finds
from scorer.core.working_hours import local_time
from scorer.explored import explored_now
from scorer.hot_list import Wanted, awake, passes, ranked_query
from scorer.lead_views import SCORED_LEADS, LeadRow
from scorer.learning_models import explored_leads
from scorer.memberships import lock_leads
from scorer.models import lead_scores, leads
from scorer.scorecards import StoredCard, current_cards
from scorer.searching import look_up, words_of_row
from tracker import bulk
from tracker.db import Database
from tracker.models import sites
from tracker.sites import Site, load_sites

ACTIVE_MS: Final = 28 * DAY_MS
"""Who was not seen for longer is no candidate; nor is who was drawn since."""
LEAST_SCORE: Final = 5.0
"""A candidate has at least so much left: about one page read with care."""
LOOKED_AT: Final = 20_000
"""Leads that are looked at for candidates, about."""
HOT_AT_MOST: Final = 2_000
"""Hot leads that are counted: of more, no more would be drawn."""
_SAMPLE: Final = 1_000


def draw_for_week(connection: Connection, site: Site, stored: StoredCard, now_ms: int) -> list[str]:
    """Draw a site's exploratory leads of this week, unless that was done; return those drawn now.

    By the calendar of the site. Run twice, or by two at once, the second finds the draw of the first. Where the lot of the
    week has said "none" of a short hot list, a later day of the week looks again: the list may have grown.
    """
    zone = ZoneInfo(site.settings.time_zone)
    today = local_time(now_ms, zone).date()
    week = week_of(today - timedelta(days=today.weekday()), zone)
    if site.settings.explore_percent == 0:
        return []
    # Of two at once the second waits here. It takes nothing from those who write rows that point at the site.
    connection.execute(select(sites.c.id).where(sites.c.id == site.id).with_for_update(key_share=True))
    mine = explored_leads.c.site_id == site.id
    drawn = select(explored_leads.c.lead_id).where(
        mine, explored_leads.c.until > now_ms, explored_leads.c.since >= week.from_ms
    )
    if connection.execute(drawn.limit(1)).first() is not None:
        return []
    expected = exploring.expected_number(_count_hot(connection, stored, now_ms), site.settings.explore_percent)
    key = (site.id, week.name)
    number = exploring.number_to_draw(expected, exploring.lot("number", *key))
    if number == 0:
        return []
    part = _part(connection, stored, exploring.lot("sample", *key))
    found: list[str] = []
    for stretch in exploring.arcs(exploring.lot("arc", *key), part):
        found += connection.execute(_candidates(site, stored, stretch, now_ms)).scalars()
    chosen = exploring.draw(found, number, "draw", *key)
    # Whoever was claimed or decided on meanwhile is not drawn after all.
    rows = lock_leads(connection, chosen)
    chosen = [
        lead for lead in chosen if lead in rows and rows[lead]["status"] == "open" and rows[lead]["merged_into"] is None
    ]
    share = exploring.chance(expected, len(found), part)
    bulk.append(
        connection,
        explored_leads,
        [(site.id, lead, now_ms, week.to_ms, share) for lead in chosen],
        columns=("site_id", "lead_id", "since", "until", "share"),
    )
    # They are shown otherwise from now on: who has them by a tag must see that.
    shown = and_(lead_scores.c.scorecard_id == stored.id, lead_scores.c.lead_id.in_(chosen))
    connection.execute(update(lead_scores).where(shown).values(revision=lead_scores.c.revision + 1))
    return chosen


def draw_for_all(database: Database, now_ms: int) -> int:
    """Draw the exploratory leads of every site that has none yet this week; return how many were drawn.

    Enqueued by cron once a day. A transaction a site: drains lock leads of several sites in another order.
    """
    with database.reading() as connection:
        known = sorted(load_sites(connection).items())
    drawn = 0
    for site_id, site in known:
        with database.writing() as connection:
            stored = current_cards(connection).get(site_id)
            drawn += len(draw_for_week(connection, site, stored, now_ms)) if stored is not None else 0
    return drawn


def exploratory_leads(
    connection: Connection, stored: StoredCard, wanted: Wanted, after: str | None, limit: int, now_ms: int
) -> list[LeadRow]:
    """Return the leads to show below the hot ones: drawn for now, not hot, neither at rest nor excluded.

    In the order of their ids, which is by chance, since none is better than another; those after the one with the id
    *after*, at most *limit*. Of *wanted* the search and the filters count.
    """
    ids = list(connection.execute(explored_now(stored.site_id, now_ms)).scalars())
    found = look_up(connection, stored.site_id, wanted.search) if wanted.search else None
    if found is not None and found.among is not None:
        ids = [one for one in ids if one in found.among]
    if not ids:
        return []
    anyone = Wanted(min_score=0.0)
    query = ranked_query(stored, anyone, None, exploring.MOST, now_ms, ids).where(_not_hot(), leads.c.exclusion.is_(None))
    if wanted.status is None:
        query = query.where(awake())
    rows = (LeadRow(*row) for row in connection.execute(query))
    shown = [
        row
        for row in sorted(rows, key=lambda row: row.id)
        if passes(wanted, row)
        and (found is None or not found.wanted or finds(found.wanted, words_of_row(row)))
        and (after is None or row.id > after)
    ]
    return shown[:limit]


def _not_hot() -> ColumnElement[bool]:
    return lead_scores.c.hot_since.is_(None)


def _count_hot(connection: Connection, stored: StoredCard, now_ms: int) -> int:
    hot = ranked_query(stored, Wanted(), None, HOT_AT_MOST, now_ms).with_only_columns(leads.c.id).subquery()
    return connection.execute(select(func.count()).select_from(hot)).scalar_one()


def _part(connection: Connection, stored: StoredCard, start: float) -> float:
    """Return on what part of the circle of ids to look for candidates, told from a sample of all leads."""
    first, score = exploring.id_at(start), lead_scores.c
    scored = select(score.lead_id).where(score.scorecard_id == stored.id).order_by(score.lead_id).limit(_SAMPLE)
    ids = list(connection.execute(scored.where(score.lead_id >= first)).scalars())
    if len(ids) == _SAMPLE:
        return exploring.part_to_look_at(len(ids), exploring.place_on_circle(ids[-1]) - start, LOOKED_AT)
    rest = list(connection.execute(scored.where(score.lead_id < first)).scalars())
    span = 1.0 if len(rest) < _SAMPLE else 1 - start + exploring.place_on_circle(rest[-1])
    return exploring.part_to_look_at(len(ids) + len(rest), span, LOOKED_AT)


def _candidates(site: Site, stored: StoredCard, stretch: tuple[str, str | None], now_ms: int) -> Select[str]:
    """Return the query for the leads of a stretch of ids that may be drawn: a range of the primary key."""
    card, score = stored.card, lead_scores.c
    least = card.decay.threshold_heat(points_of_score(LEAST_SCORE, card.scorecard.p50), now_ms)
    drawn = select(explored_leads.c.lead_id).where(
        explored_leads.c.site_id == site.id, explored_leads.c.until > now_ms - ACTIVE_MS
    )
    first, last = stretch
    query = (
        select(score.lead_id)
        .select_from(SCORED_LEADS)
        .where(
            score.scorecard_id == stored.id,
            score.lead_id >= first,
            _not_hot(),
            score.heat + 0.0 >= least,
            # Not even about to be: whoever reaches the threshold this moment is announced as hot.
            score.heat + 0.0 < card.decay.threshold_heat(card.enter, now_ms),
            score.last_at >= now_ms - ACTIVE_MS,
            leads.c.status == "open",
            leads.c.exclusion.is_(None),
            leads.c.merged_into.is_(None),
            score.lead_id.not_in(drawn),
        )
    )
    return query if last is None else query.where(score.lead_id < last)
