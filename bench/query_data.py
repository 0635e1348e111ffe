"""A site at size, made in the database itself: leads with scores and browsers, companies, the feed, outcomes, and events of
some."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from scorer.core.decay import DAY_MS
from scorer.core.people import lead_id
from scorer.core.score import ScoreState
from scorer.resources import now_ms
from scorer.scorecards import current_cards
from scorer.scoring import pack_score
from tracker.db import Database

AT_ONCE: Final = 1_000_000
"""Leads made by one statement."""
LONG_VISITOR: Final = 1_000_000_001
"""The visitor with many events."""
BROWSERS_FROM: Final = 2_000_000_000
"""The visitor of a lead has this and its number: out of the way of those that the database numbers."""
LONG_LEAD: Final = lead_id(1, "long")

_NUMBERS: Final = (
    "WITH RECURSIVE n(i) AS (SELECT CAST(:first AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < :last),"
    # Scattered, so that what is near in the ranking lies far apart in the tables.
    " s AS (SELECT i, (i * 7919) % 1000003 AS chance FROM n) "
)
_ID: Final = "'ld_' || i"
_COMPANY: Final = "'ac_' || (i / :colleagues)"

_LEADS: Final = (
    _NUMBERS
    + f"""INSERT INTO leads (id, site_id, kind, name, email, title, phone, company_name, company_domain, account_id,
    industry, country, region, role, channel, visitors, first_at, status, version)
SELECT {_ID}, :site, CASE WHEN chance % 10 = 0 THEN 'person' ELSE 'visitor' END, '', '', '', '', '', '',
       CASE WHEN :companies = 1 THEN {_COMPANY} END, '', '', '', 'unknown', 'direct', 1,
       :now - 86400000 - chance * 7776, CASE WHEN chance % 100 = 1 THEN 'won' ELSE 'open' END, 1 FROM s"""
)
_SCORES: Final = (
    _NUMBERS
    + f"""INSERT INTO lead_scores (scorecard_id, lead_id, heat, priority, hot_since, announced_score, topics, last_at,
    visits, page_views, downloads, engaged_ms, revision, state)
SELECT :card, {_ID}, :top * chance / 1000003.0 * chance / 1000003.0, :top * chance / 1000003.0 * chance / 1000003.0,
       CASE WHEN chance > 990000 THEN :now - 86400000 END, CASE WHEN chance > 990000 THEN 80.0 END,
       ' ', :now - i % 86400000, 1, 1, 0, 0, 1, :state FROM s"""
)
_BROWSERS: Final = (
    _NUMBERS
    + f"""INSERT INTO lead_visitors (visitor_id, site_id, lead_id, home_id, claims)
SELECT {BROWSERS_FROM} + i, :site, {_ID}, {_ID}, '[]' FROM s"""
)
# Of one in a hundred, and of the first thousands, it is also known what they did: reports look at no more.
_SEEN: Final = "FROM s WHERE chance % 100 = 1 OR i <= 20000"
_VISITORS: Final = (
    _NUMBERS
    + f"""INSERT INTO visitors (id, site_id, key, first_at, last_at, visits, page_views, downloads, engaged_ms, heard_at)
SELECT {BROWSERS_FROM} + i, :site, 'v' || i, :now, :now, 1, 1, 0, 0, :now - chance * 7776 {_SEEN}"""
)
_VISITS: Final = (
    _NUMBERS
    + f"""INSERT INTO visits (visitor_id, number, site_id, started_at, ended_at, day, events, page_views, downloads,
    engaged_ms, entry_url, exit_url, referrer, agent, time_zone, locale, country, network)
SELECT {BROWSERS_FROM} + i, 1, :site, :now, :now, 20000, 1, 1, 0, 0, 'https://www.example.com/',
       'https://www.example.com/', '', '', '', '', '', '' {_SEEN}"""
)
_VIEWS: Final = (
    _NUMBERS
    + f"""INSERT INTO events (visitor_id, message_id, at, received_at, kind, name, url, title, referrer, view_id, engaged_ms,
    scroll_percent, user_id, agent)
SELECT {BROWSERS_FROM} + i, :message, :now - chance * 7776, :now - chance * 7776, 'page', '',
       'https://www.example.com/page/' || (i % 40), 'Page', '', '', 0, 0, '', '' {_SEEN}"""
)
_CHANGES: Final = (
    _NUMBERS
    + f"""INSERT INTO lead_changes (sequence, site_id, lead_id, kind, at, detail)
SELECT i, :site, {_ID}, CASE WHEN chance > 990000 THEN 'entered' ELSE 'rose' END, :now - 15552000000 +
       CAST(i * (15552000000.0 / :count) AS BIGINT), '{{}}' FROM s"""
)
_OUTCOMES: Final = (
    _NUMBERS
    + f"""INSERT INTO outcomes (home_id, message_id, site_id, lead_id, kind, at, currency, reason, "by")
