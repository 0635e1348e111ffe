"""The fault campaign in its short form: one of each of the likeliest faults, four at once, on SQLite, one seed."""

from __future__ import annotations

from tests.chaos.campaign import run
from tests.conftest import give_up
from tracker.embedded import EmbeddedError, find_server

SEED = 11
KINDS = (
    "kill -9 worker-0",
    "kill -9 collector",
    "kill -9 Valkey",
    "SIGSTOP worker-1",
    "Redis out of memory",
    "database locked by another",
    "connections of the queue cut in the middle",
    "connections of the queue held",
    "torn tail of the append-only file",
    "duplicated batches",
)


def test_whatever_is_broken_nothing_is_lost_and_nothing_comes_twice() -> None:
    try:
        find_server()
    except EmbeddedError as error:
        give_up(str(error))
    report = run("sqlite", len(KINDS), SEED, kinds=KINDS, wait_for_outlets=False)
    # One may be kept from happening by another.
    assert sum(report.faults.values()) >= len(KINDS) - 2
    assert report.counts["lost"] == report.counts["stored twice"] == 0
    assert report.counts["different events"] > 100
    assert report.counts["leads that became hot"] > 0
    assert report.counts["mails"] > 0
