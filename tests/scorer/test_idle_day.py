"""On a day on which nothing happens no score is written, and what the jobs read doesn't grow with the leads."""

from __future__ import annotations

import sys

import pytest
from sqlalchemy import select

from bench.idle import Meter, idle_jobs
from scorer import recommendations
from scorer.feature_reading import seen_leads
from scorer.models import audit, lead_changes, lead_scores, lead_visitors, leads, outcomes
from scorer.resources import now_ms
from scorer.scorecards import current_cards
from tests.factories import World, buyer, page
from tracker.db import Database
from tracker.models import events, visitors, visits
from tracker.sites import SiteSettings, change_site

FEW, MANY = 60, 600
GROWING = (visitors, visits, events, leads, lead_visitors, lead_scores, lead_changes, outcomes, audit)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample of leads is bounded; here the bound is below the smaller number of them. And nothing is learned."""
    monkeypatch.setattr(recommendations, "LEADS_AT_MOST", 20)
    monkeypatch.setitem(sys.modules, "scorer.learning.classes_job", None)


def rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in GROWING
        }


def test_an_idle_day_writes_no_score_and_reads_no_more_of_more_leads(database_url: str) -> None:
    # PostgreSQL reads a small table whole, index or no index; as of a large one it shall take the index.
    suffix = "" if database_url.startswith("sqlite") else "&options=-c%20enable_seqscan%3Doff"
    now = now_ms()
    world = World(database_url + suffix, now=now)
    with world.database.writing() as connection:
        for company in (world.nordwind, world.huadong):  # Drawn once a week, which may be on the day that is measured.
            change_site(connection, company.id, SiteSettings(explore_percent=0))
    measured = {}
    with idle_jobs(world.database, times_a_day=2) as run_day:
        for count, day in ((FEW, 1), (MANY, 3)):
            world.feed([page(f"v{number}", f"/products/{number % 9}", now) for number in range(count)])
            world.feed([event for number in range(5) for event in buyer(f"buyer {count} {number}", now)])
            run_day(day, Meter(world.database))  # What happened is seen to.
            before = rows(world.database)
            measured[count] = Meter(world.database)
            run_day(day + 1, measured[count])
            assert rows(world.database) == before
        whole = Meter(world.database)
        with world.database.reading() as connection:
            card = current_cards(connection)[world.nordwind.id].id

        def look_at_all() -> None:
            with world.database.reading() as connection:
                assert len(seen_leads(connection, card)) >= MANY

        whole.measure("all", look_at_all)
    world.database.close()
    few, many = measured[FEW], measured[MANY]
    assert (few.written, many.written) == (0, 0)
    assert whole.read > MANY  # What reads all leads is noticed.
    more = {name: read - few.by_job.get(name, 0) for name, read in many.by_job.items()}
    assert sum(more.values()) < whole.read / 2, [one for one in more.items() if one[1]]
