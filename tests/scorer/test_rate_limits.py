"""A key's requests are counted: in Redis for all processes, in the process where that is away, and a long poll once."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from werkzeug.test import EnvironBuilder

from scorer import rate_limits
from scorer.rate_limits import RateLimits
from tests.factories import World, buyer
from tracker.embedded import EmbeddedServer
from tracker.front import WAIT_ENVIRON
from tracker.settings import SettingError, read_settings


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    made = World(migrated_sqlite_url)
    made.feed(buyer("anna"))
    yield made
    made.database.close()


def test_two_processes_count_together_and_each_key_alone(redis_url: str) -> None:
    here, there = (RateLimits(3, 1, redis_url) for _ in range(2))
    assert [one.count("key_a", "read").allowed for one in (here, there, here, there)] == [True, True, True, False]
    assert here.count("key_b", "read").allowed
    assert there.count("key_a", "write").allowed
    assert not here.count("key_a", "write").allowed


def test_what_is_left_is_told(redis_url: str) -> None:
    limits = RateLimits(2, 1, redis_url)
    first, second, third = (limits.count("key_a", "read") for _ in range(3))
    assert [(one.allowed, one.limit, one.remaining) for one in (first, second, third)] == [
        (True, 2, 1),
        (True, 2, 0),
        (False, 2, 0),
    ]
    assert all(1 <= one.reset_seconds <= 60 for one in (first, second, third))
    assert "Retry-After" not in second.headers()
    assert third.headers()["Retry-After"] == str(third.reset_seconds)


def test_without_redis_each_process_counts_for_itself(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedServer(tmp_path_factory.mktemp("gone"))
    limits = RateLimits(2, 1, server.start())
    assert limits.count("key_a", "read").allowed
    server.stop()
    begun = time.monotonic()
    assert [limits.count("key_a", "read").allowed for _ in range(3)] == [True, True, False]
    assert time.monotonic() - begun < 2 * rate_limits.REDIS_SECONDS
    server.start()
    try:
        assert not limits.count("key_a", "read").allowed  # Redis is left alone for some seconds, then asked again.
        monkeypatch.setattr(limits, "_again_at", 0.0)
        assert limits.count("key_a", "read").allowed
    finally:
        server.stop()


def test_the_api_refuses_what_is_too_much_and_says_for_how_long(world: World) -> None:
    client = world.client("ben", api_rate="3,2")
    path = f"/api/v1/leads/{world.nordwind.lead('anna')}"
    answers = [client.get(path) for _ in range(3)]
    assert [one.headers["RateLimit-Remaining"] for one in answers] == ["2", "1", "0"]
    refused = client.get(path)
    assert (refused.status_code, refused.content_type) == (429, "application/problem+json")
    assert refused.get_json()["type"].endswith("too-many-requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Limit"] == "3"
    # Writing has a limit of its own; a refused request counts, an idempotent one that is sent again too.
    again = {"Idempotency-Key": "k"}
    assert [client.post(f"{path}/claim", headers=again).status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/api/v1/openapi.json").status_code == 200


def test_who_has_no_key_takes_nothing_from_those_who_have(world: World) -> None:
    client = world.client("ada", api_rate="1,1")
    for _ in range(3):
        assert client.get("/api/v1/leads", headers={"Authorization": "Bearer wt_guess"}).status_code == 401
    assert client.get("/api/v1/leads").status_code == 200


def test_a_long_poll_that_is_asked_again_counts_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    count = RateLimits.count

    def noted(self: RateLimits, key_id: str, kind: rate_limits.Kind) -> rate_limits.Allowance:
        counted.append(kind)
        return count(self, key_id, kind)

    monkeypatch.setattr(RateLimits, "count", noted)
    client = world.client("ada")
    now = client.get("/api/v1/changes?cursor=now").get_json()["next_cursor"]
    headers = {"Authorization": client.environ_base["HTTP_AUTHORIZATION"]}
    environ = EnvironBuilder(f"/api/v1/changes?cursor={now}&wait=25", headers=headers).get_environ()
    statuses: list[str] = []
    for _ in range(5):  # as the front does: the same environment, with the wait taken out
        list(client.application(environ, lambda status, _: statuses.append(status)))  # type: ignore[arg-type,return-value]
        assert environ.pop(WAIT_ENVIRON) == 25
    assert statuses == ["200 OK"] * 5
    assert counted == ["read"] * 2


@pytest.mark.parametrize("value", ["600", "600,0", "0,120", "a,b", "600,120,1", "-1,5", "1e3,5", "600;120"])
def test_a_wrong_rate_stops_start_up(value: str) -> None:
    with pytest.raises(SettingError, match="WARMTRAIL_API_RATE must look like 600,120"):
        read_settings({"WARMTRAIL_API_RATE": value})


def test_the_rate_is_read_as_reading_and_writing() -> None:
    assert read_settings({}).api_rates == (600, 120)
    assert read_settings({"WARMTRAIL_API_RATE": "9000, 70"}).api_rates == (9000, 70)