SELECT {_ID}, :message, :site, {_ID}, CASE chance % 100 WHEN 1 THEN 'won' WHEN 2 THEN 'lost' ELSE 'contacted' END,
       :now - chance * 7776, 'EUR', '', 'ben' FROM s WHERE chance % 100 < 4"""
)
_COMPANIES: Final = (
    _NUMBERS
    + """INSERT INTO accounts (id, site_id, name, domain, industry, country, region, leads, heat, first_at, last_at)
SELECT 'ac_' || i, :site, 'Works ' || i, 'works-' || i || '.example', 'Machines', 'DE', '', :colleagues,
       :top * chance / 1000003.0, :now - 86400000, :now FROM s"""
)
_WORDS: Final = (
    _NUMBERS
    + """INSERT INTO account_words (site_id, word, account_id)
SELECT :site, 'works-' || i, 'ac_' || i FROM s"""
)
_EVENTS: Final = (
    _NUMBERS
    + """INSERT INTO events (visitor_id, message_id, at, received_at, kind, name, url, title, referrer, view_id, engaged_ms,
    scroll_percent, user_id, agent)
SELECT :visitor, {message}, :now - (:last - i) * 60000, :now, 'page', '', 'https://www.example.com/page/' || (i % 40),
       'Page', '', 'v' || i, 0, 0, '', '' FROM s"""
)
_WHOLE: Final = (_BROWSERS, _VISITORS, _VISITS, _VIEWS, _CHANGES, _OUTCOMES)


def fill_site(made: Database, count: int, *, heat: float = 3.0, leads_a_company: int = 20, whole: bool = True) -> None:
    """Give the first site *count* leads of whom nothing is known, one of a hundred hot; the hottest has *heat* times the
    points of one who becomes hot. With *whole* they have browsers, companies, changes and outcomes, too."""
    now = now_ms()
    with made.writing() as connection:
        _hold_no_checks(made, connection)
        stored = current_cards(connection)[1]
        top = stored.card.decay.heat(heat * stored.card.enter, now - DAY_MS)
        values = {"site": 1, "now": now, "top": top, "card": stored.id, "state": pack_score(ScoreState())}
        values |= {"message": b"m" * 16, "count": count, "companies": int(whole), "colleagues": leads_a_company}
        for first in range(1, count + 1, AT_ONCE):
            part = {**values, "first": first, "last": min(first + AT_ONCE - 1, count)}
            for statement in (_LEADS, _SCORES, *(_WHOLE if whole else ())):
                connection.execute(text(statement), part)
        if whole:
            companies = {**values, "first": 0, "last": count // leads_a_company}
            connection.execute(text(_COMPANIES), companies)
            connection.execute(text(_WORDS), companies)
            connection.execute(text("UPDATE feed SET last_sequence = :count"), {"count": count})
    with made.writing() as connection:
        connection.execute(text("ANALYZE"))


def add_long_lead(made: Database, count: int) -> None:
    """Give the first site a lead with *count* page views, its visit fold left out: readers fold it themselves."""
    now = now_ms()
    message = "CAST(substr('0000000000000000' || i, -16) AS BLOB)"
    if not made.is_sqlite:
        message = "convert_to(lpad(CAST(i AS text), 16, '0'), 'UTF8')"
    with made.writing() as connection:
        card = current_cards(connection)[1].id
        rows = {"first": 1, "last": count, "now": now, "visitor": LONG_VISITOR}
        connection.execute(text(_EVENTS.replace("{message}", message)), rows)
        for table, columns in _LONG.items():
            names = ", ".join(columns)
            values = ", ".join(f":{name}" for name in columns)
            given = {**columns, **({"scorecard_id": card} if "scorecard_id" in columns else {})}
            given |= {name: now for name in ("first_at", "last_at", "heard_at") if name in columns}
            given |= {"state": pack_score(ScoreState())} if table == "lead_scores" else {}
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), given)
        connection.execute(text("ANALYZE"))


_EMPTY: Final = ("name", "email", "title", "phone", "company_name", "company_domain", "industry", "country", "region")
_LONG: Final[dict[str, dict[str, object]]] = {
    "visitors": {
        **{"id": LONG_VISITOR, "site_id": 1, "key": "long", "first_at": 0, "last_at": 0, "visits": 1, "page_views": 1},
        **{"downloads": 0, "engaged_ms": 0, "heard_at": 0},
    },
    "leads": {
        **{"id": LONG_LEAD, "site_id": 1, "kind": "visitor", **dict.fromkeys(_EMPTY, ""), "role": "unknown"},
        **{"channel": "direct", "visitors": 1, "first_at": 0, "status": "open", "version": 1},
    },
    "lead_visitors": {"visitor_id": LONG_VISITOR, "site_id": 1, "lead_id": LONG_LEAD, "home_id": LONG_LEAD, "claims": "[]"},
    "lead_scores": {
        **{"scorecard_id": 0, "lead_id": LONG_LEAD, "heat": 1.0, "priority": 1.0, "topics": " ", "last_at": 0},
        **{"visits": 1, "page_views": 1, "downloads": 0, "engaged_ms": 0, "revision": 1, "state": b""},
    },
}


def _hold_no_checks(made: Database, connection: Connection) -> None:
    """Have PostgreSQL look up no references: of rows made here they are right, and checking takes most of the time."""
    if not made.is_sqlite:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
