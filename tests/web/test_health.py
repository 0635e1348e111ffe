"""Data health on the page, and the figures behind it."""

from __future__ import annotations

from scorer.ingestion import HOURS, count_since, last_seen, read_ingestion, read_totals
from tests.factories import HOUR, NOW, buyer, page
from tests.web.conftest import Web

BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def test_what_came_in_is_told_hour_by_hour_with_what_doesnt_count(web: Web) -> None:
    world = web.world
    world.feed(buyer("v1"))
    world.feed([page("b1", "/", NOW, userAgent=BOT), page("b1", "/products", NOW, userAgent=BOT)])
    world.feed(buyer("v2"), world.huadong)
    world.now += HOUR
    world.feed([page("v3", "/pricing", world.now, view="x")])
    with world.database.reading() as connection:
        found = read_ingestion(connection, world.nordwind.id, world.now)
        totals = read_totals(connection, world.nordwind.id)
        seen = last_seen(connection, world.nordwind.id, 1)
        lately = count_since(connection, world.nordwind.id, world.now - HOUR // 2)
    assert len(found.hours) == HOURS
    assert [(one.counted, one.filtered) for one in found.hours[-2:]] == [(9, 2), (1, 0)]
    assert found.labels == [("bot", 2)]
    assert [count for _, count in found.bots] == [2]
    assert totals.received == totals.stored + totals.filtered + totals.duplicate + totals.dead_lettered == 12
    assert (seen[0].url, seen[0].label, lately) == ("https://www.nordwind.example/pricing", None, 1)


def test_the_page_says_what_the_queue_and_the_database_know(queued_web: Web) -> None:
    queued_web.world.feed(buyer("v1"))
    text = queued_web.browser(queued_web.chen).get("/settings/health?site=nordwind").text
    assert "数据库：SQLite" in text
    assert "huadong" in text  # chen looks after both
    assert "没有 worker 处理" in text
    viewer = queued_web.browser(queued_web.ada).get("/settings/health").text
    assert "SQLite" not in viewer
    assert ">9<" in viewer


def test_an_administrator_learns_nothing_of_sites_of_others(queued_web: Web) -> None:
    dora = queued_web.browser(queued_web.add("dora", {queued_web.world.nordwind.id: "admin"}))
    text = dora.get("/settings/health").text
    assert "nordwind" in text
    assert "huadong" not in text


def test_without_a_queue_the_page_still_tells_the_rest(sqlite_web: Web) -> None:
    ada = sqlite_web.browser(sqlite_web.ada)
    assert "The queue can't be reached from here." in ada.get("/settings/health").text
    part = ada.get("/settings/health/hours", **{"HX-Request": "true"}).text
    assert "<html" not in part
    assert "Nothing was filtered in the last two days." in part
    assert "<html" in ada.get("/settings/health/hours").text
