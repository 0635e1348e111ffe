"""Dead letters: listed, and sent through again once the cause is mended, without counting anything twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from sqlalchemy import Connection

from scorer.scoring import score_visitors
from scorer.sites import found_site
from tests.tracker.conftest import DAY, GOOGLEBOT, MINUTE, NOW, Stream, iso, packed, page, totals
from tracker import queue
from tracker.batch import VisitorUpdate, process, process_surely
from tracker.db import Database
from tracker.dead_letters import (
    DeadLetter,
    KeptLetter,
    Replayed,
    count_dead_letters,
    read_letters,
    replay,
    save_dead_letters,
)
from tracker.progress import Counts
from tracker.sites import Site, SiteSettings

LATE_MS = 7 * DAY


@pytest.fixture
def site_id(database: Database) -> int:
    with database.writing() as connection:
        return found_site(connection, "shop", SiteSettings(), 1).id


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with queue.connect(redis_url) as made:
        yield made


def letters(database: Database, **more: Any) -> list[KeptLetter]:
    with database.reading() as connection:
        return read_letters(connection, more.pop("site_id", None), more.pop("reason", None), limit=100, **more)


def replay_all(database: Database, client: redis.Redis, now: int = NOW + DAY) -> Replayed:
    with database.writing() as connection:
        return replay(connection, client, iter(read_letters(connection, None, None, limit=100)), 4, LATE_MS, now)


def drain_all(database: Database, client: redis.Redis) -> None:
    read = queue.read_entries(client, dict.fromkeys(range(4), "0-0"), count=1000, block_ms=None)
    process_surely(database, sorted(read, key=lambda entry: queue.id_order(entry[1])), score_visitors)


def failing(connection: Connection, sites: dict[int, Site], updates: list[VisitorUpdate], now_ms: int) -> bool:
    raise ValueError("a bug that will be mended")


def test_letters_are_listed_by_site_and_reason_from_the_oldest(database: Database) -> None:
    with database.writing() as connection:
        for site, reason in ((1, "a"), (2, "a"), (1, "b"), (1, "a")):
            save_dead_letters(connection, [DeadLetter(site, NOW, reason, "collector", False, b"{}")])
        assert count_dead_letters(connection) == {(1, "a"): 2, (1, "b"): 1, (2, "a"): 1}
    ids = [letter.id for letter in letters(database)]
    assert ids == sorted(ids)
    assert [letter.id for letter in letters(database, site_id=1, reason="a")] == [ids[0], ids[3]]
    assert [letter.id for letter in letters(database, after=ids[1])] == ids[2:]


def test_what_the_worker_could_not_process_comes_through_whole_once_the_bug_is_mended(
    database: Database, site_id: int, client: redis.Redis
) -> None:
    sent = [page("v", 1), page("v", 2, type="identify", traits={"email": "ada@halden.example"})]
    process_surely(database, Stream().append(packed(site_id, sent)).entries, failing)
    assert totals(database)[site_id] == Counts(appended=2, received=2, dead_lettered=2)
    assert replay_all(database, client) == Replayed(accepted=2)
    assert letters(database) == []
    drain_all(database, client)
    assert totals(database)[site_id] == Counts(appended=4, received=4, stored=2, dead_lettered=2)
    # The original, had it come through, is known by its id.
    late = [(number, "9999999999999-0", entry) for number, _, entry in Stream().append(packed(site_id, sent)).entries]
    process_surely(database, late, score_visitors)
    assert totals(database)[site_id].duplicate == 2


def test_a_robot_s_event_is_still_a_robot_s_after_its_replay(database: Database, site_id: int, client: redis.Redis) -> None:
    stream = Stream().append(packed(site_id, [page("robot", 1)], agent=GOOGLEBOT))
    process(database, stream.entries, score_visitors, give_up="processing_failed")
    assert replay_all(database, client) == Replayed(accepted=1)
    drain_all(database, client)
    assert totals(database)[site_id] == Counts(appended=2, received=2, filtered=1, dead_lettered=1)


def test_events_of_a_site_that_is_gone_are_kept_until_it_is_back(database: Database, client: redis.Redis) -> None:
    process_surely(database, Stream().append(packed(1, [page("v", 1)])).entries, score_visitors)
    assert [(letter.site_id, letter.reason) for letter in letters(database)] == [(1, "site_unknown")]
    with database.writing() as connection:
        assert found_site(connection, "shop", SiteSettings(), 1).id == 1
    assert replay_all(database, client) == Replayed(accepted=1)
    drain_all(database, client)
    assert totals(database)[1].stored == 1


def test_refused_events_are_judged_anew_as_of_when_they_came(database: Database, site_id: int, client: redis.Redis) -> None:
    good = page("v", 1, NOW - 6 * DAY)
    bodies: dict[str, tuple[Any, str, bool]] = {
        "good now": (good, "collector", False),
        "still bad": ({"type": "screen"}, "collector", False),
        "too old then and now": (page("v", 2, NOW - 8 * DAY), "collector", False),
        "old but from a server": (page("v", 3, NOW - 800 * DAY), "collector", True),
        "a line": ("x", "import", False),
        "garbage": (None, "worker", False),
    }
    with database.writing() as connection:
        for event, source, trusted in bodies.values():
            body = json.dumps(event).encode()
            save_dead_letters(connection, [DeadLetter(site_id, NOW, "url_invalid", source, trusted, body)])
    assert replay_all(database, client) == Replayed(accepted=2, refused_again=3, not_events=1)
    assert len(letters(database)) == 4
    assert replay_all(database, client) == Replayed(refused_again=3, not_events=1)
    drain_all(database, client)
    assert totals(database)[site_id].stored == 2


def test_a_number_that_the_queue_cannot_hold_is_refused_again(database: Database, site_id: int, client: redis.Redis) -> None:
    body = b'{"type":"page","userId":"a","properties":{"n":18446744073709551616}}'
    with database.writing() as connection:
        save_dead_letters(connection, [DeadLetter(site_id, NOW, "number_out_of_range", "collector", False, body)])
    assert replay_all(database, client) == Replayed(refused_again=1)


def test_a_replay_whose_transaction_fails_can_be_repeated_and_counts_once(
    database: Database, site_id: int, client: redis.Redis
) -> None:
    body = json.dumps(page("v", 1)).encode()
    with database.writing() as connection:
        save_dead_letters(connection, [DeadLetter(site_id, NOW, "url_invalid", "collector", False, body)])

    def fail() -> None:
        with database.writing() as connection:
            replay(connection, client, iter(read_letters(connection, None, None, limit=10)), 4, LATE_MS, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert replay_all(database, client) == Replayed(accepted=1)
    drain_all(database, client)
    assert totals(database)[site_id] == Counts(appended=2, received=2, stored=1, duplicate=1)


def test_a_clock_that_was_set_right_on_arrival_is_set_right_again(
    database: Database, site_id: int, client: redis.Redis
) -> None:
    wrong = page("v", 1, NOW + DAY - MINUTE) | {"sentAt": iso(NOW + DAY)}
    body = json.dumps(wrong).encode()
    with database.writing() as connection:
        save_dead_letters(connection, [DeadLetter(site_id, NOW, "url_invalid", "collector", False, body)])
    assert replay_all(database, client) == Replayed(accepted=1)
