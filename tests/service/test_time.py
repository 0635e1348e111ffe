"""Very many leads, and time that passes: the hot list stays a stretch of an index, and no row is touched."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

import psycopg
import pytest
from sqlalchemy import make_url, text

from scorer.cooling import announce_cooled
from scorer.hot_list import Place, Wanted, rank, ranked_query
from scorer.scorecards import StoredCard, current_cards
from tests.factories import DAY, NOW, World

MANY = 200_000
"""Leads. An index shows with so many whether it is used; the figures for a million are in the benchmark."""
HOT_ONE_IN = 100
LEADS = (
    "leads (id, site_id, kind, name, email, title, phone, company_name, company_domain, industry, country, region, role, "
    "channel, visitors, first_at, status, version)"
)
SCORES = (
    "lead_scores (scorecard_id, lead_id, heat, priority, hot_since, topics, last_at, visits, page_views, downloads, "
    "engaged_ms, revision, state)"
)
NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count) ",
    "postgresql": "WITH numbers AS (SELECT n FROM generate_series(1, :count) AS n) ",
}


def fill(world: World, stored: StoredCard) -> None:
    """Leads of all heats, one in a hundred of them announced as hot; none that cools within two days."""
    one_point = stored.card.decay.threshold_heat(1, NOW)
    # Spread by a multiplicative hash, so that heat has nothing to do with the order in the table.
    share = "((CAST(n AS bigint) * 7919) % 999983) / 999983.0"
    heat = f"CASE WHEN n % {HOT_ONE_IN} = 0 THEN :hot * (1.5 + {share}) ELSE :point * 5 * {share} END"
    since = f"CASE WHEN n % {HOT_ONE_IN} = 0 THEN CAST(:now AS bigint) END"
    person = "'visitor', '', '', '', '', '', '', '', '', '', 'unknown', 'direct', 1"
    rows = {
        LEADS: f"SELECT 'ld_' || n, :site, {person}, :now, 'open', 1 FROM numbers",
        SCORES: f"SELECT :card, 'ld_' || n, {heat}, {heat}, {since}, ' ', :now, 1, 1, 0, 0, 1, :state FROM numbers",
    }
    with world.database.writing() as connection:
        kind = connection.dialect.name
        values = {"count": MANY, "site": stored.site_id, "card": stored.id, "now": NOW, "state": b""}
        values |= {"hot": one_point * stored.card.enter, "point": one_point}
        for table, select in rows.items():
            insert = f"INSERT INTO {table} "
            connection.execute(
                text(NUMBERS[kind] + insert + select if kind == "sqlite" else insert + NUMBERS[kind] + select), values
            )
        connection.execute(text("ANALYZE"))


def watch_writes(url: str) -> Callable[[], tuple[object, ...]]:
    """Return what tells whether anything was written to the leads and their scores since it was last asked."""
    if not url.startswith("sqlite"):
        connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
        queries = (
            "SELECT count(*), sum(version), max(xmin::text::bigint) FROM leads",
            "SELECT count(*), sum(revision), max(xmin::text::bigint), sum(hot_since) FROM lead_scores",
        )
        return lambda: tuple(connection.execute(query).fetchone() for query in queries)
    file = sqlite3.connect(make_url(url).database or "")
    # Changes whenever another connection has committed a change to the file.
    told = "SELECT sum(version) FROM leads", "SELECT sum(revision) FROM lead_scores", "PRAGMA data_version"
    return lambda: tuple(file.execute(query).fetchone() for query in told)


def read(world: World, stored: StoredCard, wanted: Wanted, after: Place | None, now: int) -> tuple[list[str], float]:
    """The ids of a page of the list, and how many milliseconds the best of five took."""
    with world.database.reading() as connection:
        best, found = 1e9, []
        for _ in range(5):
            started = time.perf_counter()
            found = [row.id for row in rank(connection, stored, wanted, after, 50, now).rows]
            best = min(best, time.perf_counter() - started)
    return found, 1000 * best


def test_of_very_many_leads_the_hot_ones_are_read_off_an_index_and_a_day_touches_no_row(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(database_url)
    with world.database.reading() as connection:
        stored = current_cards(connection)[world.nordwind.id]
    card = stored.card
    started = time.monotonic()
    fill(world, stored)
    filled = time.monotonic() - started
    assert filled < 60

    middle = Place(card.decay.threshold_heat(2 * card.enter, NOW), "ld_m")
    took = []
    written = watch_writes(database_url)
    before = written()
    for now in (NOW, NOW + DAY):
        for wanted in (Wanted(), Wanted(min_score=0.0), Wanted(min_score=30.0)):
            for after in (None, middle):
                query = ranked_query(stored, wanted, after, 51, now)
                with world.database.reading() as connection:
                    statement = query.compile(connection, compile_kwargs={"literal_binds": True})
                    explain = "EXPLAIN QUERY PLAN" if world.database.is_sqlite else "EXPLAIN"
                    plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}"))
                assert ("ix_lead_scores_hot" if wanted == Wanted() else "ix_lead_scores_priority") in plan, plan
                for costly in ("Seq Scan", "Bitmap", "Sort", "SCAN", "TEMP B-TREE"):
                    assert costly not in plan, plan
                found, milliseconds = read(world, stored, wanted, after, now)
                assert len(found) == 50
                took.append(milliseconds)
        with world.database.writing() as connection:
            ticked = time.perf_counter()
            assert announce_cooled(connection, now) == 0
            ticked = 1000 * (time.perf_counter() - ticked)
    with capsys.disabled():
        print(
            f"\n    filled in {filled:.1f} s; a page in {max(took):.1f} ms at most; a cooling tick in {ticked:.1f} ms",
            end=" ",
        )
    assert max(took) < 1000
    assert written() == before
    first = read(world, stored, Wanted(), None, NOW)[0]
    assert read(world, stored, Wanted(), None, NOW + DAY)[0] == first
