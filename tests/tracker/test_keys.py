"""The keys of all sites as the collector knows them."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import OperationalError

from tracker import keys as keys_module
from tracker.collect import KnownKey
from tracker.db import Database
from tracker.keys import SiteKeys
from tracker.models import sites
from tracker.sites import NewSite, SiteSettings, add_site


def made(database: Database, name: str = "shop", **settings: object) -> NewSite:
    with database.writing() as connection:
        return add_site(connection, name, SiteSettings(**settings), 1)  # type: ignore[arg-type]


def test_each_key_opens_its_site_and_only_the_server_s_is_trusted(database: Database) -> None:
    shop, blog = made(database, "shop", origins=("https://shop.example",)), made(database, "blog")
    keys = SiteKeys(database)
    assert keys.find(shop.write_key) is None
    keys.refresh()
    assert {key: keys.find(key) for key in (shop.write_key, shop.server_key, blog.write_key, blog.server_key)} == {
        shop.write_key: KnownKey(shop.id, False, SiteSettings(origins=("https://shop.example",))),
        shop.server_key: KnownKey(shop.id, True, SiteSettings(origins=("https://shop.example",))),
        blog.write_key: KnownKey(blog.id, False),
        blog.server_key: KnownKey(blog.id, True),
    }


def test_what_the_database_holds_of_a_server_key_opens_nothing(sqlite_database: Database) -> None:
    made(sqlite_database)
    keys = SiteKeys(sqlite_database)
    keys.refresh()
    with sqlite_database.reading() as connection:
        stored = connection.execute(select(sites.c.server_key_hash)).scalar_one()
    assert [keys.find(key) for key in (stored, "sk_" + stored, "", "sk_", "wk_", "\0")] == [None] * 6


def test_a_changed_site_is_known_after_a_refresh(sqlite_database: Database) -> None:
    site = made(sqlite_database)
    keys = SiteKeys(sqlite_database)
    keys.refresh()
    with sqlite_database.writing() as connection:
        connection.execute(update(sites).values(settings='{"origins":["https://a.example"]}', write_key="wk_changed"))
    keys.refresh()
    assert keys.find(site.write_key) is None
    assert keys.find("wk_changed") == KnownKey(site.id, False, SiteSettings(origins=("https://a.example",)))


def test_known_keys_stay_known_while_the_database_is_away_and_it_is_not_asked_again_at_once(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = made(sqlite_database)
    keys = SiteKeys(sqlite_database)
    keys.refresh()
    with sqlite_database.writing() as connection:
        connection.execute(text("ALTER TABLE sites RENAME TO gone"))
    monkeypatch.setattr(keys_module, "UNKNOWN_SECONDS", 0.2)
    time.sleep(0.25)
    assert keys.seconds_to_refresh == 0
    with pytest.raises(OperationalError):
        keys.refresh()
    assert keys.find(site.write_key) == KnownKey(site.id, False)
    assert 0 < keys.seconds_to_refresh <= 0.2


def test_an_unknown_key_is_looked_up_once_a_while(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "UNKNOWN_SECONDS", 0.1)
    monkeypatch.setattr(keys_module, "REFRESH_SECONDS", 0.3)
    keys = SiteKeys(sqlite_database)
    assert (keys.seconds_to_refresh, keys.is_stale) == (0, True)
    keys.refresh()
    assert (0 < keys.seconds_to_refresh <= 0.1, keys.is_stale) == (True, False)
    time.sleep(0.15)
    assert (keys.seconds_to_refresh, keys.is_stale) == (0, False)
    time.sleep(0.2)
    assert keys.is_stale


def test_a_crowd_of_unknown_keys_costs_few_queries(tmp_path: Path, sqlite_database: Database) -> None:
    queries: list[str] = []
    keys = SiteKeys(sqlite_database)

    def slow(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if statement.startswith("SELECT"):
            queries.append(statement)
            time.sleep(0.1)

    event.listen(sqlite_database.engine, "before_cursor_execute", slow)
    threads = [threading.Thread(target=keys.refresh) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(queries) <= 3
