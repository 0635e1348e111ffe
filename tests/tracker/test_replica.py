"""Reads from a real streaming replica: while it is there, young enough, and has what the asker did."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import text

from scorer.database_signs import replica_signs
from scorer.outlets import api
from scorer.resources import Resources
from scorer.web.blueprint import make_blueprint
from tests import replicas, services
from tests.conftest import give_up
from tests.factories import World, buyer
from tests.security_world import Everybody
from tracker import replica
from tracker.db import Database
from tracker.replica import Replica
from tracker.settings import Settings

WHOSE = text("SELECT pg_is_in_recovery()")
URL = "https://leads.example.com"
LAG = 1.0
"""Seconds: long enough for a look that takes its time on a busy machine."""
PATIENCE = 30
"""Seconds after which what should come hasn't."""


@pytest.fixture(scope="module")
def copy(postgres_server: services.PostgresServer) -> Iterator[replicas.ReplicaServer]:
    try:
        with replicas.replica_of(postgres_server) as made:
            yield made
    except services.Missing as missing:
        give_up(str(missing))


@pytest.fixture(autouse=True)
def often_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(replica, "AWAY_SECONDS", 0.2)


@pytest.fixture
def paused(copy: replicas.ReplicaServer) -> Iterator[Callable[[], None]]:
    """Have the replica fall behind from then on, to the end of the test."""
    yield lambda: copy.run("SELECT pg_wal_replay_pause()")
    copy.run("SELECT pg_wal_replay_resume()")


class Both:
    """A database, its copy, and who reads from them."""

    def __init__(self, url: str, copy: replicas.ReplicaServer, lag_seconds: float) -> None:
        self.primary = Database(url)
        self.replica = Replica(self.primary, Database(copy.url(url), connect_seconds=2), lag_seconds)

    def is_read_from_replica(self) -> bool:
        def ask(database: Database) -> bool:
            with database.reading() as connection:
                return bool(connection.execute(WHOSE).scalar_one())

        return self.replica.read(ask)

    def write(self) -> None:
        with self.primary.writing() as connection:
            connection.execute(text("UPDATE feed SET last_sequence = last_sequence + 1"))

    def close(self) -> None:
        self.replica.close()
        self.primary.close()


@pytest.fixture
def both(migrated_postgres_url: str, copy: replicas.ReplicaServer) -> Iterator[Both]:
    made = Both(migrated_postgres_url, copy, LAG)
    yield made
    made.close()


def within(seconds: float, true: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.01)
    return False


def test_a_young_replica_serves_everybody_but_who_has_just_written(both: Both) -> None:
    assert within(PATIENCE, lambda: both.replica.serves("ada"))
    assert both.is_read_from_replica() is True
    both.replica.wrote("ada")
    assert not both.replica.serves("ada")
    assert within(PATIENCE, lambda: both.replica.serves("ben"))
    assert within(PATIENCE, lambda: both.replica.serves("ada"))


def test_a_replica_that_falls_behind_serves_nobody_until_it_has_caught_up(
    both: Both, copy: replicas.ReplicaServer, paused: Callable[[], None]
) -> None:
    assert within(PATIENCE, lambda: both.replica.serves("ada"))
    paused()
    assert within(PATIENCE, lambda: both.replica.serves("ada"))  # nothing has happened that it doesn't know
    both.write()
    assert within(PATIENCE, lambda: not both.replica.serves("ada"))
    time.sleep(0.1)
    assert not both.replica.serves("ada")
    copy.run("SELECT pg_wal_replay_resume()")
    assert within(PATIENCE, lambda: both.replica.serves("ada"))


def test_the_doctor_tells_of_a_replica_that_falls_behind(
    migrated_postgres_url: str, copy: replicas.ReplicaServer, paused: Callable[[], None], redis_url: str
) -> None:
    settings = Settings(
        database_url=migrated_postgres_url, read_database_url=copy.url(migrated_postgres_url), read_lag_seconds=LAG
    )
    here, primary = Resources(settings, redis_url), Database(migrated_postgres_url)
    assert [one.what.en for one in replica_signs(here)] == ["Replica: at most 1 s behind."]
    paused()
    with primary.writing() as connection:
        connection.execute(text("UPDATE feed SET last_sequence = last_sequence + 1"))
    here.close()
    here = Resources(settings, redis_url)
    [sign] = replica_signs(here)
    assert sign.what.en == "The replica is more than 1 s behind; all is read from the primary."
    here.close()
    primary.close()


