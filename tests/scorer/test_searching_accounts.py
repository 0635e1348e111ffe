"""Words of companies as they are kept: written with the company, gone with it, and looked up without reading all."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select, text

from scorer import account_views, searching
from scorer.account_views import AccountPlace, rank_accounts
from scorer.models import accounts
from scorer.outlet_models import account_words
from scorer.retention import forget_old
from tests.factories import DAY, NOW, World, identify


def found(world: World, search: str, **options: Any) -> list[str]:
    with world.database.reading() as connection:
        rows, _ = rank_accounts(connection, world.nordwind.id, search, None, 50, **options)
    return [row.name or row.domain for row in rows]


def kept(world: World) -> list[str]:
    with world.database.reading() as connection:
        return list(connection.execute(select(account_words.c.word).order_by(account_words.c.word)).scalars())


def add_plain_accounts(world: World, names: list[str]) -> None:
    row = {"site_id": world.nordwind.id, "domain": "", "industry": "", "country": "", "region": "", "leads": 1}
    row |= {"employees": None, "first_at": NOW, "last_at": NOW}
    rows = [row | {"id": f"co_{number:016x}", "name": name, "heat": 1e6 + number} for number, name in enumerate(names)]
    with world.database.writing() as connection:
        connection.execute(insert(accounts), rows)
        searching.keep_account_words(connection, rows)


def test_words_follow_the_company(database_url: str) -> None:
    world = World(database_url)
    world.feed([identify("a", NOW - DAY, email="anna@halden.example")])
    assert found(world, "HALDEN") == ["halden.example"]
    world.feed([identify("a", NOW, email="anna@halden.example", company="Mühle Wasser AG")])
    for search in ("muhle", "wasser ag", "halden wasser", "halden.example"):
        assert found(world, search) == ["Mühle Wasser AG"], search
    for search in ("ühle", "wasser gmbh", "%", "_"):
        assert found(world, search) == [], search
    assert found(world, "wasser", industry="Food") == []
    world.database.close()


def test_a_company_in_chinese_is_found_by_any_part_and_by_its_domain_in_either_writing(database_url: str) -> None:
    world = World(database_url)
    world.feed([identify("lin", NOW, email="lin@xn--xhq89jgru9fn.xn--fiqs8s", company="上海华东电机有限公司")])
    for search in ("华东", "电机", "有限公司", "华东电机.中国", "xn--xhq89"):
        assert found(world, search) == ["上海华东电机有限公司"], search
    world.database.close()


def test_the_words_go_with_the_last_of_its_people(database_url: str) -> None:
    world = World(database_url)
    world.now = NOW - 9 * DAY
    world.feed([identify("a", world.now, email="anna@halden.example")])
    world.now = NOW
    world.feed([identify("b", NOW, email="bo@berg.example")])
    assert "halden.example" in kept(world)
    forget_old(world.database, NOW - DAY, NOW)
    assert found(world, "halden") == []
    assert found(world, "berg") == ["berg.example"]
    assert not any("halden" in word for word in kept(world))
    world.database.close()


def test_companies_of_other_sites_are_not_found(sqlite_url: str) -> None:
    world = World(sqlite_url)
    world.feed([identify("a", NOW, email="anna@halden.example")], world.huadong)
    assert found(world, "halden") == []
    world.database.close()


def test_a_word_that_many_have_is_looked_for_along_the_ranking(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "CANDIDATES_AT_MOST", 5)
    world = World(database_url)
    add_plain_accounts(world, [f"Works {number}" for number in range(9)])
    assert found(world, "works") == [f"Works {number}" for number in reversed(range(9))]
    assert found(world, "works 7") == ["Works 7"]
    with world.database.reading() as connection:
        first, place = rank_accounts(connection, world.nordwind.id, "works", None, 4)
        assert place == AccountPlace(first[-1].heat, first[-1].id)
        rest, end = rank_accounts(connection, world.nordwind.id, "works", place, 50)
    assert ([row.name for row in [*first, *rest]], end) == (found(world, "works"), None)
    world.database.close()


@pytest.mark.parametrize("search", ["gmbh-7", "works"], ids=["a word that few have", "a word that all have"])
def test_a_search_reads_no_more_than_it_finds(database_url: str, search: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(database_url)
    add_plain_accounts(world, [f"Works gmbh-{number}" for number in range(5000)])
    with world.database.writing() as connection:
        connection.execute(text("ANALYZE"))
    with world.database.reading() as connection:
        where = searching.look_up_accounts(connection, world.nordwind.id, search)
        mine = select(*account_views.ACCOUNT_COLUMNS).where(accounts.c.site_id == world.nordwind.id)
        query = account_views._found(mine, world.nordwind.id, where).limit(31)
        statement = query.compile(connection, compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN QUERY PLAN" if world.database.is_sqlite else "EXPLAIN"
        plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}".replace("%", "%%")))
    world.database.close()
    assert "Seq Scan" not in plan, plan
    assert "SCAN accounts" not in plan, plan
    assert ("ix_accounts_heat" in plan) == (search == "works"), plan
