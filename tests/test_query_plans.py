"""No page and no route of the API reads more of a large table than it shows.

Every statement that they send is caught and explained, on data where each large table has more rows than any list reads. On
PostgreSQL the statement is run once more, and the rows that each of its steps has read are counted. On SQLite its plan is
read: no large table may be read from end to end, nor all that a site has of it be collected to be sorted or counted.
What grows with the tables by its nature is in ``GROWS``, with the reason; whatever else does is a failure, and so is a
reason that no longer applies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pytest
from flask import Flask
from sqlalchemy import Connection, event, text

from bench.query_data import fill_site
from scorer.core.segment import Condition
from scorer.hot_list import SCANNED_AT_MOST
from scorer.outlets.api import make_blueprint
from scorer.outlets.routes import ROUTES as API_ROUTES
from scorer.segments import add_segment
from scorer.web.blueprint import make_blueprint as make_pages
from scorer.web.routes import ROUTES as WEB_ROUTES
from tests.factories import World
from tests.security_world import Everybody
from tracker.settings import Settings

LEADS: Final = 6000
READ_AT_MOST: Final = SCANNED_AT_MOST + 500
"""Rows of one table that one statement may read: those of a page through a filter, and some beside."""
LARGE: Final = frozenset(
    {
        *("visitors", "visits", "events", "leads", "lead_scores", "lead_visitors", "lead_changes", "lead_words"),
        *("accounts", "account_words", "outcomes", "identities", "notes"),
    }
)
"""Tables that grow with what visitors and salespeople do."""
URL: Final = "https://leads.example.com"
WRITES: Final[Mapping[str, Mapping[str, str]]] = {
    "claimLead": {},
    "releaseLead": {},
    "snoozeLead": {"until": "2026-11-25T00:00:00Z"},
    "recordOutcome": {"kind": "won"},
    "addNote": {"text": "a note"},
    "labelLead": {"scheme": "size", "label": "large"},
    "excludeLead": {"reason": "staff", "why": "because"},
    "exportPerson": {"email": "nora@north.example"},
    "erasePerson": {"email": "nora@north.example", "why": "because"},
}
"""What is done to one lead, in this order."""
COHORT: Final = "counts the leads first seen in the period, and reads the feed since it began: as long as the period is"
COUNTS: Final = "tells how many leads there are, which is to count them"
GROWS: Final[Mapping[str, str]] = {
    "/api/v1/segments": COUNTS,
    "/api/v1/scorecards": COUNTS,
    "/api/v1/scorecards/{number}": COUNTS,
    "/scorecard": COUNTS,
    "/scorecard/<number>": COUNTS,
    "/scorecard/filling": COUNTS,
    "/learning": COUNTS,
    "/learning/fit": "compares those who have bought with those who haven't, the latest of each",
    "/api/v1/reports/funnel": COHORT,
    "/api/v1/reports/sources": COHORT,
    "/api/v1/reports/contact": COHORT,
    "/api/v1/reports/attention": "counts the leads that were active in the period",
    "/reports": COHORT,
    "/reports/<report>": COHORT,
    "/reports/<report>/<table>.csv": COHORT,
}
"""Addresses whose statements may read more, and why."""
LISTS: Final = (
    "/api/v1/hot-leads?limit=200",
    "/api/v1/hot-leads?min_score=0&topic=nothing",
    "/api/v1/hot-leads?min_score=40&grade=D",
    "/api/v1/hot-leads?explore=true",
    "/api/v1/leads?q=works",
    "/api/v1/leads?q=nora",
    "/api/v1/leads?owner=nobody",
    "/api/v1/accounts?q=works",
    "/api/v1/accounts?q=north",
    "/api/v1/changes?limit=200",
    "/api/v1/changes?cursor=now",
    "/hot?topic=nothing",
    "/leads?q=nora",
    "/accounts?q=works",
)
"""Lists as they are asked for with filters and searches."""


class Statements:
    """What is sent to a database, with what each statement reads; by the address that is asked for."""

    def __init__(self) -> None:
        self.asking = ""
        self.trouble: dict[str, list[str]] = {}
        self.seen = 0
        self._busy = False

    def before(self, connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        """SQLAlchemy calls this before each statement."""
        if not self.asking or self._busy or many or not re.match(r"\s*(SELECT|WITH|UPDATE|DELETE|INSERT)", statement):
            return
        self._busy = True
        try:
            found = _found_sqlite if connection.dialect.name == "sqlite" else _found_postgresql
            self.seen += 1
            for one in found(cursor.connection, statement, parameters):
                self.trouble.setdefault(self.asking, []).append(f"{one}\n    {' '.join(statement.split())[:400]}")
        finally:
            self._busy = False


def _found_postgresql(raw: Any, statement: str, parameters: Any) -> Iterator[str]:
    """Yield what a statement reads too much of: it is run in a savepoint, and taken back."""
    with raw.cursor() as cursor:
        cursor.execute("SAVEPOINT explained")
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters)
        (plan,) = cursor.fetchone()
        cursor.execute("ROLLBACK TO explained")
    steps = [json.loads(plan)[0]["Plan"] if isinstance(plan, str) else plan[0]["Plan"]]
    while steps:
        step = steps.pop()
        steps += step.get("Plans", ())
        table = re.sub(r"_\d+$", "", step.get("Relation Name", ""))
        removed = step.get("Rows Removed by Filter", 0) + step.get("Rows Removed by Index Recheck", 0)
        read = (step["Actual Rows"] + removed) * step["Actual Loops"]
        if table in LARGE and read > READ_AT_MOST:
            yield f"{step['Node Type']} reads {read:,.0f} rows of {table}"


_ACCESS: Final = re.compile(
    r"(SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?INDEX (\w+)| USING (?:INTEGER )?PRIMARY KEY)?(?: \((.*)\))?"
)
_WHOSE: Final = {"site_id", "scorecard_id"}


def _found_sqlite(raw: Any, statement: str, parameters: Any) -> Iterator[str]:
    """Yield what a statement's plan reads too much of."""
    plan = [(row[1], row[3]) for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    sorting = {parent for parent, step in plan if "TEMP B-TREE" in step}
    stops = " LIMIT " in f" {' '.join(statement.split())} "
    names = dict(re.findall(r"(\w+) AS (\w+)", statement))
    tables = {**{name: name for name in LARGE}, **{alias: name for name, alias in names.items()}}
    for parent, step in plan:
        access = _ACCESS.match(step)
        if access is None or tables.get(access[2]) not in LARGE:
            continue
        end = re.search(rf"(?:min|max)\({access[2]}\.(\w+)\)", statement)
        if end is not None and parent not in sorting and (access[3] or "").endswith(f"_{end[1]}"):
            continue  # One end of an index.
        wanted = set(re.findall(r"(\w+)[=<>]", access[4] or "")) - _WHOSE
        if not wanted and (parent in sorting or not stops or (access[1] == "SCAN" and access[3] is None)):
            yield f"reads all: {step}"


def _pretend_more(connection: Connection) -> None:
    """Have the planner take the tables for a thousand times as large: what is right for some thousand rows needn't be for
    millions. The statistics of columns are shares of the table, and hold for it."""
    connection.execute(text("ANALYZE"))
    tables = ", ".join(f"'{name}'" for name in sorted(LARGE))
    if connection.dialect.name == "sqlite":
        for rowid, stat in connection.execute(text(f"SELECT rowid, stat FROM sqlite_stat1 WHERE tbl IN ({tables})")).all():
            rows, *alike = stat.split()
            more = [f"{rows}000", *(f"{one}000" if int(one) > int(rows) / 2 else one for one in alike)]
            change = text("UPDATE sqlite_stat1 SET stat = :stat WHERE rowid = :rowid")
            connection.execute(change, {"stat": " ".join(more), "rowid": rowid})
        connection.execute(text("ANALYZE sqlite_schema"))
        return
    of_tables = f"SELECT oid FROM pg_class WHERE relname IN ({tables})"
    # Partitions, and the indexes of both.
    parts = f"SELECT inhrelid FROM pg_inherits WHERE inhparent IN ({of_tables})"
    indexes = f"SELECT indexrelid FROM pg_index WHERE indrelid IN ({of_tables} UNION {parts})"
    every = f"{of_tables} UNION {parts} UNION {indexes}"
    # A table of a thousand times as many rows has as many pages, which can't be pretended: they cost as much more instead.
    connection.execute(text(f"UPDATE pg_class SET reltuples = reltuples * 1000 WHERE reltuples > 0 AND oid IN ({every})"))


def _charge_for_pages(raw: Any, record: Any) -> None:
    raw.execute("SET seq_page_cost = 1000")
    raw.commit()


@contextmanager
def caught(world: World) -> Iterator[Statements]:
    statements = Statements()
    engine = world.database.engine
    if not world.database.is_sqlite:
        engine.dispose()
        event.listen(engine, "connect", _charge_for_pages)
    event.listen(engine, "before_cursor_execute", statements.before)
    yield statements
    event.remove(engine, "before_cursor_execute", statements.before)


@pytest.fixture
def everybody(database_url: str) -> Iterator[Everybody]:
    world = World(database_url)
    fill_site(world.database, LEADS, leads_a_company=2)
    everybody = Everybody(world)
    with world.database.writing() as connection:
        add_segment(connection, world.nordwind.id, "germans", Condition(field="country", is_="DE"), world.now)
        _pretend_more(connection)
    yield everybody
    world.database.close()


def test_no_page_and_no_route_reads_more_of_a_table_than_it_shows(everybody: Everybody) -> None:
    world = everybody.world
    app = Flask("plans", static_folder=None)
    settings = Settings(public_url=URL, api_rate="100000,100000")
    app.register_blueprint(make_blueprint(world.database, settings, lambda: world.now))
    app.register_blueprint(make_pages(world.database, settings, b"secret", None, lambda: world.now))
    client = app.test_client(use_cookies=False)
    token = everybody.tokens["admin"]
    cookies = {"Cookie": f"__Host-warmtrail_session={token}; warmtrail_form=bound", "Accept": "text/html"}
    routes = ["/api/v1" + route.path for route in API_ROUTES if route.method == "GET"]
    routes += [route.path for route in WEB_ROUTES if route.method == "GET"]
    with caught(world) as statements:
        for route in [*routes, *LISTS]:
            statements.asking = route
            path = route if route in LISTS else everybody.path(route)
            key = everybody.keys["admin"]
            headers = {"Authorization": f"Bearer {key}"} if path.startswith("/api") else cookies
            answer = client.get(path, base_url=URL, headers=headers)
            assert answer.status_code < 500, (path, answer.text[:500])
        for name, body in WRITES.items():
            write = next(one for one in API_ROUTES if one.name == name)
            statements.asking = f"{write.method} {write.path}"
            headers = {"Authorization": f"Bearer {everybody.keys['admin']}"}
            answer = client.open(f"/api/v1{everybody.path(write.path)}", method=write.method, json=body, headers=headers)
            assert answer.status_code < 300, (name, answer.text[:500])
    for route, found in statements.trouble.items():
        print(route, *found, sep="\n  ")  # shown where the next lines fail
    assert statements.seen > 300
    assert statements.trouble.keys() <= GROWS.keys()
    # SQLite's plans don't tell how much is read off an index.
    assert world.database.is_sqlite or statements.trouble.keys() == GROWS.keys()


def test_a_query_without_an_index_is_caught(everybody: Everybody) -> None:
    bad = {
        "filter": "SELECT id FROM leads WHERE phone = '1'",
        "sort": "SELECT lead_id FROM lead_scores WHERE scorecard_id = 1 ORDER BY last_at DESC LIMIT 50",
        "count": "SELECT count(*) FROM lead_changes WHERE site_id = 1",
        "join": "SELECT leads.id FROM leads JOIN events ON events.user_id = leads.id LIMIT 50",
        "change": "UPDATE visitors SET visits = visits WHERE key LIKE '%1'",
    }
    good = "SELECT lead_id FROM lead_scores WHERE scorecard_id = 1 ORDER BY priority DESC, lead_id LIMIT 50"
    with caught(everybody.world) as statements, everybody.world.database.writing() as connection:
        for name, statement in {**bad, "good": good}.items():
            statements.asking = name
            connection.execute(text(statement))
    assert statements.trouble.keys() == bad.keys()
