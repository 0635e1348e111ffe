"""The ranking: in order, whole, without repeats, and read straight off an index."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import text

from scorer.hot_list import SCANNED_AT_MOST, Place, Wanted, rank, ranked_query
from scorer.scorecards import StoredCard, current_cards
from tests.factories import DAY, NOW, World, buyer, identify, page, passer_by

EVERYONE = Wanted(min_score=0.0)


def card_of(world: World) -> StoredCard:
    with world.database.reading() as connection:
        return current_cards(connection)[world.nordwind.id]


def listed(world: World, wanted: Wanted, limit: int = 50, now: int = NOW) -> list[str]:
    """All pages together."""
    ids: list[str] = []
    after: Place | None = None
    while True:
        with world.database.reading() as connection:
            found = rank(connection, card_of(world), wanted, after, limit, now)
        ids += [row.id for row in found.rows]
        assert len(found.rows) <= limit
        if found.next is None:
            return ids
        after = found.next


@pytest.mark.parametrize("seed", range(3))
def test_paging_gives_every_lead_once_however_many_come_in_between(database_url: str, seed: int) -> None:
    world, chance = World(database_url), random.Random(seed)
    stored = card_of(world)
    one_point = stored.card.decay.threshold_heat(1, NOW)
    steps = [one_point * points for points in (43.0, 50.0, 60.0, 61.5, 200.0)]  # few, so that many are equal
    there = set(world.add_plain_leads(chance.choices(steps, k=80)))
    priorities: list[tuple[float, str]] = []
    after: Place | None = None
    while True:
        with world.database.reading() as connection:
            found = rank(connection, stored, Wanted(), after, chance.randint(1, 12), NOW)
        priorities += [(-row.priority, row.id) for row in found.rows]
        if found.next is None:
            break
        after = found.next
        world.add_plain_leads(chance.choices(steps, k=3))
    ids = [lead for _, lead in priorities]
    assert priorities == sorted(priorities)
    assert len(set(ids)) == len(ids)
    assert there <= set(ids)


def test_the_hot_list_is_those_told_hot_and_not_faded_since(database_url: str) -> None:
    world = World(database_url)
    stored = card_of(world)
    one_point = stored.card.decay.threshold_heat(1, NOW)
    hottest, hot, cooling, faded = world.add_plain_leads([one_point * points for points in (90, 60, 42.1, 41.9)])
    warm = world.add_plain_leads([one_point * 59], hot=False)[0]
    world.add_plain_leads([one_point * 95], company=world.huadong)
    assert listed(world, Wanted()) == [hottest, hot, cooling]
    assert listed(world, Wanted(), now=NOW + DAY) == [hottest, hot]
    assert listed(world, Wanted(), now=NOW + 60 * DAY) == []
    assert listed(world, EVERYONE) == [hottest, hot, warm, cooling, faded]
    assert listed(world, Wanted(min_score=50.0)) == [hottest, hot, warm, cooling, faded]  # 40 points score 50
    assert listed(world, Wanted(min_score=52.0)) == [hottest, hot, warm]


def test_filters_are_applied_along_the_ranking(database_url: str) -> None:
    world = World(database_url)
    gauges = [page("reader", f"/products/pressure-gauge-{n}", NOW - n * DAY, view=f"r{n}") for n in range(1, 4)]
    world.feed([*buyer("anna"), *buyer("bela", NOW - 5 * DAY), *gauges, *passer_by("cai"), *passer_by("dora")])
    anna, bela, reader = (world.nordwind.lead(who) for who in ("anna", "bela", "reader"))
    with world.database.writing() as connection:
        connection.execute(text("UPDATE leads SET owner = 'ben' WHERE id = :id"), {"id": bela})
    everyone = listed(world, EVERYONE)
    assert everyone[:3] == [anna, bela, reader]
    for limit in (1, 2, 50):
        assert listed(world, Wanted(0.0, topic="flow-meter"), limit) == [anna, bela]
        assert listed(world, Wanted(0.0, topic="pressure-gauge-1"), limit) == [reader]
        assert listed(world, Wanted(0.0, stage="decision"), limit) == [anna, bela]
        assert listed(world, Wanted(0.0, stage="awareness"), limit) == everyone[3:]
        assert listed(world, Wanted(0.0, owner="ben"), limit) == [bela]
        assert listed(world, Wanted(0.0, owner=""), limit) == [anna, *everyone[2:]]
        assert listed(world, Wanted(0.0, topic="flow-meter", owner="ben"), limit) == [bela]
        assert listed(world, Wanted(0.0, grade="A"), limit) == []


def test_a_page_that_finds_too_little_stops_and_the_next_goes_on(sqlite_url: str) -> None:
    world = World(sqlite_url)
    stored = card_of(world)
    world.add_plain_leads([1e9 + number for number in range(SCANNED_AT_MOST + 500)])
    world.feed([page("late", "/products/valve", NOW - 90 * DAY)])
    wanted = Wanted(0.0, topic="valve")
    with world.database.reading() as connection:
        first = rank(connection, stored, wanted, None, 10, NOW)
        assert first.rows == []
        assert first.next is not None
        second = rank(connection, stored, wanted, first.next, 10, NOW)
    assert [row.id for row in second.rows] == [world.nordwind.lead("late")]
    assert second.next is None


def test_a_search_finds_beginnings_of_names_addresses_and_companies(database_url: str) -> None:
    world = World(database_url)
    world.feed(
        [
            identify("a", NOW - DAY, name="Anna Lindqvist", email="al@halden.example", company="Halden Water"),
            identify("b", NOW - DAY, name="王小明", email="wang@kelu.example", company="科陆 100%"),
            identify("c", NOW - DAY, name="Lina_Berg", email="sales@linden.example", company="Öresund"),
        ]
    )
    a, b, c = (world.nordwind.lead(who) for who in "abc")
    for search, found in {
        "anna": {a},
        "LIND": {a, c},
        "Halden": {a},
        "halden water": {a},
        "al@": {a},
        "王": {b},
        "科陆 100%": {b},
        "%": set(),
        "lin": {a, c},
        "lina_": {c},
        "lina%": set(),
        "Öre": {c},
        "ore": {c},
        "berg": {c},
        "water anna": {a},
        "anna berg": set(),
        "小明": {b},
        "陆": {b},
        "  ": {a, b, c},
        a: {a},
        a.upper(): {a},
        f"ld_{'a' * 16}": set(),
        "\0": {a, b, c},
        "\\": set(),
        "nobody": set(),
    }.items():
        assert set(listed(world, Wanted(0.0, search=search))) == found, search


@pytest.mark.parametrize("wanted", [Wanted(), EVERYONE, Wanted(min_score=50.0)], ids=["hot", "all", "from a score up"])
def test_the_ranking_is_read_off_an_index_in_order_whatever_the_size_of_the_table(database_url: str, wanted: Wanted) -> None:
    world, chance = World(database_url), random.Random(1)
    stored = card_of(world)
    one_point = stored.card.decay.threshold_heat(1, NOW)
    world.add_plain_leads([one_point * chance.expovariate(1 / 8) for _ in range(19_000)], hot=False)
    world.add_plain_leads([one_point * (42 + chance.expovariate(1 / 30)) for _ in range(1000)])
    world.add_plain_leads([one_point * chance.expovariate(1 / 8) for _ in range(10_000)], company=world.huadong)
    with world.database.writing() as connection:
        connection.execute(text("ANALYZE"))
    for after in (None, Place(one_point * 60, "ld_m")):
        query = ranked_query(stored, wanted, after, 51, NOW)
        with world.database.reading() as connection:
            statement = query.compile(connection, compile_kwargs={"literal_binds": True})
            explain = "EXPLAIN QUERY PLAN" if world.database.is_sqlite else "EXPLAIN"
            plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}"))
        assert ("ix_lead_scores_hot" if wanted == Wanted() else "ix_lead_scores_priority") in plan
        for costly in ("Seq Scan", "Bitmap", "Sort", "SCAN", "TEMP B-TREE"):
            assert costly not in plan, plan
