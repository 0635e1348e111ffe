"""Queries: the hot list out of a million leads, beside computing every score anew and sorting."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from sqlalchemy import Connection, text

from bench.databases import database, kinds
from bench.report import Section, spread
from scorer.core.decay import DAY_MS
from scorer.core.score import ScoreState
from scorer.hot_list import Place, Wanted, rank
from scorer.lead_views import Viewpoint, view_leads
from scorer.resources import now_ms
from scorer.scorecards import current_cards
from scorer.scoring import pack_score
from tracker.db import Database
from tracker.sites import load_sites

ROUNDS = 9
LEADS = 1_000_000
SHOWN = 50

_FILL_LEADS = """
WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO leads (id, site_id, kind, name, email, title, phone, company_name, company_domain, industry, country, region,
                   role, channel, visitors, first_at, status, version)
SELECT 'ld_' || i, :site, 'visitor', '', '', '', '', '', '', '', '', '', 'unknown', 'direct', 1, :now - 864000000, 'open', 1
FROM n
"""
_FILL_SCORES = """
WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < :count),
     scored AS (SELECT i, :top * ((i * 7919) % 1000003) / 1000003.0 * ((i * 7919) % 1000003) / 1000003.0 AS heat FROM n)
INSERT INTO lead_scores (scorecard_id, lead_id, heat, priority, hot_since, announced_score, topics, last_at, visits,
                         page_views, downloads, engaged_ms, revision, state)
SELECT :card, 'ld_' || i, heat, heat,
       CASE WHEN (i * 7919) % 1000003 > 990000 THEN :now - 86400000 END,
       CASE WHEN (i * 7919) % 1000003 > 990000 THEN 80.0 END,
       ' ', :now - i, 1, 1, 0, 0, 1, :state FROM scored
"""
_ANEW = """
SELECT lead_id, 100 * (1 - power(2, -(heat / :weight) / :p50)) AS score FROM lead_scores WHERE scorecard_id = :card
ORDER BY score DESC LIMIT 50
"""


def run(smoke: bool) -> Section:
    """Measure the hot list."""
    rounds, count = (1, 5_000) if smoke else (ROUNDS, LEADS)
    section = Section(
        "query",
        f"Hot list out of {count:,} leads",
        f"The first {SHOWN} of the ranking, and {SHOWN} further down, read in the order of an index on the stored priority. "
        "Limit to beat: computing the score of every lead and sorting, which a score that is not forward-decayed must do.",
        ("database", "top 50, ms", "50 after the 1,000th, ms", "as the API shows them, ms", "computed anew, ms", "× faster"),
    )
    for kind in kinds():
        with database(kind) as made:
            fill(made, count)
            section.rows.append((kind, *_measure(made, rounds, count)))
    return section


def _measure(made: Database, rounds: int, count: int) -> tuple[str, ...]:
    now = now_ms()
    with made.reading() as connection:
        stored = current_cards(connection)[1]
        card, site = stored.card, load_sites(connection)[1]
        view = Viewpoint(site, stored, now, "en", "http://127.0.0.1:8700")
        deep = rank(connection, stored, Wanted(min_score=0), None, min(1000, count // 2), now).rows[-1]
        weight = card.decay.weight(now)

        def top(connection: Connection) -> object:
            return rank(connection, stored, Wanted(), None, SHOWN, now)

        def further(connection: Connection) -> object:
            return rank(connection, stored, Wanted(min_score=0), Place(deep.priority, deep.id), SHOWN, now)

        def shown(connection: Connection) -> object:
            return view_leads(connection, view, rank(connection, stored, Wanted(), None, SHOWN, now).rows)

        def anew(connection: Connection) -> object:
            return connection.execute(text(_ANEW), {"weight": weight, "p50": card.scorecard.p50, "card": stored.id}).all()

        runs = [[_ms(one, connection) for _ in range(rounds + 1)][1:] for one in (top, further, shown, anew)]
    ratio = statistics.median(runs[3]) / statistics.median(runs[0])
    return (*(spread(one, 2) for one in runs), f"{ratio:,.0f}")


def _ms(one: Callable[[Connection], object], connection: Connection) -> float:
    start = time.perf_counter()
    one(connection)
    return (time.perf_counter() - start) * 1000


def fill(made: Database, count: int, site_id: int = 1, *, heat: float = 3.0) -> None:
    """Give a site leads of whom nothing is known, one of a hundred hot; the hottest has *heat* times the points of one who
    becomes hot."""
    now = now_ms()
    with made.writing() as connection:
        stored = current_cards(connection)[site_id]
        top = stored.card.decay.heat(heat * stored.card.enter, now - DAY_MS)
        connection.execute(text(_FILL_LEADS), {"count": count, "now": now, "site": site_id})
        scores = {"count": count, "card": stored.id, "top": top, "now": now, "state": pack_score(ScoreState())}
        connection.execute(text(_FILL_SCORES), scores)
        connection.execute(text("ANALYZE"))