def test_a_primary_that_has_just_begun_a_file_of_its_log_has_nothing_the_replica_lacks(both: Both) -> None:
    both.write()
    with both.primary.engine.connect() as connection:
        connection.execute(text("SELECT pg_switch_wal()"))
    assert within(PATIENCE, lambda: both.replica.serves("ada"))


def test_a_query_in_the_way_of_replaying_is_answered_by_the_primary(both: Both) -> None:
    assert within(PATIENCE, lambda: both.replica.serves("ada"))
    asked = []

    def ask(database: Database) -> bool:
        with database.reading() as connection:
            asked.append(bool(connection.execute(text("SELECT pg_is_in_recovery() FROM feed")).scalar_one()))
            if asked[-1]:
                both.write()
                with both.primary.engine.connect() as other:
                    other.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM feed"))
                connection.execute(text("SELECT pg_sleep(20)"))
        return asked[-1]

    assert both.replica.read(ask) is False
    assert asked == [True, False]
    assert within(PATIENCE, lambda: both.replica.serves("ada"))


def test_what_is_no_replica_and_what_is_away_serves_nobody(both: Both, migrated_postgres_url: str) -> None:
    itself = Replica(both.primary, Database(migrated_postgres_url), LAG)
    assert not within(0.2, lambda: itself.serves("ada"))
    itself.close()
    away = Replica(both.primary, Database("postgresql+psycopg://nobody@127.0.0.1:1/x", connect_seconds=1), LAG)
    assert not within(0.2, lambda: away.serves("ada"))
    both.replica = away
    assert both.is_read_from_replica() is False  # one that has gone since it was last looked at


def test_people_and_keys_see_what_they_have_done_and_stay_out_when_told_to(
    migrated_postgres_url: str, copy: replicas.ReplicaServer, paused: Callable[[], None]
) -> None:
    world = World(migrated_postgres_url)
    everybody = Everybody(world)
    made = Both(migrated_postgres_url, copy, 60.0)
    app = Flask("replica", static_folder=None)
    settings = Settings(public_url=URL)
    app.register_blueprint(api.make_blueprint(world.database, settings, lambda: world.now, replica=made.replica))
    app.register_blueprint(
        make_blueprint(world.database, settings, b"secret", None, lambda: world.now, replica=made.replica)
    )
    client = app.test_client(use_cookies=False)
    lead = everybody.ids["lead_id"]

    def owner(who: str) -> str | None:
        answer = client.get(f"/api/v1/leads/{lead}", headers={"Authorization": f"Bearer {everybody.keys[who]}"})
        assert answer.status_code == 200
        return answer.json["owner"]  # type: ignore[no-any-return, index]

    def page(token: str) -> int:
        cookies = f"__Host-warmtrail_session={token}"
        return client.get("/hot", base_url=URL, headers={"Cookie": cookies, "Accept": "text/html"}).status_code

    assert within(PATIENCE, lambda: made.replica.serves("x"))
    paused()
    headers = {"Authorization": f"Bearer {everybody.keys['sales']}"}
    assert client.post(f"/api/v1/leads/{lead}/claim", json={"owner": "ben"}, headers=headers).status_code == 200
    assert owner("sales") == "ben"
    assert owner("read") is None  # for at most as long as the replica may lag behind
    assert page(everybody.tokens["viewer"]) == 200
    with world.database.writing() as connection:
        connection.execute(text("DELETE FROM web_sessions"))
        connection.execute(text("UPDATE api_keys SET revoked_at = 1"))
    assert page(everybody.tokens["viewer"]) == 303
    assert client.get(f"/api/v1/leads/{lead}", headers=headers).status_code == 401
    made.close()
    world.database.close()


def test_what_comes_later_is_in_the_replica_too(both: Both, migrated_postgres_url: str) -> None:
    world = World(migrated_postgres_url)
    world.feed(buyer("ada"))
    lead = world.nordwind.lead("ada")

    def ask(database: Database) -> bool:
        with database.reading() as connection:
            query = text("SELECT pg_is_in_recovery() FROM leads WHERE id = :id")
            return bool(connection.execute(query, {"id": lead}).scalar())

    assert within(PATIENCE, lambda: both.replica.serves("x") and both.replica.read(ask))
    world.database.close()
