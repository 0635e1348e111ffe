"""Words of leads as they are kept: written with the lead, gone with it, and looked up without reading everybody."""

from __future__ import annotations

from sqlalchemy import Connection, select, text

from scorer import searching
from scorer.core.search import words_of
from scorer.hot_list import SCANNED_AT_MOST, Wanted, rank, ranked_query
from scorer.models import leads
from scorer.outlet_models import lead_words
from scorer.scorecards import current_cards
from scorer.searching import CANDIDATES_AT_MOST, look_up
from tests.factories import DAY, NOW, World, identify, page


def kept(connection: Connection, lead: str) -> set[str]:
    """The words kept of a lead."""
    return set(connection.execute(select(lead_words.c.word).where(lead_words.c.lead_id == lead)).scalars())


def found(world: World, search: str) -> set[str]:
    with world.database.reading() as connection:
        stored = current_cards(connection)[world.nordwind.id]
        return {row.id for row in rank(connection, stored, Wanted(0.0, search), None, 50, NOW).rows}


def test_words_follow_the_lead(database_url: str) -> None:
    world = World(database_url)
    world.feed([page("a", "/", NOW - 2 * DAY)])
    a = world.nordwind.lead("a")
    with world.database.reading() as connection:
        assert kept(connection, a) == set()
    world.feed([identify("a", NOW - DAY, name="Anna Lind", email="anna@halden.example")])
    assert found(world, "lind") == {a}
    world.feed([identify("a", NOW, name="Anna Berg")])
    assert found(world, "lind") == set()
    assert found(world, "berg halden") == {a}
    with world.database.reading() as connection:
        row = connection.execute(select(*(leads.c[name] for name in searching.TEXTS)).where(leads.c.id == a)).one()
        assert kept(connection, a) == words_of(row)


def test_people_of_other_sites_are_not_found(database_url: str) -> None:
    world = World(database_url)
    world.feed([identify("a", NOW, name="Anna Lind")], world.huadong)
    assert found(world, "anna") == set()
    assert found(world, world.huadong.lead("a")) == set()


def test_two_who_become_one_are_found_once_and_by_the_old_id(database_url: str) -> None:
    world = World(database_url)
    world.feed([identify("a", NOW - DAY, name="Anna", email="anna@halden.example")])
    world.feed([identify("b", NOW, name="Anna", email="anna@halden.example")])
    ids = {world.nordwind.lead(who) for who in "ab"}
    (one,) = found(world, "anna")
    assert [found(world, lead) for lead in ids] == [{one}] * 2


def test_a_word_that_many_have_is_looked_for_along_the_ranking(sqlite_url: str) -> None:
    world = World(sqlite_url)
    ids = world.add_plain_leads([1e9 + number for number in range(CANDIDATES_AT_MOST + 50)])
    with world.database.writing() as connection:
        connection.execute(text("UPDATE leads SET name = 'Anna ' || id"))
        named = connection.execute(select(leads)).mappings().all()
        searching.keep_words(connection, named)
    with world.database.reading() as connection:
        stored = current_cards(connection)[world.nordwind.id]
        assert look_up(connection, world.nordwind.id, "anna") == searching.Found(None, ("anna",))
        first = rank(connection, stored, Wanted(0.0, "anna"), None, 40, NOW)
        assert [row.id for row in first.rows] == list(reversed(ids))[:40]
        # The rare word says where to look; the common one is asked of each there.
        assert look_up(connection, world.nordwind.id, f"anna {ids[7]}") == searching.Found(frozenset([ids[7]]), ("anna",))
        assert [row.id for row in rank(connection, stored, Wanted(0.0, f"anna {ids[7]}"), None, 40, NOW).rows] == [ids[7]]
    assert len(ids) < SCANNED_AT_MOST


def test_a_search_looks_leads_up_and_reads_no_ranking(database_url: str) -> None:

    world = World(database_url)
    ids = world.add_plain_leads([1e6 + number for number in range(5000)])
    with world.database.writing() as connection:
        connection.execute(text("ANALYZE"))
    with world.database.reading() as connection:
        stored = current_cards(connection)[world.nordwind.id]
        query = ranked_query(stored, Wanted(0.0), None, 51, NOW, ids[:20])
        statement = query.compile(connection, compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN QUERY PLAN" if world.database.is_sqlite else "EXPLAIN"
        plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}"))
    assert "ix_lead_scores_priority" not in plan, plan
    assert "Seq Scan on lead_scores" not in plan, plan
