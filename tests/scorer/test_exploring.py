"""Exploratory leads on both databases: who may be drawn, that the draw stands for the week, and who is told of it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text, update

from scorer import exploring
from scorer.claims import claim
from scorer.exploring import draw_for_all, draw_for_week
from scorer.forgetting import forget_memberships
from scorer.learning_models import explored_leads
from scorer.memberships import members
from scorer.models import lead_changes, lead_scores, leads
from scorer.outcomes import record
from scorer.scorecards import StoredCard, current_cards
from scorer.sites import set_site
from tests.factories import DAY, HOUR, NOW, World, buyer, passer_by
from tracker import store
from tracker.sites import Site, load_sites

MONDAY = NOW - 3 * DAY - 10 * HOUR - 30 * 60_000


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url)
    yield world
    world.database.close()


@contextmanager
def at_work(world: World) -> Iterator[tuple[Connection, Site, StoredCard]]:
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        yield connection, site, current_cards(connection)[site.id]


def heat(world: World, points: float) -> float:
    with world.database.reading() as connection:
        return current_cards(connection)[world.nordwind.id].card.decay.heat(points, world.now)


def explore(world: World, percent: int) -> None:
    with at_work(world) as (connection, site, _):
        set_site(connection, site, [f"explore_percent={percent}"], "ada", "", world.now)


def draw(world: World) -> list[str]:
    with at_work(world) as (connection, site, stored):
        return draw_for_week(connection, site, stored, world.now)


def stored_draws(world: World) -> list[Any]:
    with world.database.reading() as connection:
        return list(connection.execute(select(explored_leads).order_by(explored_leads.c.since, explored_leads.c.lead_id)))


def test_a_share_of_the_list_is_drawn_from_the_leads_that_are_not_hot(world: World) -> None:
    hot = world.add_plain_leads([heat(world, 100)] * 16)
    others = world.add_plain_leads([heat(world, 15)] * 40, hot=False)
    explore(world, 20)
    drawn = draw(world)
    assert len(drawn) == 4
    assert set(drawn) <= set(others)
    assert not set(drawn) & set(hot)
    rows = stored_draws(world)
    assert [row.lead_id for row in rows] == drawn
    assert {(row.since, row.until, row.share) for row in rows} == {(NOW, MONDAY + 7 * DAY, 0.1)}


def test_the_draw_stands_until_the_week_is_over_and_nobody_is_drawn_twice_in_a_row(world: World) -> None:
    world.add_plain_leads([heat(world, 100)] * 16)
    world.add_plain_leads([heat(world, 15)] * 12, hot=False)
    explore(world, 20)
    first = draw(world)
    world.now = NOW + 2 * DAY
    assert draw(world) == []
    assert len(stored_draws(world)) == 4
    world.now = MONDAY + 7 * DAY + HOUR
    with world.database.writing() as connection:
        connection.execute(update(lead_scores).values(heat=lead_scores.c.heat * 2, last_at=world.now))
    second = draw(world)
    assert len(second) == 4
    assert not set(first) & set(second)


@pytest.mark.parametrize("percent", [0, 5])
def test_nobody_is_drawn_where_nobody_is_hot_or_it_is_switched_off(world: World, percent: int) -> None:
    if percent == 0:
        world.add_plain_leads([heat(world, 100)] * 16)
    world.add_plain_leads([heat(world, 15)] * 12, hot=False)
    explore(world, percent)
    assert draw(world) == []


def test_of_a_short_hot_list_somebody_is_drawn_in_some_weeks(world: World) -> None:
    world.add_plain_leads([heat(world, 100)] * 5)
    world.add_plain_leads([heat(world, 15)] * 30, hot=False)
    explore(world, 20)
    weeks = []
    for week in range(12):
        world.now = NOW + 7 * DAY * week
        with world.database.writing() as connection:
            card = current_cards(connection)[world.nordwind.id].card
            is_hot = lead_scores.c.hot_since.is_not(None)
            for which, points in ((is_hot, 100), (~is_hot, 15)):
                values = {"heat": card.decay.heat(points, world.now), "last_at": world.now}
                connection.execute(update(lead_scores).where(which).values(values))
        weeks.append(len(draw(world)))
    # 1.25 expected, so one or two.
    assert set(weeks) == {1, 2}


def test_who_may_not_be_drawn_is_never_drawn(world: World) -> None:
    world.add_plain_leads([heat(world, 100)] * 70)
    free, *others = world.add_plain_leads([heat(world, 15)] * 10, hot=False)
    explore(world, 20)

    def written(table: Any, column: str, lead: str, **values: Any) -> None:
        connection.execute(update(table).where(table.c[column] == lead).values(values))

    with at_work(world) as (connection, site, _):
        written(lead_scores, "lead_id", others[0], hot_since=NOW)
        written(lead_scores, "lead_id", others[1], last_at=NOW - 29 * DAY)
        written(lead_scores, "lead_id", others[2], heat=heat(world, 0.5))
        written(leads, "id", others[3], exclusion="staff")
        written(leads, "id", others[4], merged_into=free)
        claim(connection, site, others[5], "ben", "ben", NOW)
        for lead, outcome in zip(others[6:], ("not_now", "won", "contacted"), strict=True):
            record(connection, site, lead, outcome, "ben", NOW)  # type: ignore[arg-type]
    assert draw(world) == [free]


def test_two_at_once_draw_once(world: World) -> None:
    world.add_plain_leads([heat(world, 100)] * 16)
    world.add_plain_leads([heat(world, 15)] * 40, hot=False)
    explore(world, 20)
    counts: list[int] = []
    crons = [threading.Thread(target=lambda: counts.append(draw_for_all(world.database, world.now))) for _ in range(3)]
    for cron in crons:
        cron.start()
    for cron in crons:
        cron.join()
    assert sorted(counts) == [0, 0, 4]
    assert len(stored_draws(world)) == 4


def test_a_part_of_very_many_leads_is_looked_at_by_stretches_of_an_index(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_plain_leads([heat(world, 100)] * 16)
    others = world.add_plain_leads([heat(world, 15)] * 800, hot=False)
    explore(world, 20)
    monkeypatch.setattr(exploring, "LOOKED_AT", 50)
    monkeypatch.setattr(exploring, "_SAMPLE", 40)
    drawn = draw(world)
    assert len(drawn) == 4
    assert set(drawn) <= set(others)
    # About 1/8 of the circle is looked at, so the chance is as if all were; not to the last digit, which is luck.
    [share] = {row.share for row in stored_draws(world)}
    assert 0.5 * 4 / 800 < share < 2 * 4 / 800
    with at_work(world) as (connection, site, stored):
        query = exploring._candidates(site, stored, ("ld_a222222222222222", "ld_b222222222222222"), NOW)
        sql = str(query.compile(connection.engine, compile_kwargs={"literal_binds": True}))
        explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = " ".join(str(row) for row in connection.execute(text(explain + sql.replace(":", "\\:"))))
    # Which of the indexes that have the lead's id PostgreSQL takes depends on what it knows of the table so far.
    assert re.search(r"(pk_lead_scores|ix_lead_scores_lead_id|pk_leads) on|PRIMARY KEY", plan)
    assert "Seq Scan" not in plan
    assert re.search(r"lead_id\)?(::text)? ?>", plan)
    assert re.search(r"lead_id\)?(::text)? ?<", plan)


def test_sales_are_told_nothing_of_a_draw(world: World) -> None:
    world.add_plain_leads([heat(world, 100)] * 16)
    world.add_plain_leads([heat(world, 15)] * 40, hot=False)
    explore(world, 20)
    assert draw_for_all(world.database, world.now) == 4
    with world.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(lead_changes)).scalar_one() == 0
        hot = select(func.count()).select_from(lead_scores).where(lead_scores.c.hot_since.is_not(None))
        assert connection.execute(hot).scalar_one() == 16


def test_the_draw_goes_with_a_lead_that_is_erased(world: World) -> None:
    world.feed([*buyer("anna"), *passer_by("bo")])
    bo = world.nordwind.lead("bo")
    with world.database.writing() as connection:
        row = {"site_id": world.nordwind.id, "lead_id": bo, "since": NOW, "until": NOW + DAY, "share": 0.1}
        connection.execute(explored_leads.insert().values(row))
    with world.database.writing() as connection:
        ids = members(connection, [bo])[bo]
        store.delete_visitors(connection, ids)
        forget_memberships(connection, ids, NOW)
    assert stored_draws(world) == []


class TestApi:
    """The hot list of the API: the exploratory leads only for those who ask."""

    @pytest.fixture
    def drawn(self, world: World) -> list[str]:
        world.add_plain_leads([heat(world, 100 + place) for place in range(16)])
        world.add_plain_leads([heat(world, 15)] * 40, hot=False)
        explore(world, 20)
        return draw(world)

    def test_pollers_get_hot_leads_only(self, world: World, drawn: list[str]) -> None:
        data = world.client().get("/api/v1/hot-leads").get_json()["data"]
        assert len(data) == 16
        assert {(one["tier"], one["explored"]) for one in data} == {("hot", False)}

    def test_who_asks_gets_them_below_the_last_hot_one_page_by_page(self, world: World, drawn: list[str]) -> None:
        client, cursor, pages = world.client(), "", []
        while True:
            page = client.get(
                "/api/v1/hot-leads", query_string={"explore": "true", "limit": 3} | cursor_of(cursor)
            ).get_json()
            assert len(page["data"]) <= 3
            pages += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert [one["explored"] for one in pages] == [False] * 16 + [True] * 4
        assert [one["id"] for one in pages[16:]] == sorted(drawn)
        assert {(one["tier"] == "hot", one["hot_since"]) for one in pages[16:]} == {(False, None)}
        assert {(one["next_step"]["rule"], one["next_step"]["action"]) for one in pages[16:]} == {("explored", "identify")}

    def test_where_the_page_ends_with_the_hot_ones_the_next_has_the_others(self, world: World, drawn: list[str]) -> None:
        client = world.client()
        first = client.get("/api/v1/hot-leads?explore=true&limit=16").get_json()
        assert [one["explored"] for one in first["data"]] == [False] * 16
        second = client.get(f"/api/v1/hot-leads?explore=true&limit=16&cursor={first['next_cursor']}").get_json()
        assert [one["id"] for one in second["data"]] == sorted(drawn)
        assert second["next_cursor"] is None

    def test_filters_count_for_them_too(self, world: World, drawn: list[str]) -> None:
        with at_work(world) as (connection, site, _):
            claim(connection, site, drawn[0], "ben", "ben", NOW)
        data = world.client().get("/api/v1/hot-leads?explore=true&owner=ben").get_json()["data"]
        assert [one["id"] for one in data] == drawn[:1]

    def test_one_who_has_become_hot_is_hot_and_no_more(self, world: World, drawn: list[str]) -> None:
        with world.database.writing() as connection:
            card = current_cards(connection)[world.nordwind.id].card
            values = {"heat": card.decay.heat(99, NOW), "priority": card.decay.heat(99, NOW), "hot_since": NOW}
            connection.execute(update(lead_scores).where(lead_scores.c.lead_id == drawn[0]).values(values))
        data = world.client().get("/api/v1/hot-leads?explore=true").get_json()["data"]
        assert {one["id"]: one["explored"] for one in data}[drawn[0]] is False
        assert sum(one["explored"] for one in data) == 3

    def test_those_that_are_decided_on_are_off_the_list(self, world: World, drawn: list[str]) -> None:
        with at_work(world) as (connection, site, _):
            record(connection, site, drawn[0], "won", "ben", NOW)
            record(connection, site, drawn[1], "not_now", "ben", NOW)
        data = world.client().get("/api/v1/hot-leads?explore=true").get_json()["data"]
        assert [one["id"] for one in data[16:]] == drawn[2:]

    def test_the_tag_of_a_lead_changes_when_it_is_drawn(self, world: World) -> None:
        world.add_plain_leads([heat(world, 100)] * 16)
        [lead] = world.add_plain_leads([heat(world, 15)], hot=False)
        explore(world, 20)
        client = world.client()
        before = client.get(f"/api/v1/leads/{lead}")
        assert before.get_json()["explored"] is False
        assert draw(world) == [lead]
        after = client.get(f"/api/v1/leads/{lead}", headers={"If-None-Match": before.headers["ETag"]})
        assert (after.status_code, after.get_json()["explored"]) == (200, True)

    def test_nobody_follows_the_leads_of_a_least_score(self, world: World, drawn: list[str]) -> None:
        data = world.client().get("/api/v1/hot-leads?explore=true&min_score=60").get_json()["data"]
        assert not set(drawn) & {one["id"] for one in data}

    def test_a_draw_that_is_over_is_over(self, world: World, drawn: list[str]) -> None:
        world.now = MONDAY + 7 * DAY
        data = world.client().get("/api/v1/hot-leads?explore=true").get_json()["data"]
        assert not any(one["explored"] for one in data)


def cursor_of(cursor: str) -> dict[str, Any]:
    return {"cursor": cursor} if cursor else {}
